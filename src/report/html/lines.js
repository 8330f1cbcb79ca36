// A line of source with the heat of its expressions, and the bytecode of a line.
'use strict';

// What is known of each line: by file number and line.
class LineIndex {
  constructor(model) {
    this.model = model;
    this.lines = new Map();
    const {rows, codes, groups} = model.profile;
    for (let row = 0; row < rows.count; row++) {
      const file = codes.file[rows.code[row]];
      const last = Math.min(Math.max(rows.line[row], rows.endLine[row]), rows.line[row] + 50);
      for (let line = rows.line[row]; line <= last; line++) {
        const entry = this.entry(file, line);
        entry.expressions.add(groups.expression.of[row]);
        if (line === rows.line[row]) entry.group = groups.line.of[row];
      }
    }
    for (let code = 0; code < codes.count; code++) {
      let line = codes.firstLine[code];
      for (let op = codes.firstOp[code]; op < codes.firstOp[code + 1]; op++) {
        if (codes.op.line[op] > 0) line = codes.op.line[op];
        const {ops} = this.entry(codes.file[code], line);
        const last = ops[ops.length - 1];
        if (last && last.code === code) last.ops.push(op);
        else ops.push({code, ops: [op]});
      }
    }
  }

  entry(file, line) {
    const key = file * 0x80000000 + line;
    let entry = this.lines.get(key);
    if (!entry) this.lines.set(key, entry = {group: -1, expressions: new Set(), ops: []});
    return entry;
  }

  get(file, line) {
    return this.lines.get(file * 0x80000000 + line);
  }
}

// Where [line, column, endLine, endColumn] (columns + 1, 0: unknown) is in the text of line
// `number`: [first, last], or null.
function rangeInLine(text, number, line, column, endLine, endColumn) {
  if (column < 1 || number < line || number > endLine) return null;
  const indent = text.text.length - text.text.trimStart().length;
  const first = number === line ? placeInText(text, column - 1) : indent;
  const last = number === endLine && endColumn > 0 ? placeInText(text, endColumn - 1) :
      text.text.length;
  return last > first ? [first, last] : null;
}

// The text of a line as <code>; each piece that has no other border within it is a <span> of its
// own, with the heat of the smallest expression around it that was hit.
function heatLine(model, index, file, number) {
  const text = sourceLine(file, number);
  if (!text) return element('code', {class: 'source missing'}, '');
  const made = element('code', {class: 'source'});
  const entry = index.get(file.id, number);
  const {rows, codes, groups} = model.profile;
  const ranges = [], borders = new Set([0, text.text.length]);
  for (const group of entry ? entry.expressions : []) {
    const row = model.rowsOf.expression[group][0];
    const range = rangeInLine(text, number, rows.line[row], rows.column[row], rows.endLine[row],
        rows.endColumn[row]);
    if (range) ranges.push({range, group, size: range[1] - range[0]});
  }
  for (const {ops} of entry ? entry.ops : [])
    for (const op of ops) {
      const range = opRange(model, text, number, op);
      if (range) range.forEach((at) => borders.add(at));
    }
  ranges.forEach(({range}) => range.forEach((at) => borders.add(at)));
  ranges.sort((a, b) => a.size - b.size);
  const sorted = [...borders].sort((a, b) => a - b);
  for (let i = 0; i + 1 < sorted.length; i++) {
    const [first, last] = [sorted[i], sorted[i + 1]];
    const piece = element('span', {}, text.text.slice(first, last));
    const hot = ranges.find(({range, group}) =>
      range[0] <= first && range[1] >= last && model.self.expression[group] > 0);
    if (hot) {
      const share = model.shareOf('expression', hot.group);
      piece.className = 'hot';
      setHeat(piece, share.share, model.hottest.expression);
      piece.hopGroup = hot.group;
    }
    piece.hopRange = [first, last];
    made.append(piece);
  }
  if (text.isCut) made.append(element('span', {class: 'quiet'}, ' … (cut)'));
  return made;
}

