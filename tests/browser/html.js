// Uses the HTML reports in a folder as a person would, in one browser: clicks, types, looks.
//
//   node html.js CHROMIUM FOLDER [SCREENSHOTS]
//
// The folder holds NAME.html and NAME.json of each profile (tests/test_html.c). Prints what is not as
// it should be, and ends with 1 then.
'use strict';

const assert = require('assert');
const fs = require('fs');
const path = require('path');
const {Browser} = require('./browser.js');

const [chromium, folder, screenshots] = process.argv.slice(2);
const read = (name) => JSON.parse(fs.readFileSync(path.join(folder, name + '.json')));

let page;

async function open(name) {
  await page.open(path.join(folder, name + '.html'));
  await page.until('window.heavyops');
}

const texts = (selector) =>
  page.value(`[...document.querySelectorAll(${JSON.stringify(selector)})].map((one) => one.textContent)`);
const text = async (selector) => (await texts(selector))[0];
const isShown = (view) => page.until(`!document.getElementById('view-${view}').hidden && document.querySelectorAll('.view:not([hidden])').length === 1`);

// Until all is drawn that was asked for.
const settle = () => page.value(`new Promise((done) =>
    requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`);

// As dom.js has them.
function percent(share) {
  const points = 100 * share;
  return points <= 0 ? '0%' : points < 0.005 ? '<0.01%' : points.toFixed(points < 0.995 ? 2 : 1) + '%';
}

async function shoot(name) {
  if (!screenshots) return;
  await settle();
  await page.screenshot(path.join(screenshots, name + '.png'));
}

