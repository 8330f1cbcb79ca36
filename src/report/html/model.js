// What is counted: self and total of each group of instructions, for all threads or one. Shares are
// of time where samples stand for different times, else of samples.
'use strict';

class Model {
  constructor(profile) {
    this.profile = profile;
    const {rows, codes, groups} = profile;
    this.functionOfCode = new Uint32Array(codes.count);
    this.codeOfFunction = new Uint32Array(groups.function.count);
    this.rowsOf = {}; // by grouping, by group: rows
    for (const name of Object.keys(groups)) {
      const lists = Array.from({length: groups[name].count}, () => []);
      for (let row = 0; row < rows.count; row++) lists[groups[name].of[row]].push(row);
      this.rowsOf[name] = lists;
    }
    this.placeOf = codes.count ? Array.from({length: codes.count}, () => new Map()) : [];
    for (let row = rows.count; row-- > 0;) {
      this.functionOfCode[rows.code[row]] = groups.function.of[row];
      this.codeOfFunction[groups.function.of[row]] = rows.code[row];
      this.placeOf[rows.code[row]].set(rows.offset[row], groups.place.of[row]);
    }
    this.count(-1);
  }

  opcodeClassOf(row) {
    return this.classOf(this.profile.rows.base[row]);
  }

  classOf(opcode) {
    return this.profile.classOf.get(opcode) || 'other';
  }

  // thread: its index, or -1 for all.
  count(thread) {
    const {nodes, groups} = this.profile;
    this.thread = thread;
    const subtree = new Float64Array(nodes.count);
    const isOf = (node) => thread < 0 || nodes.thread[node] === thread;
    this.whole = 0;
    this.samples = 0;
    this.threadWeight = new Float64Array(this.profile.head.threads.length);
    this.threadSamples = new Float64Array(this.profile.head.threads.length);
    this.self = {};
    this.hits = {};
    this.total = {};
    for (const name of Object.keys(groups)) {
      this.self[name] = new Float64Array(groups[name].count);
      this.hits[name] = new Float64Array(groups[name].count);
    }
    const named = Object.keys(groups);
    for (let i = nodes.count; i-- > 0;) {
      this.threadWeight[nodes.thread[i]] += nodes.weight[i];
      this.threadSamples[nodes.thread[i]] += nodes.self[i];
      if (!isOf(i)) continue;
      if (nodes.self[i]) {
        this.whole += nodes.weight[i];
        this.samples += nodes.self[i];
        subtree[i] += nodes.weight[i];
        for (const name of named) {
          const group = groups[name].of[nodes.row[i]];
          this.self[name][group] += nodes.weight[i];
          this.hits[name][group] += nodes.self[i];
        }
      }
      if (nodes.parent[i] !== i) subtree[nodes.parent[i]] += subtree[i];
    }
    for (const name of ['place', 'line', 'function']) this.total[name] = this.totals(name, subtree);
    this.subtree = subtree;
    this.calls = null; // of these, when it is first asked for
    this.hottest = {};
    this.longest = {}; // what bars are beside: the hottest one with its interval
    for (const name of named) {
      const hottest = this.self[name].indexOf(Math.max(0, largest(this.self[name])));
      const {share, high} = hottest < 0 ? {share: 0} : this.shareOf(name, hottest);
      this.hottest[name] = share;
      this.longest[name] = Math.max(share, high || 0);
    }
  }

  // With the group on the stack; each sample once, however often it is there.
  totals(name, subtree) {
    const {nodes, groups} = this.profile;
    const {of, count: size} = groups[name];
    const total = new Float64Array(size), depth = new Uint32Array(size);
    const path = [];
    for (let i = 0; i < nodes.count; i++) {
      while (path.length >= Math.max(1, nodes.depth[i])) depth[path.pop()]--;
      if (nodes.depth[i] === 0) continue; // a thread
      const group = of[nodes.row[i]];
      if (depth[group]++ === 0) total[group] += subtree[i];
      path.push(group);
    }
    return total;
  }

  // What a line calls: [{group of function, weight with all that it called}], most first; each
  // sample once, however often the line called the function in it.
  calleesOf(line) {
    this.calls = this.calls || this.findCalls();
    return this.calls.get(line) || [];
  }