function opRange(model, text, number, op) {
  const {line, column, endLine, endColumn} = model.profile.codes.op;
  return rangeInLine(text, number, line[op], column[op], endLine[op], endColumn[op]);
}

// What the tooltip says of an expression.
function expressionTip(model, group) {
  const {share, low, high} = model.shareOf('expression', group);
  const {groups} = model.profile;
  const places = new Set(model.rowsOf.expression[group].map((row) => groups.place.of[row]));
  const ranked = [...places].filter((place) => model.self.place[place] > 0)
      .sort((a, b) => model.self.place[b] - model.self.place[a]).slice(0, 8);
  return [
    element('p', {}, element('b', {}, percent(share)), low === undefined ? '' :
        ' (' + interval(low, high) + ')', ' of all here, by ', count(model.hits.expression[group]),
    ' samples'),
    ranked.map((place) => {
      const row = model.rowsOf.place[place][0];
      return element('p', {class: 'mono'}, opcodeTag(model, row), ' ', model.argumentOfRow(row), ' ',
          percent(model.share(model.self.place[place])), ' ', formTags(model, place));
    }),
  ];
}

// Tooltips of the expressions inside `view`.
function tellOfExpressions(model, view) {
  view.addEventListener('mousemove', (event) => {
    const group = event.target.hopGroup;
    if (group === undefined) hideTip();
    else showTip(event.clientX, event.clientY, expressionTip(model(), group));
  });
  view.addEventListener('mouseleave', hideTip);
}

// The bytecode of a line: a table, one row an instruction. `light(range)` is told what of the line
// the row under the mouse is of.
function bytecodeOf(model, index, file, number, light) {
  const entry = index.get(file.id, number);
  const text = sourceLine(file, number);
  const {codes, strings} = model.profile;
  const body = element('tbody');
  for (const {code, ops} of entry ? entry.ops : []) {
    if (entry.ops.length > 1 && new Set(entry.ops.map((part) => part.code)).size > 1)
      body.append(element('tr', {class: 'of'},
          element('td', {colspan: 2}), element('td', {colspan: 4}, model.nameOfCode(code))));
    for (const op of ops) {
      const place = model.placeOf[code].get(codes.op.offset[op]);
      const self = place === undefined ? 0 : model.self.place[place];
      const shown = place === undefined ? {share: 0} : model.shareOf('place', place);
      const kind = model.classOf(codes.op.opcode[op]);
      const dot = element('i', {class: 'dot'});
      dot.style.background = classColour(kind, 52);
      const words = OPCODE_WORDS[strings[codes.op.opcode[op]]];
      const line = element('tr', {class: self ? '' : 'cold'},
          element('td', {class: 'number share'}, self ? percent(shown.share) : ''),
          element('td', {class: 'number range quiet'},
              self && shown.low !== undefined ? interval(shown.low, shown.high) : ''),
          element('td', {class: 'number offset'}, codes.op.offset[op]),
          element('td', {class: 'opcode', title: kind + (words ? ': ' + words : '')}, dot,
              strings[codes.op.opcode[op]]),
          element('td', {class: 'argument'},
              codes.op.arg[op] > 0 ? codes.op.arg[op] - 1 : '',
              strings[codes.op.argument[op]] ? element('b', {}, ' ' + strings[codes.op.argument[op]]) : ''),
          element('td', {class: 'forms'}, self ? formTags(model, place) : ''));
      setHeat(line, shown.share, model.hottest.place);
      const range = text && opRange(model, text, number, op);
      if (range) {
        line.addEventListener('mouseenter', () => light(range));
        line.addEventListener('mouseleave', () => light(null));
      }
      body.append(line);
    }
  }
  return element('table', {class: 'bytecode mono', 'aria-label': 'Bytecode of line ' + number}, body);
}
