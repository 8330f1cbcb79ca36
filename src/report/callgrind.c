/* A profile in the format of callgrind, for KCachegrind and callgrind_annotate: code objects are
 * its functions, bytecode is its machine code. An address is a number of our own for the code
 * object, and the offset in it, so that no two instructions have the same; what stands there is
 * said in the comment above it.
 *
 * Its readers take the sum of all calls into a function for the time in it and below. So a sample
 * counts once for each function on its stack, at the outermost call of it, however often it recurs.
 * A function that calls itself has a call that costs nothing more; a call back into one that waits
 * further out (a calls b calls a) is left out, for it would make a cycle, whose members' times its
 * readers cannot tell. What no instruction calls, the outermost functions, is called by a function
 * "<all threads>", or by one for each thread.
 *
 * Nobody counts calls. What stands for their number is how many samples saw one. */
#include "report/format.h"

#include "base/escape.h"
#include "base/id_table.h"
#include "report/stacks.h"
#include "report/xml.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ADDRESS = 0x1000, ALIGNMENT = 16 };

struct cost {
    uint64_t samples, ns;
};

/* A code object, or several of the same name, file and line; or what calls the outermost ones. */
struct function {
    uint32_t frame;                    /* one of it; of a thread */
    bool is_root;                      /* no code object */
    bool is_ambiguous;                 /* another one of the file has the same name */
    uint32_t file;                     /* a number of ours; 0: none */
    uint32_t first_place, place_count; /* of `places`: its instructions */
};

/* Calls from one instruction to one function. */
struct edge {
    uint32_t caller; /* a frame; UINT32_MAX: of "<all threads>" */
    uint32_t callee; /* a function */
    uint64_t seen;
    struct cost cost;
};

struct callgrind {
    struct hop_stacks stacks;
    struct cost *totals;   /* by node: with all below it */
    struct cost *self_of;  /* by frame */
    uint32_t *function_of; /* by frame */
    uint32_t *places;      /* frames of instructions by function and offset */
    size_t place_count;
    struct function *functions;
    size_t function_count;
    bool *is_named; /* by function, and for "<all threads>": its name has been written */
    bool *has_named_file, *has_named_object; /* by number of a file */
    uint64_t *base_of;                       /* by code object: where its instructions begin */
    struct edge *edges;
    size_t edge_count, edge_room;
    struct hop_id_table edge_of; /* by caller and callee */
    bool has_threads;            /* they call the outermost functions */
    FILE *stream;
};

static const struct hop_instruction *row_of(const struct callgrind *callgrind, uint32_t frame)
{
    return hop_frame_instruction(&callgrind->stacks, &callgrind->stacks.frames[frame]);
}

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_name(const struct hop_instruction *a, const struct hop_instruction *b)
{
    int order = strcmp(a->file, b->file);
    return order ? order : strcmp(a->function, b->function);
}

static int by_function(const void *left, const void *right, void *of)
{
    const struct callgrind *callgrind = of;
    const struct hop_instruction *a = row_of(callgrind, *(const uint32_t *)left);
    const struct hop_instruction *b = row_of(callgrind, *(const uint32_t *)right);
    int order = by_name(a, b);
    if (!order)
        order = compare_numbers(a->first_line, b->first_line);
    if (!order)
        order = compare_numbers(a->code, b->code);
    return order ? order : compare_numbers(a->offset, b->offset);
}

