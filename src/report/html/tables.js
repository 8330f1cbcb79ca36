// The tables of instructions, functions and threads.
'use strict';

class Instructions {
  constructor(app) {
    this.app = app;
    this.by = 'place';
    const {model} = app;
    this.onlyTracked = model.profile.head.is_narrowed;
    this.ways = [['place', 'Instructions'], ['form', 'Specialised forms'], ['opcode', 'Opcodes'],
      ['line', 'Lines'], ['expression', 'Expressions']];
    this.buttons = this.ways.map(([by, name]) => element('button', {
      type: 'button', 'aria-pressed': 'false', onclick: () => {
        this.by = by;
        this.render();
      }}, name));
    this.tracked = element('label', {hidden: !model.profile.head.is_narrowed},
        element('input', {type: 'checkbox', checked: this.onlyTracked, onchange: (event) => {
          this.onlyTracked = event.target.checked;
          this.render();
        }}), ' only what -i and -f select');
    this.note = element('span', {class: 'quiet'});
    this.place = element('div', {class: 'fill'});
    this.view = element('div', {class: 'with-controls'},
        element('div', {class: 'controls'}, element('span', {role: 'group', 'aria-label': 'A row is of'}, this.buttons),
            this.tracked, this.note), this.place);
    this.tables = {};
  }

  row(group) {
    return this.app.model.rowsOf[this.by][group][0];
  }

  columns() {
    const {app, by} = this, model = () => app.model, {rows, strings, codes} = app.model.profile;
    const row = (group) => model().rowsOf[by][group][0];
    const share = (group) => model().shareOf(by, group);
    const columns = [
      {name: 'share', isNumber: true, title: 'of all samples, with this instruction under way', kind: 'strong',
       value: (group) => model().self[by][group], cell: (group) => percent(share(group).share)},
      {name: '95% interval', isNumber: true, kind: 'range quiet', title: 'where the share of a run that never ends would be',
       value: (group) => share(group).low ?? 0,
       cell: (group) => share(group).low === undefined ? '–' : interval(share(group).low, share(group).high)},
      {name: '', title: 'the share and its interval', value: (group) => model().self[by][group],
       cell: (group) => bar(share(group).share, model().longest[by], share(group).low, share(group).high)},
      {name: 'samples', isNumber: true, value: (group) => model().hits[by][group],
       cell: (group) => count(model().hits[by][group])},
    ];
    const opcode = {name: 'opcode', value: (group) => strings[rows.base[row(group)]],
                    cell: (group) => opcodeTag(model(), row(group))};
    const where = {name: 'where', value: (group) => this.whereKey(row(group)),
                   cell: (group) => element('span', {class: 'mono', title: model().fileOfRow(row(group)).name},
                       model().placeWords(row(group)))};
    const owner = {name: 'function', value: (group) => model().nameOfCode(rows.code[row(group)]),
                   cell: (group) => model().nameOfCode(rows.code[row(group)])};
    const text = {name: 'expression', value: (group) => model().expression(row(group)),
                  cell: (group) => element('code', {}, model().expression(row(group)))};
    if (by === 'opcode')
      return [...columns, opcode,
        {name: 'class', value: (group) => model().opcodeClassOf(row(group)), cell: (group) => model().opcodeClassOf(row(group))},
        {name: 'at', isNumber: true, title: 'how many instructions', value: (group) => this.places(group),
         cell: (group) => count(this.places(group)) + (this.places(group) === 1 ? ' place' : ' places')},
        {name: 'what it does', value: () => 0, cell: (group) => OPCODE_WORDS[strings[rows.base[row(group)]]] || ''}];
    if (by === 'line')
      return [...columns,
        {name: 'total', isNumber: true, title: 'with this line anywhere on the stack', value: (group) => model().total.line[group],
         cell: (group) => percent(model().share(model().total.line[group]))},
        where, owner, {name: 'source', value: () => 0,
                       cell: (group) => heatLine(model(), app.index, model().fileOfRow(row(group)), rows.line[row(group)])}];
    if (by === 'expression') return [...columns, text, where, owner];
    const argument = {name: 'argument', value: (group) => model().argumentOfRow(row(group)),
                      cell: (group) => element('span', {class: 'mono'}, model().argumentOfRow(row(group)))};
    const forms = by === 'place' ?
      {name: 'specialised forms', value: () => 0, cell: (group) => formTags(model(), group)} :
      {name: 'in memory', value: (group) => strings[rows.opcode[row(group)]],
       cell: (group) => element('span', {class: 'mono'}, strings[rows.opcode[row(group)]])};
    const total = by === 'place' ? [{
      name: 'total', isNumber: true, title: 'with this instruction anywhere on the stack', value: (group) => model().total.place[group],
      cell: (group) => percent(model().share(model().total.place[group]))}] : [];
    return [...columns, ...total, opcode, argument, forms, text, where, owner,
      {name: 'offset', isNumber: true, title: 'bytes in the code object, as dis counts', value: (group) => rows.offset[row(group)],
       cell: (group) => rows.offset[row(group)]}];
  }

