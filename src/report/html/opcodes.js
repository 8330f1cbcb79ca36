// What an opcode does, in a sentence, and the colours of the classes (src/report/opcode_class.c).
'use strict';

const OPCODE_WORDS = {
  LOAD_DEREF: 'reads a variable through its cell, as an inner function uses it too: slower than a plain local',
  STORE_DEREF: 'writes a variable through its cell, as an inner function uses it too',
  LOAD_CLASSDEREF: 'looks in the class body, then in a cell',
  LOAD_FROM_DICT_OR_DEREF: 'looks in a dict, then in a cell',
  MAKE_CELL: 'allocates the cell of a variable that an inner function uses, at each call',
  COPY_FREE_VARS: 'takes the closure\'s cells into the frame, at each call',
  LOAD_CLOSURE: 'takes the cell itself, to make a function of it',
  MAKE_FUNCTION: 'allocates a function object each time it is run',
  LOAD_GLOBAL: 'looks a name up in the module, then in builtins',
  LOAD_NAME: 'looks a name up in the body\'s dict, the module and builtins: code outside of functions',
  STORE_NAME: 'writes a name into a dict: code outside of functions',
  STORE_GLOBAL: 'writes a name into the module\'s dict',
  LOAD_ATTR: 'looks an attribute or a method up',
  LOAD_METHOD: 'looks a method up',
  LOAD_SUPER_ATTR: 'looks an attribute up by super()',
  STORE_ATTR: 'writes an attribute',
  CALL: 'calls; time in C code it calls is counted here',
  CALL_KW: 'calls with keywords; time in C code it calls is counted here',
  CALL_FUNCTION_EX: 'calls with *args or **kwargs, for which it makes a tuple or dict',
  CALL_FUNCTION: 'calls; time in C code it calls is counted here',
  CALL_FUNCTION_KW: 'calls with keywords; time in C code it calls is counted here',
  CALL_METHOD: 'calls a method; time in C code it calls is counted here',
  PRECALL: 'prepares a call, and makes that of C functions',
  RESUME: 'begins a function or goes on with a generator; signals and other threads get their turn',
  BINARY_OP: 'calculates: + - * / and so on, most often into a new object',
  BINARY_SUBSCR: 'takes an item: a[b]',
  BINARY_SLICE: 'takes a slice, which copies lists and strings',
  STORE_SUBSCR: 'sets an item: a[b] = c',
  COMPARE_OP: 'compares: == < > and so on',
  CONTAINS_OP: 'asks whether it is in: of a list, one item after the other',
  TO_BOOL: 'asks whether it is true',
  BUILD_LIST: 'allocates a list',
  BUILD_TUPLE: 'allocates a tuple',
  BUILD_MAP: 'allocates a dict',
  BUILD_SET: 'allocates a set',
  BUILD_STRING: 'joins the parts of an f-string to a new string',
  FORMAT_VALUE: 'formats a value of an f-string',
  FORMAT_SIMPLE: 'formats a value of an f-string',
  FORMAT_WITH_SPEC: 'formats a value of an f-string with its own format',
  LIST_APPEND: 'adds to the list of a comprehension',
  FOR_ITER: 'gets the next item; time in the iterator\'s C code is counted here',
  GET_ITER: 'makes an iterator',
  YIELD_VALUE: 'hands a value over and leaves the generator',
  SEND: 'goes on with a generator or coroutine',
  IMPORT_NAME: 'imports: also of what is there already, it looks',
  RAISE_VARARGS: 'raises an exception',
  PUSH_EXC_INFO: 'begins to handle an exception',
  UNPACK_SEQUENCE: 'unpacks a tuple or list into variables',
  JUMP_BACKWARD: 'goes back to the loop\'s head; signals and other threads get their turn',
};

// "LOAD_ATTR_INSTANCE_VALUE" of LOAD_ATTR: "instance value"; of itself: "general".
function formName(form, base) {
  if (form === base) return 'general form';
  const rest = form.startsWith(base + '_') ? form.slice(base.length + 1) : form;
  return rest.toLowerCase().replaceAll('_', ' ');
}

// Hue and saturation of a class, for dots and for instructions in the flame graph.
const CLASS_COLOURS = {
  closure: [285, 55], allocation: [340, 65], attribute: [205, 65], subscript: [230, 50],
  global: [42, 80], local: [215, 12], call: [140, 42], arithmetic: [22, 75], compare: [12, 50],
  format: [325, 40], iteration: [172, 50], matching: [305, 35], exception: [2, 65],
  'control flow': [90, 25], import: [58, 60], async: [190, 45], stack: [215, 12],
  interpreter: [0, 0], other: [0, 0],
};

function classColour(name, lightness) {
  const [hue, saturation] = CLASS_COLOURS[name] || CLASS_COLOURS.other;
  return `hsl(${hue} ${saturation}% ${lightness}%)`;
}

// The opcode's name with the dot of its class and the sentence about it.
function opcodeTag(model, row) {
  const {rows, strings} = model.profile;
  const base = strings[rows.base[row]], kind = model.opcodeClassOf(row);
  const dot = element('i', {class: 'dot', 'aria-hidden': 'true'});
  dot.style.background = classColour(kind, 52);
  const words = OPCODE_WORDS[base];
  return element('span', {class: 'opcode mono', title: kind + (words ? ': ' + words : '')}, dot, base);
}

// "instance value 98%, general form 2%"; nothing where an opcode has one form only.
function formTags(model, place) {
  const forms = model.forms(place);
  if (!forms.length || forms.length === 1 && forms[0].isBase) return [];
  return forms.slice(0, 3).map((form) => element('span', {
    class: form.isBase ? 'form general' : 'form', title: form.name,
  }, form.words, forms.length > 1 ? ' ' + percent(form.share) : ''));
}