/* Sorts the frames of instructions into functions. */
static void find_functions(struct callgrind *callgrind)
{
    const struct hop_stacks *stacks = &callgrind->stacks;
    uint32_t files = 0;
    for (uint32_t i = 0; i < stacks->frame_count; i++) {
        if (row_of(callgrind, i)) {
            callgrind->places[callgrind->place_count++] = i;
        } else {
            callgrind->function_of[i] = (uint32_t)callgrind->function_count;
            callgrind->functions[callgrind->function_count++] =
                (struct function){.frame = i, .is_root = true};
        }
    }
    qsort_r(callgrind->places, callgrind->place_count, sizeof *callgrind->places, by_function,
            callgrind);
    for (uint32_t i = 0; i < callgrind->place_count; i++) {
        const struct hop_instruction *row = row_of(callgrind, callgrind->places[i]), *last = NULL;
        if (i)
            last = row_of(callgrind, callgrind->places[i - 1]);
        bool has_same_name = last && by_name(last, row) == 0;
        if (!has_same_name || last->first_line != row->first_line) {
            struct function *function = &callgrind->functions[callgrind->function_count++];
            bool is_new_file = !last || strcmp(last->file, row->file) != 0;
            files += is_new_file;
            *function =
                (struct function){.frame = callgrind->places[i], .first_place = i, .file = files};
            if (has_same_name)
                function[-1].is_ambiguous = function->is_ambiguous = true;
        }
        struct function *of = &callgrind->functions[callgrind->function_count - 1];
        of->place_count++;
        callgrind->function_of[callgrind->places[i]] = (uint32_t)callgrind->function_count - 1;
    }
}

/* Gives each code object its addresses, whose rows there may be none of. */
static void find_addresses(struct callgrind *callgrind)
{
    const struct hop_profile *profile = callgrind->stacks.profile;
    uint64_t address = FIRST_ADDRESS;
    for (size_t i = 0; i < profile->code_count; i++)
        if (profile->codes[i].op_count)
            callgrind->base_of[i] = profile->codes[i].ops[profile->codes[i].op_count - 1].offset;
    for (size_t i = 0; i < profile->instruction_count; i++) {
        const struct hop_instruction *row = &profile->instructions[i];
        if (row->code < profile->code_count && callgrind->base_of[row->code] < row->offset)
            callgrind->base_of[row->code] = row->offset;
    }
    for (size_t i = 0; i < profile->code_count; i++) { /* so far the largest offset */
        uint64_t size = callgrind->base_of[i] / ALIGNMENT * ALIGNMENT + ALIGNMENT;
        callgrind->base_of[i] = address;
        address += size;
    }
}

static uint64_t address_of(const struct callgrind *callgrind, const struct hop_instruction *row)
{
    bool is_known = row->code < callgrind->stacks.profile->code_count;
    return (is_known ? callgrind->base_of[row->code] : 0) + row->offset;
}

static void add_totals(struct callgrind *callgrind)
{
    const struct hop_stack_node *nodes = callgrind->stacks.nodes;
    for (size_t i = 0; i < callgrind->stacks.node_count; i++)
        callgrind->totals[i] = (struct cost){nodes[i].self, nodes[i].self_ns};
    for (size_t i = callgrind->stacks.node_count; i-- > 1;) {
        callgrind->totals[nodes[i].parent].samples += callgrind->totals[i].samples;
        callgrind->totals[nodes[i].parent].ns += callgrind->totals[i].ns;
        callgrind->self_of[nodes[i].frame].samples += nodes[i].self;
        callgrind->self_of[nodes[i].frame].ns += nodes[i].self_ns;
    }
}

/* The edge from `caller` to `callee`, made if it is new; NULL: out of memory. */
static struct edge *find_edge(struct callgrind *callgrind, uint32_t caller, uint32_t callee)
{
    uint64_t key = (uint64_t)caller << 32 | callee;
    uint32_t number = hop_id_table_get(&callgrind->edge_of, key);
    if (number != HOP_NO_ID)
        return &callgrind->edges[number];
    if (callgrind->edge_count == callgrind->edge_room) {
        size_t room = 2 * callgrind->edge_room + 64;
        struct edge *edges = realloc(callgrind->edges, room * sizeof *edges);
        if (!edges)
            return NULL;
        callgrind->edges = edges;
        callgrind->edge_room = room;
    }
    if (!hop_id_table_put(&callgrind->edge_of, key, (uint32_t)callgrind->edge_count))
        return NULL;
    struct edge *edge = &callgrind->edges[callgrind->edge_count++];
    *edge = (struct edge){.caller = caller, .callee = callee};
    return edge;
}

