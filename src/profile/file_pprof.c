/* The part of a profile's file that pprof reads: a location an instruction, a sample a stack. */
#include "profile/file_parts.h"
#include "profile/stack_limit.h"

#include <string.h>

enum { SAMPLE_FIELD = 2 /* of Profile: pprof.proto */ };

enum { OPCODE, BASE_OPCODE, THREAD, PROCESS, INTERPRETER, LABEL_COUNT };

static const char *const label_names[LABEL_COUNT] = {
    [OPCODE] = "opcode",   [BASE_OPCODE] = "base_opcode", [THREAD] = "thread",
    [PROCESS] = "process", [INTERPRETER] = "interpreter",
};

static int64_t text(struct hop_file_writer *writer, const char *string)
{
    return hop_strings_add(&writer->strings, string);
}

/* The program that was run, without where it is and its arguments. */
static int64_t program_name(struct hop_file_writer *writer)
{
    char name[128];
    const char *line = writer->profile->command_line;
    size_t length = strcspn(line, " ");
    const char *slash = memrchr(line, '/', length);
    size_t skip = slash ? (size_t)(slash - line) + 1 : 0;
    snprintf(name, sizeof name, "%.*s", (int)(length - skip > 100 ? 100 : length - skip),
             line + skip);
    return text(writer, name);
}

/* Types, times and the one mapping, which says that there is nothing left to symbolize. */
static void put_head(struct hop_file_writer *writer)
{
    const struct hop_profile *profile = writer->profile;
    Hop__Pprof__Profile piece = HOP__PPROF__PROFILE__INIT;
    Hop__Pprof__ValueType samples = HOP__PPROF__VALUE_TYPE__INIT, time = samples;
    Hop__Pprof__Mapping mapping = HOP__PPROF__MAPPING__INIT;
    int64_t comments[3];
    char line[400];
    samples.type = text(writer, "samples");
    samples.unit = text(writer, "count");
    time.type = text(writer, "time");
    time.unit = text(writer, "nanoseconds");
    mapping.id = 1;
    mapping.filename = program_name(writer);
    mapping.has_functions = mapping.has_filenames = mapping.has_line_numbers = true;
    piece.sample_type = (Hop__Pprof__ValueType *[]){&samples, &time};
    piece.n_sample_type = 2;
    piece.mapping = (Hop__Pprof__Mapping *[]){&mapping};
    piece.n_mapping = 1;
    piece.time_nanos = (int64_t)profile->started_ns;
    piece.duration_nanos = (int64_t)profile->duration_ns;
    piece.period_type = &time;
    piece.period = profile->asked_rate_hz > 0 ? (int64_t)(1e9 / profile->asked_rate_hz) : 0;
    piece.default_sample_type = time.type;

    snprintf(line, sizeof line, "heavyops %s: CPython %.40s, process %d, mode %.20s", HOP_VERSION,
             profile->python, profile->pid, profile->mode);
    comments[0] = text(writer, line);
    snprintf(line, sizeof line, "%.60s: %.300s", profile->way, profile->way_words);
    comments[1] = text(writer, line);
    snprintf(line, sizeof line,
             "%.1f looks a second: %llu samples, %llu refused, %llu times idle, %llu instants "
             "missed",
             profile->true_rate_hz, (unsigned long long)profile->samples,
             (unsigned long long)profile->refused_total, (unsigned long long)profile->idle,
             (unsigned long long)profile->missed);
    comments[2] = text(writer, line);
    piece.comment = comments;
    piece.n_comment = 3;
    hop_file_put(writer, &piece);
}

static void put_function(struct hop_file_writer *writer, uint64_t id, const char *name,
                         const char *file, int first_line)
{
    Hop__Pprof__Profile piece = HOP__PPROF__PROFILE__INIT;
    Hop__Pprof__Function function = HOP__PPROF__FUNCTION__INIT;
    function.id = id;
    function.name = text(writer, name);
    function.filename = text(writer, file);
    function.start_line = first_line;
    piece.function = (Hop__Pprof__Function *[]){&function};
    piece.n_function = 1;
    hop_file_put(writer, &piece);
}

