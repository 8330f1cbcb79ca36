// The tree that the flame graph draws: stacks joined by what a frame shows. It knows no pixels.
'use strict';

const INVERTED_STEPS_MAX = 4e6, INVERTED_DEPTH_MAX = 512;

// From (parent, key) to a node's number; open addressing, as a Map of half a million is slow.
class PairTable {
  constructor(expected) {
    let size = 1024;
    while (size < expected * 2) size *= 2;
    this.resize(size);
    this.used = 0;
  }

  resize(size) {
    this.mask = size - 1;
    this.parents = new Int32Array(size);
    this.keys = new Float64Array(size);
    this.ids = new Int32Array(size).fill(-1);
  }

  slot(parent, key) {
    let at = (Math.imul(parent, 0x9e3779b1) ^ Math.imul(key % 0x7fffffff, 0x85ebca6b)) & this.mask;
    while (this.ids[at] >= 0 && (this.parents[at] !== parent || this.keys[at] !== key))
      at = (at + 1) & this.mask;
    return at;
  }

  add(parent, key, id) {
    if (++this.used * 2 > this.mask) {
      const old = [this.parents, this.keys, this.ids];
      this.resize((this.mask + 1) * 2);
      for (let i = 0; i < old[2].length; i++)
        if (old[2][i] >= 0) this.put(this.slot(old[0][i], old[1][i]), old[0][i], old[1][i], old[2][i]);
    }
    this.put(this.slot(parent, key), parent, key, id);
  }

  put(at, parent, key, id) {
    this.parents[at] = parent;
    this.keys[at] = key;
    this.ids[at] = id;
  }
}

// options: isInverted, hasLeaves (instructions), byLine. Node 0 is all of it.
class FlameTree {
  constructor(model, options) {
    this.model = model;
    this.options = options;
    const {groups, strings} = model.profile;
    // Keys: functions, then places, then base opcodes, then lines in functions.
    this.firstPlace = groups.function.count;
    this.firstOpcode = this.firstPlace + groups.place.count;
    this.firstLine = this.firstOpcode + strings.length;
    this.key = [-1];
    this.parent = [-1];
    this.row = [-1]; // one of those joined
    this.total = [0];
    this.self = [0];
    this.depth = [0];
    this.isCut = false;
    this.table = new PairTable(model.profile.nodes.count);
    if (options.isInverted) this.addInverted();
    else this.addStacks();
    this.link();
    this.table = null;
  }

  child(parent, key, row) {
    const found = this.table.ids[this.table.slot(parent, key)];
    if (found >= 0) return found;
    const id = this.key.length;
    this.key.push(key);
    this.parent.push(parent);
    this.row.push(row);
    this.total.push(0);
    this.self.push(0);
    this.depth.push(this.depth[parent] + 1);
    this.table.add(parent, key, id);
    return id;
  }

  frameKey(row) {
    const {groups} = this.model.profile, of = groups.function.of[row];
    return this.options.byLine ? this.firstLine + groups.line.of[row] * groups.function.count + of : of;
  }

  isOfThread(node) {
    return this.model.thread < 0 || this.model.profile.nodes.thread[node] === this.model.thread;
  }

  addStacks() {
    const {nodes, groups} = this.model.profile;
    const at = new Int32Array(nodes.count);
    for (let i = 0; i < nodes.count; i++) {
      if (nodes.depth[i] === 0 || !this.isOfThread(i)) continue; // 0: a thread
      const row = nodes.row[i];
      at[i] = this.child(at[nodes.parent[i]], this.frameKey(row), row);
      if (!nodes.weight[i]) continue;
      const leaf = this.options.hasLeaves ?
          this.child(at[i], this.firstPlace + groups.place.of[row], row) : at[i];
      this.self[leaf] += nodes.weight[i];
    }
    for (let i = this.key.length; i-- > 0;) {
      this.total[i] += this.self[i];
      if (i) this.total[this.parent[i]] += this.total[i];
    }
  }