/* Notes the call that `node` is of; `is_open` by function: it is further out on the stack. */
static bool add_call(struct callgrind *callgrind, uint32_t node, const uint32_t *is_open)
{
    const struct hop_stack_node *nodes = callgrind->stacks.nodes;
    uint32_t parent = nodes[node].parent, callee = callgrind->function_of[nodes[node].frame];
    uint32_t caller = parent ? nodes[parent].frame : UINT32_MAX;
    bool calls_itself = parent && callgrind->function_of[caller] == callee;
    if (callgrind->functions[callee].is_root || (is_open[callee] && !calls_itself))
        return true;
    struct edge *edge = find_edge(callgrind, caller, callee);
    if (!edge)
        return false;
    edge->seen += callgrind->totals[node].samples;
    if (!is_open[callee]) {
        edge->cost.samples += callgrind->totals[node].samples;
        edge->cost.ns += callgrind->totals[node].ns;
    }
    return true;
}

static bool add_calls(struct callgrind *callgrind)
{
    const struct hop_stacks *stacks = &callgrind->stacks;
    uint32_t *is_open = calloc(callgrind->function_count + 1, sizeof *is_open);
    bool has_memory = is_open != NULL;
    uint32_t last = 0;
    for (uint32_t node = hop_stacks_next(stacks, 0, 0); has_memory && node != 0;
         node = hop_stacks_next(stacks, 0, node)) {
        for (; last != stacks->nodes[node].parent; last = stacks->nodes[last].parent)
            is_open[callgrind->function_of[stacks->nodes[last].frame]]--;
        has_memory = add_call(callgrind, node, is_open);
        is_open[callgrind->function_of[stacks->nodes[node].frame]]++;
        last = node;
    }
    free(is_open);
    return has_memory;
}

/* By where the caller's function is printed, then its instruction. */
static int by_caller(const void *left, const void *right, void *of)
{
    const struct callgrind *callgrind = of;
    const struct edge *a = left, *b = right;
    int order = compare_numbers(a->caller == UINT32_MAX, b->caller == UINT32_MAX);
    if (!order && a->caller != UINT32_MAX) {
        order =
            compare_numbers(callgrind->function_of[a->caller], callgrind->function_of[b->caller]);
        if (!order && a->caller != b->caller)
            order = by_function(&a->caller, &b->caller, of);
    }
    return order ? order : compare_numbers(a->callee, b->callee);
}

/* --- writing ---------------------------------------------------------------------------------- */

static void print_cost(const struct callgrind *callgrind, const struct cost *cost)
{
    bool has_weights = callgrind->stacks.profile->has_weights;
    hop_print_count(callgrind->stream, has_weights ? cost->ns : cost->samples);
    putc(' ', callgrind->stream);
    hop_print_count(callgrind->stream, has_weights ? cost->samples : cost->ns);
    putc('\n', callgrind->stream);
}

/* "KEY=(NUMBER) NAME", later only the number. So a name that looks like a number in brackets is one
 * all the same. */
static void print_name(FILE *stream, const char *key, uint32_t number, bool *is_named,
                       const char *name, int line)
{
    fprintf(stream, "%s=(%u)", key, number + 1);
    if (!*is_named) {
        putc(' ', stream);
        hop_print_escaped(stream, *name ? name : "???");
        if (line)
            fprintf(stream, ":%d", line);
    }
    *is_named = true;
    putc('\n', stream);
}

static void print_file(const struct callgrind *callgrind, const struct function *function,
                       const char *object_key, const char *key)
{
    const char *file = function->is_root ? "" : row_of(callgrind, function->frame)->file;
    print_name(callgrind->stream, object_key, function->file,
               &callgrind->has_named_object[function->file], file, 0);
    print_name(callgrind->stream, key, function->file, &callgrind->has_named_file[function->file],
               file, 0);
}

static bool print_function(const struct callgrind *callgrind, const char *key, uint32_t number)
{
    const struct function *function = &callgrind->functions[number];
    bool *is_named = &callgrind->is_named[number];
    if (!function->is_root) {
        const struct hop_instruction *row = row_of(callgrind, function->frame);
        print_name(callgrind->stream, key, number, is_named, row->function,
                   function->is_ambiguous ? row->first_line : 0);
        return true;
    }
    const struct hop_frame *thread = &callgrind->stacks.frames[function->frame];
    size_t size = hop_frame_label(&callgrind->stacks, thread, NULL, NULL, 0) + 1;
    char *label = malloc(size);
    if (!label)
        return false;
    hop_frame_label(&callgrind->stacks, thread, NULL, label, size);
    print_name(callgrind->stream, key, number, is_named, label, 0);
    free(label);
    return true;
}

