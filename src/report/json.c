/* A profile as JSON, for scripts: whole (unless -i, -f or -n narrow it), nothing shortened, nothing
 * joined. include/heavyops-profile.schema.json says what each name means. Written row by row, so
 * that it takes no memory beyond a row's. */
#include "report/format.h"

#include "profile/shares.h"
#include "report/groups.h"
#include "report/json_parts.h"
#include "report/select.h"

#include <stdlib.h>
#include <string.h>

/* A share with its interval. */
static bool add_share(json_t *object, const struct hop_share *share)
{
    return hop_json_add(object, "share", json_real(share->share)) &&
           hop_json_add(object, "share_low", json_real(share->low)) &&
           hop_json_add(object, "share_high", json_real(share->high));
}

static const char *ending_name(enum hop_ending ending)
{
    static const char *const names[] = {
        [HOP_ENDED_DURATION] = "duration",
        [HOP_ENDED_STOPPED] = "stopped",
        [HOP_ENDED_EXITED] = "exited",
        [HOP_ENDED_EXEC] = "exec",
    };
    return (size_t)ending < sizeof names / sizeof *names ? names[ending] : "unknown";
}

static json_t *refused(const struct hop_profile *profile)
{
    json_t *object = json_object();
    for (size_t i = 0; object && i < profile->refused_count; i++) {
        const struct hop_refusal_count *refusal = &profile->refused[i];
        if (!hop_json_add(object, refusal->reason, hop_json_count(refusal->count))) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *seconds(uint64_t ns)
{
    return json_real((double)ns / 1e9);
}

/* How the sampling went, as the text report's heading tells it. */
static json_t *sampling(const struct hop_profile *profile)
{
    uint64_t looks = profile->samples + profile->refused_total;
    double refused_part = looks ? (double)profile->refused_total / (double)looks : 0;
    json_t *object = json_object();
    if (object && hop_json_add(object, "way", hop_json_text(profile->way)) &&
        hop_json_add(object, "words", hop_json_text(profile->way_words)) &&
        hop_json_add(object, "rate_hz", json_real(profile->true_rate_hz)) &&
        hop_json_add(object, "refused", hop_json_count(profile->refused_total)) &&
        hop_json_add(object, "refused_share", json_real(refused_part)) &&
        hop_json_add(object, "idle", hop_json_count(profile->idle)) &&
        hop_json_add(object, "missed", hop_json_count(profile->missed)) &&
        hop_json_add(object, "late_median_s", seconds(profile->late_median_ns)) &&
        hop_json_add(object, "late_p99_s", seconds(profile->late_p99_ns)) &&
        hop_json_add(object, "late_max_s", seconds(profile->late_max_ns)) &&
        hop_json_add(object, "longest_stop_s", seconds(profile->longest_stop_ns)) &&
        hop_json_add(object, "at_syscall_exit", hop_json_count(profile->syscall_stops)) &&
        hop_json_add(object, "live_samples", hop_json_count(profile->live_samples)) &&
        hop_json_add(object, "unproved_samples", hop_json_count(profile->unproved_samples)) &&
        hop_json_add(object, "opening_s", seconds(profile->opening_ns)) &&
        hop_json_add(object, "opening_samples", hop_json_count(profile->opening_samples)) &&
        hop_json_add(object, "has_weights", json_boolean(profile->has_weights)))
        return object;
    json_decref(object);
    return NULL;
}

/* Everything that is not a list of many. */
static json_t *head(const struct hop_profile *profile)
{
    json_t *object = json_object();
    if (object && hop_json_add(object, "schema", json_integer(HOP_SCHEMA_VERSION)) &&
        hop_json_add(object, "python", hop_json_text(profile->python)) &&
        hop_json_add(object, "pid", json_integer(profile->pid)) &&
        hop_json_add(object, "command_line", hop_json_text(profile->command_line)) &&
        hop_json_add(object, "directory", hop_json_text(profile->directory)) &&
        hop_json_add(object, "mode", hop_json_text(profile->mode)) &&
        hop_json_add(object, "way", hop_json_text(profile->way)) &&
        hop_json_add(object, "ended", json_string(ending_name(profile->ending))) &&
        hop_json_add(object, "duration_s", json_real((double)profile->duration_ns / 1e9)) &&
        hop_json_add(object, "rate_hz", json_real(profile->true_rate_hz)) &&
        hop_json_add(object, "asked_rate_hz", json_real(profile->asked_rate_hz)) &&
        hop_json_add(object, "ticks", hop_json_count(profile->ticks)) &&
        hop_json_add(object, "missed", hop_json_count(profile->missed)) &&
        hop_json_add(object, "samples", hop_json_count(profile->samples)) &&
        hop_json_add(object, "refused", refused(profile)) &&
        hop_json_add(object, "idle", hop_json_count(profile->idle)) &&
        hop_json_add(object, "sampling", sampling(profile)))
        return object;
    json_decref(object);
    return NULL;
}

/* Writes `object`, which it takes over, as a line of a list. */
static bool print_item(FILE *stream, json_t *object, bool is_first)
{
    fputs(is_first ? "\n  " : ",\n  ", stream);
    bool is_written = object && hop_json_print_line(object, stream);
    json_decref(object);
    return is_written;
}

/* The rows the report is about: place_of[i] is the place of instruction i in the list, or -1. */
static void choose_rows(const struct hop_profile *profile, const struct hop_report_options *options,
                        int64_t *place_of)
{
    bool narrows = hop_select_narrows(options);
    size_t limit = options->row_limit ? options->row_limit : SIZE_MAX, chosen = 0;
    for (size_t i = 0; i < profile->instruction_count; i++) {
        bool is_wanted = !narrows || hop_select_tracks(options, &profile->instructions[i]);
        place_of[i] = is_wanted && chosen < limit ? (int64_t)chosen++ : -1;
    }
}

/* The shares of instructions, in all samples. To be given to free(); NULL: out of memory. */
static struct hop_share *instruction_shares(const struct hop_shares *shares)
{
    const struct hop_profile *profile = shares->profile;
    size_t count = profile->instruction_count;
    uint32_t *group_of = calloc(count + 1, sizeof *group_of);
    struct hop_hits *hits = calloc(count + 1, sizeof *hits);
    struct hop_share *found = calloc(count + 1, sizeof *found);
    bool has_memory = group_of && hits && found;
    for (size_t i = 0; has_memory && i < count; i++) {
        group_of[i] = (uint32_t)i;
        hits[i] =
            (struct hop_hits){profile->instructions[i].self, profile->instructions[i].self_ns};
    }
    has_memory =
        has_memory && hop_shares_find(shares, HOP_ALL_THREADS, group_of, hits, count, found);
    free(group_of);
    free(hits);
    if (has_memory)
        return found;
    free(found);
    return NULL;
}

static bool print_instructions(const struct hop_shares *shares,
                               const struct hop_report_options *options, const int64_t *place_of,
                               FILE *stream)
{
    const struct hop_profile *profile = shares->profile;
    struct hop_share *found = instruction_shares(shares);
    bool is_whole = found != NULL;
    fputs(",\n\"instructions\": [", stream);
    for (size_t i = 0; is_whole && i < profile->instruction_count; i++) {
        if (place_of[i] < 0)
            continue;
        const struct hop_instruction *row = &profile->instructions[i];
        json_t *object = hop_json_instruction(row);
        is_whole = object && hop_json_add(object, "self", hop_json_count(row->self)) &&
                   hop_json_add(object, "self_ns", hop_json_count(row->self_ns)) &&
                   add_share(object, &found[i]) &&
                   hop_json_add(object, "on_stack", hop_json_count(row->on_stack)) &&
                   hop_json_add(object, "tracked", json_boolean(hop_select_tracks(options, row)));
        if (is_whole)
            is_whole = print_item(stream, object, place_of[i] == 0);
        else
            json_decref(object);
    }
    fputs("]", stream);
    free(found);
    return is_whole;
}

/* Instructions by base opcode, the most hits first. */
struct opcode {
    const char *name;
    uint32_t group;
    struct hop_hits hits;
};

static int by_name(const void *left, const void *right)
{
    const struct hop_instruction *a = *(const struct hop_instruction *const *)left;
    const struct hop_instruction *b = *(const struct hop_instruction *const *)right;
    return strcmp(a->base_opcode, b->base_opcode);
}

static int by_hits(const void *left, const void *right)
{
    const struct opcode *a = left, *b = right;
    if (a->hits.samples != b->hits.samples)
        return a->hits.samples > b->hits.samples ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* Fills `opcodes` and the group of each instruction; returns how many there are. */
static size_t join_opcodes(const struct hop_profile *profile,
                           const struct hop_instruction **instructions, struct opcode *opcodes,
                           uint32_t *group_of)
{
    size_t count = 0;
    for (size_t i = 0; i < profile->instruction_count; i++)
        instructions[i] = &profile->instructions[i];
    qsort(instructions, profile->instruction_count, sizeof *instructions, by_name);
    for (size_t i = 0; i < profile->instruction_count; i++) {
        const struct hop_instruction *at = instructions[i];
        if (!count || strcmp(opcodes[count - 1].name, at->base_opcode) != 0) {
            opcodes[count] = (struct opcode){at->base_opcode, (uint32_t)count, {0}};
            count++;
        }
        opcodes[count - 1].hits.samples += at->self;
        opcodes[count - 1].hits.ns += at->self_ns;
        group_of[at - profile->instructions] = (uint32_t)(count - 1);
    }
    return count;
}

static bool print_opcode(FILE *stream, const struct opcode *opcode, const struct hop_share *share,
                         bool is_first)
{
    json_t *object = json_object();
    if (object && hop_json_add(object, "base_opcode", hop_json_text(opcode->name)) &&
        hop_json_add(object, "self", hop_json_count(opcode->hits.samples)) &&
        hop_json_add(object, "self_ns", hop_json_count(opcode->hits.ns)) &&
        add_share(object, share))
        return print_item(stream, object, is_first);
    json_decref(object);
    return false;
}

/* Of the whole profile, whatever the options narrow. */
static bool print_opcodes(const struct hop_shares *shares, FILE *stream)
{
    const struct hop_profile *profile = shares->profile;
    size_t room = profile->instruction_count + 1, count = 0;
    const struct hop_instruction **instructions = calloc(room, sizeof *instructions);
    struct opcode *opcodes = calloc(room, sizeof *opcodes);
    uint32_t *group_of = calloc(room, sizeof *group_of);
    struct hop_hits *hits = calloc(room, sizeof *hits);
    struct hop_share *found = calloc(room, sizeof *found);
    bool is_whole = instructions && opcodes && group_of && hits && found;
    if (is_whole) {
        count = join_opcodes(profile, instructions, opcodes, group_of);
        for (size_t i = 0; i < count; i++)
            hits[i] = opcodes[i].hits;
        is_whole = hop_shares_find(shares, HOP_ALL_THREADS, group_of, hits, count, found);
        if (count)
            qsort(opcodes, count, sizeof *opcodes, by_hits);
    }
    fputs(",\n\"opcodes\": [", stream);
    for (size_t i = 0; is_whole && i < count && opcodes[i].hits.samples; i++)
        is_whole = print_opcode(stream, &opcodes[i], &found[opcodes[i].group], i == 0);
    fputs("]", stream);
    free(instructions);
    free(opcodes);
    free(group_of);
    free(hits);
    free(found);
    return is_whole;
}

/* What one thread hit: a list of {place in instructions, self}. */
static json_t *thread_hits(const struct hop_thread_hits *hits, size_t count,
                           const int64_t *place_of)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < count; i++) {
        int64_t place = place_of[hits[i].instruction];
        if (place < 0)
            continue;
        json_t *pair = json_object();
        bool is_whole = pair && hop_json_add(pair, "instruction", json_integer(place)) &&
                        hop_json_add(pair, "self", hop_json_count(hits[i].self)) &&
                        json_array_append(list, pair) == 0;
        json_decref(pair);
        if (!is_whole) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static bool print_threads(const struct hop_profile *profile,
                          const struct hop_report_options *options, const int64_t *place_of,
                          FILE *stream)
{
    size_t hit_count = 0, at = 0;
    struct hop_thread_hits *hits =
        options->by_thread ? hop_profile_hits_by_thread(profile, &hit_count) : NULL;
    bool is_good = hit_count != SIZE_MAX;
    fputs(",\n\"threads\": [", stream);
    for (size_t i = 0; is_good && i < profile->thread_count; i++) {
        const struct hop_profile_thread *thread = &profile->threads[i];
        size_t start = at;
        while (at < hit_count && hits[at].thread == i)
            at++;
        json_t *object = json_object();
        is_good = object && hop_json_add(object, "tid", json_integer(thread->tid)) &&
                  hop_json_add(object, "name", hop_json_text(thread->name)) &&
                  hop_json_add(object, "samples", hop_json_count(thread->samples)) &&
                  (!options->by_thread ||
                   hop_json_add(object, "hits",
                                thread_hits(hits ? &hits[start] : NULL, at - start, place_of)));
        if (is_good)
            is_good = print_item(stream, object, i == 0);
        else
            json_decref(object);
    }
    fputs("]", stream);
    free(hits);
    return is_good;
}

static bool print_head(const struct hop_profile *profile, FILE *stream)
{
    json_t *object = head(profile);
    if (!object)
        return false;
    const char *name;
    json_t *value;
    bool is_first = true, is_good = true;
    json_object_foreach(object, name, value)
    {
        fprintf(stream, "%s\n\"%s\": ", is_first ? "{" : ",", name);
        is_good &= json_dumpf(value, stream, JSON_ENCODE_ANY | HOP_JSON_FLAGS) == 0;
        is_first = false;
    }
    json_decref(object);
    return is_good;
}

static enum hop_status write_json(const struct hop_profile *profile,
                                  const struct hop_report_options *options, FILE *stream,
                                  struct hop_error *err)
{
    enum hop_grouping by;
    enum hop_status status = hop_groups_choose(options, HOP_BY_CLASS, &by, err);
    if (status != HOP_OK)
        return status;
    int64_t *place_of = calloc(profile->instruction_count + 1, sizeof *place_of);
    struct hop_shares shares;
    if (!place_of || !hop_shares_init(&shares, profile)) {
        free(place_of);
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
    }
    choose_rows(profile, options, place_of);
    bool is_good =
        print_head(profile, stream) && print_threads(profile, options, place_of, stream) &&
        print_opcodes(&shares, stream) && print_instructions(&shares, options, place_of, stream) &&
        (!options->group || hop_groups_print_json(profile, options, by, stream));
    hop_shares_deinit(&shares);
    fputs("\n}\n", stream);
    free(place_of);
    if (is_good || ferror(stream)) /* the caller looks at the stream */
        return HOP_OK;
    return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
}

const struct hop_format hop_format_json = {
    .name = "json",
    .suffixes = ".json",
    .groups = true,
    .groups_beside = true,
    .write = write_json,
    .write_snapshot = hop_json_write_snapshot,
};
