// How the sampling went: what the text report's heading says, in its words.
'use strict';

class Sampling {
  constructor(app) {
    this.app = app;
    this.view = element('div', {class: 'sampling'});
  }

  render() {
    const {head} = this.app.model.profile, looks = head.samples + head.refused_total;
    const [target, samples, ...rest] = head.heading;
    const facts = rest.map((line) => {
      const at = line.indexOf(': ');
      return at > 0 && at < 12 && !line.startsWith(' ') ? [line.slice(0, at), line.slice(at + 2)] : ['', line.trim()];
    });
    replace(this.view,
        element('h2', {}, 'The run'),
        element('p', {class: 'mono wrap'}, target), element('p', {}, samples),
        head.started_s ? element('p', {class: 'quiet'}, 'Sampling began ', new Date(head.started_s * 1000).toLocaleString(), '.') : '',
        element('h2', {}, 'How it was looked at'),
        element('dl', {class: 'facts'}, facts.map(([name, words]) => [element('dt', {}, name), element('dd', {}, words)])),
        head.refused.length ? [element('h2', {}, 'Refused ', element('small', {}, percent(head.refused_total / looks), ' of what was looked at')),
          element('table', {'aria-label': 'Refused'}, element('tbody', {}, head.refused.map((refusal) => element('tr', {},
              element('td', {class: 'number strong'}, count(refusal.count)),
              element('td', {}, bar(refusal.count, head.refused[0].count)),
              element('td', {}, refusal.words)))))] : '',
        element('h2', {}, 'How to read the shares'),
        element('p', {class: 'prose'}, 'A share is the part of ', head.has_weights ? 'the time that all samples stand for' : 'all samples',
            ' in which an instruction was under way, time in C code that it called included. Its 95% interval tells how far it would vary if the same program were sampled again for as long; it widens where samples hang together in time. Intervals are of all threads together.'),
        element('p', {class: 'prose'}, 'Total: with it anywhere on the stack, each sample counted once.'),
        head.codes_left_out ? element('p', {class: 'prose'}, 'The bytecode and source of ', count(head.codes_left_out),
            ' little used code objects had no place in this page.') : '',
        head.files_cut ? element('p', {class: 'prose'}, 'Of ', count(head.files_cut), head.files_cut === 1 ? ' source file' : ' source files',
            ' not all of the text had a place in this page.') : '',
        element('p', {class: 'quiet'}, 'Written by heavyops ', head.heavyops, '.'));
  }

  search() {
    return null;
  }
}
