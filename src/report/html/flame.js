// The flame graph on a canvas: roots at the top, the widest first. Draws only what is seen.
'use strict';

const ROW_HEIGHT = 19, NARROWEST = 0.7; // pixels

class Flame {
  constructor(app) {
    this.app = app;
    this.options = {isInverted: false, hasLeaves: true, byLine: false};
    this.focus = 0;
    this.selected = 0;
    this.hovered = -1;
    this.found = null;
    this.texts = [];
    this.colours = new Map();
    this.canvas = element('canvas', {
      tabindex: 0, role: 'application', 'aria-label':
        'Flame graph. Arrows: parent, child, neighbours. Enter: zoom in. Backspace: zoom out.',
      'aria-describedby': 'flame-detail',
    });
    this.spacer = element('div', {class: 'spacer'});
    this.scroller = element('div', {class: 'flame'}, this.canvas, this.spacer);
    this.detail = element('div', {id: 'flame-detail', class: 'detail', role: 'status', 'aria-live': 'polite'});
    this.trail = element('span', {class: 'trail'});
    const toggle = (option, key, name, title) => {
      const made = element('button', {type: 'button', title: `${title} (${key})`,
        'aria-pressed': String(this.options[option]), 'data-option': option,
        onclick: () => this.toggle(option)}, name);
      return made;
    };
    this.buttons = [
      toggle('isInverted', 'i', 'Right to left', 'What is heavy at the top, its callers below'),
      toggle('hasLeaves', 'o', 'Instructions', 'Stacks end in the instruction'),
      toggle('byLine', 'l', 'Lines', 'A frame for each line of a function'),
    ];
    this.reset = element('button', {type: 'button', title: 'Show all (Home)', onclick: () => this.zoom(0)}, 'All');
    this.view = element('div', {class: 'flame-view'},
        element('div', {class: 'controls'}, this.buttons, this.reset, this.trail), this.scroller, this.detail);
    this.listen();
  }

  listen() {
    const {canvas, scroller} = this;
    canvas.addEventListener('mousemove', (event) => this.hover(event));
    canvas.addEventListener('mouseleave', () => {
      this.hovered = -1;
      hideTip();
      this.draw();
    });
    canvas.addEventListener('click', (event) => {
      const node = this.nodeAt(event.offsetX, event.offsetY);
      if (node >= 0) this.zoom(node);
      canvas.focus({preventScroll: true});
    });
    canvas.addEventListener('dblclick', (event) => {
      const node = this.nodeAt(event.offsetX, event.offsetY);
      if (node > 0) this.openSource(node);
    });
    canvas.addEventListener('keydown', (event) => this.key(event));
    canvas.addEventListener('focus', () => this.draw());
    canvas.addEventListener('blur', () => this.draw());
    scroller.addEventListener('scroll', () => this.draw());
    new ResizeObserver(() => this.resize()).observe(scroller);
  }

  // The tree anew: another thread, other options.
  render() {
    this.tree = new FlameTree(this.app.model, this.options);
    this.focus = this.selected = 0;
    this.hovered = -1;
    this.texts = [];
    this.colours.clear();
    this.buttons.forEach((button) =>
      button.setAttribute('aria-pressed', String(this.options[button.dataset.option])));
    this.search();
    this.resize();
    this.tell(0);
  }

  toggle(option) {
    this.options[option] = !this.options[option];
    this.render();
  }

  search() {
    const {matches} = this.app;
    this.found = this.tree && matches ? this.tree.search(matches) : null;
    this.draw();
    return this.found && `${percent(this.found.share)} of all in ${count(this.found.frames)} ` +
        (this.found.frames === 1 ? 'frame' : 'frames');
  }

  resize() {
    if (!this.tree || !this.scroller.clientWidth) return;
    const scale = window.devicePixelRatio || 1;
    this.width = this.scroller.clientWidth;
    this.height = this.scroller.clientHeight;
    this.canvas.width = Math.round(this.width * scale);
    this.canvas.height = Math.round(this.height * scale);
    this.canvas.style.width = this.width + 'px';
    this.canvas.style.height = this.height + 'px';
    const rows = this.heightBelow(this.focus) + 1;
    this.spacer.style.height = Math.max(0, rows * ROW_HEIGHT + 4 - this.height) + 'px';
    this.draw();
  }

