// Drives a Chromium with the DevTools protocol over two pipes, as a person would use it: with a
// mouse and keys. Needs nothing but the browser. It knows no page.
'use strict';

const {spawn} = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--disable-dev-shm-usage', '--hide-scrollbars', '--remote-debugging-pipe'];

class Browser {
  constructor(command) {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heavyops-browser-'));
    this.process = spawn(command, [...FLAGS, '--user-data-dir=' + this.folder, 'about:blank'],
        {stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], env: {...process.env, HOME: this.folder}});
    this.waiting = new Map();
    this.listeners = [];
    this.next = 1;
    let text = '';
    this.process.stdio[4].on('data', (chunk) => {
      const messages = (text + chunk).split('\0');
      text = messages.pop();
      messages.forEach((message) => this.take(JSON.parse(message)));
    });
    this.process.on('error', (error) => this.failAll(error));
    this.process.on('exit', (code) => this.failAll(new Error('the browser ended with ' + code)));
    this.process.stdio[3].on('error', () => {}); // it has ended, which is told above
  }

  failAll(error) {
    this.waiting.forEach(({reject}) => reject(error));
    this.waiting.clear();
  }

  take(message) {
    if (message.id) {
      const {resolve, reject} = this.waiting.get(message.id) || {};
      this.waiting.delete(message.id);
      if (message.error) reject?.(new Error(message.error.message));
      else resolve?.(message.result);
    } else {
      this.listeners.forEach((listener) => listener(message));
    }
  }

  send(method, params = {}, sessionId) {
    const id = this.next++;
    this.process.stdio[3].write(JSON.stringify({id, method, params, sessionId}) + '\0');
    return new Promise((resolve, reject) => this.waiting.set(id, {resolve, reject}));
  }

  async page() {
    const {targetId} = await this.send('Target.createTarget', {url: 'about:blank'});
    const {sessionId} = await this.send('Target.attachToTarget', {targetId, flatten: true});
    const page = new Page(this, sessionId);
    for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await page.send(domain + '.enable');
    return page;
  }

  async close() {
    const ended = new Promise((resolve) => this.process.on('exit', resolve));
    await this.send('Browser.close').catch(() => {});
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(timer);
    fs.rmSync(this.folder, {recursive: true, force: true, maxRetries: 5});
  }
}

class Page {
  constructor(browser, sessionId) {
    this.browser = browser;
    this.sessionId = sessionId;
    this.complaints = []; // errors, and what was asked of a network
    browser.listeners.push((message) => {
      if (message.sessionId === sessionId) this.take(message);
    });
  }

  take({method, params}) {
    if (method === 'Runtime.exceptionThrown')
      this.complaints.push('exception: ' + (params.exceptionDetails.exception?.description || params.exceptionDetails.text));
    else if (method === 'Runtime.consoleAPICalled')
      this.complaints.push('console: ' + params.args.map((arg) => arg.value).join(' '));
    else if (method === 'Log.entryAdded')
      this.complaints.push('log: ' + params.entry.text);
    else if (method === 'Network.requestWillBeSent' && params.request.url.split('#')[0] !== this.url)
      this.complaints.push('request: ' + params.request.url);
    else if (method === 'Page.javascriptDialogOpening')
      this.complaints.push('dialog: ' + params.message);
  }

  send(method, params) {
    return this.browser.send(method, params, this.sessionId);
  }

  async open(file) {
    this.url = 'file://' + file;
    await this.send('Page.navigate', {url: this.url});
    await this.until('document.readyState === "complete"');
  }

  // The value of an expression in the page.
  async value(expression) {
    const {result, exceptionDetails} = await this.send('Runtime.evaluate',
        {expression, returnByValue: true, awaitPromise: true});
    if (exceptionDetails)
      throw new Error(`${expression}: ${exceptionDetails.exception?.description || exceptionDetails.text}`);
    return result.value;
  }

  // Waits until the expression is true.
  async until(expression) {
    for (let tries = 0; tries < 600; tries++) {
      if (await this.value(`Boolean(${expression})`).catch(() => false)) return;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error('never true: ' + expression);
  }

  async clickAt(x, y) {
    for (const type of ['mouseMoved', 'mousePressed', 'mouseReleased'])
      await this.send('Input.dispatchMouseEvent', {type, x, y, button: type === 'mouseMoved' ? 'none' : 'left', clickCount: 1});
  }

  // Clicks the middle of the first element that the selector finds, of those with `text` in them.
  async click(selector, text = '') {
    const [x, y] = await this.value(`(() => {
      const found = [...document.querySelectorAll(${JSON.stringify(selector)})]
          .find((one) => one.textContent.includes(${JSON.stringify(text)}));
      found.scrollIntoView({block: 'nearest'});
      const box = found.getBoundingClientRect();
      return [box.x + Math.min(box.width, innerWidth) / 2, box.y + box.height / 2];
    })()`);
    await this.clickAt(x, y);
  }

  async press(key) {
    const codes = {Enter: 13, Escape: 27, Backspace: 8, Tab: 9, Home: 36, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40};
    const text = key.length === 1 ? key : key === 'Enter' ? '\r' : undefined;
    const params = {key, text, windowsVirtualKeyCode: codes[key] || key.toUpperCase().charCodeAt(0)};
    await this.send('Input.dispatchKeyEvent', {type: text ? 'keyDown' : 'rawKeyDown', ...params});
    await this.send('Input.dispatchKeyEvent', {type: 'keyUp', ...params});
  }

  type(text) {
    return this.send('Input.insertText', {text});
  }

  resize(width, height) {
    return this.send('Emulation.setDeviceMetricsOverride', {width, height, deviceScaleFactor: 1, mobile: false});
  }

  prefer(scheme) {
    return this.send('Emulation.setEmulatedMedia', {features: [{name: 'prefers-color-scheme', value: scheme}]});
  }

  async screenshot(file) {
    const {data} = await this.send('Page.captureScreenshot', {format: 'png'});
    fs.writeFileSync(file, Buffer.from(data, 'base64'));
  }
}

module.exports = {Browser};