  places(group) {
    const {model} = this.app;
    return new Set(model.rowsOf.opcode[group].map((row) => model.profile.groups.place.of[row])).size;
  }

  whereKey(row) {
    return this.app.model.fileOfRow(row).short + ':' + String(Math.max(0, this.app.model.profile.rows.line[row])).padStart(9, '0');
  }

  render() {
    const {app, by} = this, {model} = app, {rows} = model.profile;
    this.ways.forEach(([way], i) => this.buttons[i].setAttribute('aria-pressed', String(way === by)));
    const table = this.tables[by] ||= new Table({
      label: this.ways.find(([way]) => way === by)[1], columns: this.columns(), sortBy: 0,
      open: (group) => by === 'opcode' ?
        app.searchFor('instructions', model.profile.strings[rows.base[model.rowsOf.opcode[group][0]]], () => {
          this.by = 'place';
        }) : app.openRow(app.model.rowsOf[by][group][0]),
    });
    if (this.place.firstChild !== table.view) replace(this.place, table.view);
    let found = model.ranked(by);
    if (this.onlyTracked) found = found.filter((group) => model.rowsOf[by][group].some((row) => rows.flags[row] & 1));
    if (app.matches) found = found.filter((group) => model.rowsOf[by][group].some((row) => app.matches(app.rowText(row))));
    table.show(found);
    const share = model.share(found.reduce((sum, group) => sum + model.self[by][group], 0));
    this.note.textContent = `${count(found.length)} rows, together ${percent(share)}`;
  }

  search() {
    this.render();
    return this.app.matches ? this.note.textContent : null;
  }
}

class Functions {
  constructor(app) {
    this.app = app;
    const model = () => app.model, {codes} = app.model.profile;
    const code = (group) => model().codeOfFunction[group];
    const self = (group) => model().shareOf('function', group);
    this.table = new Table({
      label: 'Functions', sortBy: 0, open: (group) => app.openFunction(group), columns: [
        {name: 'self', isNumber: true, kind: 'strong', title: 'in the function itself', value: (group) => model().self.function[group],
         cell: (group) => percent(self(group).share)},
        {name: '95% interval', isNumber: true, kind: 'range quiet', value: (group) => self(group).low ?? 0,
         cell: (group) => self(group).low === undefined || !self(group).share ? '–' : interval(self(group).low, self(group).high)},
        {name: '', value: (group) => model().self.function[group],
         cell: (group) => bar(self(group).share, model().longest.function, self(group).low, self(group).high)},
        {name: 'total', isNumber: true, kind: 'strong', title: 'in it or in what it calls', value: (group) => model().total.function[group],
         cell: (group) => percent(model().share(model().total.function[group]))},
        {name: 'samples', isNumber: true, value: (group) => model().hits.function[group], cell: (group) => count(model().hits.function[group])},
        {name: 'function', value: (group) => model().nameOfCode(code(group)),
         cell: (group) => element('span', {class: 'mono'}, model().nameOfCode(code(group)))},
        {name: 'where', value: (group) => this.where(group), cell: (group) => element('span', {class: 'mono quiet'}, this.where(group))},
        {name: 'heaviest instruction', value: () => 0, cell: (group) => this.heaviest(group)},
      ]});
    this.note = element('span', {class: 'quiet'});
    this.view = element('div', {class: 'with-controls'}, element('div', {class: 'controls'}, this.note),
        element('div', {class: 'fill'}, this.table.view));
  }