  heightBelow(focus) {
    if (focus === 0) return this.tree.height;
    let most = this.tree.depth[focus];
    const {tree} = this, stack = [focus];
    while (stack.length) {
      const node = stack.pop();
      if (tree.depth[node] > most) most = tree.depth[node];
      for (let i = tree.start[node]; i < tree.start[node + 1]; i++) stack.push(tree.list[i]);
    }
    return most;
  }

  text(node) {
    return this.texts[node] ??= this.tree.label(node);
  }

  colour(node, isDark) {
    const {tree} = this, row = tree.row[node], kind = tree.kind(node);
    if (kind === 'all') return isDark ? '#3a3f47' : '#d9dbd6';
    const key = tree.key[node];
    let made = this.colours.get(key);
    if (made) return made;
    if (kind === 'instruction' || kind === 'opcode') {
      made = classColour(this.app.model.opcodeClassOf(row), isDark ? 40 : 70);
    } else {
      // Warm: the program; cool: libraries; grey: what has no file.
      const name = this.app.model.fileOfRow(row).name;
      let sum = 0;
      for (let i = 0; i < name.length; i++) sum = (sum * 31 + name.charCodeAt(i)) % 9973;
      const isLibrary = /\/(site|dist)-packages\/|\/lib(64)?\/python\d|^<frozen/.test(name);
      const hue = isLibrary ? 170 + sum % 70 : 18 + sum % 34;
      const saturation = name.startsWith('/') || !isLibrary ? (isLibrary ? 30 : 68) : 8;
      made = `hsl(${hue} ${saturation}% ${(isDark ? 33 : 76) + sum % 5}%)`;
    }
    this.colours.set(key, made);
    return made;
  }

  draw() {
    if (this.isWaiting) return;
    this.isWaiting = true;
    requestAnimationFrame(() => {
      this.isWaiting = false;
      this.drawNow();
    });
  }

  drawNow() {
    if (!this.tree || !this.width || !this.canvas.isConnected) return;
    const {tree, canvas} = this, context = canvas.getContext('2d');
    const scale = window.devicePixelRatio || 1, style = getComputedStyle(document.documentElement);
    const isDark = this.app.isDark(), ink = style.getPropertyValue('--ink');
    this.paint = {context, isDark, ink, accent: style.getPropertyValue('--accent'),
      match: style.getPropertyValue('--match'), paper: style.getPropertyValue('--paper')};
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.fillStyle = this.paint.paper;
    context.fillRect(0, 0, this.width, this.height);
    context.font = '11px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace';
    context.textBaseline = 'middle';
    this.letter = context.measureText('m').width;
    this.boxes = [];
    const top = this.scroller.scrollTop, whole = tree.total[this.focus];
    for (let node = tree.parent[this.focus]; node >= 0; node = tree.parent[node])
      this.box(node, 0, this.width, tree.depth[node] * ROW_HEIGHT - top, true);
    const stack = whole > 0 ? [[this.focus, 0]] : [];
    while (stack.length) {
      const [node, left] = stack.pop();
      const y = tree.depth[node] * ROW_HEIGHT - top;
      this.box(node, left, tree.total[node] / whole * this.width, y, false);
      if (y > this.height) continue;
      let x = left;
      for (let i = tree.start[node]; i < tree.start[node + 1]; i++) {
        const child = tree.list[i], width = tree.total[child] / whole * this.width;
        if (width < NARROWEST) { // and so are all that follow
          this.rest(tree, i, tree.start[node + 1], x, whole, y + ROW_HEIGHT);
          break;
        }
        stack.push([child, x]);
        x += width;
      }
    }
  }

  // Frames that are too narrow to be told from each other.
  rest(tree, first, end, x, whole, y) {
    let total = 0;
    for (let i = first; i < end; i++) total += tree.total[tree.list[i]];
    this.paint.context.fillStyle = this.paint.isDark ? '#2a2f36' : '#e9eae5';
    this.paint.context.fillRect(x, y, total / whole * this.width, ROW_HEIGHT - 1);
  }