const checks = {
  async 'the first view names the heaviest instruction'() {
    await open('closure');
    const heaviest = read('closure').instructions[0];
    const headline = await text('.headline');
    assert(headline.includes(heaviest.base_opcode) && headline.includes(percent(heaviest.share)), headline);
    assert((await texts('.hot-lines > li')).length > 2);
    await shoot('overview');
  },

  async 'rows show the shares and intervals of the profile'() {
    await page.click('#tab-instructions');
    await isShown('instructions');
    await page.click('#view-instructions .controls button', 'Specialised forms');
    const rows = await page.value(`[...document.querySelectorAll('#view-instructions tbody tr')].map((row) =>
        [...row.cells].map((cell) => cell.textContent))`);
    const wanted = read('closure').instructions.filter((row) => row.self);
    assert.strictEqual(rows.length, wanted.length);
    rows.forEach(([share, interval, , samples], i) => {
      assert.strictEqual(share, percent(wanted[i].share));
      assert.strictEqual(samples, wanted[i].self.toLocaleString('en-US'));
      const [low, high] = interval.split('–').map((bound) => Number(bound.replace('<', '')) / 100);
      assert(Math.abs(low - wanted[i].share_low) < 6e-4 && Math.abs(high - wanted[i].share_high) < 6e-4,
          `${interval} is not ${wanted[i].share_low} to ${wanted[i].share_high}`);
    });
    assert(rows.some((row) => row.includes('LOAD_ATTR_INSTANCE_VALUE')));
    await page.click('#view-instructions .controls button', 'Instructions');
    await shoot('instructions');
  },

  async 'a table is sorted by its columns'() {
    const samples = async () => (await page.value(`[...document.querySelectorAll('#view-instructions tbody tr')].map((row) =>
        Number(row.cells[3].textContent.replaceAll(',', '')))`));
    const sorted = (numbers) => [...numbers].sort((a, b) => a - b);
    await page.click('#view-instructions th button', 'samples');
    assert.deepStrictEqual(await samples(), sorted(await samples()).reverse());
    await page.click('#view-instructions th button', 'samples');
    assert.deepStrictEqual(await samples(), sorted(await samples()));
    assert.strictEqual(await page.value(`document.querySelector('#view-instructions th[aria-sort]').textContent`), 'samples');
    await page.click('#view-instructions th button', 'share');
  },

  async 'a search narrows a table and adds up what is left'() {
    await page.press('/');
    assert.strictEqual(await page.value('document.activeElement.id'), 'search');
    await page.type('load_deref');
    const sum = read('closure').instructions.filter((row) => row.base_opcode === 'LOAD_DEREF')
        .reduce((share, row) => share + row.share, 0);
    await page.until(`document.getElementById('found').textContent.includes(${JSON.stringify(percent(sum))})`);
    const rows = await texts('#view-instructions tbody tr');
    assert(rows.length === 3 && rows.every((row) => row.includes('LOAD_DEREF')), rows.join('\n'));
    await page.press('Enter'); // to the rows
    await page.press('ArrowDown');
    assert.strictEqual(await page.value('document.activeElement.rowIndex'), 2);
    await page.press('Enter');
    await isShown('source');
    await page.press('/');
    await page.press('Escape');
    assert.strictEqual(await page.value('heavyops.matches'), null);
  },

  async 'source shows the heat of lines and expressions, and the bytecode'() {
    assert(/cl\u00f6sure.py$/.test(await text('#view-source .controls b')), await text('#view-source .controls b'));
    const line = `document.querySelector('.line[data-line="8"]')`;
    const shares = read('closure').instructions.filter((row) => row.line === 8);
    assert.strictEqual(await page.value(`${line}.children[1].textContent`),
        percent(shares.reduce((sum, row) => sum + row.share, 0)));
    // The columns are bytes, and there is an é before them.
    const hot = await page.value(`[...${line}.querySelectorAll('.hot')].map((one) => one.textContent)`);
    assert.deepStrictEqual(hot, ['self', '.xy', 'self']);
    const rows = await page.value(`[...${line}.querySelectorAll('.bytecode tr')].map((row) => row.textContent)`);
    assert.strictEqual(rows.length, 3);
    const attribute = shares.filter((row) => row.base_opcode === 'LOAD_ATTR').reduce((sum, row) => sum + row.share, 0);
    assert(rows[1].startsWith(percent(attribute)) && rows[1].includes('instance value'), rows[1]);
    assert(rows[0].includes('LOAD_DEREF') && rows[0].includes('self'), rows[0]);
    assert.strictEqual(await page.value(`document.querySelector('.line[data-line="19"]') !== null`), true);
    assert.strictEqual(await page.value(`document.querySelector('.line[data-line="20"]')`), null); // nothing is near it
    assert((await text('#view-source .warning')).startsWith('changed since'));
    await shoot('source');
  },

  async 'a line tells what it calls, and leads there'() {
    const closure = read('closure');
    const of = (name) => closure.instructions.filter((row) => row.function === name)
        .reduce((sum, row) => sum + row.share, 0);
    const generator = 'Foo.intersects.<locals>.<genexpr>';
    const called = await page.value(`(() => {
      const {model} = heavyops, {rows, groups} = model.profile;
      const name = ({group, weight}) => [model.nameOfCode(model.codeOfFunction[group]), model.share(weight)];
      return [17, 11].map((line) => model.calleesOf(groups.line.of[rows.line.indexOf(line)]).map(name));
    })()`);
    // Method and what that calls; the other one that the module calls; and nobody else.
    const wanted = [[['Foo.intersects', of('Foo.intersects') + of(generator)], ['Random.randint', of('Random.randint')]],
                    [[generator, of(generator)]]];
    called.forEach((list, i) => {
      assert.deepStrictEqual(list.map(([name]) => name), wanted[i].map(([name]) => name));
      list.forEach(([name, share], j) => assert(Math.abs(share - wanted[i][j][1]) < 1e-9, `${name}: ${share}`));
    });
    const line = '.line[data-line="11"]';
    if (!await page.value(`Boolean(document.querySelector('${line} .bytecode'))`)) await page.click(`${line} .number`);
    assert.strictEqual((await text(`${line} .calls`)).trim(), `calls ${generator} ${percent(of(generator))}`);
    await page.click(`${line} .calls button`);
    assert.strictEqual(await page.value(`document.querySelector('.line.chosen').dataset.line`), '11');
    await page.click(`${line} .number`);
    assert.strictEqual(await page.value(`document.querySelector('${line} .calls')`), null);
  },

  async 'hostile source is shown as text'() {
    const shown = await page.value(`document.querySelector('.line[data-line="8"] code').textContent`);
    for (const part of ['</script>', '<!--', '<img src=x onerror=window.pwned=1>', '\\x1b', '\\u202e', '\\xff', '\\udc80'])
      assert(shown.includes(part), `${part} is not in ${shown}`);
    assert.strictEqual(await page.value(`document.querySelectorAll('img, iframe, main script').length`), 0);
    assert.strictEqual(await page.value('window.pwned'), undefined);
  },

  async 'source is walked through with the keyboard'() {
    await page.click('.line[data-line="7"] .number');
    await page.press('ArrowDown');
    const focused = () => page.value('Number(document.activeElement.dataset.line)');
    assert.strictEqual(await focused(), 8);
    const isOpen = () => page.value(`Boolean(document.querySelector('.line[data-line="8"] .bytecode'))`);
    assert.strictEqual(await isOpen(), true);
    await page.press('Enter');
    assert.strictEqual(await isOpen(), false);
    await page.press('ArrowRight');
    assert.strictEqual(await isOpen(), true);
    await page.press('b'); // all
    await page.press('b'); // none
    assert.strictEqual(await page.value(`document.querySelectorAll('.bytecode').length`), 0);
    await page.press('n');
    assert.strictEqual(await focused(), 11);
    await page.press('b'); // those of hot lines again
    await page.press('c');
    await isShown('flame');
    assert.strictEqual(await page.value('heavyops.views.flame[1].text(heavyops.views.flame[1].focus)'), 'Foo.intersects');
    const below = `heavyops.views.flame[1].tree.children(heavyops.views.flame[1].focus).length`;
    assert.strictEqual(await page.value(below), 1); // its caller
    await page.press('i');
    await page.press('o');
  },

  async 'a function is found by where it is said to be'() {
    await page.click('#tab-functions');
    const where = await text('#view-functions tbody tr td:nth-last-child(2)');
    assert(/\.py:\d+$/.test(where), where);
    await page.press('/');
    await page.type(where);
    await page.until(`document.getElementById('found').textContent`);
    const found = await texts('#view-functions tbody tr');
    assert(found.length > 0 && found.every((row) => row.includes(where)), found.join('\n'));
    await page.press('Escape');
  },

  async 'the flame graph zooms, by mouse and keys'() {
    await page.press('2');
    await isShown('flame');
    await settle();
    assert(await page.value('heavyops.views.flame[1].boxes.length > 3'));
    assert(await page.value(`(() => { // something was drawn
      const {canvas} = heavyops.views.flame[1];
      const bytes = canvas.getContext('2d').getImageData(0, 0, canvas.width, 60).data;
      return new Set(new Uint32Array(bytes.buffer)).size > 3;
    })()`));
    await shoot('flame');
    const at = await page.value(`(() => {
      const flame = heavyops.views.flame[1], place = flame.canvas.getBoundingClientRect();
      const [, x, y, width] = flame.boxes.find(([node]) => flame.text(node) === 'Foo.intersects');
      return [place.x + x + width / 2, place.y + y + 9];
    })()`);
    await page.clickAt(...at);
    const focus = () => page.value('heavyops.views.flame[1].text(heavyops.views.flame[1].focus)');
    assert.strictEqual(await focus(), 'Foo.intersects');
    assert((await text('.trail')).startsWith('in Foo.intersects'));
    assert((await text('#flame-detail')).includes('Foo.intersects'));
    await page.press('ArrowDown'); // the heaviest instruction of it
    assert((await text('#flame-detail')).startsWith('LOAD_ATTR self.xy'), await text('#flame-detail'));
    const share = read('closure').instructions.filter((row) => row.line === 8 && row.base_opcode === 'LOAD_ATTR')
        .reduce((sum, row) => sum + row.share, 0);
    assert((await text('#flame-detail')).includes(percent(share) + ' (95%: '), await text('#flame-detail'));
    await shoot('flame-zoomed');
    await page.press('Backspace');
    assert.notStrictEqual(await focus(), 'Foo.intersects');
    await page.press('Escape');
    assert.strictEqual(await focus(), 'all');
  },

  async 'the flame graph is searched'() {
    await page.press('/');
    await page.type('foo.intersects');
    const wanted = await page.value(`(() => { // of all with it on the stack
      const {model} = heavyops, {nodes, groups} = heavyops.profile;
      let sum = 0;
      for (let i = 0; i < nodes.count; i++)
        for (let at = i; nodes.weight[i] && nodes.depth[at] > 0; at = nodes.parent[at])
          if (model.nameOfCode(heavyops.profile.rows.code[nodes.row[at]]).startsWith('Foo.intersects')) {
            sum += nodes.weight[i];
            break;
          }
      return sum / model.whole;
    })()`);
    await page.until(`document.getElementById('found').textContent.startsWith(${JSON.stringify(percent(wanted) + ' of all in ')})`);
    await page.press('Enter');
    await page.press('n');
    assert((await text('#flame-detail')).includes('Foo.intersects'));
    await page.press('/');
    await page.press('Escape');
  },

  async 'the flame graph is turned right to left'() {
    const roots = `(() => {
      const {tree} = heavyops.views.flame[1];
      return [...tree.children(0)].map((node) => [tree.label(node), tree.share(node)]);
    })()`;
    await page.click('.flame-view button', 'Right to left');
    const {opcodes, instructions} = read('closure');
    for (const [name, {share, low}] of await page.value(roots)) {
      const wanted = opcodes.find((opcode) => opcode.base_opcode === name);
      assert(Math.abs(wanted.share - share) < 1e-9 && Math.abs(wanted.share_low - low) < 1e-5, name);
    }
    assert.strictEqual((await page.value(roots)).length, opcodes.length);
    await shoot('flame-inverted');
    await page.press('ArrowDown'); // from the button
    await page.value('heavyops.focusView()');
    await page.press('ArrowDown');
    await page.press('Enter'); // a more exact tree below it
    assert.strictEqual(await page.value('heavyops.views.flame[1].tree.depth[heavyops.views.flame[1].focus]'), 2);
    await page.press('o'); // functions alone
    const [name, {share}] = (await page.value(roots))[0];
    const self = instructions.filter((row) => row.function === name).reduce((sum, row) => sum + row.share, 0);
    assert(Math.abs(self - share) < 1e-9, name);
    await page.press('l');
    assert(/:\d+$/.test((await page.value(roots))[0][0]));
    for (const key of ['l', 'o', 'i']) await page.press(key);
    assert.strictEqual(await page.value(`document.querySelectorAll('.flame-view [aria-pressed="true"]').length`), 1);
  },

  async 'tabs, help and theme by the keyboard'() {
    await page.click('#tab-functions');
    await page.press('ArrowRight');
    await isShown('threads');
    await page.press('ArrowRight');
    await isShown('sampling');
    const heading = await text('.sampling');
    for (const words of ['the thread ran while it was being read', 'half of the looks by up to 58 µs', 'the process exited'])
      assert(heading.includes(words), words);
    await shoot('sampling');
    await page.press('?');
    await page.until(`document.getElementById('help').open`);
    await page.press('Escape');
    await page.until(`!document.getElementById('help').open`);
    const paper = () => page.value('getComputedStyle(document.body).backgroundColor');
    const before = await paper();
    await page.press('t');
    const after = await paper();
    assert.notStrictEqual(before, after);
    await page.click('#theme');
    assert.strictEqual(await paper(), before);
    await page.value('delete document.documentElement.dataset.theme');
    await page.prefer('dark');
    assert.strictEqual(await paper(), after);
    await page.press('1');
    await shoot('dark');
    await page.prefer('light');
  },

  async 'every view has its place in a narrow window'() {
    await page.resize(600, 800);
    for (const view of await page.value('Object.keys(heavyops.views)')) {
      await page.click('#tab-' + view);
      assert(await page.value('document.documentElement.scrollWidth <= innerWidth'), view);
      await shoot('narrow-' + view);
    }
    await page.resize(1280, 800);
  },

  async 'one thread alone'() {
    await open('hostile');
    await page.click('#tab-threads');
    const {threads} = read('hostile');
    await page.click('#view-threads tbody tr', String(threads[1].tid));
    await isShown('overview');
    assert.strictEqual(await page.value('heavyops.model.samples'), threads[1].samples);
    await page.click('#tab-instructions');
    const rows = await page.value(`[...document.querySelectorAll('#view-instructions tbody tr')].map((row) =>
        [...row.cells].map((cell) => cell.textContent))`);
    assert.strictEqual(rows.reduce((sum, row) => sum + Number(row[3]), 0), threads[1].samples);
    assert(rows.every((row) => row[1] === '–')); // no interval that was made for all threads
  },

  async 'hostile names are shown as text'() {
    await open('hostile');
    for (const view of await page.value('Object.keys(heavyops.views)')) {
      await page.click('#tab-' + view);
      await shoot('hostile-' + view);
    }
    await page.click('#tab-functions');
    const rows = (await texts('#view-functions tbody tr')).join('\n');
    for (const part of ['f</script>"\'\\\\xff', '\\udc80', '\\x9b', '\\u202eevil', 'naïve.日本'])
      assert(rows.includes(part), `${part} is not in ${rows}`);
    assert(!/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2028]/.test(await page.value('document.body.innerText')));
    assert.strictEqual(await page.value(`document.querySelectorAll('img, iframe, main script').length`), 0);
    assert.strictEqual(await page.value('window.pwned'), undefined);
  },

  async 'profiles without columns, samples or anything'() {
    for (const name of ['old', 'idle', 'empty']) {
      await open(name);
      for (const view of await page.value('Object.keys(heavyops.views)')) {
        await page.click('#tab-' + view);
        await isShown(view);
      }
      await page.click('#tab-overview');
      const isEmpty = !read(name).samples;
      assert.strictEqual(/No samples/.test(await text('.overview')), isEmpty, name);
    }
  },

  async 'text of a source that has no place in the page is told'() {
    await open('cut');
    const files = await page.value('heavyops.model.profile.files.map(({name, isCut, lines}) => [name.split("/").pop(), isCut, lines.size])');
    const cut = files.findIndex(([, isCut]) => isCut), longs = files.filter(([name]) => name.startsWith('long-'));
    assert(files.filter(([, isCut]) => isCut).length === 1 && files[cut][0].startsWith('long-'), String(files));
    const lines = longs.reduce((sum, [, , count]) => sum + count, 0);
    assert(longs.length === 2 && lines > 6000 && lines < 7000, String(files));
    await page.click('#tab-sampling');
    await isShown('sampling');
    assert((await text('#view-sampling')).includes('Of 1 source file not all of the text'), await text('#view-sampling'));
    await page.click('#tab-source');
    await isShown('source');
    await page.value(`(heavyops.views.source[1].file = ${cut}, heavyops.views.source[1].renderFile(), 0)`);
    assert((await texts('#view-source .warning')).some((one) => one.startsWith('not all of its text')), String(await texts('#view-source .warning')));
  },

  async 'what -i and -f select is shown at first'() {
    await open('narrowed');
    await page.click('#tab-instructions');
    const rows = () => texts('#view-instructions tbody tr');
    assert((await rows()).length === 2 && (await rows()).every((row) => row.includes('BUILD_MAP')), (await rows()).join('\n'));
    await page.click('#view-instructions input[type="checkbox"]');
    assert.strictEqual((await rows()).length, read('old').instructions.length);
  },

  async 'shares of time where samples stand for different times; many stacks'() {
    await open('large');
    const {instructions, sampling} = read('large');
    assert.strictEqual(sampling.has_weights, true);
    const shares = await page.value(`(() => {
      const {model} = heavyops, rows = [];
      for (let row = 0; row < model.profile.rows.count; row++) rows.push(model.shareOf('form', row));
      return rows;
    })()`);
    shares.forEach(({share, low, high}, i) => {
      const wanted = instructions[i];
      assert(Math.abs(share - wanted.share) < 1e-9 && Math.abs(low - wanted.share_low) < 1e-6 && Math.abs(high - wanted.share_high) < 1e-6,
          `${share} ${low} ${high} is not ${wanted.share} ${wanted.share_low} ${wanted.share_high}`);
    });
    for (const view of await page.value('Object.keys(heavyops.views)')) {
      await page.click('#tab-' + view);
      await isShown(view);
    }
    await page.click('#tab-flame');
    await page.press('i');
    await settle();
    assert(await page.value('heavyops.views.flame[1].boxes.length > 50'));
    // A frame in the tree has all samples that are below it.
    assert(await page.value(`(() => {
      const {tree} = heavyops.views.flame[1];
      return Math.abs([...tree.children(0)].reduce((sum, node) => sum + tree.total[node], 0) / heavyops.model.whole - 1) < 1e-9;
    })()`));
    await shoot('large-inverted');
  },
};

// Far more than it takes on the slowest machine.
const LONGEST_MS = 240000;

(async () => {
  const browser = new Browser(chromium);
  setTimeout(() => {
    console.log('FAILED: not done after ' + LONGEST_MS / 1000 + ' s');
    browser.process.kill('SIGKILL');
    fs.rmSync(browser.folder, {recursive: true, force: true});
    process.exit(1);
  }, LONGEST_MS);
  let failed = 0;
  try {
    page = await browser.page();
    await page.resize(1280, 800);
    for (const [name, check] of Object.entries(checks)) {
      try {
        await check();
        assert.deepStrictEqual(page.complaints, []);
      } catch (error) {
        failed++;
        page.complaints = [];
        console.log(`FAILED: ${name}\n${error.stack}`);
      }
    }
  } finally {
    await browser.close();
  }
  console.log(`${Object.keys(checks).length - failed} of ${Object.keys(checks).length} checks passed`);
  process.exit(failed ? 1 : 0);
})();
