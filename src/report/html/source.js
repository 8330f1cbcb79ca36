// Source with heat by line and by expression, the bytecode under each line, and the functions beside.
'use strict';

// So many of the functions that a line calls are named.
const CALLEES_SHOWN = 8;

// From this part of the hottest line's share on a line's bytecode is open at first.
const HOT_LINE = 0.15;

class Source {
  constructor(app) {
    this.app = app;
    this.file = -1;
    this.openness = 'hot'; // whose bytecode is shown: 'none', 'hot', 'all'
    this.changed = new Map(); // by line: opened or closed by hand
    this.list = element('nav', {class: 'functions', 'aria-label': 'Functions by file'});
    this.title = element('div', {class: 'controls'});
    this.code = element('div', {class: 'code', role: 'tree', 'aria-label': 'Source lines',
                                onkeydown: (event) => this.key(event), onclick: (event) => this.click(event)});
    // Where in the file the heat is.
    this.map = element('div', {class: 'map', 'aria-hidden': 'true', onclick: (event) => {
      const part = event.offsetY / this.map.clientHeight;
      this.code.scrollTop = part * this.code.scrollHeight - this.code.clientHeight / 2;
    }});
    this.view = element('div', {class: 'source-view'}, this.list,
        element('div', {class: 'with-controls'}, this.title,
            element('div', {class: 'code-and-map'}, this.code, this.map)));
    new ResizeObserver(() => this.drawMap()).observe(this.code);
    tellOfExpressions(() => app.model, this.code);
  }

  render() {
    this.fileWeight = new Float64Array(this.app.model.profile.files.length);
    const {model} = this.app, {codes} = model.profile;
    for (let group = 0; group < model.self.function.length; group++)
      this.fileWeight[codes.file[model.codeOfFunction[group]]] += model.self.function[group];
    if (this.file < 0 && model.whole) this.file = this.fileWeight.indexOf(largest(this.fileWeight));
    this.renderList();
    this.renderFile();
    if (this.rowsByLine) this.showHottest();
  }

  renderList() {
    const {model, matches} = this.app, {files, codes} = model.profile;
    const byFile = new Map();
    for (const group of model.ranked('function', model.total.function)) {
      if (matches && !matches(this.app.rowText(model.rowsOf.function[group][0], true))) continue;
      const file = codes.file[model.codeOfFunction[group]];
      if (!byFile.has(file)) byFile.set(file, []);
      byFile.get(file).push(group);
    }
    const ranked = [...byFile.keys()].sort((a, b) => this.fileWeight[b] - this.fileWeight[a] || a - b);
    const most = this.share(largest(this.fileWeight));
    replace(this.list, ranked.slice(0, 300).map((id) => {
      const isShown = id === this.file;
      const groups = byFile.get(id).sort((a, b) => model.self.function[b] - model.self.function[a]);
      return element('div', {class: isShown ? 'file shown' : 'file'},
          element('button', {type: 'button', title: files[id].name, 'aria-current': isShown ? 'true' : null,
                             onclick: () => this.open(id, 0)},
          setHeat(element('b', {class: 'heat'}, percent(this.share(this.fileWeight[id]))), this.share(this.fileWeight[id]), most),
          element('span', {}, files[id].short)),
          element('ul', {}, groups.slice(0, isShown || matches ? 200 : 3).map((group) => element('li', {},
              element('button', {type: 'button', onclick: () => this.app.openFunction(group)},
                  setHeat(element('b', {class: 'heat'}, percent(model.share(model.self.function[group]))),
                      model.share(model.self.function[group]), model.hottest.function),
                  element('span', {}, model.nameOfCode(model.codeOfFunction[group])))))));
    }));
  }

  share(weight) {
    return this.app.model.share(Math.max(0, weight));
  }

  // All lines that are known of the file, and those that only bytecode tells of.
  lineNumbers() {
    const {index, model} = this.app, file = model.profile.files[this.file];
    const numbers = new Set(file.lines.keys());
    if (!this.numbersOf) {
      this.numbersOf = model.profile.files.map(() => new Set());
      for (const key of index.lines.keys()) {
        const entry = index.lines.get(key), line = key % 0x80000000;
        if (entry.ops.length || entry.group >= 0) this.numbersOf[(key - line) / 0x80000000]?.add(line);
      }
    }
    this.numbersOf[this.file].forEach((line) => numbers.add(line));
    return [...numbers].sort((a, b) => a - b);
  }