  box(node, x, width, y, isAbove) {
    if (y + ROW_HEIGHT < 0 || y > this.height) return;
    const {context, isDark, ink, accent, match} = this.paint, {found} = this;
    const height = ROW_HEIGHT - 1, isMatch = found && found.found[node] & 1;
    this.boxes.push([node, x, y, width]);
    context.globalAlpha = isAbove ? .55 : found && !found.found[node] ? .3 : 1;
    context.fillStyle = isMatch ? match : this.colour(node, isDark);
    context.fillRect(x, y, Math.max(.5, width - (width > 3 ? 1 : 0)), height);
    if (node === this.hovered || node === this.selected && document.activeElement === this.canvas) {
      context.globalAlpha = 1;
      context.strokeStyle = node === this.hovered ? ink : accent;
      context.lineWidth = 2;
      context.strokeRect(x + 1, y + 1, Math.max(1, width - 3), height - 2);
    }
    if (width > this.letter * 3) {
      const label = this.text(node), room = Math.floor((width - 8) / this.letter);
      let shown = label.length <= room ? label : room > 1 ? label.slice(0, room - 1) + '…' : '';
      const share = percent(this.app.model.share(this.tree.total[node]));
      if (label.length + share.length + 2 <= room) shown = label;
      context.globalAlpha = isAbove ? .7 : found && !found.found[node] ? .5 : 1;
      context.fillStyle = isMatch ? '#fff' : ink;
      if (shown) {
        // Letters of other scripts may be wider than their number says.
        const isWide = /[^\u0000-\u024f…]/.test(shown);
        if (isWide) {
          context.save();
          context.beginPath();
          context.rect(x, y, width - 2, height);
          context.clip();
        }
        context.fillText(shown, x + 4, y + height / 2 + .5);
        if (isWide) context.restore();
        if (label.length + share.length + 2 <= room) {
          context.globalAlpha *= .6;
          context.fillText(share, x + width - 5 - share.length * this.letter, y + height / 2 + .5);
        }
      }
    }
    context.globalAlpha = 1;
  }

  nodeAt(x, y) {
    for (const [node, left, top, width] of this.boxes || [])
      if (y >= top && y < top + ROW_HEIGHT && x >= left && x < left + Math.max(1, width)) return node;
    return -1;
  }

  hover(event) {
    const node = this.nodeAt(event.offsetX, event.offsetY);
    if (node !== this.hovered) {
      this.hovered = node;
      this.draw();
    }
    if (node < 0) hideTip();
    else showTip(event.clientX, event.clientY, this.words(node));
  }

  // All that is known of a frame.
  words(node) {
    const {tree} = this, {model} = this.app, row = tree.row[node], kind = tree.kind(node);
    const {share, low, high} = tree.share(node);
    const sum = [element('b', {}, percent(share)), low === undefined ? '' : ` (95%: ${interval(low, high)})`,
      ` · ${model.profile.head.has_weights ? duration(tree.total[node]) : count(tree.total[node]) + ' samples'}`,
      kind === 'function' && !this.options.isInverted && !this.options.hasLeaves && tree.self[node] ?
        ' · itself ' + percent(model.share(tree.self[node])) : '',
      tree.focus ? '' : ''];
    if (kind === 'all') return [element('p', {}, sum)];
    const text = kind === 'instruction' ? model.expression(row) : '';
    return [
      element('p', {class: 'mono'}, element('b', {}, this.text(node))),
      element('p', {}, sum),
      kind === 'opcode' ? element('p', {}, OPCODE_WORDS[this.text(node)] || '') :
        element('p', {class: 'quiet mono'}, kind === 'function' ?
          model.fileOfRow(row).short + ':' + model.profile.codes.firstLine[model.profile.rows.code[row]] :
          model.placeWords(row), text ? '  ' + text : ''),
      kind === 'instruction' ? element('p', {}, formTags(model, model.profile.groups.place.of[row])) : '',
    ];
  }

