/* A profile for the Firefox Profiler (https://profiler.firefox.com): its processed format, of the
 * version in which all threads share one table of stacks. Weights are milliseconds.
 *
 * Its timeline shows samples where they were: the profile's records tell it, to a block of ticks. A
 * record's part of a stack's time is its part of the stack's records; stacks that have none are
 * spread over the whole run in the order of the tree. */
#include "report/format.h"

#include "report/json_parts.h"
#include "report/stacks.h"
#include "report/xml.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Of the format; it is upgraded by whoever reads it. And of Gecko's own, which is of no matter. */
enum { PROCESSED_VERSION = 61, GECKO_VERSION = 32 };

/* Threads that are shown at once; the others can be chosen. */
enum { THREADS_SHOWN_MAX = 16 };

/* A function, or the instructions of one name in a file. */
struct function {
    uint32_t frame;      /* one of it */
    uint32_t name, file; /* indexes of strings */
};

/* A row of a thread's table of samples. */
struct sample {
    uint64_t time_ns; /* since the beginning */
    uint32_t thread;  /* a child of the root */
    uint32_t node;
    uint64_t weight_ns;
};

struct gecko {
    struct hop_stacks stacks;
    size_t skipped;       /* frames of threads, which come first and are none here */
    const char **strings; /* all different, sorted */
    size_t string_count;
    struct function *functions;
    size_t function_count;
    uint32_t *function_of;  /* by frame */
    struct sample *samples; /* by thread, then time */
    size_t sample_count;
    FILE *stream;
};

static const struct hop_instruction *row_of(const struct gecko *gecko, uint32_t frame)
{
    return hop_frame_instruction(&gecko->stacks, &gecko->stacks.frames[frame]);
}

static const char *or_unknown(const char *text)
{
    return *text ? text : "?";
}

static bool is_leaf(const struct gecko *gecko, uint32_t frame)
{
    return gecko->stacks.frames[frame].kind == HOP_FRAME_INSTRUCTION;
}

static const char *name_of(const struct gecko *gecko, uint32_t frame)
{
    const struct hop_instruction *row = row_of(gecko, frame);
    return or_unknown(is_leaf(gecko, frame) ? row->base_opcode : row->function);
}

static const char *file_of(const struct gecko *gecko, uint32_t frame)
{
    return or_unknown(row_of(gecko, frame)->file);
}

static int first_line_of(const struct gecko *gecko, uint32_t frame)
{
    return is_leaf(gecko, frame) ? 0 : row_of(gecko, frame)->first_line;
}

/* --- strings and functions -------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static uint32_t string_index(const struct gecko *gecko, const char *text)
{
    const char **found =
        bsearch(&text, gecko->strings, gecko->string_count, sizeof *gecko->strings, by_text);
    return (uint32_t)(found - gecko->strings);
}

static void find_strings(struct gecko *gecko)
{
    size_t count = 0, kept = 0;
    for (uint32_t i = (uint32_t)gecko->skipped; i < gecko->stacks.frame_count; i++) {
        gecko->strings[count++] = name_of(gecko, i);
        gecko->strings[count++] = file_of(gecko, i);
    }
    if (count)
        qsort(gecko->strings, count, sizeof *gecko->strings, by_text);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || strcmp(gecko->strings[kept - 1], gecko->strings[i]) != 0)
            gecko->strings[kept++] = gecko->strings[i];
    gecko->string_count = kept;
}

static int compare_functions(const struct gecko *gecko, uint32_t a, uint32_t b)
{
    int order = strcmp(name_of(gecko, a), name_of(gecko, b));
    if (!order)
        order = strcmp(file_of(gecko, a), file_of(gecko, b));
    int x = first_line_of(gecko, a), y = first_line_of(gecko, b);
    return order ? order : (x > y) - (x < y);
}

static int by_function(const void *left, const void *right, void *gecko)
{
    return compare_functions(gecko, *(const uint32_t *)left, *(const uint32_t *)right);
}

/* `order` has room for all frames. */
static void find_functions(struct gecko *gecko, uint32_t *order)
{
    size_t count = 0;
    for (uint32_t i = (uint32_t)gecko->skipped; i < gecko->stacks.frame_count; i++)
        order[count++] = i;
    if (count)
        qsort_r(order, count, sizeof *order, by_function, gecko);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare_functions(gecko, order[i - 1], order[i]) != 0)
            gecko->functions[gecko->function_count++] =
                (struct function){order[i], string_index(gecko, name_of(gecko, order[i])),
                                  string_index(gecko, file_of(gecko, order[i]))};
        gecko->function_of[order[i]] = (uint32_t)gecko->function_count - 1;
    }
}

