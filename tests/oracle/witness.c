/* How far memory can be trusted for instructions of a few ns: a loop of such, seen in every way to
 * look and by registers taken at perf events. There is no clock so fine; so the ways are compared
 * with each other, instruction by instruction. */
#include "oracle/witness.h"
#include "oracle/resolution.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of the time that other programs are sampled. */
static const double TURNS = 4;
static const double RATE_FACTOR = 2;

enum { INSTRUCTIONS_MAX = 256, SEEN_MAX = ORACLE_WAYS_MAX + 1 };

/* The loop, as the program describes it. */
struct loop {
    uint64_t start, bytes; /* of its bytecode, in the program's memory */
    size_t count;
    uint32_t offsets[INSTRUCTIONS_MAX]; /* of its instructions, ascending, in bytes */
    const char *names[INSTRUCTIONS_MAX];
    uint32_t top, jump; /* the offsets of FOR_ITER, and of the instruction that jumps to it */
};

/* One way's view of it. */
struct seen {
    const char *name;
    uint64_t total, hits[INSTRUCTIONS_MAX];
};

static bool read_loop(const json_t *said, struct loop *loop)
{
    const json_t *offsets = json_object_get(said, "offsets");
    const json_t *names = json_object_get(said, "names");
    *loop = (struct loop){
        .start = (uint64_t)json_integer_value(json_object_get(said, "start")),
        .bytes = (uint64_t)json_integer_value(json_object_get(said, "bytes")),
        .top = (uint32_t)json_integer_value(json_object_get(said, "top")),
        .jump = (uint32_t)json_integer_value(json_object_get(said, "jump")),
        .count = json_array_size(offsets),
    };
    if (!loop->count || loop->count > INSTRUCTIONS_MAX || json_array_size(names) != loop->count)
        return false;
    for (size_t i = 0; i < loop->count; i++) {
        loop->offsets[i] = (uint32_t)json_integer_value(json_array_get(offsets, i));
        loop->names[i] = json_string_value(json_array_get(names, i));
        if (!loop->names[i])
            return false;
    }
    return true;
}

/* The instruction that the byte at `offset` belongs to. */
static size_t find_instruction(const struct loop *loop, uint32_t offset)
{
    size_t i = loop->count - 1;
    while (i && loop->offsets[i] > offset)
        i--;
    return i;
}

static void see(struct seen *seen, size_t instruction, uint64_t hits)
{
    seen->hits[instruction] += hits;
    seen->total += hits;
}

/* A sample: where the machine is, and which instructions its next_instr may mean: the one that it
 * has just gone past, or the one that it points to. */
struct place {
    uint64_t ip;
    size_t past, at;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    return (left->ip > right->ip) - (left->ip < right->ip);
}

static size_t find_places(const struct loop *loop, const struct witness *witness, size_t n,
                          struct place *places)
{
    size_t count = 0;
    for (size_t i = 0; i < witness->sample_count; i++) {
        uint64_t offset = witness_register(witness, i, n) - loop->start;
        if (!offset || offset >= loop->bytes)
            continue;
        places[count++] = (struct place){
            .ip = witness_register(witness, i, witness->ip_register),
            .past = find_instruction(loop, offset == loop->top ? loop->jump : (uint32_t)offset - 1),
            .at = find_instruction(loop, (uint32_t)offset),
        };
    }
    qsort(places, count, sizeof *places, compare_places);
    return count;
}

/* Of places with the same machine instruction: how many agree on one kind of instruction. */
static size_t agreement(const struct place *places, size_t count, const struct loop *loop,
                        bool by_at)
{
    size_t most = 0;
    for (size_t i = 0; i < loop->count; i++) {
        size_t same = 0;
        for (size_t p = 0; p < count; p++)
            same += !strcmp(loop->names[by_at ? places[p].at : places[p].past], loop->names[i]);
        most = same > most ? same : most;
    }
    return most;
}

/* When next_instr is moved on differs from one instruction to the other, and is the compiler's
 * choice. But one place in the machine code belongs to one kind of instruction, and each kind is in
 * the loop more than once, with different neighbours: so what the samples of one place agree on,
 * the instructions gone past or those pointed to, is what is carried out there. Where they agree on
 * both it is as at the most places that are certain. */
static long judge(const struct place *places, size_t count, const struct loop *loop, bool by_at,
                  struct seen *seen)
{
    long votes = 0; /* for `at`, less those for `past` */
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first; end < count && places[end].ip == places[first].ip;)
            end++;
        size_t at = agreement(places + first, end - first, loop, true);
        size_t past = agreement(places + first, end - first, loop, false);
        votes += (long)at - (long)past;
        for (size_t p = first; p < end && seen; p++)
            see(seen, at > past || (at == past && by_at) ? places[p].at : places[p].past, 1);
    }
    return votes;
}

static void see_registers(struct seen *seen, const struct loop *loop, const struct witness *witness,
                          size_t n)
{
    struct place *places = calloc(witness->sample_count + 1, sizeof *places);
    if (!places)
        return;
    size_t count = find_places(loop, witness, n, places);
    bool by_at = judge(places, count, loop, false, NULL) > 0;
    judge(places, count, loop, by_at, seen);
    free(places);
}