  renderFile() {
    const {model} = this.app, file = model.profile.files[this.file];
    if (!file) {
      replace(this.code, element('p', {class: 'notice'}, 'No samples.'));
      return;
    }
    const way = (openness, name) => element('button', {
      type: 'button', 'aria-pressed': String(this.openness === openness), title: 'Bytecode (b)',
      onclick: () => this.setOpenness(openness)}, name);
    replace(this.title, element('b', {class: 'mono', title: file.name}, file.name || '?'),
        file.mayBeOther ? element('span', {class: 'warning'}, 'the program had other files (a container, a chroot): this is another of that name, perhaps') : '',
        file.isNewer ? element('span', {class: 'warning'}, 'changed since: lines may have moved') : '',
        file.state ? element('span', {class: 'warning'}, 'bytecode only: ', model.profile.head.source_words[file.state]) : '',
        file.isCut ? element('span', {class: 'warning'}, 'not all of its text had a place in this page') : '',
        element('button', {type: 'button', title: 'Who calls the function of the chosen line (c)',
                           onclick: () => this.showCallers()}, 'Callers'),
        element('span', {role: 'group', 'aria-label': 'Bytecode', class: 'right'}, 'bytecode ',
            way('none', 'none'), way('hot', 'of hot lines'), way('all', 'all')));
    this.rowsByLine = new Map();
    this.code.textContent = '';
    this.code.append(element('div', {class: 'line head', 'aria-hidden': 'true'}, element('span', {}, 'line'),
        element('span', {}, 'self'), element('span', {class: 'range'}, '95% interval'), element('span', {}, 'total'),
        element('span', {}, '')));
    let last = 0;
    const starts = [...this.functionStarts()].sort((a, b) => a[0] - b[0]);
    for (const number of this.lineNumbers()) {
      if (last && number > last + 1) this.code.append(element('div', {class: 'gap', 'aria-hidden': 'true'}, '⋯'));
      last = number;
      const begun = []; // since the line before
      while (starts.length && starts[0][0] <= number) begun.push(...starts.shift()[1]);
      if (!file.lines.has(number) && begun.length)
        this.code.append(element('div', {class: 'function-name mono'}, begun.join(', ')));
      const line = this.line(file, number);
      this.rowsByLine.set(number, line);
      this.code.append(line);
    }
    const first = this.code.querySelector('.hot-line') || this.code.querySelector('.line[tabindex]');
    if (first) first.tabIndex = 0;
    this.drawMap();
  }

  drawMap() {
    const {model, index} = this.app, whole = this.code.scrollHeight;
    const marks = [];
    for (const [number, line] of this.rowsByLine || []) {
      const entry = index.get(this.file, number);
      const self = entry && entry.group >= 0 ? model.self.line[entry.group] : 0;
      if (!self || !whole) continue;
      const mark = setHeat(element('i', {}), model.share(self), model.hottest.line);
      mark.style.top = (100 * line.offsetTop / whole).toFixed(2) + '%';
      marks.push(mark);
    }
    replace(this.map, marks);
  }

  // The function that a line is of: of several the one with most samples there.
  functionAt(number) {
    const {model, index} = this.app, entry = index.get(this.file, number);
    if (!entry) return -1;
    const groups = entry.ops.map(({code}) => model.functionOfCode[code]);
    for (const expression of entry.expressions)
      groups.push(...model.rowsOf.expression[expression].map((row) => model.profile.groups.function.of[row]));
    return groups.reduce((best, group) =>
      best < 0 || model.total.function[group] > model.total.function[best] ? group : best, -1);
  }

  showCallers() {
    const line = this.code.querySelector('.line[tabindex="0"]');
    const group = line ? this.functionAt(Number(line.dataset.line)) : -1;
    if (group >= 0) this.app.openCallers(group);
  }

  functionStarts() {
    const {model} = this.app, {codes} = model.profile, starts = new Map();
    for (let code = 0; code < codes.count; code++) {
      if (codes.file[code] !== this.file) continue;
      const first = codes.firstLine[code];
      const name = model.nameOfCode(code);
      if (!starts.has(first)) starts.set(first, []);
      if (!starts.get(first).includes(name)) starts.get(first).push(name);
    }
    return starts;
  }

  line(file, number) {
    const {model, index} = this.app, entry = index.get(file.id, number);
    const group = entry ? entry.group : -1;
    const shown = group >= 0 ? model.shareOf('line', group) : {share: 0};
    const total = group >= 0 ? model.share(model.total.line[group]) : 0;
    const hasCode = entry && entry.ops.length > 0;
    const line = element('div', {class: shown.share ? 'line hot-line' : 'line', role: 'treeitem', tabindex: -1,
                                 'data-line': number, 'aria-expanded': hasCode ? 'false' : null},
        element('span', {class: 'number quiet'}, number > 0 ? number : '?'),
        element('span', {class: 'number heat'}, shown.share ? percent(shown.share) : ''),
        element('span', {class: 'number quiet range'}, shown.share && shown.low !== undefined ? interval(shown.low, shown.high) : ''),
        element('span', {class: 'number total'}, total ? percent(total) : ''),
        heatLine(model, index, file, number));
    setHeat(line, shown.share, model.hottest.line);
    if (hasCode) {
      line.classList.add('has-code');
      const isOpen = this.changed.get(file.id + ':' + number) ??
        (this.openness === 'all' || this.openness === 'hot' && shown.share > 0 &&
          shown.share >= HOT_LINE * model.hottest.line);
      if (isOpen) this.unfold(line, file, number);
    }
    return line;
  }