/* --- samples ---------------------------------------------------------------------------------- */

/* What the records of a node of the profile come to. */
struct recorded {
    double weight;    /* of those not yet used */
    uint64_t left_ns; /* of the node's time */
};

static bool is_usable(const struct gecko *gecko, const struct hop_trace_record *record)
{
    return record->node < gecko->stacks.profile->node_count && record->weight_ns > 0 &&
           gecko->stacks.node_of[record->node] != HOP_NO_NODE;
}

static void add_sample(struct gecko *gecko, uint32_t node, uint64_t time_ns, uint64_t weight_ns)
{
    gecko->samples[gecko->sample_count++] =
        (struct sample){.time_ns = time_ns, .node = node, .weight_ns = weight_ns};
}

static uint64_t part_of(uint64_t whole, double part)
{
    double scaled = (double)whole * part;
    if (!(scaled > 0)) /* rounding may leave a little less than nothing */
        return 0;
    return part >= 1 || scaled >= (double)whole ? whole : (uint64_t)scaled;
}

static void add_recorded(struct gecko *gecko, struct recorded *recorded)
{
    const struct hop_profile *profile = gecko->stacks.profile;
    uint32_t newest_block = 0;
    for (size_t i = 0; i < profile->record_count; i++) {
        const struct hop_trace_record *record = &profile->records[i];
        if (!is_usable(gecko, record))
            continue;
        recorded[record->node].weight += record->weight_ns;
        recorded[record->node].left_ns = profile->nodes[record->node].self_ns;
        if (record->block > newest_block)
            newest_block = record->block;
    }
    for (size_t i = 0; i < profile->record_count; i++) {
        const struct hop_trace_record *record = &profile->records[i];
        if (!is_usable(gecko, record))
            continue;
        struct recorded *of = &recorded[record->node];
        uint64_t weight_ns = part_of(of->left_ns, record->weight_ns / of->weight);
        double place = ((double)record->block + .5) / ((double)newest_block + 1);
        add_sample(gecko, gecko->stacks.node_of[record->node], part_of(profile->duration_ns, place),
                   weight_ns);
        of->left_ns -= weight_ns;
        of->weight -= record->weight_ns;
    }
}

/* What records do not tell: by node, `left_ns`. */
static void add_others(struct gecko *gecko, const uint64_t *left_ns)
{
    const struct hop_stacks *stacks = &gecko->stacks;
    uint64_t whole_ns = 0, seen_ns = 0;
    for (size_t i = 0; i < stacks->node_count; i++)
        whole_ns += left_ns[i];
    for (uint32_t at = hop_stacks_next(stacks, 0, 0); at != 0;
         at = hop_stacks_next(stacks, 0, at)) {
        if (left_ns[at] == 0)
            continue;
        double place = ((double)seen_ns + (double)left_ns[at] / 2) / (double)whole_ns;
        add_sample(gecko, at, part_of(stacks->profile->duration_ns, place), left_ns[at]);
        seen_ns += left_ns[at];
    }
}

static int by_time(const void *left, const void *right)
{
    const struct sample *a = left, *b = right;
    if (a->thread != b->thread)
        return a->thread > b->thread ? 1 : -1;
    if (a->time_ns != b->time_ns)
        return a->time_ns > b->time_ns ? 1 : -1;
    return (a->node > b->node) - (a->node < b->node);
}

/* `recorded` by node of the profile, `left_ns` and `thread_of` by node of the stacks; all zero. */
static void find_samples(struct gecko *gecko, struct recorded *recorded, uint64_t *left_ns,
                         uint32_t *thread_of)
{
    const struct hop_stacks *stacks = &gecko->stacks;
    const struct hop_profile *profile = stacks->profile;
    add_recorded(gecko, recorded);
    for (size_t i = 0; i < profile->node_count; i++)
        if (stacks->node_of[i] != HOP_NO_NODE)
            left_ns[stacks->node_of[i]] += profile->nodes[i].self_ns;
    for (size_t i = 0; i < gecko->sample_count; i++)
        left_ns[gecko->samples[i].node] -= gecko->samples[i].weight_ns;
    add_others(gecko, left_ns);
    for (uint32_t i = 1; i < stacks->node_count; i++)
        thread_of[i] = stacks->nodes[i].parent ? thread_of[stacks->nodes[i].parent] : i;
    for (size_t i = 0; i < gecko->sample_count; i++)
        gecko->samples[i].thread = thread_of[gecko->samples[i].node];
    if (gecko->sample_count)
        qsort(gecko->samples, gecko->sample_count, sizeof *gecko->samples, by_time);
}