static void see_profile(struct seen *seen, const struct loop *loop,
                        const struct hop_profile *profile)
{
    size_t count;
    const struct hop_instruction *rows = hop_profile_instructions(profile, &count);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(rows[i].function, "cheap"))
            see(seen, find_instruction(loop, rows[i].offset), rows[i].self);
}

static double share(const struct seen *seen, size_t instruction)
{
    return seen->total ? (double)seen->hits[instruction] / (double)seen->total : 0;
}

/* Half of the sum of differences: the part of the samples that would have to be elsewhere. */
static double distance(const struct seen *a, const struct seen *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += fabs(share(a, i) - share(b, i));
    return sum / 2;
}

/* What chance alone makes of it, on the average, for two that are alike. */
static double chance(const struct seen *a, const struct seen *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double p = (share(a, i) + share(b, i)) / 2;
        sum += sqrt(2 / M_PI * p * (1 - p) * (1 / (double)a->total + 1 / (double)b->total));
    }
    return sum / 2;
}

static void print_distances(const struct seen *seen, size_t count, size_t instructions)
{
    for (size_t a = 0; a < count; a++)
        for (size_t b = a + 1; b < count; b++)
            printf("  %-9s %-9s differ by %.3f (by chance %.3f)\n", seen[a].name, seen[b].name,
                   distance(&seen[a], &seen[b], instructions),
                   chance(&seen[a], &seen[b], instructions));
}

static void print_shares(const struct seen *seen, size_t count, const struct loop *loop)
{
    printf("  offset");
    for (size_t i = 0; i < count; i++)
        printf("  %9s", seen[i].name);
    printf("\n");
    for (size_t n = 0; n < loop->count; n++) {
        double most = 0;
        for (size_t i = 0; i < count; i++)
            most = fmax(most, share(&seen[i], n));
        if (most < 0.001)
            continue;
        printf("  %6" PRIu32, loop->offsets[n]);
        for (size_t i = 0; i < count; i++)
            printf("  %8.2f%%", 100 * share(&seen[i], n));
        printf("  %s\n", loop->names[n]);
    }
}

static bool ask_witness(const struct oracle_options *options, struct oracle_program *program,
                        const struct loop *loop, struct seen *seen)
{
    struct witness witness;
    size_t hits = 0;
    bool is_there = witness_take(&witness, program->target.pid, RATE_FACTOR * options->rate_hz,
                                 TURNS * options->seconds);
    *seen = (struct seen){.name = "registers"};
    if (!is_there) {
        printf("  no registers here: %s\n", witness.why_not);
    } else {
        size_t n = witness_find_register(&witness, loop->start, loop->bytes + 1, &hits);
        printf("  registers: %zu samples; in %.1f %% of them register %zu points into the loop\n"
               "  (the others are missing below: C functions use it for themselves)\n",
               witness.sample_count,
               100 * (double)hits / (double)(witness.sample_count ? witness.sample_count : 1),
               n + 1);
        if (hits > witness.sample_count / 2) /* machine code of the JIT has no next_instr */
            see_registers(seen, loop, &witness, n);
    }
    witness_free(&witness);
    return seen->total > 0;
}

static void compare(const struct oracle_options *options, struct oracle_program *program,
                    const struct loop *loop)
{
    struct seen seen[SEEN_MAX];
    size_t count = ask_witness(options, program, loop, &seen[0]);
    for (size_t w = 0; w < options->way_count; w++) {
        const struct oracle_way *way = &options->ways[w];
        struct hop_profile *profile = NULL;
        struct hop_error err;
        seen[count] = (struct seen){.name = way->name};
        if (oracle_sample(program, way, RATE_FACTOR * options->rate_hz, TURNS * options->seconds,
                          &profile, &err) == HOP_OK)
            see_profile(&seen[count], loop, profile);
        else
            printf("  %s: %s\n", way->name, err.message);
        hop_profile_destroy(profile);
        count += seen[count].total > 0;
    }
    print_distances(seen, count, loop->count);
    print_shares(seen, count, loop);
}

void oracle_witness(const struct oracle_options *options)
{
    if (!oracle_wants(options, "cheap"))
        return;
    printf("\nwitness: a loop of instructions of a few ns, seen in each way and by registers taken "
           "at perf events;\nhow they differ (total variation), and each instruction's share\n");
    for (size_t p = 0; p < options->python_count; p++) {
        static const char *const none[] = {NULL};
        struct oracle_program program;
        struct hop_error err;
        struct loop loop;
        char *text = oracle_text("calibrated_cheap.py");
        bool is_started = oracle_start(&program, &options->pythons[p], NULL, text, none, &err);
        printf("\n%s %s\n", options->pythons[p].version, options->pythons[p].kind);
        free(text);
        if (!is_started) {
            printf("  not sampled: %s\n", err.message);
            continue;
        }
        if (read_loop(program.announced, &loop))
            compare(options, &program, &loop);
        else
            printf("  the program did not describe its loop\n");
        oracle_end(&program);
    }
}