static void put_location(struct hop_file_writer *writer, uint64_t id, uint64_t function_id,
                         uint64_t address, int line_number, int column)
{
    Hop__Pprof__Profile piece = HOP__PPROF__PROFILE__INIT;
    Hop__Pprof__Location location = HOP__PPROF__LOCATION__INIT;
    Hop__Pprof__Line line = HOP__PPROF__LINE__INIT;
    line.function_id = function_id;
    line.line = line_number;
    line.column = (int64_t)column + 1; /* 0: unknown */
    location.id = id;
    location.mapping_id = 1;
    location.address = address;
    location.line = (Hop__Pprof__Line *[]){&line};
    location.n_line = 1;
    piece.location = (Hop__Pprof__Location *[]){&location};
    piece.n_location = 1;
    hop_file_put(writer, &piece);
}

/* Ids begin at 1. The last function and the last location stand for frames that are left out. */
static void put_places(struct hop_file_writer *writer, bool leaves_frames_out)
{
    const struct hop_profile *profile = writer->profile;
    for (size_t i = 0; i < profile->code_count; i++)
        put_function(writer, i + 1, profile->codes[i].function, profile->codes[i].file,
                     profile->codes[i].first_line);
    for (size_t i = 0; i < profile->instruction_count; i++) {
        const struct hop_instruction *at = &profile->instructions[writer->instruction_order[i]];
        put_location(writer, i + 1, at->code + 1, at->offset, at->line, at->column);
    }
    if (leaves_frames_out) {
        put_function(writer, profile->code_count + 1, HOP_STACK_LEFT_OUT, "", 0);
        put_location(writer, profile->instruction_count + 1, profile->code_count + 1, 0, 0, -1);
    }
}

/* A sample is written as pieces of a message (file_parts.h): its own numbers, and labels, which
 * very many samples have in common and which are packed once. */
struct labels {
    ProtobufCBinaryData *of_thread;      /* thread, process, interpreter; by thread */
    ProtobufCBinaryData *of_instruction; /* opcode, base opcode; by instruction; NULL: not yet */
    uint32_t *thread_of;                 /* by node */
};

/* A piece in the arena. */
static ProtobufCBinaryData pack_sample(struct hop_file_writer *writer,
                                       const Hop__Pprof__Sample *sample)
{
    ProtobufCBinaryData packed = {.len = hop__pprof__sample__get_packed_size(sample)};
    packed.data = hop_file_alloc(writer, packed.len, 1);
    if (packed.data)
        hop__pprof__sample__pack(sample, packed.data);
    else
        packed.len = 0;
    return packed;
}

/* Packs labels of these names, which have texts. */
static ProtobufCBinaryData pack_labels(struct hop_file_writer *writer, const int *names,
                                       const char *const *values, size_t count)
{
    Hop__Pprof__Label rows[LABEL_COUNT], *label[LABEL_COUNT];
    Hop__Pprof__Sample sample = HOP__PPROF__SAMPLE__INIT;
    for (size_t i = 0; i < count; i++) {
        rows[i] = (Hop__Pprof__Label)HOP__PPROF__LABEL__INIT;
        rows[i].key = text(writer, label_names[names[i]]);
        rows[i].str = text(writer, values[i]);
        label[i] = &rows[i];
    }
    sample.label = label;
    sample.n_label = count;
    return pack_sample(writer, &sample);
}

static ProtobufCBinaryData thread_labels(struct hop_file_writer *writer,
                                         const struct hop_profile_thread *thread)
{
    static const int names[] = {THREAD, PROCESS, INTERPRETER};
    char shown[128], process[24], interpreter[24];
    snprintf(shown, sizeof shown, "%.100s (%d)", thread->name, thread->tid);
    snprintf(process, sizeof process, "%d", writer->profile->pid);
    snprintf(interpreter, sizeof interpreter, "%llu", (unsigned long long)thread->interpreter);
    return pack_labels(writer, names, (const char *[]){shown, process, interpreter}, 3);
}

static ProtobufCBinaryData instruction_labels(struct hop_file_writer *writer,
                                              const struct hop_instruction *at)
{
    static const int names[] = {OPCODE, BASE_OPCODE};
    return pack_labels(writer, names, (const char *[]){at->opcode, at->base_opcode}, 2);
}

