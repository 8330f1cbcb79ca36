// Opens the profile that is in the page: base64, gzip, a JSON head, columns of numbers
// (src/report/html_data.h names them).
'use strict';

async function openProfile() {
  const packed = atob(document.getElementById('profile').textContent.trim());
  const bytes = new Uint8Array(packed.length);
  for (let i = 0; i < packed.length; i++) bytes[i] = packed.charCodeAt(i);
  if (typeof DecompressionStream === 'undefined')
    throw new Error('this browser cannot open gzip; those of 2023 and later can');
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return readProfile(new Uint8Array(await new Response(stream).arrayBuffer()));
}

// Numbers of 7 bits a byte, lowest first.
function readNumbers(bytes) {
  let length = 0;
  for (let i = 0; i < bytes.length; i++) length += bytes[i] < 0x80;
  const numbers = new Float64Array(length);
  for (let i = 0, at = 0; at < length; at++) {
    let number = 0, scale = 1;
    while (bytes[i] >= 0x80) {
      number += (bytes[i++] & 0x7f) * scale;
      scale *= 128;
    }
    numbers[at] = number + bytes[i++] * scale;
  }
  return numbers;
}

// The same with a sign: 0, -1, 1, -2, …
function readSigned(bytes) {
  const numbers = readNumbers(bytes);
  for (let i = 0; i < numbers.length; i++)
    numbers[i] = numbers[i] % 2 ? -(numbers[i] + 1) / 2 : numbers[i] / 2;
  return numbers;
}

function readStrings(lengths, text) {
  const decoder = new TextDecoder();
  const strings = new Array(lengths.length);
  for (let i = 0, at = 0; i < lengths.length; at += lengths[i++])
    strings[i] = decoder.decode(text.subarray(at, at + lengths[i]));
  return strings;
}

function readProfile(bytes) {
  let at = 0, headLength = 0, scale = 1;
  do {
    headLength += (bytes[at] & 0x7f) * scale;
    scale *= 128;
  } while (bytes[at++] >= 0x80);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(at, at + headLength)));
  at += headLength;
  const raw = {};
  for (const [name, size] of head.columns) {
    raw[name] = bytes.subarray(at, at + size);
    at += size;
  }
  const numbers = (name) => readNumbers(raw[name]);
  const signed = (name) => readSigned(raw[name]);
  const strings = readStrings(numbers('strings_length'), raw.strings);
  const profile = {head, strings};
  profile.nodes = readNodes(head, numbers);
  profile.rows = {
    count: head.instructions,
    code: numbers('row_code'), offset: numbers('row_offset'),
    opcode: numbers('row_opcode'), base: numbers('row_base'), arg: numbers('row_arg'),
    line: signed('row_line'), endLine: signed('row_end_line'),
    column: numbers('row_column'), endColumn: numbers('row_end_column'),
    flags: numbers('row_flags'),
  };
  for (let i = 0; i < profile.rows.count; i++) profile.rows.endLine[i] += profile.rows.line[i];
  const names = numbers('opcode_name'), classes = numbers('opcode_class');
  profile.classOf = new Map(); // by a base opcode's string
  names.forEach((name, i) => profile.classOf.set(name, strings[classes[i]]));
  profile.groups = readGroups(head, numbers);
  profile.codes = readCodes(numbers, signed);
  profile.files = readFiles(numbers, strings, raw.line_text);
  return profile;
}

function readNodes(head, numbers) {
  const up = numbers('node_up'), self = numbers('node_self'), ns = numbers('node_ns');
  const total = up.length;
  const nodes = {
    count: total, self, row: numbers('node_instruction'),
    parent: new Uint32Array(total), depth: new Uint32Array(total), thread: new Uint32Array(total),
    weight: self, // what shares are shares of
  };
  const path = [];
  for (let i = 0, depth = -1, thread = 0; i < total; i++) {
    depth += 1 - up[i];
    if (depth === 0) thread = nodes.row[i];
    path[depth] = i;
    nodes.depth[i] = depth;
    nodes.parent[i] = depth ? path[depth - 1] : i;
    nodes.thread[i] = thread;
  }
  if (head.has_weights) {
    nodes.weight = new Float64Array(total);
    for (let i = 0, next = 0; i < total; i++) nodes.weight[i] = self[i] ? ns[next++] : 0;
  }
  return nodes;
}

// groups.line = {of: by instruction, count, low, high: by group}
function readGroups(head, numbers) {
  const groupOf = numbers('group_of'), low = numbers('group_low'), high = numbers('group_high');
  const groups = {};
  head.groupings.reduce((first, name, i) => {
    const of = Uint32Array.from(groupOf.subarray(i * head.instructions,
                                                 (i + 1) * head.instructions));
    const size = of.reduce((most, group) => Math.max(most, group + 1), 0);
    const part = (column) => column.subarray(first, first + size).map((millionths) => millionths / 1e6);
    groups[name] = {of, count: size, low: part(low), high: part(high)};
    return first + size;
  }, 0);
  return groups;
}