  addInverted() {
    const {nodes, rows} = this.model.profile;
    let ends = 0;
    for (let i = 0; i < nodes.count; i++) ends += nodes.weight[i] > 0;
    const deepest = Math.min(INVERTED_DEPTH_MAX, Math.max(16, Math.floor(INVERTED_STEPS_MAX / (ends || 1))));
    for (let i = 0; i < nodes.count; i++) {
      const weight = nodes.weight[i];
      if (!weight || nodes.depth[i] === 0 || !this.isOfThread(i)) continue;
      let at = 0, depth = 0;
      this.total[0] += weight;
      if (this.options.hasLeaves) {
        at = this.child(at, this.firstOpcode + rows.base[nodes.row[i]], nodes.row[i]);
        this.total[at] += weight;
      }
      for (let node = i; nodes.depth[node] > 0; node = nodes.parent[node]) {
        if (depth++ === deepest) {
          this.isCut = true;
          break;
        }
        at = this.child(at, this.frameKey(nodes.row[node]), nodes.row[node]);
        this.total[at] += weight;
      }
      this.self[at] += weight; // the stack's bottom
    }
    this.deepest = deepest;
  }

  // Children of each node, the heaviest first: list[start[i]] … list[start[i + 1] - 1].
  link() {
    const size = this.key.length;
    this.start = new Uint32Array(size + 1);
    this.list = new Uint32Array(Math.max(0, size - 1));
    for (let i = 1; i < size; i++) this.start[this.parent[i] + 1]++;
    for (let i = 0; i < size; i++) this.start[i + 1] += this.start[i];
    const next = this.start.slice();
    for (let i = 1; i < size; i++) this.list[next[this.parent[i]]++] = i;
    for (let i = 0; i < size; i++)
      if (this.start[i + 1] - this.start[i] > 1)
        this.list.subarray(this.start[i], this.start[i + 1])
            .sort((a, b) => this.total[b] - this.total[a] || a - b);
    this.height = this.depth.reduce((most, depth) => Math.max(most, depth), 0);
  }

  children(node) {
    return this.list.subarray(this.start[node], this.start[node + 1]);
  }

  kind(node) {
    const key = this.key[node];
    return key < 0 ? 'all' : key < this.firstPlace ? 'function' : key < this.firstOpcode ? 'instruction' :
        key < this.firstLine ? 'opcode' : 'line';
  }

  label(node) {
    const {model} = this, {rows, strings} = model.profile, row = this.row[node];
    switch (this.kind(node)) {
      case 'all': return 'all';
      case 'function': return model.nameOfCode(rows.code[row]);
      case 'line': return model.nameOfCode(rows.code[row]) + ':' + rows.line[row];
      case 'opcode': return strings[rows.base[row]];
      default: {
        const subject = model.subject(row);
        return strings[rows.base[row]] + (subject ? ' ' + subject : '') +
            (rows.line[row] > 0 ? ' :' + rows.line[row] : '');
      }
    }
  }

  // What a search looks in.
  searchText(node) {
    const kind = this.kind(node);
    return this.label(node) + (kind === 'opcode' || kind === 'all' ? '' :
      ' ' + this.model.fileOfRow(this.row[node]).name);
  }

  // {share, low, high}: an interval where the node is all that there is of its instruction, opcode or
  // function.
  share(node) {
    const {model} = this, row = this.row[node], share = model.share(this.total[node]);
    const name = {instruction: 'place', opcode: 'opcode', function: 'function'}[this.kind(node)];
    if (!name || model.thread >= 0) return {share};
    const group = model.profile.groups[name].of[row];
    return this.total[node] === model.self[name][group] ? model.shareOf(name, group) : {share};
  }

  // Which nodes match, and the share of what has one of them on its stack.
  search(matches) {
    const found = new Uint8Array(this.key.length); // 1: matches, 2: something above it does
    const known = new Map();
    let weight = 0, frames = 0;
    for (let i = 1; i < found.length; i++) {
      let is = known.get(this.key[i]);
      if (is === undefined) known.set(this.key[i], is = matches(this.searchText(i)));
      if (found[this.parent[i]]) found[i] |= 2;
      if (!is) continue;
      if (!found[i]) weight += this.total[i];
      found[i] |= 1;
      frames++;
    }
    return {found, frames, share: this.model.share(weight)};
  }
}
