// Small tools: elements (text goes into them as text, never as markup), numbers for people.
'use strict';

// element('td', {class: 'share', onclick: …}, 'text', child, …)
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (name === 'class') made.className = value;
    else made.setAttribute(name, value === true ? '' : value);
  }
  append(made, children);
  return made;
}

function append(parent, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    parent.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

function replace(parent, ...children) {
  parent.textContent = '';
  append(parent, children);
}

// A share, 0 … 1: "26.2%"; "0.04%" where that is small.
function percent(share) {
  if (!(share > 0)) return '0%';
  const points = 100 * share;
  if (points < 0.005) return '<0.01%';
  return points.toFixed(points < 0.995 ? 2 : 1) + '%';
}

// Its 95 % interval, as report/numbers.c writes it.
function interval(low, high) {
  if (high > 0 && high < 0.00005) return '0.00–<0.01';
  const digits = high < 0.00995 ? 2 : 1;
  return (100 * low).toFixed(digits) + '–' + (100 * high).toFixed(digits);
}

const count = (number) => Math.round(number).toLocaleString('en-US');

function duration(ns) {
  if (ns < 999.5e3) return (ns / 1e3).toFixed(0) + ' µs';
  if (ns < 999.5e6) return (ns / 1e6).toFixed(1) + ' ms';
  return (ns / 1e9).toFixed(ns < 9.95e9 ? 2 : 1) + ' s';
}

// How hot a share is beside the hottest one, 0 … 1: small shares stay visible.
function heat(share, hottest) {
  return share > 0 && hottest > 0 ? Math.min(1, Math.pow(share / hottest, 0.6)) : 0;
}

function setHeat(target, share, hottest) {
  target.style.setProperty('--heat', heat(share, hottest).toFixed(3));
  return target;
}

// A bar as long as a share of the longest, with its interval as a whisker.
function bar(share, longest, low, high) {
  const made = element('span', {class: 'meter', 'aria-hidden': 'true'});
  const fill = element('span', {class: 'fill'});
  const scale = longest > 0 ? 100 / longest : 0;
  fill.style.width = Math.min(100, share * scale).toFixed(2) + '%';
  setHeat(fill, share, longest);
  made.append(fill);
  if (low !== undefined && share > 0) {
    const whisker = element('span', {class: 'whisker'});
    whisker.style.left = Math.min(100, low * scale).toFixed(2) + '%';
    whisker.style.right = Math.max(0, 100 - high * scale).toFixed(2) + '%';
    made.append(whisker);
  }
  return made;
}

// --- the one tooltip ---

const tip = document.getElementById('tip');

function showTip(x, y, ...children) {
  replace(tip, ...children);
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = x + 14 + box.width > innerWidth ? Math.max(4, x - 14 - box.width) : x + 14;
  const top = y + 16 + box.height > innerHeight ? Math.max(4, y - 12 - box.height) : y + 16;
  tip.style.left = left + 'px';
  tip.style.top = top + 'px';
}

function hideTip() {
  tip.hidden = true;
}

// Words that all have to be in a text, in any order; case is ignored.
function matcher(query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return null;
  return (text) => {
    const lower = text.toLowerCase();
    return words.every((word) => lower.includes(word));
  };
}
