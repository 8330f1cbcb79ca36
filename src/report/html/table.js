// A table of many rows: sorted by its columns, walked through with the keyboard, with as many rows
// in the page as were scrolled to.
'use strict';

const ROWS_AT_ONCE = 120;

// columns: [{name, title, value(row): number or string to sort by, cell(row): what is shown,
// isNumber, isFirstUp}]; open(row) is called on Enter and click.
class Table {
  constructor({label, columns, open, sortBy}) {
    this.columns = columns;
    this.open = open;
    this.sortBy = sortBy;
    this.isDown = true;
    this.rows = [];
    this.heads = columns.map((column, i) => element('th', {
      scope: 'col', class: column.isNumber ? 'number' : column.name, title: column.title,
    }, element('button', {type: 'button', onclick: () => this.sort(i)}, column.name)));
    this.body = element('tbody', {onkeydown: (event) => this.key(event),
                                  onclick: (event) => this.click(event)});
    this.foot = element('p', {class: 'quiet more'});
    this.view = element('div', {class: 'table-view'},
        element('table', {'aria-label': label},
            element('thead', {}, element('tr', {}, this.heads)), this.body), this.foot);
    this.view.addEventListener('scroll', () => {
      if (this.view.scrollTop + this.view.clientHeight > this.view.scrollHeight - 400) this.more();
    });
  }

  sort(index) {
    this.isDown = this.sortBy === index ? !this.isDown : !!this.columns[index].isNumber;
    this.sortBy = index;
    this.show(this.rows);
  }

  show(rows) {
    const {value} = this.columns[this.sortBy], sign = this.isDown ? -1 : 1;
    const keyed = rows.map((row) => [value(row), row]);
    keyed.sort((a, b) => a[0] < b[0] ? -sign : a[0] > b[0] ? sign : 0);
    this.rows = keyed.map(([, row]) => row);
    this.heads.forEach((head, i) => {
      if (i === this.sortBy) head.setAttribute('aria-sort', this.isDown ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    });
    this.body.textContent = '';
    this.view.scrollTop = 0;
    this.more();
  }

  more() {
    const first = this.body.children.length;
    for (const row of this.rows.slice(first, first + ROWS_AT_ONCE)) {
      const line = element('tr', {tabindex: this.body.children.length ? -1 : 0},
          this.columns.map((column) => element('td', {
            class: column.isNumber ? 'number ' + (column.kind || '') : column.name,
          }, column.cell(row))));
      this.body.append(line);
    }
    const left = this.rows.length - this.body.children.length;
    this.foot.textContent = left > 0 ? count(left) + ' more rows below' :
        this.rows.length ? '' : 'Nothing here.';
  }

  rowAt(line) {
    return this.rows[[...this.body.children].indexOf(line)];
  }

  click(event) {
    const line = event.target.closest('tr');
    if (line && !event.target.closest('button') && !String(getSelection())) this.open(this.rowAt(line));
  }

  key(event) {
    const line = event.target.closest('tr');
    const go = {ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling'}[event.key];
    if (!line || event.target !== line) return;
    if (event.key === 'Enter') {
      this.open(this.rowAt(line));
    } else if (go || event.key === 'Home' || event.key === 'End') {
      if (go === 'nextElementSibling' && !line.nextElementSibling) this.more();
      const next = go ? line[go] : event.key === 'Home' ? this.body.firstChild : this.body.lastChild;
      if (next) {
        line.tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
      }
    } else {
      return;
    }
    event.preventDefault();
  }
}
