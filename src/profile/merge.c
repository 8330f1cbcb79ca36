/* Merges profiles, see merge.h: puts their parts behind each other, has the result made whole as
 * any other (which joins equal code objects and instructions), then joins equal stacks. */
#include "profile/merge.h"

#include "base/id_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct merge {
    const struct hop_profile *const *profiles;
    size_t count;
    struct hop_profile *to;
    struct hop_id_table strings; /* by hash: index of `kept` */
    const char **kept;
    size_t kept_count, kept_room;
    uint32_t *thread_of; /* by thread of all profiles, in their order: its index in `to` */
    bool has_failed;     /* out of memory */
};

/* --- strings ---------------------------------------------------------------------------------- */

static uint64_t hash_of(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a; the table adds its own secret */
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return hash;
}

static bool keep(struct merge *merge, uint64_t hash, const char *text)
{
    if (merge->kept_count == merge->kept_room) {
        size_t room = merge->kept_room ? 2 * merge->kept_room : 1024;
        const char **kept = realloc(merge->kept, room * sizeof *kept);
        if (!kept)
            return false;
        merge->kept = kept;
        merge->kept_room = room;
    }
    merge->kept[merge->kept_count++] = text;
    return hop_id_table_put(&merge->strings, hash, (uint32_t)(merge->kept_count - 1));
}

/* A copy that lives as long as the merged profile; mostly the one that is there already. */
static const char *copy(struct merge *merge, const char *text)
{
    if (!text || !*text)
        return "";
    uint64_t hash = hash_of(text);
    uint32_t known = hop_id_table_get(&merge->strings, hash);
    if (known != HOP_NO_ID && strcmp(merge->kept[known], text) == 0)
        return merge->kept[known];
    char *copied = hop_arena_string(&merge->to->arena, text, strlen(text));
    if (!copied || (known == HOP_NO_ID && !keep(merge, hash, copied)))
        merge->has_failed = true;
    return copied ? copied : "";
}

static void *allocate(struct merge *merge, size_t count, size_t size)
{
    void *memory = hop_arena_alloc(&merge->to->arena, (count + 1) * size);
    if (!memory)
        merge->has_failed = true;
    return memory;
}

/* --- what is one word or number --------------------------------------------------------------- */

/* "3.12.1, 3.13.0": each that occurs, once, in order. */
static const char *join_words(struct merge *merge, size_t member)
{
    const char *joined = "";
    for (size_t i = 0; i < merge->count; i++) {
        const char *word = *(const char *const *)((const char *)merge->profiles[i] + member);
        bool is_known = !word || !*word;
        for (size_t j = 0; j < i && !is_known; j++)
            is_known = strcmp(*(const char *const *)((const char *)merge->profiles[j] + member),
                              word) == 0;
        if (is_known)
            continue;
        joined = *joined ? hop_arena_printf(&merge->to->arena, "%s, %s", joined, word)
                         : copy(merge, word);
        if (!joined) {
            merge->has_failed = true;
            return "";
        }
    }
    return joined;
}

/* Names relative to several folders are nobody's. */
static const char *common_directory(struct merge *merge)
{
    const char *directory = merge->profiles[0]->directory;
    for (size_t i = 1; i < merge->count; i++)
        if (strcmp(merge->profiles[i]->directory, directory) != 0)
            return "";
    directory = copy(merge, directory);
    merge->has_failed |= !directory;
    return directory ? directory : "";
}