static void print_position(const struct callgrind *callgrind, uint32_t frame)
{
    const struct hop_instruction *row = frame == UINT32_MAX ? NULL : row_of(callgrind, frame);
    fprintf(callgrind->stream, "0x%llx %d ",
            row ? (unsigned long long)address_of(callgrind, row) : 0,
            row ? callgrind->stacks.frames[frame].line : 0);
}

/* `file` is the caller's. */
static bool print_call(const struct callgrind *callgrind, const struct edge *edge, uint32_t file)
{
    const struct function *callee = &callgrind->functions[edge->callee];
    const struct hop_instruction *row = row_of(callgrind, callee->frame);
    FILE *stream = callgrind->stream;
    if (callee->file != file)
        print_file(callgrind, callee, "cob", "cfi");
    if (!print_function(callgrind, "cfn", edge->callee))
        return false;
    fputs("calls=", stream);
    hop_print_count(stream, edge->seen);
    fprintf(stream, " 0x%llx %d\n", (unsigned long long)(address_of(callgrind, row) - row->offset),
            row->first_line);
    print_position(callgrind, edge->caller);
    print_cost(callgrind, &edge->cost);
    return true;
}

/* "# ADDRESS: OFFSET OPCODE OPARG (ARGUMENT)", the offset in hexadecimal, as if it were the bytes.
 */
static void print_op(FILE *stream, uint64_t base, const struct hop_profile_op *op)
{
    fprintf(stream, op->offset > 0xffff ? "# %llx:\t%08x " : "# %llx:\t%04x ",
            (unsigned long long)(base + op->offset), op->offset);
    hop_print_escaped(stream, op->opcode);
    if (op->oparg >= 0)
        fprintf(stream, " %lld", (long long)op->oparg);
    if (*op->argument) {
        fputs(" (", stream);
        hop_print_escaped(stream, op->argument);
        putc(')', stream);
    }
    putc('\n', stream);
}

/* The bytecode of a function's code objects, as objdump would print it, in comments. */
static void print_bytecode(const struct callgrind *callgrind, const struct function *function)
{
    const struct hop_profile *profile = callgrind->stacks.profile;
    uint32_t last = UINT32_MAX;
    for (uint32_t i = 0; i < function->place_count; i++) {
        uint32_t number = row_of(callgrind, callgrind->places[function->first_place + i])->code;
        if (number == last || number >= profile->code_count)
            continue;
        last = number;
        for (size_t j = 0; j < profile->codes[number].op_count; j++)
            print_op(callgrind->stream, callgrind->base_of[number], &profile->codes[number].ops[j]);
    }
}

/* A function with its instructions, and the calls from them: from *edge on. */
static bool print_block(const struct callgrind *callgrind, uint32_t number, size_t *edge)
{
    const struct function *function = &callgrind->functions[number];
    FILE *stream = callgrind->stream;
    putc('\n', stream);
    print_file(callgrind, function, "ob", "fl"); /* there is no other object than the file */
    if (!print_function(callgrind, "fn", number))
        return false;
    if (!function->is_root)
        print_bytecode(callgrind, function);
    size_t count = function->is_root ? 1 : function->place_count;
    for (size_t i = 0; i < count; i++) {
        uint32_t place =
            function->is_root ? function->frame : callgrind->places[function->first_place + i];
        const struct cost *self = &callgrind->self_of[place];
        if (self->samples || self->ns) {
            print_position(callgrind, place);
            print_cost(callgrind, self);
        }
        for (; *edge < callgrind->edge_count && callgrind->edges[*edge].caller == place; ++*edge)
            if (!print_call(callgrind, &callgrind->edges[*edge], function->file))
                return false;
    }
    return true;
}