static bool labels_init(struct hop_file_writer *writer, struct labels *labels)
{
    const struct hop_profile *profile = writer->profile;
    labels->of_thread = hop_file_alloc(writer, profile->thread_count, sizeof *labels->of_thread);
    labels->of_instruction =
        hop_file_alloc(writer, profile->instruction_count, sizeof *labels->of_instruction);
    labels->thread_of = hop_file_alloc(writer, profile->node_count, sizeof *labels->thread_of);
    if (writer->has_failed)
        return false;
    for (size_t i = 0; i < profile->thread_count; i++)
        labels->of_thread[i] = thread_labels(writer, &profile->threads[i]);
    for (size_t i = 0; i < profile->node_count; i++) {
        const struct hop_profile_node *node = &profile->nodes[i];
        labels->thread_of[i] =
            node->parent == i ? node->instruction : labels->thread_of[node->parent];
    }
    return true;
}

/* The stack that ends in `node`, innermost first; at most `limit` frames, and one for the rest. */
static size_t fill_stack(const struct hop_file_writer *writer, uint32_t node, size_t limit,
                         uint64_t *ids)
{
    const struct hop_profile *profile = writer->profile;
    size_t depth = 0;
    for (; profile->nodes[node].parent != node; node = profile->nodes[node].parent) {
        if (depth == limit) {
            ids[depth++] = profile->instruction_count + 1;
            break;
        }
        ids[depth++] = writer->number_of[profile->nodes[node].instruction] + 1;
    }
    return depth;
}

/* `packed` has room for a sample of `limit` frames and one more. */
static void put_sample(struct hop_file_writer *writer, const struct labels *labels, uint32_t leaf,
                       size_t limit, uint64_t *ids, uint8_t *packed)
{
    const struct hop_profile *profile = writer->profile;
    const struct hop_profile_node *node = &profile->nodes[leaf];
    ProtobufCBinaryData *of_instruction = &labels->of_instruction[node->instruction];
    Hop__Pprof__Sample sample = HOP__PPROF__SAMPLE__INIT;
    if (!of_instruction->data)
        *of_instruction = instruction_labels(writer, &profile->instructions[node->instruction]);
    sample.location_id = ids;
    sample.n_location_id = fill_stack(writer, leaf, limit, ids);
    sample.value = (int64_t[]){(int64_t)node->self, (int64_t)node->self_ns};
    sample.n_value = 2;
    size_t size = hop__pprof__sample__pack(&sample, packed);
    const ProtobufCBinaryData pieces[] = {
        {size, packed}, *of_instruction, labels->of_thread[labels->thread_of[leaf]]};
    hop_file_put_packed(writer, SAMPLE_FIELD, pieces, 3);
}

static struct hop_stack_sizes measure_stacks(struct hop_file_writer *writer)
{
    const struct hop_profile *profile = writer->profile;
    struct hop_stack_sizes sizes = {0};
    uint32_t *depths = hop_file_alloc(writer, profile->node_count, sizeof *depths);
    for (size_t i = 0; depths && i < profile->node_count; i++) {
        const struct hop_profile_node *node = &profile->nodes[i];
        depths[i] = node->parent == i ? 0 : depths[node->parent] + 1;
        if (node->self)
            hop_stack_sizes_add(&sizes, depths[i]);
    }
    return sizes;
}

void hop_file_put_pprof(struct hop_file_writer *writer)
{
    struct labels labels = {0};
    const struct hop_stack_sizes sizes = measure_stacks(writer);
    size_t limit = hop_stack_limit(&sizes);
    uint64_t *ids = hop_file_alloc(writer, sizes.deepest + 1, sizeof *ids);
    /* A number takes ten bytes at most, and a list of them a head. */
    uint8_t *packed = hop_file_alloc(writer, sizes.deepest + 8, 10);
    put_head(writer);
    put_places(writer, limit < sizes.deepest);
    if (!labels_init(writer, &labels))
        return;
    for (size_t i = 0; i < writer->profile->node_count && !writer->has_failed; i++)
        if (writer->profile->nodes[writer->order[i]].self)
            put_sample(writer, &labels, writer->order[i], limit, ids, packed);
}
