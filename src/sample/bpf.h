/* The kernel's own programs (bpf(2)): maps, loading, and a small assembler. A program of ours runs
 * in an interrupt; it can only do what the kernel's verifier has found to be safe, which includes
 * that it ends and that it touches no memory of the kernel's but its maps. */
#ifndef HOP_SAMPLE_BPF_H
#define HOP_SAMPLE_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All return a descriptor, or -1 with errno. */
int hop_bpf_map_create(enum bpf_map_type type, uint32_t key_bytes, uint32_t value_bytes,
                       uint32_t entries, uint32_t flags);

/* 0, or -1 with errno. */
int hop_bpf_map_put(int map, const void *key, const void *value);

/* --- the assembler ----------------------------------------------------------------------------
 * One function an instruction, named as in the kernel's bpf_design_QA and instruction-set.rst.
 * Registers: 0 is a call's result, 1 to 5 its arguments and lost by it, 6 to 9 are kept, 10 is the
 * end of the stack. Labels are small numbers, and are set once; jumps may go either way. */

enum {
    HOP_BPF_INSTRUCTIONS_MAX = 2048,
    HOP_BPF_JUMPS_MAX = 256,
    HOP_BPF_LABELS_MAX = 128,
    HOP_BPF_FUNCTIONS_MAX = 5 /* with the main one */
};

struct hop_bpf_code {
    struct bpf_insn instructions[HOP_BPF_INSTRUCTIONS_MAX];
    size_t count, jump_count;
    struct {
        size_t at;
        int label;
    } jumps[HOP_BPF_JUMPS_MAX];
    size_t label_at[HOP_BPF_LABELS_MAX];
    size_t function_at[HOP_BPF_FUNCTIONS_MAX], function_count; /* behind the main one */
    bool is_too_long; /* something did not fit: the program is not to be loaded */
};

void hop_bpf_emit(struct hop_bpf_code *code, uint8_t opcode, int to, int from, int offset,
                  int32_t immediate);

static inline void hop_bpf_move(struct hop_bpf_code *code, int to, int from)
{
    hop_bpf_emit(code, BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0);
}

static inline void hop_bpf_set(struct hop_bpf_code *code, int to, int32_t value)
{
    hop_bpf_emit(code, BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value);
}

/* `operation`: BPF_ADD, BPF_SUB, BPF_AND, BPF_LSH, BPF_RSH, BPF_ARSH, BPF_MUL, BPF_XOR, BPF_OR. */
static inline void hop_bpf_compute(struct hop_bpf_code *code, int operation, int to, int from)
{
    hop_bpf_emit(code, (uint8_t)(BPF_ALU64 | operation | BPF_X), to, from, 0, 0);
}

static inline void hop_bpf_compute_with(struct hop_bpf_code *code, int operation, int to,
                                        int32_t value)
{
    hop_bpf_emit(code, (uint8_t)(BPF_ALU64 | operation | BPF_K), to, 0, 0, value);
}

/* `size`: BPF_B, BPF_W, BPF_DW; from or to the memory at `base` + offset. */
static inline void hop_bpf_load(struct hop_bpf_code *code, int size, int to, int base, long offset)
{
    hop_bpf_emit(code, (uint8_t)(BPF_LDX | BPF_MEM | size), to, base, (int)offset, 0);
}

static inline void hop_bpf_store(struct hop_bpf_code *code, int size, int base, long offset,
                                 int from)
{
    hop_bpf_emit(code, (uint8_t)(BPF_STX | BPF_MEM | size), base, from, (int)offset, 0);
}

static inline void hop_bpf_store_value(struct hop_bpf_code *code, int size, int base, size_t offset,
                                       int32_t value)
{
    hop_bpf_emit(code, (uint8_t)(BPF_ST | BPF_MEM | size), base, 0, (int)offset, value);
}

/* 64 bits; a map; the memory of the one element of an array map. */
void hop_bpf_set_wide(struct hop_bpf_code *code, int to, uint64_t value);
void hop_bpf_set_map(struct hop_bpf_code *code, int to, int map);
void hop_bpf_set_map_memory(struct hop_bpf_code *code, int to, int map, uint32_t offset);

/* `condition`: BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JGE, BPF_JLT, BPF_JSET, of `left` and a value or a
 * register; BPF_JA: always. */
void hop_bpf_jump_if(struct hop_bpf_code *code, int condition, int left, int32_t value, int label);
void hop_bpf_jump_if_than(struct hop_bpf_code *code, int condition, int left, int right, int label);
void hop_bpf_jump(struct hop_bpf_code *code, int label);
void hop_bpf_label(struct hop_bpf_code *code, int label);

static inline void hop_bpf_call(struct hop_bpf_code *code, enum bpf_func_id function)
{
    hop_bpf_emit(code, BPF_JMP | BPF_CALL, 0, 0, 0, (int32_t)function);
}

/* The function that begins at `label`, as an argument of a call. */
void hop_bpf_set_function(struct hop_bpf_code *code, int to, int label);

/* A function is over, and another one begins here: that at `label`, which returns an int. */
void hop_bpf_begin_function(struct hop_bpf_code *code, int label);

/* Calls the function at `label` until it returns other than 0, or as often as register `most` says.
 * Since Linux 5.17. */
static inline void hop_bpf_loop(struct hop_bpf_code *code, int most, int label)
{
    if (most != 1)
        hop_bpf_move(code, 1, most);
    hop_bpf_set_function(code, 2, label);
    hop_bpf_set(code, 3, 0);
    hop_bpf_set(code, 4, 0);
    hop_bpf_call(code, BPF_FUNC_loop);
}

static inline void hop_bpf_return(struct hop_bpf_code *code, int32_t value)
{
    hop_bpf_set(code, 0, value);
    hop_bpf_emit(code, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Resolves the jumps and loads it as a program for perf events: a descriptor, or -1 with errno. */
int hop_bpf_load_code(struct hop_bpf_code *code);

#endif