/* Counts of files may be anything up to HOP_COUNT_MAX. */
static void add(uint64_t *sum, uint64_t count)
{
    *sum = count > HOP_COUNT_MAX - *sum ? HOP_COUNT_MAX : *sum + count;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void add_refusals(struct merge *merge, const struct hop_profile *from)
{
    struct hop_profile *to = merge->to;
    for (size_t i = 0; i < from->refused_count; i++) {
        const struct hop_refusal_count *refusal = &from->refused[i];
        size_t at = 0;
        while (at < to->refused_count && strcmp(to->refused[at].reason, refusal->reason) != 0)
            at++;
        if (at == HOP_REFUSAL_KINDS_MAX)
            continue; /* of more kinds than there are: they are in the total */
        if (at == to->refused_count)
            to->refused[to->refused_count++] = (struct hop_refusal_count){
                copy(merge, refusal->reason), copy(merge, refusal->words), 0};
        add(&to->refused[at].count, refusal->count);
    }
    add(&to->refused_total, from->refused_total);
}

static void add_numbers(struct merge *merge, const struct hop_profile *from, bool is_first)
{
    struct hop_profile *to = merge->to;
    if (is_first) {
        to->pid = from->pid;
        to->asked_rate_hz = from->asked_rate_hz;
        to->ending = from->ending;
    }
    if (to->pid != from->pid)
        to->pid = 0;
    if (to->asked_rate_hz != from->asked_rate_hz)
        to->asked_rate_hz = 0;
    if (from->started_ns && (!to->started_ns || from->started_ns < to->started_ns))
        to->started_ns = from->started_ns;
    add(&to->duration_ns, from->duration_ns);
    add(&to->ticks, from->ticks);
    add(&to->opening_ns, from->opening_ns);
    add(&to->opening_samples, from->opening_samples);
    add(&to->missed, from->missed);
    to->weights_squared_ns2 += from->weights_squared_ns2;
    add(&to->idle, from->idle);
    add(&to->syscall_stops, from->syscall_stops);
    add(&to->live_samples, from->live_samples);
    add(&to->unproved_samples, from->unproved_samples);
    to->longest_stop_ns = larger(to->longest_stop_ns, from->longest_stop_ns);
    to->late_median_ns = larger(to->late_median_ns, from->late_median_ns);
    to->late_p99_ns = larger(to->late_p99_ns, from->late_p99_ns);
    to->late_max_ns = larger(to->late_max_ns, from->late_max_ns);
    add_refusals(merge, from);
}

/* Whether samples of these two stand for different times. */
static bool weigh_differently(const struct hop_profile *a, const struct hop_profile *b)
{
    if (!a->samples || !b->samples)
        return false;
    return (unsigned __int128)a->samples_ns * b->samples !=
           (unsigned __int128)b->samples_ns * a->samples;
}

static void merge_facts(struct merge *merge)
{
    struct hop_profile *to = merge->to;
    const struct hop_profile *last = merge->profiles[0], *sampled = NULL;
    bool has_all_weights = true;
    for (size_t i = 0; i < merge->count; i++) {
        const struct hop_profile *from = merge->profiles[i];
        add_numbers(merge, from, i == 0);
        to->has_other_root |= from->has_other_root;
        to->has_weights |= from->has_weights || (sampled && weigh_differently(sampled, from));
        sampled = from->samples ? from : sampled;
        has_all_weights &= from->samples == 0 || from->weights_squared_ns2 > 0;
        last = from->started_ns >= last->started_ns ? from : last;
    }
    if (!has_all_weights)
        to->weights_squared_ns2 = 0;
    to->ending = last->ending;
    /* While no tick is taken any more, as the program sleeps, the time passes all the same. */
    to->true_rate_hz = to->duration_ns ? (double)to->ticks * 1e9 / (double)to->duration_ns : 0;
    if (to->true_rate_hz < HOP_TRUE_RATE_MIN_HZ || to->true_rate_hz > HOP_TRUE_RATE_MAX_HZ)
        to->true_rate_hz = 0;
    to->python = join_words(merge, offsetof(struct hop_profile, python));
    to->command_line = join_words(merge, offsetof(struct hop_profile, command_line));
    to->directory = common_directory(merge);
    to->mode = join_words(merge, offsetof(struct hop_profile, mode));
    to->way = join_words(merge, offsetof(struct hop_profile, way));
    to->way_words = join_words(merge, offsetof(struct hop_profile, way_words));
}

/* Whether all samples together are still a count. */
static bool are_countable(const struct hop_profile *const *profiles, size_t count)
{
    uint64_t samples = 0, samples_ns = 0;
    for (size_t i = 0; i < count; i++) {
        if (profiles[i]->samples > HOP_COUNT_MAX - samples ||
            profiles[i]->samples_ns > HOP_COUNT_MAX - samples_ns)
            return false;
        samples += profiles[i]->samples;
        samples_ns += profiles[i]->samples_ns;
    }
    return true;
}

/* --- tables ----------------------------------------------------------------------------------- */

static bool is_same_process(const struct hop_profile *a, const struct hop_profile *b)
{
    return a == b || (a->pid != 0 && a->pid == b->pid && strcmp(a->python, b->python) == 0 &&
                      strcmp(a->command_line, b->command_line) == 0);
}

static bool is_same_thread(const struct hop_profile_thread *a, const struct hop_profile_thread *b)
{
    return a->tid == b->tid && a->interpreter == b->interpreter && strcmp(a->name, b->name) == 0;
}

/* The threads of profile number `index`; `first` is the first one's number in thread_of. A
 * profile's own threads stay apart whatever they are called. */
static void add_threads(struct merge *merge, size_t index, size_t first)
{
    const struct hop_profile *from = merge->profiles[index];
    struct hop_profile *to = merge->to;
    size_t known_count = to->thread_count;
    bool *is_taken = calloc(known_count + 1, sizeof *is_taken);
    for (size_t i = 0; is_taken && i < from->thread_count; i++) {
        uint32_t same = UINT32_MAX;
        for (size_t other = 0, at = 0; same == UINT32_MAX && other < index; other++) {
            const struct hop_profile *earlier = merge->profiles[other];
            bool is_same = is_same_process(earlier, from);
            for (size_t j = 0; is_same && j < earlier->thread_count; j++)
                if (!is_taken[merge->thread_of[at + j]] &&
                    is_same_thread(&earlier->threads[j], &from->threads[i]))
                    same = merge->thread_of[at + j];
            at += earlier->thread_count;
        }
        if (same == UINT32_MAX) {
            same = (uint32_t)to->thread_count;
            to->threads[to->thread_count++] = (struct hop_profile_thread){
                .tid = from->threads[i].tid,
                .interpreter = from->threads[i].interpreter,
                .name = copy(merge, from->threads[i].name),
            };
        } else {
            is_taken[same] = true;
        }
        merge->thread_of[first + i] = same;
    }
    merge->has_failed |= !is_taken;
    free(is_taken);
}

static void add_codes(struct merge *merge, const struct hop_profile *from)
{
    for (size_t i = 0; i < from->code_count && !merge->has_failed; i++) {
        const struct hop_profile_code *code = &from->codes[i];
        struct hop_profile_code *copied = &merge->to->codes[merge->to->code_count++];
        *copied = *code;
        copied->function = copy(merge, code->function);
        copied->file = copy(merge, code->file);
        if (!code->ops)
            continue;
        copied->ops = allocate(merge, code->op_count, sizeof *copied->ops);
        for (size_t j = 0; copied->ops && j < code->op_count; j++) {
            copied->ops[j] = code->ops[j];
            copied->ops[j].opcode = copy(merge, code->ops[j].opcode);
            copied->ops[j].argument = copy(merge, code->ops[j].argument);
        }
    }
}

static void add_instructions(struct merge *merge, const struct hop_profile *from,
                             uint32_t first_code)
{
    struct hop_profile *to = merge->to;
    for (size_t i = 0; i < from->instruction_count && !merge->has_failed; i++) {
        struct hop_instruction *row = &to->instructions[to->instruction_count++];
        *row = from->instructions[i];
        row->function = copy(merge, row->function);
        row->file = copy(merge, row->file);
        row->opcode = copy(merge, row->opcode);
        row->base_opcode = copy(merge, row->base_opcode);
        row->code += first_code;
    }
}

static void add_nodes(struct merge *merge, const struct hop_profile *from, uint32_t first_row,
                      const uint32_t *thread_of)
{
    struct hop_profile *to = merge->to;
    uint32_t first_node = (uint32_t)to->node_count;
    for (size_t i = 0; i < from->node_count; i++) {
        struct hop_profile_node *node = &to->nodes[to->node_count++];
        *node = from->nodes[i];
        if (node->parent == i)
            node->instruction = thread_of[node->instruction];
        else
            node->instruction += first_row;
        node->parent += first_node;
    }
    for (size_t i = 0; i < from->record_count; i++) {
        to->records[to->record_count] = from->records[i];
        to->records[to->record_count++].node += first_node;
    }
}

static void add_parts(struct merge *merge, const struct hop_profile *from, size_t first_record)
{
    struct hop_profile *to = merge->to;
    for (size_t i = 0; i < from->part_count; i++) {
        to->parts[to->part_count] = from->parts[i];
        to->parts[to->part_count++].first_record += first_record;
    }
    if (from->part_count == 0)
        to->parts[to->part_count++] = (struct hop_profile_part){
            first_record, from->samples, from->samples_ns, from->weights_squared_ns2};
}

static bool merge_tables(struct merge *merge)
{
    struct hop_profile *to = merge->to;
    size_t threads = 0, codes = 0, rows = 0, nodes = 0, records = 0, parts = 0;
    for (size_t i = 0; i < merge->count; i++) {
        const struct hop_profile *from = merge->profiles[i];
        threads += from->thread_count;
        codes += from->code_count;
        rows += from->instruction_count;
        nodes += from->node_count;
        records += from->record_count;
        parts += from->part_count ? from->part_count : 1;
    }
    if (nodes >= UINT32_MAX || rows >= UINT32_MAX || codes >= UINT32_MAX || threads >= UINT32_MAX)
        return false;
    to->threads = allocate(merge, threads, sizeof *to->threads);
    to->codes = allocate(merge, codes, sizeof *to->codes);
    to->instructions = allocate(merge, rows, sizeof *to->instructions);
    to->nodes = allocate(merge, nodes, sizeof *to->nodes);
    to->records = allocate(merge, records, sizeof *to->records);
    to->parts = allocate(merge, parts, sizeof *to->parts);
    merge->thread_of = calloc(threads + 1, sizeof *merge->thread_of);
    if (!merge->thread_of)
        merge->has_failed = true;
    for (size_t i = 0, first = 0; i < merge->count && !merge->has_failed; i++) {
        const struct hop_profile *from = merge->profiles[i];
        uint32_t first_code = (uint32_t)to->code_count, first_row = (uint32_t)to->instruction_count;
        add_threads(merge, i, first);
        add_codes(merge, from);
        add_instructions(merge, from, first_code);
        add_parts(merge, from, to->record_count);
        if (!merge->has_failed)
            add_nodes(merge, from, first_row, merge->thread_of + first);
        first += from->thread_count;
    }
    return !merge->has_failed;
}

/* --- stacks ----------------------------------------------------------------------------------- */

/* Joins nodes of one parent and one instruction, and a thread's roots; records follow. Instructions
 * are those of the finished profile, so that equal ones have one number. */
static bool join_nodes(struct hop_profile *profile)
{
    struct hop_id_table known;
    size_t count = profile->node_count;
    uint32_t *new_index = calloc(count + 1, sizeof *new_index);
    bool has_memory = hop_id_table_init(&known, count);
    profile->node_count = 0;
    for (size_t i = 0; new_index && has_memory && i < count; i++) {
        const struct hop_profile_node node = profile->nodes[i];
        bool is_root = node.parent == i;
        uint32_t parent = is_root ? UINT32_MAX : new_index[node.parent];
        uint64_t key = (uint64_t)parent << 32 | node.instruction;
        uint32_t at = hop_id_table_get(&known, key);
        if (at == HOP_NO_ID) {
            at = (uint32_t)profile->node_count++;
            profile->nodes[at] =
                (struct hop_profile_node){is_root ? at : parent, node.instruction, 0, 0};
            has_memory = hop_id_table_put(&known, key, at);
        }
        profile->nodes[at].self += node.self;
        profile->nodes[at].self_ns += node.self_ns;
        new_index[i] = at;
    }
    for (size_t i = 0; new_index && has_memory && i < profile->record_count; i++)
        profile->records[i].node = new_index[profile->records[i].node];
    hop_id_table_deinit(&known);
    free(new_index);
    return new_index && has_memory;
}

enum hop_status hop_profile_merge(const struct hop_profile *const *profiles, size_t count,
                                  struct hop_profile **merged, struct hop_error *err)
{
    *merged = NULL;
    if (count == 0)
        return hop_error_set(err, HOP_ERR_USAGE, NULL, "there is no profile to merge");
    if (!are_countable(profiles, count))
        return hop_error_set(err, HOP_ERR_PROFILE, NULL,
                             "the samples of these profiles are too many for one: a file of theirs "
                             "is damaged");
    struct merge merge = {profiles, count, .to = calloc(1, sizeof *merge.to)};
    bool has_memory = merge.to && hop_id_table_init(&merge.strings, 1024);
    if (has_memory) {
        hop_arena_init(&merge.to->arena, HOP_MERGE_BYTES_MAX);
        merge_facts(&merge);
        has_memory = merge_tables(&merge) && hop_profile_finish(merge.to) && join_nodes(merge.to);
    }
    hop_id_table_deinit(&merge.strings);
    free(merge.kept);
    free(merge.thread_of);
    if (!has_memory) {
        hop_profile_destroy(merge.to);
        return hop_error_set(err, HOP_ERR_MEMORY, NULL,
                             "out of memory while %zu profiles were merged", count);
    }
    *merged = merge.to;
    return HOP_OK;
}
