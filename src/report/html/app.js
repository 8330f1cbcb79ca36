// Puts the views together: tabs, search, thread, theme, keys.
'use strict';

const KEYS = [
  ['1 … 7', 'go to a view'], ['/', 'search; Escape leaves'], ['t', 'dark or light'], ['?', 'this help'],
  ['Tab, Shift+Tab', 'from part to part'], ['↑ ↓', 'rows, lines; in the flame graph parent and child'],
  ['← →', 'flame graph: neighbours; source: fold, unfold'], ['Enter', 'flame graph: zoom in; tables: to the source; source: bytecode'],
  ['Backspace, Escape', 'flame graph: zoom out, show all'], ['i', 'flame graph: right to left (callers below what is heavy)'],
  ['o', 'flame graph: instructions'], ['l', 'flame graph: lines'], ['n, N', 'flame graph: next, last match; source: next, last hot line'],
  ['s', 'flame graph: to the source'], ['c', 'source: callers of the line\'s function, in the flame graph'], ['b', 'source: bytecode of no, hot or all lines'],
];

class App {
  constructor(profile) {
    this.profile = profile;
    this.model = new Model(profile);
    this.index = new LineIndex(this.model);
    this.matches = null;
    this.views = {
      overview: ['Overview', new Overview(this)],
      flame: ['Flame graph', new Flame(this)],
      instructions: ['Instructions', new Instructions(this)],
      source: ['Source', new Source(this)],
      functions: ['Functions', new Functions(this)],
      threads: ['Threads', new Threads(this)],
      sampling: ['Sampling', new Sampling(this)],
    };
    this.isFresh = new Set(); // views that show what is so now
    this.search = document.getElementById('search');
    this.found = document.getElementById('found');
    this.heading();
    this.tabs();
    this.threads();
    this.listen();
    this.setTheme(this.savedTheme());
    this.go(Object.hasOwn(this.views, location.hash.slice(1)) ? location.hash.slice(1) : 'overview');
  }

  heading() {
    const {head} = this.profile;
    document.title = 'heavyops: ' + (head.command_line || 'pid ' + head.pid);
    document.getElementById('command').textContent = head.command_line || 'pid ' + head.pid;
    document.getElementById('command').title = head.command_line;
    replace(document.getElementById('facts'), `Python ${head.python} · pid ${head.pid} · ${count(head.samples)} samples in ${duration(head.duration_s * 1e9)} · ${head.rate_hz >= 10 ? count(head.rate_hz) : head.rate_hz.toFixed(2)} Hz · ${head.mode}, ${head.way}`,
        head.refused_total ? ` · ${percent(head.refused_total / (head.samples + head.refused_total))} refused` : '');
  }

  tabs() {
    const bar = document.getElementById('tabs'), main = document.getElementById('views');
    Object.entries(this.views).forEach(([name, [title, view]], i) => {
      bar.append(element('button', {type: 'button', role: 'tab', id: 'tab-' + name, 'aria-controls': 'view-' + name,
                                    tabindex: -1, title: `${title} (${i + 1})`, onclick: () => this.go(name)}, title));
      main.append(element('section', {class: 'view', id: 'view-' + name, role: 'tabpanel', 'aria-labelledby': 'tab-' + name,
                                      hidden: true}, view.view));
    });
    bar.addEventListener('keydown', (event) => {
      const names = Object.keys(this.views), at = names.indexOf(this.current);
      const next = {ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1}[event.key];
      if (next === undefined) return;
      this.go(names[(next + names.length) % names.length]);
      document.getElementById('tab-' + this.current).focus();
      event.preventDefault();
    });
  }

  threads() {
    const {threads} = this.profile.head, select = document.getElementById('thread');
    if (threads.length < 2) return;
    document.getElementById('thread-field').hidden = false;
    select.append(element('option', {value: -1}, `all ${threads.length} threads`));
    threads.forEach((thread, i) => {
      if (i < 2000) select.append(element('option', {value: i}, `${thread.name || 'thread'} (${thread.tid})`));
    });
    select.addEventListener('change', () => this.chooseThread(Number(select.value)));
  }

  chooseThread(thread, view) {
    document.getElementById('thread').value = String(thread);
    this.model.count(thread);
    this.isFresh.clear();
    this.go(view || this.current);
  }