function readCodes(numbers, signed) {
  const codes = {
    name: numbers('code_function'), file: numbers('code_file'), firstLine: signed('code_first_line'),
    ops: numbers('code_ops'),
  };
  codes.count = codes.name.length;
  codes.firstOp = new Uint32Array(codes.count + 1);
  const op = {
    offset: numbers('op_units'), opcode: numbers('op_opcode'), arg: numbers('op_arg'),
    argument: numbers('op_argument'), line: signed('op_line'), endLine: signed('op_end_line'),
    column: numbers('op_column'), endColumn: numbers('op_end_column'),
  };
  for (let code = 0, at = 0; code < codes.count; code++) {
    let offset = 0, line = codes.firstLine[code];
    codes.firstOp[code] = at;
    for (const end = at + codes.ops[code]; at < end; at++) {
      op.offset[at] = offset += 2 * op.offset[at];
      op.line[at] = line += op.line[at];
      op.endLine[at] += line;
    }
    codes.firstOp[code + 1] = at;
  }
  codes.op = op;
  return codes;
}

function readFiles(numbers, strings, text) {
  const name = numbers('file_name'), short = numbers('file_short'), state = numbers('file_state');
  const lines = numbers('file_lines');
  const number = numbers('line_number'), length = numbers('line_length');
  const files = [];
  for (let i = 0, at = 0, byte = 0; i < name.length; i++) {
    const file = {
      id: i, name: strings[name[i]], short: strings[short[i]] || '?', state: state[i] % 16,
      isNewer: Boolean(state[i] & 16), isCut: Boolean(state[i] & 32),
      mayBeOther: Boolean(state[i] & 64), lines: new Map(), // by number: bytes
    };
    for (let line = 0, end = at + lines[i]; at < end; at++) {
      line += number[at];
      const isCut = length[at] > 1000, size = isCut ? 1000 : length[at];
      file.lines.set(line, {bytes: text.subarray(byte, byte + size), isCut});
      byte += size;
    }
    files.push(file);
  }
  return files;
}

// --- source text ---

function isHidden(code) {
  return code < 0x20 && code !== 9 || code >= 0x7f && code < 0xa0 || code === 0xad ||
      code === 0x61c || code === 0x180e || code >= 0x200b && code <= 0x200f ||
      code >= 0x2028 && code <= 0x202e || code >= 0x2060 && code <= 0x206f || code === 0xfeff ||
      code >= 0xfff9 && code <= 0xfffb || code >= 0xe0000 && code <= 0xe007f;
}

// Raw bytes as text in which all is seen: what is no UTF-8, what controls a terminal and what turns
// letters around is written as Python would. `at`: for each byte, where its character begins.
function visibleText(bytes) {
  const at = new Uint32Array(bytes.length + 1);
  const hex = (code, digits) => code.toString(16).padStart(digits, '0');
  let text = '';
  for (let i = 0; i < bytes.length;) {
    const lead = bytes[i];
    const size = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 :
        lead < 0xf5 ? 4 : 0;
    let code = size === 1 ? lead : lead & (0x7f >> size), isWhole = size > 0;
    for (let k = 1; k < size && isWhole; k++) {
      isWhole = (bytes[i + k] & 0xc0) === 0x80;
      code = code << 6 | bytes[i + k] & 0x3f;
    }
    const smallest = [0, 0, 0x80, 0x800, 0x10000][size];
    if (!isWhole || code < smallest || code > 0x10ffff) {
      at[i++] = text.length;
      text += '\\x' + hex(lead, 2);
      continue;
    }
    for (let k = 0; k < size; k++) at[i + k] = text.length;
    i += size;
    if (code >= 0xd800 && code < 0xe000 || isHidden(code))
      text += code < 0x100 ? '\\x' + hex(code, 2) : code < 0x10000 ? '\\u' + hex(code, 4) :
          '\\U' + hex(code, 8);
    else
      text += String.fromCodePoint(code);
  }
  at[bytes.length] = text.length;
  return {text, at};
}

// A line of a file: {text, at, isCut}, or null.
function sourceLine(file, number) {
  const line = file.lines.get(number);
  if (!line) return null;
  if (!line.shown) line.shown = {...visibleText(line.bytes), isCut: line.isCut};
  return line.shown;
}

// Where byte offset `byte` of the line is in its text; past what is there: its end.
function placeInText(line, byte) {
  return line.at[Math.min(Math.max(0, byte), line.at.length - 1)];
}
