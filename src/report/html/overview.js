// The first view: the hottest lines with their hottest instructions, opcodes and functions.
'use strict';

const HOT_LINES = 14, HOT_INSTRUCTIONS = 5;

class Overview {
  constructor(app) {
    this.app = app;
    this.view = element('div', {class: 'overview'});
    tellOfExpressions(() => app.model, this.view);
  }

  render() {
    const {model} = this.app;
    if (!model.whole) {
      replace(this.view, element('p', {class: 'notice'}, 'No samples: see “Sampling” for why.'));
      return;
    }
    replace(this.view, this.headline(),
        element('div', {class: 'columns'},
            element('section', {'aria-label': 'Hottest lines'}, element('h2', {}, 'Hottest lines'),
                element('ol', {class: 'hot-lines'}, this.lines())),
            element('aside', {},
                element('section', {'aria-label': 'Opcodes'}, element('h2', {}, 'Opcodes'), this.opcodes()),
                element('section', {'aria-label': 'Functions'},
                    element('h2', {}, 'Functions ', element('small', {}, 'self · total')), this.functions()),
                model.profile.head.threads.length > 1 && this.threads())));
  }

  headline() {
    const {model} = this.app, place = model.ranked('place')[0];
    const row = model.rowsOf.place[place][0], share = model.shareOf('place', place);
    const words = OPCODE_WORDS[model.profile.strings[model.profile.rows.base[row]]];
    return element('p', {class: 'headline'}, 'Heaviest instruction: ',
        opcodeTag(model, row), ' ', element('b', {class: 'mono'}, model.subject(row)), ' in ',
        element('button', {type: 'button', class: 'link', onclick: () => this.app.openRow(row)},
            model.nameOfCode(model.profile.rows.code[row]), ', ', model.placeWords(row)), ', ',
        element('b', {}, percent(share.share)),
        share.low === undefined ? '' : element('span', {class: 'quiet'}, ' (95%: ' + interval(share.low, share.high) + ')'),
        words ? element('span', {class: 'quiet'}, ' — ' + words) : '', '.');
  }

  lines() {
    const {model} = this.app, matches = this.app.matches;
    const ranked = model.ranked('line').filter((group) => {
      const row = model.rowsOf.line[group][0];
      return !matches || matches(this.app.rowText(row));
    });
    return ranked.slice(0, HOT_LINES).map((group) => this.line(group));
  }

  line(group) {
    const {model, index} = this.app, {rows, groups} = model.profile;
    const row = model.rowsOf.line[group].reduce((best, at) =>
      model.self.form[at] > model.self.form[best] ? at : best);
    const file = model.fileOfRow(row), share = model.shareOf('line', group);
    const places = [...new Set(model.rowsOf.line[group].map((at) => groups.place.of[at]))]
        .filter((place) => model.self.place[place] > 0)
        .sort((a, b) => model.self.place[b] - model.self.place[a]);
    const text = heatLine(model, index, file, rows.line[row]);
    text.firstChild && (text.firstChild.textContent = text.firstChild.textContent.trimStart());
    const item = element('li', {},
        element('div', {class: 'share-box'},
            element('b', {}, percent(share.share)),
            bar(share.share, model.longest.line, share.low, share.high),
            share.low === undefined ? '' : element('span', {class: 'quiet range'}, interval(share.low, share.high))),
        element('div', {class: 'what'},
            element('div', {class: 'where'},
                element('button', {type: 'button', class: 'link', onclick: () => this.app.openRow(row)},
                    model.placeWords(row)),
                element('span', {class: 'quiet'}, ' ', model.nameOfCode(rows.code[row])),
                element('span', {class: 'quiet total', title: 'with this line anywhere on the stack'},
                    'total ', percent(model.share(model.total.line[group])))),
            text,
            element('table', {class: 'inside'}, element('tbody', {},
                places.slice(0, HOT_INSTRUCTIONS).map((place) => this.instruction(place))),
            places.length > HOT_INSTRUCTIONS && element('tfoot', {}, element('tr', {}, element('td', {}),
                element('td', {class: 'quiet', colspan: 3}, places.length - HOT_INSTRUCTIONS, ' more'))))));
    setHeat(item, share.share, model.hottest.line);
    return item;
  }

  instruction(place) {
    const {model} = this.app, row = model.rowsOf.place[place][0], share = model.shareOf('place', place);
    return element('tr', {},
        element('td', {class: 'number'}, percent(share.share)),
        element('td', {}, opcodeTag(model, row)),
        element('td', {class: 'mono argument'}, model.subject(row)),
        element('td', {}, formTags(model, place)));
  }

  opcodes() {
    const {model} = this.app;
    return element('ul', {class: 'bars'}, model.ranked('opcode').slice(0, 12).map((group) => {
      const share = model.shareOf('opcode', group), row = model.rowsOf.opcode[group][0];
      return element('li', {},
          element('button', {type: 'button', class: 'link', onclick: () =>
            this.app.searchFor('instructions', model.profile.strings[model.profile.rows.base[row]])},
          opcodeTag(model, row)),
          bar(share.share, model.longest.opcode, share.low, share.high),
          element('b', {title: share.low === undefined ? null : '95%: ' + interval(share.low, share.high)},
              percent(share.share)));
    }));
  }

  functions() {
    const {model} = this.app;
    return element('ul', {class: 'bars wide'}, model.ranked('function').slice(0, 10).map((group) => {
      const share = model.shareOf('function', group), row = model.rowsOf.function[group][0];
      return element('li', {},
          element('button', {type: 'button', class: 'link', title: model.placeWords(row),
                             onclick: () => this.app.openFunction(group)},
              model.nameOfCode(model.codeOfFunction[group]),
              element('small', {}, ' ', model.fileOfRow(row).short)),
          bar(share.share, model.longest.function, share.low, share.high),
          element('b', {}, percent(share.share), element('small', {class: 'quiet'}, ' · ',
              percent(model.share(model.total.function[group])))));
    }));
  }

  threads() {
    const {model} = this.app, whole = largest(model.threadWeight), {threads} = model.profile.head;
    const sum = model.threadWeight.reduce((a, b) => a + b, 0);
    const ranked = threads.map((thread, i) => i).sort((a, b) => model.threadWeight[b] - model.threadWeight[a]);
    return element('section', {'aria-label': 'Threads'}, element('h2', {}, 'Threads'),
        element('ul', {class: 'bars'}, ranked.slice(0, 8).map((i) => element('li', {},
            element('button', {type: 'button', class: 'link', onclick: () => this.app.chooseThread(i)},
                threads[i].name || String(threads[i].tid)),
            bar(model.threadWeight[i] / sum, whole / sum),
            element('b', {}, percent(model.threadWeight[i] / sum))))));
  }
}