  where(group) {
    const {codes, files} = this.app.model.profile, code = this.app.model.codeOfFunction[group];
    return files[codes.file[code]].short + ':' + codes.firstLine[code];
  }

  heaviest(group) {
    const {model} = this.app;
    const row = model.rowsOf.function[group].reduce((best, at) =>
      model.self.form[at] > model.self.form[best] ? at : best);
    if (!model.self.form[row]) return '';
    return [opcodeTag(model, row), ' ', element('span', {class: 'mono quiet'}, ':', model.profile.rows.line[row], ' ',
        percent(model.share(model.self.place[model.profile.groups.place.of[row]])))];
  }

  render() {
    const {model, matches} = this.app;
    let found = model.ranked('function', model.total.function);
    if (matches) found = found.filter((group) => matches(this.app.rowText(model.rowsOf.function[group][0], true)));
    this.table.show(found);
    const share = model.share(found.reduce((sum, group) => sum + model.self.function[group], 0));
    this.note.textContent = `${count(found.length)} functions, themselves ${percent(share)}`;
  }

  search() {
    this.render();
    return this.app.matches ? this.note.textContent : null;
  }
}

class Threads {
  constructor(app) {
    this.app = app;
    const model = () => app.model, {threads} = app.model.profile.head;
    const share = (i) => model().threadWeight[i] / (model().threadWeight.reduce((a, b) => a + b, 0) || 1);
    const most = () => share(model().threadWeight.indexOf(largest(model().threadWeight)));
    this.table = new Table({
      label: 'Threads', sortBy: 0, open: (i) => app.chooseThread(i, 'overview'), columns: [
        {name: 'share', isNumber: true, kind: 'strong', value: (i) => model().threadWeight[i], cell: (i) => percent(share(i))},
        {name: '', value: (i) => model().threadWeight[i], cell: (i) => bar(share(i), most())},
        {name: 'samples', isNumber: true, value: (i) => model().threadSamples[i], cell: (i) => count(model().threadSamples[i])},
        ...app.model.profile.head.has_weights ? [{
          name: 'time', isNumber: true, title: 'that its samples stand for', value: (i) => model().threadWeight[i],
          cell: (i) => duration(model().threadWeight[i])}] : [],
        {name: 'name', value: (i) => threads[i].name, cell: (i) => threads[i].name || '–'},
        {name: 'thread', isNumber: true, title: 'its id in Linux', value: (i) => threads[i].tid, cell: (i) => threads[i].tid},
        {name: 'interpreter', isNumber: true, value: (i) => threads[i].interpreter,
         cell: (i) => threads[i].interpreter || 'main'},
        {name: 'heaviest instruction', value: () => 0, cell: (i) => this.heaviest(i)},
      ]});
    this.view = element('div', {class: 'with-controls'},
        element('div', {class: 'controls'}, element('span', {class: 'quiet'}, 'Enter or click: only this thread, in all views')),
        element('div', {class: 'fill'}, this.table.view));
    this.heavy = this.countHeaviest();
  }

  // By thread: the place with the most hits.
  countHeaviest() {
    const {nodes, groups, head} = this.app.model.profile;
    const by = head.threads.map(() => new Map());
    for (let i = 0; i < nodes.count; i++) {
      if (!nodes.weight[i] || !nodes.depth[i]) continue;
      const place = groups.place.of[nodes.row[i]], map = by[nodes.thread[i]];
      map.set(place, (map.get(place) || 0) + nodes.weight[i]);
    }
    return by.map((map) => [...map].reduce((best, pair) => pair[1] > best[1] ? pair : best, [-1, 0]));
  }

  heaviest(i) {
    const {model} = this.app, [place, weight] = this.heavy[i];
    if (place < 0) return '';
    const row = model.rowsOf.place[place][0];
    return [opcodeTag(model, row), ' ', element('span', {class: 'quiet'}, model.placeWords(row), ', ',
        percent(weight / model.threadWeight[i]), ' of it')];
  }

  render() {
    const {threads} = this.app.model.profile.head, {matches} = this.app;
    this.table.show(threads.map((thread, i) => i).filter((i) => !matches || matches(threads[i].name + ' ' + threads[i].tid)));
  }

  search() {
    this.render();
    return null;
  }
}