  findCalls() {
    const {nodes, groups, rows} = this.profile, functions = groups.function.count;
    const pairs = new Map(), weight = [], depth = [], path = [];
    for (let i = 0; i < nodes.count; i++) {
      while (path.length >= Math.max(1, nodes.depth[i])) depth[path.pop()]--;
      if (nodes.depth[i] === 0) continue; // a thread
      const isCalled = nodes.depth[i] > 1; // by a line, and not the outermost
      const line = isCalled ? groups.line.of[nodes.row[nodes.parent[i]]] : rows.count;
      const key = line * functions + groups.function.of[nodes.row[i]];
      let pair = pairs.get(key);
      if (pair === undefined) {
        pairs.set(key, pair = weight.length);
        weight.push(0);
        depth.push(0);
      }
      if (depth[pair]++ === 0) weight[pair] += this.subtree[i];
      path.push(pair);
    }
    const calls = new Map();
    for (const [key, pair] of pairs) {
      const line = Math.floor(key / functions);
      if (line === rows.count || !(weight[pair] > 0)) continue;
      if (!calls.has(line)) calls.set(line, []);
      calls.get(line).push({group: key % functions, weight: weight[pair]});
    }
    calls.forEach((list) => list.sort((a, b) => b.weight - a.weight));
    return calls;
  }

  share(weight) {
    return this.whole > 0 ? weight / this.whole : 0;
  }

  // {share, low, high}: low and high undefined where a thread is chosen.
  shareOf(name, group) {
    const share = this.share(this.self[name][group]);
    if (this.thread >= 0) return {share};
    return {share, low: this.profile.groups[name].low[group], high: this.profile.groups[name].high[group]};
  }

  // Groups with hits, most first.
  ranked(name, by = this.self[name]) {
    const found = [];
    for (let i = 0; i < by.length; i++) if (by[i] > 0) found.push(i);
    return found.sort((a, b) => by[b] - by[a]);
  }

  // The opcodes that a place had in memory: [{name, share of the place, isBase}], most first.
  forms(place) {
    const {rows, strings} = this.profile;
    const whole = this.self.place[place], by = new Map();
    for (const row of this.rowsOf.place[place]) {
      const weight = this.self.form[row];
      if (weight > 0) by.set(rows.opcode[row], (by.get(rows.opcode[row]) || 0) + weight);
    }
    const base = rows.base[this.rowsOf.place[place][0]];
    return [...by].sort((a, b) => b[1] - a[1]).map(([id, weight]) => ({
      name: strings[id], share: whole ? weight / whole : 0, isBase: id === base,
      words: formName(strings[id], strings[base]),
    }));
  }

  // A row's bytecode, or -1: {index of codes.op}.
  opOfRow(row) {
    const {rows, codes} = this.profile;
    const code = rows.code[row], offset = rows.offset[row];
    let low = codes.firstOp[code], high = codes.firstOp[code + 1];
    while (low < high) {
      const middle = low + high >> 1;
      if (codes.op.offset[middle] < offset) low = middle + 1;
      else high = middle;
    }
    return low < codes.firstOp[code + 1] && codes.op.offset[low] === offset ? low : -1;
  }

  // "self" of LOAD_DEREF 2 (self), "2" where it is not known, "" without oparg.
  argumentOfRow(row) {
    const op = this.opOfRow(row), {rows, codes, strings} = this.profile;
    const argument = op >= 0 ? strings[codes.op.argument[op]] : '';
    return argument || (rows.arg[row] > 0 ? String(rows.arg[row] - 1) : '');
  }

  // What the instruction is about: its text in the source, or its argument.
  subject(row) {
    const base = this.profile.strings[this.profile.rows.base[row]];
    return /JUMP|^MAKE_CELL/.test(base) ? this.argumentOfRow(row) :
        this.expression(row) || this.argumentOfRow(row);
  }

  fileOfRow(row) {
    return this.profile.files[this.profile.codes.file[this.profile.rows.code[row]]];
  }

  nameOfCode(code) {
    return this.profile.strings[this.profile.codes.name[code]] || '?';
  }

  // "foo.py:8"
  placeWords(row) {
    const line = this.profile.rows.line[row];
    return this.fileOfRow(row).short + (line > 0 ? ':' + line : '');
  }

  // The text that the instruction is of, cut to one line; '' where it is not known.
  expression(row) {
    const {rows} = this.profile;
    const line = sourceLine(this.fileOfRow(row), rows.line[row]);
    if (!line || rows.column[row] < 1) return '';
    const first = placeInText(line, rows.column[row] - 1);
    const isWhole = rows.endLine[row] === rows.line[row];
    const last = isWhole ? placeInText(line, rows.endColumn[row] - 1) : line.text.length;
    return line.text.slice(first, last) + (isWhole ? '' : ' …');
  }
}

function largest(numbers) {
  let most = -Infinity;
  for (let i = 0; i < numbers.length; i++) if (numbers[i] > most) most = numbers[i];
  return most;
}
