// Gives reports to the programs that they are written for, and compares what these show with what
// was sampled.
//
//   node viewers.js firefox FOLDER VIEWERS               the Firefox Profiler's importer
//   node viewers.js speedscope FOLDER VIEWERS CHROMIUM   speedscope, in a browser
//   node viewers.js flamegraph FOLDER - CHROMIUM         the SVG itself, in a browser
//
// The folder holds each profile's reports, and wanted.json, which says what was sampled
// (tests/test_report_viewers.c). VIEWERS is where scripts/viewers put the programs. Prints what is
// not as it should be, and ends with 1 then.
'use strict';

const assert = require('assert');
const {spawn, spawnSync} = require('child_process');
const fs = require('fs');
const path = require('path');
const {Browser} = require('./browser.js');

const [what, folder, viewers, chromium] = process.argv.slice(2);
const wanted = JSON.parse(fs.readFileSync(path.join(folder, 'wanted.json')));
const near = (a, b, message) => assert(Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b)), `${message}: ${a}, not ${b}`);

// --- the Firefox Profiler ------------------------------------------------------------------------

const firefoxProgram = path.join(viewers, 'node_modules/@firefox-devtools/profiler-cli/dist/profiler-cli.js');
const firefoxEnvironment = {...process.env, HOME: folder, PROFILER_CLI_SESSION_DIR: folder, PROFILER_CLI_NO_SYMBOLICATE: '1'};

// Its daemon for a file, once that is loaded: it says so in its log, which is in the folder.
function firefoxWith(file, session) {
  return new Promise((resolve, reject) => {
    const log = () => {
      try {
        return fs.readFileSync(path.join(folder, session + '.log'), 'utf8');
      } catch {
        return '';
      }
    };
    const daemon = spawn(process.execPath, [firefoxProgram, '--daemon', file, '--session', session],
        {stdio: 'ignore', env: firefoxEnvironment});
    const end = (done, value) => {
      watcher.close();
      done(value);
    };
    const watcher = fs.watch(folder, () => {
      if (log().includes('Profile loaded successfully')) end(resolve, daemon);
      else if (log().includes('Profile load failed')) daemon.kill();
    });
    daemon.once('exit', (code) => end(reject, new Error(`${file}: its daemon ended with ${code}: ${log()}`)));
  });
}

function ask(...words) {
  return spawnSync(process.execPath, [firefoxProgram, ...words], {encoding: 'utf8', timeout: 120000, env: firefoxEnvironment});
}

// The threads of a file with their functions, as it shows them.
async function threadsInFirefox(file) {
  const session = path.basename(file).replace(/\W/g, '_');
  const daemon = await firefoxWith(file, session);
  try {
    const info = ask('profile', 'info', '--all', '--json', '--session', session);
    assert.strictEqual(info.status, 0, `${file}: ${info.stderr}`);
    const threads = JSON.parse(info.stdout).processes.flatMap((one) => one.threads);
    for (const thread of threads) {
      const got = ask('thread', 'functions', '--thread', thread.threadHandle, '--limit', '0', '--json',
          '--include-idle', '--session', session);
      assert.strictEqual(got.status, 0, `${file}: ${got.stderr}`);
      thread.functions = JSON.parse(got.stdout).functions;
    }
    return threads;
  } finally {
    daemon.kill();
  }
}

const sum = (functions) => functions.reduce((all, one) => all + one.selfSamples, 0);

async function firefox() {
  let closure;
  for (const [name, {threads}] of Object.entries(wanted)) {
    const shown = await threadsInFirefox(path.join(folder, name + '.gecko.json'));
    if (name === 'closure') closure = shown[0].functions;
    const busy = threads.filter((one) => one.ns > 0);
    assert.strictEqual(shown.length, busy.length, `${name}: threads`);
    busy.forEach((one, i) => {
      assert.strictEqual(String(shown[i].tid), String(one.tid), `${name}: order of threads`);
      near(sum(shown[i].functions), one.ns / 1e6, `${name}: thread ${one.tid}`);
    });
  }
  const collapsed = await threadsInFirefox(path.join(folder, 'hostile.collapsed'));
  near(sum(collapsed[0].functions), wanted.hostile.samples, 'hostile: collapsed');
  const total = (name) => closure.find((one) => one.name === name).totalSamples;
  near(total('<module>'), 94467, '<module>');
  near(total('Foo.intersects'), 31818, 'Foo.intersects');
  near(total('LOAD_DEREF'), 3302, 'LOAD_DEREF');
}

// --- in a browser --------------------------------------------------------------------------------

// Nothing is asked of a page before it has loaded: while it takes the place of the empty one, what
// is asked may never be answered.
async function open(browser, file) {
  const page = await browser.page();
  const loaded = new Promise((resolve) => browser.listeners.push(({method, sessionId}) => {
    if (method === 'Page.loadEventFired' && sessionId === page.sessionId) resolve();
  }));
  page.url = 'file://' + file;
  await page.send('Page.navigate', {url: page.url});
  await loaded;
  return page;
}

