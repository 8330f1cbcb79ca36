"""Prints what the arguments of the running interpreter's opcodes stand for: the lines `argument`,
`operand` and `form` of an offsets/ file. It asks the interpreter's own opcode and dis modules."""

import dis
import opcode
import sys

VERSION = sys.version_info[:2]

# Flags beside the index of a name, and how dis shows them: {} is the name.
if VERSION >= (3, 13):
    NULL, METHOD = "{} + NULL", "{} + NULL|self"
else:
    NULL, METHOD = "NULL + {}", "NULL|self + {}"
NAMES_WITH_FLAGS = {  # opcode: (first version, shift, forms)
    "LOAD_GLOBAL": ((3, 11), 1, [(1, NULL)]),
    "LOAD_ATTR": ((3, 12), 1, [(1, METHOD)]),
    "LOAD_SUPER_ATTR": ((3, 12), 2, [(1, METHOD)]),
    "IMPORT_NAME": ((3, 15), 2, [(1, "{} + lazy"), (2, "{} + eager")]),
}
PAIRS = (
    "LOAD_FAST_LOAD_FAST",
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW",
    "STORE_FAST_LOAD_FAST",
    "STORE_FAST_STORE_FAST",
)
CONVERSIONS = {1: "str", 2: "repr", 3: "ascii"}
FUNCTION_FLAGS = getattr(dis, "FUNCTION_ATTR_FLAGS", None) or dis.MAKE_FUNCTION_FLAGS


def constant_text(value):
    return value.__name__ if isinstance(value, type) else repr(value)


def lists():
    """What a number itself stands for, by the name of the list."""
    yield "compare", dict(enumerate(opcode.cmp_op))
    if VERSION >= (3, 9):
        yield "identity", {0: "is", 1: "is not"}
        yield "containment", {0: "in", 1: "not in"}
    yield "conversion", CONVERSIONS
    flags = {}
    for number in range(1, 1 << len(FUNCTION_FLAGS)):
        bits = [i for i in range(len(FUNCTION_FLAGS)) if number >> i & 1]
        if VERSION < (3, 13) or len(bits) == 1:  # one at a time since SET_FUNCTION_ATTRIBUTE
            flags[number] = ", ".join(FUNCTION_FLAGS[i] for i in bits)
    yield "function", flags
    if VERSION >= (3, 11):
        yield "binary", {i: text for i, (_, text) in enumerate(opcode._nb_ops)}
    if VERSION >= (3, 12):
        yield "intrinsic-1", dict(enumerate(opcode._intrinsic_1_descs))
        yield "intrinsic-2", dict(enumerate(opcode._intrinsic_2_descs))
    if VERSION >= (3, 14):
        yield "common-constant", dict(enumerate(map(constant_text, opcode._common_constants)))
        yield "special-method", dict(enumerate(opcode._special_method_names))


LIST_OF = {
    "IS_OP": "identity",
    "CONTAINS_OP": "containment",
    "FORMAT_VALUE": "conversion",
    "CONVERT_VALUE": "conversion",
    "MAKE_FUNCTION": "function",
    "SET_FUNCTION_ATTRIBUTE": "function",
    "BINARY_OP": "binary",
    "CALL_INTRINSIC_1": "intrinsic-1",
    "CALL_INTRINSIC_2": "intrinsic-2",
    "LOAD_COMMON_CONSTANT": "common-constant",
    "LOAD_SPECIAL": "special-method",
}


def jump(name, number):
    in_bytes = "-bytes" if VERSION < (3, 10) else ""
    if name == "END_ASYNC_FOR":
        return "source"
    if number in dis.hasjabs:
        return "absolute" + in_bytes
    is_backward = hasattr(dis, "_is_backward_jump") and dis._is_backward_jump(number)
    return "backward" if is_backward else "forward" + in_bytes


def argument(name, number):
    """The kind of an opcode's argument, the shift, the forms; None: a plain number or none."""
    if name == "LOAD_SMALL_INT":
        return None  # dis lists it among the constants, and shows nothing
    if name in NAMES_WITH_FLAGS and VERSION >= NAMES_WITH_FLAGS[name][0]:
        return ("name",) + NAMES_WITH_FLAGS[name][1:]
    if name in PAIRS:
        return "locals", 0, []
    if name == "COMPARE_OP":
        if VERSION >= (3, 13):
            return "compare", 5, [(16, "bool({})")]
        return "compare", 4 if VERSION >= (3, 12) else 0, []
    if name == "FORMAT_VALUE":
        return "conversion", 0, [(4, "{}, with format")]
    if name == "MAKE_FUNCTION" and VERSION >= (3, 13):
        return None
    if name in LIST_OF:
        return LIST_OF[name], 0, []
    if number in dis.hasconst:
        return "constant", 0, []
    if number in dis.hasname:
        return "name", 0, []
    if number in dis.hasjrel or number in dis.hasjabs:
        return jump(name, number), 0, []
    if number in dis.hasfree:
        return "cell" if VERSION < (3, 11) else "local", 0, []
    if number in dis.haslocal:
        return "local", 0, []
    return None


def main():
    seen = set()
    for name, number in sorted(opcode.opmap.items(), key=lambda item: item[1]):
        if number > 255 or name.startswith("INSTRUMENTED_") or number < opcode.HAVE_ARGUMENT:
            continue
        found = argument(name, number)
        if found is None:
            continue
        kind, shift, forms = found
        seen.add(kind)
        print("argument %s %s%s" % (name, kind, " shift %d" % shift if shift else ""))
        for mask, text in forms:
            print("form %s %d %s" % (name, mask, text))
    for kind, texts in lists():
        if kind in seen:
            for number, text in sorted(texts.items()):
                print("operand %s %d %s" % (kind, number, text))


main()