  unfold(line, file, number) {
    const {model, index} = this.app;
    const light = (range) => {
      for (const piece of line.querySelectorAll('code.source > span'))
        piece.classList.toggle('lit', !!range && piece.hopRange !== undefined &&
          piece.hopRange[0] >= range[0] && piece.hopRange[1] <= range[1]);
    };
    line.append(bytecodeOf(model, index, file, number, light), this.callsOf(index.get(file.id, number)));
    line.setAttribute('aria-expanded', 'true');
  }

  // "calls spam 12.0%, eggs 3.1%": each leads to that function.
  callsOf(entry) {
    const {model} = this.app, callees = entry.group >= 0 ? model.calleesOf(entry.group) : [];
    const left = callees.length - CALLEES_SHOWN;
    if (!callees.length) return '';
    return element('div', {class: 'calls'}, 'calls ', callees.slice(0, CALLEES_SHOWN).map(({group, weight}) => [
      element('button', {type: 'button', title: 'Its source', onclick: () => this.app.openFunction(group)},
          model.nameOfCode(model.codeOfFunction[group])), ' ', percent(model.share(weight)), ' ']),
    left > 0 ? `and ${count(left)} more` : '');
  }

  toggle(line) {
    const file = this.app.model.profile.files[this.file], number = Number(line.dataset.line);
    const table = line.querySelector('.bytecode');
    if (!line.classList.contains('has-code')) return;
    this.changed.set(file.id + ':' + number, !table);
    if (table) {
      table.remove();
      line.querySelector('.calls')?.remove();
      line.setAttribute('aria-expanded', 'false');
    } else {
      this.unfold(line, file, number);
    }
  }

  setOpenness(openness) {
    this.openness = openness;
    this.changed.clear();
    this.renderFile();
  }

  open(file, number) {
    if (this.file !== file) {
      this.file = file;
      this.renderList();
      this.renderFile();
    }
    this.list.querySelector('.shown')?.scrollIntoView({block: 'nearest'});
    if (!number) {
      this.showHottest();
      return;
    }
    const line = this.rowsByLine.get(number);
    if (!line) return;
    this.code.querySelectorAll('.chosen').forEach((other) => other.classList.remove('chosen'));
    line.classList.add('chosen');
    line.scrollIntoView({block: 'center'});
    this.focus(line);
  }

  // Scrolls to where most of the file's samples are.
  showHottest() {
    const {model, index} = this.app;
    let hottest = 0, most = 0;
    for (const number of this.rowsByLine.keys()) {
      const entry = index.get(this.file, number);
      const self = entry && entry.group >= 0 ? model.self.line[entry.group] : 0;
      if (self > most) [hottest, most] = [number, self];
    }
    if (hottest) this.rowsByLine.get(hottest).scrollIntoView({block: 'center'});
    else this.code.scrollTop = 0;
  }

  focus(line) {
    this.code.querySelectorAll('.line[tabindex="0"]').forEach((other) => {
      other.tabIndex = -1;
    });
    line.tabIndex = 0;
    line.focus({preventScroll: true});
  }

  click(event) {
    const line = event.target.closest('.line[data-line]');
    if (line && !event.target.closest('.bytecode, .calls') && !String(getSelection())) {
      this.toggle(line);
      this.focus(line);
    }
  }

  key(event) {
    const line = event.target.closest('.line[data-line]');
    if (!line || event.target !== line || event.ctrlKey || event.altKey || event.metaKey) return;
    const near = (way, wanted) => {
      let next = line[way];
      while (next && !next.matches(wanted)) next = next[way];
      return next;
    };
    let next = null;
    switch (event.key) {
      case 'ArrowDown': next = near('nextElementSibling', '.line[data-line]'); break;
      case 'ArrowUp': next = near('previousElementSibling', '.line[data-line]'); break;
      case 'n': next = near('nextElementSibling', '.hot-line'); break;
      case 'N': next = near('previousElementSibling', '.hot-line'); break;
      case 'Enter': case ' ': this.toggle(line); break;
      case 'ArrowRight': if (!line.querySelector('.bytecode')) this.toggle(line); break;
      case 'ArrowLeft': if (line.querySelector('.bytecode')) this.toggle(line); break;
      case 'c': this.showCallers(); break;
      case 'b': this.setOpenness({none: 'hot', hot: 'all', all: 'none'}[this.openness]);
        this.focus(this.rowsByLine.get(Number(line.dataset.line)));
        break;
      default: return;
    }
    if (next) {
      this.focus(next);
      next.scrollIntoView({block: 'nearest'});
    }
    event.preventDefault();
  }

  search() {
    this.renderList();
    return null;
  }
}