  tell(node) {
    const parts = this.words(node).flatMap((part) => part ? [...part.childNodes, ' '] : []);
    replace(this.detail, element('span', {}, parts), node > 0 && this.tree.kind(node) !== 'opcode' ?
      element('button', {type: 'button', onclick: () => this.openSource(node), title: 'Source (s)'}, 'Source') : '');
    replace(this.trail, this.focus ? ['in ', element('b', {class: 'mono'}, this.text(this.focus)), ' ',
      percent(this.app.model.share(this.tree.total[this.focus]))] : '',
    this.tree.isCut ? element('span', {class: 'quiet'}, ' the deepest stacks are cut') : '');
    this.reset.disabled = this.focus === 0;
  }

  zoom(node) {
    if (this.options.isInverted && node !== this.focus) {
      const path = this.tree.pathOf(node);
      this.tree = new FlameTree(this.app.model, this.options, path);
      this.texts = [];
      this.hovered = -1;
      node = this.tree.nodeOf(path);
      this.found = this.app.matches ? this.tree.search(this.app.matches) : null;
    }
    this.focus = this.selected = node;
    this.resize();
    this.show(node);
    this.tell(node);
    hideTip();
  }

  select(node) {
    this.selected = node;
    this.show(node);
    this.tell(node);
    this.draw();
  }

  // Scrolls to where the node is.
  show(node) {
    const y = this.tree.depth[node] * ROW_HEIGHT;
    if (y < this.scroller.scrollTop) this.scroller.scrollTop = y;
    else if (y + 2 * ROW_HEIGHT > this.scroller.scrollTop + this.height)
      this.scroller.scrollTop = y + 2 * ROW_HEIGHT - this.height;
  }

  // What calls a function, below it; where it has no samples itself, its widest frame.
  showFunction(group) {
    const {model} = this.app;
    Object.assign(this.options, {isInverted: model.self.function[group] > 0, hasLeaves: false, byLine: false});
    this.render();
    const {tree} = this;
    let widest = 0;
    for (let i = 1; i < tree.key.length; i++)
      if (tree.key[i] === group && (!widest || tree.total[i] > tree.total[widest])) widest = i;
    this.zoom(widest);
    this.canvas.focus({preventScroll: true});
  }

  openSource(node) {
    if (node > 0) this.app.openRow(this.tree.row[node], this.tree.kind(node) === 'function');
  }

  // The neighbour `by` places on, if it is wide enough to be seen.
  neighbour(node, by) {
    if (node === 0) return node;
    const around = this.tree.children(this.tree.parent[node]);
    const next = around[around.indexOf(node) + by];
    return next === undefined ? node : next;
  }

  nextMatch(by) {
    const {found} = this, size = this.tree.key.length;
    if (!found || !found.frames) return;
    let node = this.selected;
    do node = (node + by + size) % size; while (!(found.found[node] & 1));
    const isInside = (at) => {
      for (; at >= 0; at = this.tree.parent[at]) if (at === this.focus) return true;
      return false;
    };
    if (!isInside(node)) this.focus = 0;
    this.resize();
    this.select(node);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const {tree, selected} = this, children = tree.children(selected);
    switch (event.key) {
      case 'ArrowDown': if (children.length) this.select(children[0]); break;
      case 'ArrowUp':
        if (selected > 0) {
          if (selected === this.focus) this.zoom(tree.parent[selected]);
          else this.select(tree.parent[selected]);
        }
        break;
      case 'ArrowRight': if (selected !== this.focus) this.select(this.neighbour(selected, 1)); break;
      case 'ArrowLeft': if (selected !== this.focus) this.select(this.neighbour(selected, -1)); break;
      case 'Enter': case ' ': this.zoom(selected); break;
      case 'Backspace': case '-': if (this.focus > 0) this.zoom(tree.parent[this.focus]); break;
      case 'Escape': case 'Home': this.zoom(0); break;
      case 'i': this.toggle('isInverted'); break;
      case 'o': this.toggle('hasLeaves'); break;
      case 'l': this.toggle('byLine'); break;
      case 'n': this.nextMatch(1); break;
      case 'N': this.nextMatch(-1); break;
      case 's': this.openSource(selected); break;
      default: return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}
