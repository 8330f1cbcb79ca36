/* bpf(2) has no wrapper in the C library. */
#include "sample/bpf.h"

#include <errno.h>
#include <linux/btf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int call_bpf(enum bpf_cmd command, union bpf_attr *attributes)
{
    return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

/* What is not filled has to be zero, paddings included. */
static void clear(union bpf_attr *attributes)
{
    memset(attributes, 0, sizeof *attributes);
}

int hop_bpf_map_create(enum bpf_map_type type, uint32_t key_bytes, uint32_t value_bytes,
                       uint32_t entries, uint32_t flags)
{
    union bpf_attr attributes;
    clear(&attributes);
    attributes.map_type = type;
    attributes.key_size = key_bytes;
    attributes.value_size = value_bytes;
    attributes.max_entries = entries;
    attributes.map_flags = flags;
    return call_bpf(BPF_MAP_CREATE, &attributes);
}

int hop_bpf_map_put(int map, const void *key, const void *value)
{
    union bpf_attr attributes;
    clear(&attributes);
    attributes.map_fd = (uint32_t)map;
    attributes.key = (uintptr_t)key;
    attributes.value = (uintptr_t)value;
    return call_bpf(BPF_MAP_UPDATE_ELEM, &attributes);
}

/* --- the assembler ---------------------------------------------------------------------------- */

void hop_bpf_emit(struct hop_bpf_code *code, uint8_t opcode, int to, int from, int offset,
                  int32_t immediate)
{
    if (code->count == HOP_BPF_INSTRUCTIONS_MAX || offset != (int16_t)offset) {
        code->is_too_long = true;
        return;
    }
    code->instructions[code->count++] = (struct bpf_insn){
        .code = opcode,
        .dst_reg = (uint8_t)to & 15,
        .src_reg = (uint8_t)from & 15,
        .off = (int16_t)offset,
        .imm = immediate,
    };
}

/* Takes the place of two instructions. */
static void emit_wide(struct hop_bpf_code *code, int to, int kind, uint32_t low, uint32_t high)
{
    hop_bpf_emit(code, BPF_LD | BPF_IMM | BPF_DW, to, kind, 0, (int32_t)low);
    hop_bpf_emit(code, 0, 0, 0, 0, (int32_t)high);
}

void hop_bpf_set_wide(struct hop_bpf_code *code, int to, uint64_t value)
{
    emit_wide(code, to, 0, (uint32_t)value, (uint32_t)(value >> 32));
}

void hop_bpf_set_map(struct hop_bpf_code *code, int to, int map)
{
    emit_wide(code, to, BPF_PSEUDO_MAP_FD, (uint32_t)map, 0);
}

void hop_bpf_set_map_memory(struct hop_bpf_code *code, int to, int map, uint32_t offset)
{
    emit_wide(code, to, BPF_PSEUDO_MAP_VALUE, (uint32_t)map, offset);
}

static void note_jump(struct hop_bpf_code *code, int label)
{
    if (code->jump_count == HOP_BPF_JUMPS_MAX) {
        code->is_too_long = true;
        return;
    }
    code->jumps[code->jump_count].at = code->count;
    code->jumps[code->jump_count++].label = label;
}

void hop_bpf_jump_if(struct hop_bpf_code *code, int condition, int left, int32_t value, int label)
{
    note_jump(code, label);
    hop_bpf_emit(code, (uint8_t)(BPF_JMP | condition | BPF_K), left, 0, 0, value);
}

void hop_bpf_jump_if_than(struct hop_bpf_code *code, int condition, int left, int right, int label)
{
    note_jump(code, label);
    hop_bpf_emit(code, (uint8_t)(BPF_JMP | condition | BPF_X), left, right, 0, 0);
}

void hop_bpf_jump(struct hop_bpf_code *code, int label)
{
    note_jump(code, label);
    hop_bpf_emit(code, BPF_JMP | BPF_JA, 0, 0, 0, 0);
}

void hop_bpf_label(struct hop_bpf_code *code, int label)
{
    code->label_at[label] = code->count;
}

void hop_bpf_set_function(struct hop_bpf_code *code, int to, int label)
{
    note_jump(code, label);
    emit_wide(code, to, BPF_PSEUDO_FUNC, 0, 0);
}

void hop_bpf_begin_function(struct hop_bpf_code *code, int label)
{
    if (code->function_count == HOP_BPF_FUNCTIONS_MAX - 1) {
        code->is_too_long = true;
        return;
    }
    code->function_at[code->function_count++] = code->count;
    hop_bpf_label(code, label);
}

static void resolve(struct hop_bpf_code *code)
{
    for (size_t i = 0; i < code->jump_count; i++) {
        struct bpf_insn *jump = &code->instructions[code->jumps[i].at];
        long to = (long)code->label_at[code->jumps[i].label];
        long distance = to - (long)code->jumps[i].at - 1;
        if (BPF_CLASS(jump->code) == BPF_LD)
            jump->imm = (int32_t)distance;
        else
            jump->off = (int16_t)distance;
    }
}

/* --- loading ---------------------------------------------------------------------------------- */

/* A function that is called back has to have a type (Documentation/bpf/btf.rst): all of them return
 * an int. */
enum { INT = 1, PROTOTYPE, MAIN, OTHER };

struct types {
    struct btf_header header;
    struct {
        struct btf_type integer;
        uint32_t encoding;
        struct btf_type prototype, main, other;
    } types;
    char names[sizeof "\0int\0main\0other"];
};
_Static_assert(sizeof(struct types) - sizeof(struct btf_header) <
                   sizeof((struct types *)0)->types + sizeof((struct types *)0)->names + 4,
               "nothing lies between types and names");

static int load_types(void)
{
    struct types types = {
        .header = {.magic = BTF_MAGIC,
                   .version = BTF_VERSION,
                   .hdr_len = sizeof(struct btf_header),
                   .type_len = sizeof types.types,
                   .str_off = sizeof types.types,
                   .str_len = sizeof types.names},
        .types =
            {
                .integer = {.name_off = 1, .info = BTF_KIND_INT << 24, .size = sizeof(int)},
                .encoding = BTF_INT_SIGNED << 24 | 8 * sizeof(int),
                .prototype = {.info = BTF_KIND_FUNC_PROTO << 24, .type = INT},
                .main = {.name_off = 5, .info = BTF_KIND_FUNC << 24, .type = PROTOTYPE},
                .other = {.name_off = 10, .info = BTF_KIND_FUNC << 24, .type = PROTOTYPE},
            },
        .names = "\0int\0main\0other",
    };
    union bpf_attr attributes;
    clear(&attributes);
    attributes.btf = (uintptr_t)&types;
    attributes.btf_size = (uint32_t)(offsetof(struct types, names) + sizeof types.names);
    return call_bpf(BPF_BTF_LOAD, &attributes);
}

int hop_bpf_load_code(struct hop_bpf_code *code)
{
    if (code->is_too_long) {
        errno = E2BIG;
        return -1;
    }
    resolve(code);
    struct bpf_func_info functions[HOP_BPF_FUNCTIONS_MAX] = {{.insn_off = 0, .type_id = MAIN}};
    for (size_t i = 0; i < code->function_count; i++)
        functions[1 + i] = (struct bpf_func_info){(uint32_t)code->function_at[i], OTHER};
    union bpf_attr attributes;
    clear(&attributes);
    attributes.prog_type = BPF_PROG_TYPE_PERF_EVENT;
    attributes.insns = (uintptr_t)code->instructions;
    attributes.insn_cnt = (uint32_t)code->count;
    /* The helpers that read a process' memory are for programs with a licence that fits. */
    attributes.license = (uintptr_t) "Dual MIT/GPL";
    int types = load_types();
    if (types < 0)
        return -1;
    attributes.prog_btf_fd = (uint32_t)types;
    attributes.func_info = (uintptr_t)functions;
    attributes.func_info_rec_size = sizeof *functions;
    attributes.func_info_cnt = (uint32_t)code->function_count + 1;
    int program = call_bpf(BPF_PROG_LOAD, &attributes), why = errno;
    close(types);
    errno = why;
    return program;
}