  listen() {
    this.search.addEventListener('input', () => {
      clearTimeout(this.searching);
      this.searching = setTimeout(() => this.searched(), 120);
    });
    this.search.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') {
        this.search.value = '';
        this.searched();
        this.search.blur();
        this.focusView();
      } else if (event.key === 'Enter') {
        clearTimeout(this.searching);
        this.searched();
        this.focusView();
      }
    });
    document.getElementById('theme').addEventListener('click', () => this.setTheme(this.isDark() ? 'light' : 'dark', true));
    document.getElementById('help-button').addEventListener('click', () => this.help());
    document.addEventListener('keydown', (event) => this.key(event));
    addEventListener('hashchange', () => {
      const name = location.hash.slice(1);
      if (Object.hasOwn(this.views, name) && name !== this.current) this.go(name);
    });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.setTheme(''));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest('input, select, textarea, dialog')) return;
    const names = Object.keys(this.views);
    if (event.key === '/') {
      this.search.focus();
      this.search.select();
    } else if (event.key === '?') {
      this.help();
    } else if (event.key === 't') {
      this.setTheme(this.isDark() ? 'light' : 'dark', true);
    } else if (event.key >= '1' && event.key <= String(names.length)) {
      this.go(names[event.key - 1]);
      this.focusView();
    } else if (this.current === 'flame' && (event.target === document.body || /^([a-zN]|Arrow.*|Backspace|Escape)$/.test(event.key))) {
      this.views.flame[1].key(event);
      return;
    } else {
      return;
    }
    event.preventDefault();
  }

  go(name) {
    this.current = name;
    for (const other of Object.keys(this.views)) {
      const tab = document.getElementById('tab-' + other), isShown = other === name;
      tab.setAttribute('aria-selected', String(isShown));
      tab.tabIndex = isShown ? 0 : -1;
      document.getElementById('view-' + other).hidden = !isShown;
    }
    hideTip();
    if (location.hash.slice(1) !== name) history.replaceState(null, '', '#' + name);
    const view = this.views[name][1];
    if (!this.isFresh.has(name)) {
      this.isFresh.add(name);
      view.render();
    }
    if (view.resize) view.resize();
    this.tellFound(view.search && this.matches ? view.search() : null);
  }

  // The keyboard goes to what the view is about.
  focusView() {
    const view = document.getElementById('view-' + this.current);
    const wanted = ['canvas', 'tr[tabindex="0"]', '.line[tabindex="0"]', 'button'];
    wanted.map((selector) => view.querySelector(selector)).find(Boolean)?.focus({preventScroll: true});
  }

  tellFound(words) {
    this.found.textContent = words || '';
  }

  searched() {
    this.matches = matcher(this.search.value);
    this.isFresh.delete('overview');
    const view = this.views[this.current][1];
    for (const other of ['instructions', 'functions', 'threads', 'source', 'flame'])
      if (other !== this.current) this.isFresh.delete(other);
    if (this.current === 'overview') {
      view.render();
      this.isFresh.add('overview');
    }
    this.tellFound(view.search ? view.search() : null);
  }

  searchFor(view, text, before) {
    this.search.value = text;
    this.matches = matcher(text);
    this.isFresh.clear();
    if (before) before();
    this.go(view);
  }

  // What a search looks in.
  rowText(row, isFunction) {
    const {model} = this, {rows, codes, strings} = this.profile;
    const place = model.nameOfCode(rows.code[row]) + ' ' + model.fileOfRow(row).name;
    if (isFunction) return place + ':' + codes.firstLine[rows.code[row]];
    return place + ':' + rows.line[row] + ' ' + strings[rows.base[row]] + ' ' +
      strings[rows.opcode[row]] + ' ' + model.opcodeClassOf(row) + ' ' + model.argumentOfRow(row);
  }

  openRow(row, isFunction) {
    const {codes, rows} = this.profile, code = rows.code[row];
    this.go('source');
    this.views.source[1].open(codes.file[code], isFunction ? codes.firstLine[code] : rows.line[row]);
  }

  openCallers(group) {
    this.go('flame');
    this.views.flame[1].showFunction(group);
  }

  openFunction(group) {
    this.openRow(this.model.rowsOf.function[group][0], true);
  }

  // --- theme ---

  savedTheme() {
    try {
      return localStorage.getItem('heavyops-theme') || '';
    } catch {
      return ''; // not to be had from a file in some browsers
    }
  }

  setTheme(theme, isKept) {
    if (theme) document.documentElement.dataset.theme = theme;
    if (isKept) {
      try {
        localStorage.setItem('heavyops-theme', theme);
      } catch {
        // then it is for this time only
      }
    }
    const flame = this.views.flame[1];
    flame.colours.clear();
    flame.draw();
  }

  isDark() {
    const {theme} = document.documentElement.dataset;
    return theme ? theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  }

  help() {
    const dialog = document.getElementById('help');
    replace(dialog, element('h2', {}, 'Keys'),
        element('dl', {class: 'keys'}, KEYS.map(([key, words]) => [element('dt', {}, element('kbd', {}, key)), element('dd', {}, words)])),
        element('h2', {}, 'Classes of opcodes'),
        element('p', {class: 'legend'}, Object.keys(CLASS_COLOURS).map((name) => {
          const dot = element('i', {class: 'dot'});
          dot.style.background = classColour(name, 52);
          return element('span', {}, dot, name);
        })),
        element('button', {type: 'button', onclick: () => dialog.close()}, 'Close'));
    if (!dialog.open) dialog.showModal();
  }
}

openProfile().then((profile) => {
  window.heavyops = new App(profile); // for who wants to look at it in the console
}, (error) => {
  replace(document.getElementById('views'), element('p', {class: 'notice'}, 'The profile in this page cannot be opened: ', error.message));
});