static bool compute(struct gecko *gecko)
{
    const struct hop_stacks *stacks = &gecko->stacks;
    const struct hop_profile *profile = stacks->profile;
    size_t frames = stacks->frame_count + 1;
    gecko->skipped = profile->thread_count;
    gecko->strings = calloc(2 * frames, sizeof *gecko->strings);
    gecko->functions = calloc(frames, sizeof *gecko->functions);
    gecko->function_of = calloc(frames, sizeof *gecko->function_of);
    gecko->samples = calloc(profile->record_count + stacks->node_count, sizeof *gecko->samples);
    uint32_t *order = calloc(frames, sizeof *order);
    uint32_t *thread_of = calloc(stacks->node_count, sizeof *thread_of);
    uint64_t *left_ns = calloc(stacks->node_count, sizeof *left_ns);
    struct recorded *recorded = calloc(profile->node_count + 1, sizeof *recorded);
    bool has_memory = gecko->strings && gecko->functions && gecko->function_of && gecko->samples &&
                      order && thread_of && left_ns && recorded;
    if (has_memory) {
        find_strings(gecko);
        find_functions(gecko, order);
        find_samples(gecko, recorded, left_ns, thread_of);
    }
    free(order);
    free(thread_of);
    free(left_ns);
    free(recorded);
    return has_memory;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* A column whose every value is the same. */
static void print_same(const struct gecko *gecko, const char *name, const char *value, size_t count)
{
    fprintf(gecko->stream, "\"%s\":[", name);
    for (size_t i = 0; i < count; i++) {
        if (i)
            putc_unlocked(',', gecko->stream);
        fputs_unlocked(value, gecko->stream);
    }
    fputs("],\n", gecko->stream);
}

/* A column of numbers; those below `smallest` are null. */
typedef int64_t column(const struct gecko *gecko, uint32_t row);

static void print_column(const struct gecko *gecko, const char *name, column *value,
                         int64_t smallest, size_t first, size_t end)
{
    fprintf(gecko->stream, "\"%s\":[", name);
    for (size_t i = first; i < end; i++) {
        int64_t number = value(gecko, (uint32_t)i);
        if (i > first)
            putc_unlocked(',', gecko->stream);
        if (number >= smallest)
            hop_print_count(gecko->stream, (uint64_t)number);
        else
            fputs_unlocked("null", gecko->stream);
    }
    fputs("],\n", gecko->stream);
}

static int64_t stack_frame(const struct gecko *gecko, uint32_t node)
{
    return (int64_t)gecko->stacks.nodes[node].frame - (int64_t)gecko->skipped;
}

/* Threads stand behind the root, and then all others: stacks are numbered from there. */
static int64_t stack_number(const struct gecko *gecko, uint32_t node)
{
    return (int64_t)node - 1 - (int64_t)gecko->stacks.nodes[0].child_count;
}

static int64_t stack_prefix(const struct gecko *gecko, uint32_t node)
{
    return stack_number(gecko, gecko->stacks.nodes[node].parent);
}

static int64_t frame_function(const struct gecko *gecko, uint32_t frame)
{
    return gecko->function_of[frame];
}

static int64_t frame_category(const struct gecko *gecko, uint32_t frame)
{
    return is_leaf(gecko, frame);
}

static int64_t frame_line(const struct gecko *gecko, uint32_t frame)
{
    return gecko->stacks.frames[frame].line;
}

static int64_t frame_column(const struct gecko *gecko, uint32_t frame)
{
    return is_leaf(gecko, frame) ? (int64_t)row_of(gecko, frame)->column + 1 : 0;
}

static int64_t function_name(const struct gecko *gecko, uint32_t function)
{
    return gecko->functions[function].name;
}

static int64_t function_file(const struct gecko *gecko, uint32_t function)
{
    return gecko->functions[function].file;
}

static int64_t function_line(const struct gecko *gecko, uint32_t function)
{
    return first_line_of(gecko, gecko->functions[function].frame);
}

static int64_t same_number(const struct gecko *gecko, uint32_t number)
{
    (void)gecko;
    return number;
}

static void print_stack_table(const struct gecko *gecko)
{
    size_t first = gecko->stacks.nodes[0].child_count + 1, end = gecko->stacks.node_count;
    fputs("\"stackTable\":{", gecko->stream);
    print_column(gecko, "frame", stack_frame, 0, first, end);
    print_column(gecko, "prefix", stack_prefix, 0, first, end);
    fprintf(gecko->stream, "\"length\":%zu},\n", end - first);
}

static void print_frame_table(const struct gecko *gecko)
{
    size_t first = gecko->skipped, end = gecko->stacks.frame_count, count = end - first;
    fputs("\"frameTable\":{", gecko->stream);
    print_same(gecko, "address", "-1", count);
    print_same(gecko, "inlineDepth", "0", count);
    print_column(gecko, "category", frame_category, 0, first, end);
    print_same(gecko, "subcategory", "0", count);
    print_column(gecko, "func", frame_function, 0, first, end);
    print_same(gecko, "nativeSymbol", "null", count);
    print_same(gecko, "innerWindowID", "null", count);
    print_column(gecko, "line", frame_line, 1, first, end);
    print_column(gecko, "column", frame_column, 1, first, end);
    fprintf(gecko->stream, "\"length\":%zu},\n", count);
}

/* Every string has a source of the same number, though few are files: so none has to be found. */
static void print_function_table(const struct gecko *gecko)
{
    size_t count = gecko->function_count;
    fputs("\"funcTable\":{", gecko->stream);
    print_same(gecko, "isJS", "false", count);
    print_same(gecko, "relevantForJS", "false", count);
    print_column(gecko, "name", function_name, 0, 0, count);
    print_same(gecko, "resource", "-1", count);
    print_column(gecko, "source", function_file, 0, 0, count);
    print_column(gecko, "lineNumber", function_line, 1, 0, count);
    print_same(gecko, "columnNumber", "null", count);
    fprintf(gecko->stream, "\"length\":%zu},\n\"sources\":{", count);
    count = gecko->string_count;
    print_same(gecko, "id", "null", count);
    print_column(gecko, "filename", same_number, 0, 0, count);
    print_same(gecko, "startLine", "1", count);
    print_same(gecko, "startColumn", "1", count);
    print_same(gecko, "sourceMapURL", "null", count);
    fprintf(gecko->stream, "\"length\":%zu},\n", count);
}

static bool print_shared(const struct gecko *gecko)
{
    fputs("\"shared\":{\n", gecko->stream);
    print_stack_table(gecko);
    print_frame_table(gecko);
    print_function_table(gecko);
    fputs("\"resourceTable\":{\"lib\":[],\"name\":[],\"host\":[],\"type\":[],\"length\":0},\n"
          "\"nativeSymbols\":{\"libIndex\":[],\"address\":[],\"name\":[],\"functionSize\":[],"
          "\"length\":0},\n\"stringArray\":[",
          gecko->stream);
    for (size_t i = 0; i < gecko->string_count; i++) {
        if (i)
            putc(',', gecko->stream);
        if (!hop_json_print_shown(gecko->stream, gecko->strings[i]))
            return false;
    }
    fputs("]},\n", gecko->stream);
    return true;
}

static bool print_meta(const struct gecko *gecko)
{
    const struct hop_profile *profile = gecko->stacks.profile;
    FILE *stream = gecko->stream;
    double rate_hz = profile->true_rate_hz > 0 ? profile->true_rate_hz : 1000;
    fprintf(stream,
            "{\"meta\":{\"version\":%d,\"preprocessedProfileVersion\":%d,\"interval\":%.6f,"
            "\"startTime\":%" PRIu64 ".%06u,\"processType\":0,\"stackwalk\":0,"
            "\"importedFrom\":\"heavyops " HOP_VERSION "\",\"product\":",
            GECKO_VERSION, PROCESSED_VERSION, 1000 / rate_hz, profile->started_ns / 1000000,
            (unsigned)(profile->started_ns % 1000000));
    char product[80];
    snprintf(product, sizeof product, "Python %.64s", profile->python);
    if (!hop_json_print_shown(stream, product))
        return false;
    fputs(",\"arguments\":", stream);
    if (!hop_json_print_shown(stream, profile->command_line))
        return false;
    fputs(",\n\"categories\":["
          "{\"name\":\"Python\",\"color\":\"yellow\",\"subcategories\":[\"Other\"]},"
          "{\"name\":\"Instruction\",\"color\":\"orange\",\"subcategories\":[\"Other\"]},"
          "{\"name\":\"Other\",\"color\":\"grey\",\"subcategories\":[\"Other\"]}],\n"
          "\"markerSchema\":[],\"symbolicated\":true,\"usesOnlyOneStackType\":true,"
          "\"sourceCodeIsNotOnSearchfox\":true,\"keepProfileThreadOrder\":true,"
          "\"initialVisibleThreads\":[",
          stream);
    size_t threads = gecko->stacks.nodes[0].child_count;
    for (size_t i = 0; i == 0 || (i < threads && i < THREADS_SHOWN_MAX); i++)
        fprintf(stream, i ? ",%zu" : "%zu", i);
    fputs("]},\n\"libs\":[],\n", stream);
    return true;
}

static void print_samples(const struct gecko *gecko, size_t first, size_t end)
{
    FILE *stream = gecko->stream;
    fputs("\"samples\":{\"stack\":[", stream);
    for (size_t i = first; i < end; i++) {
        if (i > first)
            putc_unlocked(',', stream);
        hop_print_count(stream, (uint64_t)stack_number(gecko, gecko->samples[i].node));
    }
    fputs("],\n\"time\":[", stream);
    for (size_t i = first; i < end; i++) {
        uint64_t time_ns = gecko->samples[i].time_ns;
        if (i > first)
            putc_unlocked(',', stream);
        /* Half a microsecond goes up; "%.3f" of milliseconds in a double would go either way. */
        hop_print_fraction(stream, time_ns / 1000 + (time_ns % 1000 >= 500), 3);
    }
    fputs("],\n\"weight\":[", stream);
    for (size_t i = first; i < end; i++) {
        if (i > first)
            putc_unlocked(',', stream);
        hop_print_fraction(stream, gecko->samples[i].weight_ns, 6);
    }
    fprintf(stream, "],\n\"weightType\":\"tracing-ms\",\"length\":%zu},\n", end - first);
}

/* A thread whose samples are those from *at on; NULL: there is none. */
static bool print_thread(const struct gecko *gecko, uint32_t node, size_t *at)
{
    const struct hop_profile *profile = gecko->stacks.profile;
    const struct hop_profile_thread *thread =
        node ? &profile->threads[gecko->stacks.nodes[node].frame] : NULL;
    FILE *stream = gecko->stream;
    size_t first = *at;
    fprintf(stream,
            "{\"processType\":\"default\",\"processStartupTime\":0,\"processShutdownTime\":null,"
            "\"registerTime\":0,\"unregisterTime\":null,\"pausedRanges\":[],\"pid\":\"%d\","
            "\"tid\":%d,\"isMainThread\":%s,\"processName\":\"Python\",\"name\":",
            profile->pid, thread ? thread->tid : profile->pid,
            !thread || thread->tid == profile->pid ? "true" : "false");
    char number[32];
    snprintf(number, sizeof number, "thread %d", thread ? thread->tid : profile->pid);
    if (!hop_json_print_shown(stream, thread && *thread->name ? thread->name : number))
        return false;
    fputs(",\n", stream);
    while (*at < gecko->sample_count && gecko->samples[*at].thread == node)
        ++*at;
    print_samples(gecko, first, *at);
    fputs("\"markers\":{\"data\":[],\"name\":[],\"startTime\":[],\"endTime\":[],\"phase\":[],"
          "\"category\":[],\"length\":0}}",
          stream);
    return true;
}

static bool print_document(const struct gecko *gecko)
{
    if (!print_meta(gecko) || !print_shared(gecko))
        return false;
    size_t at = 0;
    uint32_t threads = gecko->stacks.nodes[0].child_count;
    fputs("\"threads\":[\n", gecko->stream);
    for (uint32_t i = 1; i <= threads; i++) {
        if (i > 1)
            fputs(",\n", gecko->stream);
        if (!print_thread(gecko, i, &at))
            return false;
    }
    if (threads == 0 && !print_thread(gecko, 0, &at)) /* its readers want at least one */
        return false;
    fputs("]}\n", gecko->stream);
    return true;
}

static enum hop_status write_gecko(const struct hop_profile *profile,
                                   const struct hop_report_options *options, FILE *stream,
                                   struct hop_error *err)
{
    struct hop_stacks_plan plan = {.by_thread = true,
                                   .leaf =
                                       options->with_opcodes ? HOP_LEAF_INSTRUCTION : HOP_LEAF_LINE,
                                   .wants_node_of = true,
                                   .options = options};
    struct gecko gecko = {.stream = stream};
    bool has_memory = hop_stacks_init(&gecko.stacks, profile, &plan);
    if (has_memory) {
        has_memory = compute(&gecko) && print_document(&gecko);
        hop_stacks_deinit(&gecko.stacks);
    }
    free(gecko.strings);
    free(gecko.functions);
    free(gecko.function_of);
    free(gecko.samples);
    return has_memory ? HOP_OK : hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
}

const struct hop_format hop_format_gecko = {
    .name = "gecko",
    .suffixes = ".gecko.json",
    .write = write_gecko,
};