static bool print_document(const struct callgrind *callgrind)
{
    const struct hop_profile *profile = callgrind->stacks.profile;
    FILE *stream = callgrind->stream;
    size_t edge = 0;
    fprintf(stream,
            "# callgrind format\nversion: 1\ncreator: heavyops " HOP_VERSION "\npid: %d\ncmd: ",
            profile->pid);
    hop_print_escaped(stream, profile->command_line);
    fputs("\ndesc: Python: ", stream);
    hop_print_escaped(stream, profile->python);
    fprintf(stream,
            "\npositions: instr line\nevent: Samples : Samples\nevent: Time : Nanoseconds\n"
            "events: %s\nsummary: ",
            profile->has_weights ? "Time Samples" : "Samples Time");
    print_cost(callgrind, &callgrind->totals[0]);
    for (uint32_t i = 0; i < callgrind->function_count; i++)
        if ((callgrind->has_threads || !callgrind->functions[i].is_root) &&
            !print_block(callgrind, i, &edge))
            return false;
    if (edge < callgrind->edge_count) {
        static const struct function nowhere = {.is_root = true};
        uint32_t number = (uint32_t)callgrind->function_count;
        putc('\n', stream);
        print_file(callgrind, &nowhere, "ob", "fl");
        print_name(stream, "fn", number, &callgrind->is_named[number], "<all threads>", 0);
    }
    for (; edge < callgrind->edge_count; edge++)
        if (!print_call(callgrind, &callgrind->edges[edge], 0))
            return false;
    return true;
}

static bool compute(struct callgrind *callgrind)
{
    const struct hop_stacks *stacks = &callgrind->stacks;
    size_t frames = stacks->frame_count + 1;
    callgrind->totals = calloc(stacks->node_count, sizeof *callgrind->totals);
    callgrind->self_of = calloc(frames, sizeof *callgrind->self_of);
    callgrind->function_of = calloc(frames, sizeof *callgrind->function_of);
    callgrind->places = calloc(frames, sizeof *callgrind->places);
    callgrind->functions = calloc(frames, sizeof *callgrind->functions);
    callgrind->is_named = calloc(frames, sizeof *callgrind->is_named);
    callgrind->has_named_file = calloc(frames, sizeof *callgrind->has_named_file);
    callgrind->has_named_object = calloc(frames, sizeof *callgrind->has_named_object);
    callgrind->base_of = calloc(stacks->profile->code_count + 1, sizeof *callgrind->base_of);
    if (!callgrind->totals || !callgrind->self_of || !callgrind->function_of ||
        !callgrind->places || !callgrind->functions || !callgrind->is_named ||
        !callgrind->has_named_file || !callgrind->has_named_object || !callgrind->base_of)
        return false;
    find_functions(callgrind);
    find_addresses(callgrind);
    add_totals(callgrind);
    if (!add_calls(callgrind))
        return false;
    if (callgrind->edge_count)
        qsort_r(callgrind->edges, callgrind->edge_count, sizeof *callgrind->edges, by_caller,
                callgrind);
    return true;
}

static enum hop_status write_callgrind(const struct hop_profile *profile,
                                       const struct hop_report_options *options, FILE *stream,
                                       struct hop_error *err)
{
    struct hop_stacks_plan plan = {
        .by_thread = options->by_thread, .frames = HOP_FRAMES_INSTRUCTIONS, .options = options};
    struct callgrind callgrind = {.has_threads = options->by_thread, .stream = stream};
    bool has_memory = hop_stacks_init(&callgrind.stacks, profile, &plan);
    if (has_memory) {
        has_memory = hop_id_table_init(&callgrind.edge_of, 0);
        if (has_memory) {
            has_memory = compute(&callgrind) && print_document(&callgrind);
            hop_id_table_deinit(&callgrind.edge_of);
        }
        hop_stacks_deinit(&callgrind.stacks);
    }
    free(callgrind.totals);
    free(callgrind.self_of);
    free(callgrind.function_of);
    free(callgrind.places);
    free(callgrind.functions);
    free(callgrind.is_named);
    free(callgrind.has_named_file);
    free(callgrind.has_named_object);
    free(callgrind.base_of);
    free(callgrind.edges);
    return has_memory ? HOP_OK : hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
}

const struct hop_format hop_format_callgrind = {
    .name = "callgrind",
    .suffixes = ".callgrind",
    .prefix = "callgrind.out",
    .write = write_callgrind,
};