// --- speedscope ----------------------------------------------------------------------------------

// What its table of functions shows at the top: rows of total, self, name.
async function rowsInSpeedscope(browser, file) {
  const script = file + '.js';
  fs.writeFileSync(script, `speedscope.loadFileFromBase64(${JSON.stringify(path.basename(file))}, ` +
      `${JSON.stringify(fs.readFileSync(file).toString('base64'))})`);
  const page = await open(browser, path.join(viewers, 'node_modules/speedscope/dist/release/index.html') +
      '#view=sandwich&localProfilePath=' + script);
  await page.until(`document.body.textContent.includes('Something went wrong') || document.querySelector('table tr td')`);
  assert(!await page.value(`document.body.textContent.includes('Something went wrong')`),
      `${file}: ${page.complaints.join('\n')}`);
  return page.value(`[...document.querySelectorAll('tr')].map((row) => [...row.children].map((one) => one.textContent.trim()))`);
}

const without = (rows) => rows.filter((row) => /\d/.test(row[0])); // the heading

async function speedscope(browser) {
  for (const name of Object.keys(wanted))
    for (const suffix of ['.speedscope.json', '.collapsed'])
      assert(without(await rowsInSpeedscope(browser, path.join(folder, name + suffix))).length > 0, name + suffix);
  const frames = without(await rowsInSpeedscope(browser, path.join(folder, 'closure.speedscope.json')));
  assert.deepStrictEqual(frames.slice(0, 3), [
    ['1:00 (64%)', '1:00 (64%)', 'CALL'],
    ['28.00s (30%)', '28.00s (30%)', 'LOAD_ATTR'],
    ['2.64s (2.8%)', '2.64s (2.8%)', 'LOAD_FAST'],
  ]);
  const lines = without(await rowsInSpeedscope(browser, path.join(folder, 'closure.collapsed')));
  assert.deepStrictEqual(lines[0], ['60,006 (64%)', '60,006 (64%)', 'CALL']);
  const first = lines.find((row) => row[2].startsWith('<module>'));
  assert.deepStrictEqual(first, ['94,467 (100%)', '0 (<0.01%)', '<module> (/home/me/src/example.py:17)']);
}

// --- the flame graph -----------------------------------------------------------------------------

// Where the frame whose title begins so is drawn: left and right edge, and its text's left edge.
const edges = (page, title) => page.value(`(() => {
  const box = [...document.querySelectorAll('.box')]
      .find((one) => one.querySelector('title').textContent.startsWith(${JSON.stringify(title)}));
  const frame = box.querySelector('rect').getBoundingClientRect();
  const text = box.querySelector('text');
  return [frame.left, frame.right, text && text.getBoundingClientRect().left];
})()`);

const isWide = async (page, title, left, right) => {
  const [from, to] = await edges(page, title);
  assert(Math.abs(from - left) < 2 && Math.abs(to - right) < 2, `${title}: ${from} to ${to}, not ${left} to ${right}`);
};

async function flamegraph(browser) {
  for (const name of Object.keys(wanted)) {
    const page = await open(browser, path.join(folder, name + '.svg'));
    assert.deepStrictEqual(page.complaints, [], name);
    assert(await page.value(`document.querySelectorAll('.box').length`) > 0, name);
  }
  const page = await open(browser, path.join(folder, 'closure.svg'));
  await page.resize(1000, 400);
  const width = 28000 / 94467, start = 4 / 94467; // of Foo.intersects at line 8, its LOAD_ATTR
  await isWide(page, '<module>', 0, 1000);
  await isWide(page, 'LOAD_ATTR', 1000 * start, 1000 * (start + width));
  await page.resize(500, 400);
  await isWide(page, 'LOAD_ATTR', 500 * start, 500 * (start + width));
  await page.clickAt(100, 56 + 17 * 2 + 8); // LOAD_ATTR, in the third row
  await isWide(page, 'LOAD_ATTR', 0, 500);
  const [from, to, text] = await edges(page, '<module>');
  assert(from < 0 && to > 500 && text >= 0 && text < 10, `<module>: ${from} to ${to}, text at ${text}`);
  await page.press('Escape');
  await isWide(page, '<module>', 0, 500);
  await page.value(`window.prompt = () => 'load_deref'; 0`);
  await page.press('/');
  await page.until(`document.getElementById('sum').textContent === '2 frames, 3.5%'`);
  if (process.env.HEAVYOPS_SCREENSHOTS)
    await page.screenshot(path.join(process.env.HEAVYOPS_SCREENSHOTS, 'flamegraph.png'));
  assert.deepStrictEqual(page.complaints, []);
}

// -------------------------------------------------------------------------------------------------

async function inBrowser(check) {
  const browser = new Browser(chromium);
  try {
    await check(browser);
  } finally {
    await browser.close();
  }
}

const checks = {firefox, speedscope: () => inBrowser(speedscope), flamegraph: () => inBrowser(flamegraph)};

checks[what]().catch((error) => {
  console.log(error.stack);
  process.exitCode = 1;
});
