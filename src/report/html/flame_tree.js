// The tree that the flame graph draws: stacks joined by what a frame shows. It knows no pixels.
'use strict';

// Of callers below a frame, those are left out that are less than this part of what is zoomed to, a
// tenth of a pixel: else there may be millions.
const NARROWEST_PART = 1e-4, INVERTED_STEPS_MAX = 2e7;

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

// options: isInverted, hasLeaves (instructions), byLine. Node 0 is all of it. `path`: the keys down to
// the node that is zoomed to.
class FlameTree {
  constructor(model, options, path = []) {
    this.model = model;
    this.options = {...options};
    this.path = path;
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

  // Level by level: all samples a frame further out at a time.
  addInverted() {
    const {nodes, rows} = this.model.profile;
    let ends = []; // [where the stack is at, the tree's node] of each kind of stack
    for (let i = 0; i < nodes.count; i++) {
      if (!nodes.weight[i] || nodes.depth[i] === 0 || !this.isOfThread(i)) continue;
      const leaf = this.options.hasLeaves ?
          this.child(0, this.firstOpcode + rows.base[nodes.row[i]], nodes.row[i]) : 0;
      this.total[0] += nodes.weight[i];
      if (leaf) this.total[leaf] += nodes.weight[i];
      ends.push({weight: nodes.weight[i], node: i, leaf});
    }
    let level = 0, focus = 0;
    const follow = () => { // the node zoomed to, as far as this level
      if (focus >= 0 && level < this.path.length) focus = this.find(focus, this.path[level]);
      level++;
    };
    if (this.options.hasLeaves) follow();
    for (let steps = 0; ends.length;) {
      for (const end of ends) {
        end.leaf = this.child(end.leaf, this.frameKey(nodes.row[end.node]), nodes.row[end.node]);
        this.total[end.leaf] += end.weight;
        end.node = nodes.parent[end.node];
      }
      follow();
      const narrowest = NARROWEST_PART * this.total[0];
      const narrowestHere = NARROWEST_PART * (focus > 0 ? this.total[focus] : this.total[0]);
      const isWide = (end) => this.total[end.leaf] >= narrowest ||
          focus > 0 && this.total[end.leaf] >= narrowestHere && this.isBelow(end.leaf, focus);
      steps += ends.length;
      ends = ends.filter((end) => nodes.depth[end.node] > 0 && isWide(end));
      if (steps > INVERTED_STEPS_MAX) {
        this.isCut = ends.length > 0;
        break;
      }
    }
  }

  find(parent, key) {
    return this.table.ids[this.table.slot(parent, key)];
  }

  isBelow(node, above) {
    while (this.depth[node] > this.depth[above]) node = this.parent[node];
    return node === above;
  }

  // The keys down to a node, for a tree that is more exact below it; and back.
  pathOf(node) {
    const path = [];
    for (; node > 0; node = this.parent[node]) path.unshift(this.key[node]);
    return path;
  }

  nodeOf(path) {
    return path.reduce((node, key) =>
      this.children(node).find((child) => this.key[child] === key) ?? 0, 0);
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

  kindOf(key) {
    return key < 0 ? 'all' : key < this.firstPlace ? 'function' : key < this.firstOpcode ? 'instruction' :
        key < this.firstLine ? 'opcode' : 'line';
  }

  kind(node) {
    return this.kindOf(this.key[node]);
  }

  label(node) {
    return this.labelOf(this.key[node], this.row[node]);
  }

  labelOf(key, row) {
    const {model} = this, {rows, strings} = model.profile;
    switch (this.kindOf(key)) {
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
  searchText(key, row) {
    const kind = this.kindOf(key), label = this.labelOf(key, row);
    return kind === 'opcode' || kind === 'all' ? label : label + ' ' + this.model.fileOfRow(row).name;
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
    const isMatch = (key, row) => {
      let is = known.get(key);
      if (is === undefined) known.set(key, is = matches(this.searchText(key, row)));
      return is;
    };
    let frames = 0;
    for (let i = 1; i < found.length; i++) {
      if (found[this.parent[i]]) found[i] |= 2;
      if (!isMatch(this.key[i], this.row[i])) continue;
      found[i] |= 1;
      frames++;
    }
    return {found, frames, share: this.model.share(this.weightOf(isMatch))};
  }

  // Of the stacks themselves, as the tree may lack what is too narrow.
  weightOf(isMatch) {
    const {nodes, rows, groups} = this.model.profile, {hasLeaves, isInverted} = this.options;
    const isIn = new Uint8Array(nodes.count);
    let weight = 0;
    for (let i = 0; i < nodes.count; i++) {
      if (nodes.depth[i] === 0 || !this.isOfThread(i)) continue;
      const row = nodes.row[i];
      isIn[i] = isIn[nodes.parent[i]] || isMatch(this.frameKey(row), row);
      if (!nodes.weight[i]) continue;
      const leaf = isInverted ? this.firstOpcode + rows.base[row] : this.firstPlace + groups.place.of[row];
      if (isIn[i] || hasLeaves && isMatch(leaf, row)) weight += nodes.weight[i];
    }
    return weight;
  }
}
