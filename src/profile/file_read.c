/* Reads a profile's file. Nothing in it is believed: every index, length and number is checked
 * before it is used, so that a broken or hostile file is an error and never a wrong profile. */
#include "profile/file.h"

#include "profile/file_parts.h"
#include "profile/file_pieces.h"
#include "profile/file_reading.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Unpacked; a profile of 10^7 samples and 10^5 stacks has some 20 MB. */
static const size_t FILE_BYTES_MAX = (size_t)512 << 20;
/* What a file of that size can become in memory, ten times it at most: the rest is malice. */
static const size_t PROFILE_BYTES_MAX = (size_t)4 << 30;

/* As deep as any stack that is sampled (py/stack.h), and its root. */
enum { TREE_DEPTH_MAX = (1 << 17) + 1 };

bool hop_file_broken(struct hop_file_reading *reading, const char *what)
{
    if (reading->status == HOP_OK)
        reading->status = hop_error_set(reading->err, HOP_ERR_PROFILE, NULL, "'%s' is broken: %s",
                                        reading->name, what);
    return false;
}

void *hop_file_keep(struct hop_file_reading *reading, size_t count, size_t item_bytes)
{
    void *memory = hop_arena_alloc(&reading->profile->arena, (count ? count : 1) * item_bytes);
    if (!memory && reading->status == HOP_OK)
        reading->status = hop_error_set(reading->err, HOP_ERR_MEMORY, NULL,
                                        "out of memory for the profile '%s'", reading->name);
    return memory;
}

const char *hop_file_text(struct hop_file_reading *reading, uint32_t number)
{
    if (number < reading->text_count)
        return reading->texts[number];
    hop_file_broken(reading, "a text that it refers to is not there");
    return "";
}

static bool copy_texts(struct hop_file_reading *reading, const struct hop_file_pieces *pieces)
{
    struct hop_file_piece strings = pieces->strings;
    size_t count = pieces->string_count;
    reading->texts = hop_file_keep(reading, count, sizeof *reading->texts);
    char *end = hop_file_keep(reading, pieces->string_bytes + count, 1);
    if (!reading->texts || !end)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct hop_file_piece string = hop_file_next_string(&strings);
        reading->texts[i] = memcpy(end, string.bytes, string.size);
        end += string.size + 1; /* the arena's zero is the NUL */
    }
    reading->text_count = count;
    if (count == 0 || reading->texts[0][0])
        return hop_file_broken(reading, "its first text is not empty");
    return true;
}

/* 0 where it is not known. No comparison holds for what is no number. */
static bool is_rate(double rate_hz)
{
    return rate_hz == 0 || (rate_hz >= HOP_TRUE_RATE_MIN_HZ && rate_hz <= HOP_TRUE_RATE_MAX_HZ);
}

/* What samples stand for is whole nanoseconds, none or some. */
static bool is_weight(double weight_ns)
{
    return weight_ns == 0 || (weight_ns >= 1 && weight_ns <= (double)HOP_COUNT_MAX);
}

static bool is_weight_squared(double weight_squared_ns2)
{
    const double most = (double)HOP_COUNT_MAX * (double)HOP_COUNT_MAX;
    return weight_squared_ns2 == 0 || (weight_squared_ns2 >= 1 && weight_squared_ns2 <= most);
}

static bool are_counts(const uint64_t *counts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (counts[i] > HOP_COUNT_MAX)
            return false;
    return true;
}

static bool are_statistics(const Hop__Pprof__Statistics *from)
{
    const uint64_t counts[] = {
        from->started_ns,   from->duration_ns,     from->ticks,         from->opening_ns,
        from->missed,       from->opening_samples, from->idle,          from->longest_stop_ns,
        from->late_p99_ns,  from->late_median_ns,  from->syscall_stops, from->late_max_ns,
        from->live_samples,
    };
    return from->pid >= 0 && from->pid <= INT_MAX && from->ending <= HOP_ENDED_EXEC &&
           is_rate(from->asked_rate_hz) && is_rate(from->true_rate_hz) &&
           is_weight_squared(from->weights_squared_ns2) &&
           are_counts(counts, sizeof counts / sizeof *counts) &&
           from->n_refused <= HOP_REFUSAL_KINDS_MAX;
}

static bool read_statistics(struct hop_file_reading *reading, const Hop__Pprof__Statistics *from)
{
    struct hop_profile *profile = reading->profile;
    if (!from)
        return hop_file_broken(reading, "it has no statistics");
    if (!are_statistics(from))
        return hop_file_broken(reading, "a statistic is out of range");
    profile->pid = (int)from->pid;
    profile->started_ns = from->started_ns;
    profile->python = hop_file_text(reading, from->python);
    profile->command_line = hop_file_text(reading, from->command_line);
    profile->directory = hop_file_text(reading, from->directory);
    profile->has_other_root = from->has_other_root;
    profile->mode = hop_file_text(reading, from->mode);
    profile->way = hop_file_text(reading, from->way);
    profile->way_words = hop_file_text(reading, from->way_words);
    profile->ending = (enum hop_ending)from->ending;
    profile->duration_ns = from->duration_ns;
    profile->asked_rate_hz = from->asked_rate_hz;
    profile->true_rate_hz = from->true_rate_hz;
    profile->ticks = from->ticks;
    profile->opening_ns = from->opening_ns;
    profile->opening_samples = from->opening_samples;
    profile->missed = from->missed;
    profile->has_weights = from->has_weights;
    profile->weights_squared_ns2 = from->weights_squared_ns2;
    profile->idle = from->idle;
    profile->longest_stop_ns = from->longest_stop_ns;
    profile->syscall_stops = from->syscall_stops;
    profile->late_median_ns = from->late_median_ns;
    profile->late_p99_ns = from->late_p99_ns;
    profile->late_max_ns = from->late_max_ns;
    profile->live_samples = from->live_samples;
    profile->unproved_samples = from->unproved_samples;
    for (size_t i = 0; i < from->n_refused; i++) {
        profile->refused[i] = (struct hop_refusal_count){
            .reason = hop_file_text(reading, from->refused[i]->reason),
            .words = hop_file_text(reading, from->refused[i]->words),
            .count = from->refused[i]->count,
        };
        if (from->refused[i]->count > HOP_COUNT_MAX - profile->refused_total)
            return hop_file_broken(reading, "a statistic is out of range");
        profile->refused_total += from->refused[i]->count;
    }
    profile->refused_count = from->n_refused;
    return reading->status == HOP_OK;
}

static bool read_threads(struct hop_file_reading *reading, Hop__Pprof__Thread *const *from,
                         size_t count)
{
    struct hop_profile *profile = reading->profile;
    profile->threads = hop_file_keep(reading, count, sizeof *profile->threads);
    if (!profile->threads)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (from[i]->tid < 0 || from[i]->tid > INT_MAX)
            return hop_file_broken(reading, "a thread's number is out of range");
        profile->threads[i].tid = (int)from[i]->tid;
        profile->threads[i].interpreter = from[i]->interpreter;
        profile->threads[i].name = hop_file_text(reading, from[i]->name);
    }
    profile->thread_count = count;
    return reading->status == HOP_OK;
}

/* --- stacks and records ------------------------------------------------------------------------
 */

static bool read_node(struct hop_file_reading *reading, const Hop__Pprof__Nodes *from, size_t i,
                      uint32_t *depths, uint64_t *samples, uint64_t *samples_ns)
{
    struct hop_profile *profile = reading->profile;
    uint64_t self = from->self[i], self_ns;
    bool is_root = from->up[i] == 0;
    size_t limit = is_root ? profile->thread_count : profile->instruction_count;
    if (from->up[i] > i || from->instruction[i] >= limit || (is_root && self))
        return hop_file_broken(reading, "a stack refers to what is not there");
    if (from->n_self_ns)
        self_ns = from->self_ns[i];
    else if (__builtin_mul_overflow(self, from->ns_per_sample, &self_ns))
        return hop_file_broken(reading, "a count is out of range");
    if (self > HOP_COUNT_MAX - *samples || self_ns > HOP_COUNT_MAX - *samples_ns)
        return hop_file_broken(reading, "a count is out of range");
    *samples += self;
    *samples_ns += self_ns;
    uint32_t parent = (uint32_t)i - from->up[i];
    depths[i] = is_root ? 0 : depths[parent] + 1;
    if (depths[i] > TREE_DEPTH_MAX)
        return hop_file_broken(reading, "a stack is too deep");
    profile->nodes[i] = (struct hop_profile_node){parent, from->instruction[i], self, self_ns};
    return true;
}

static bool read_nodes(struct hop_file_reading *reading, const Hop__Pprof__Nodes *from)
{
    struct hop_profile *profile = reading->profile;
    size_t count = from ? from->n_up : 0;
    uint64_t samples = 0, samples_ns = 0;
    if (!from || from->n_instruction != count || from->n_self != count || count >= UINT32_MAX ||
        (from->n_self_ns && from->n_self_ns != count))
        return hop_file_broken(reading, "its stacks are not whole");
    profile->nodes = hop_file_keep(reading, count, sizeof *profile->nodes);
    uint32_t *depths = malloc((count + 1) * sizeof *depths);
    bool is_good = profile->nodes && depths;
    for (size_t i = 0; is_good && i < count; i++)
        is_good = read_node(reading, from, i, depths, &samples, &samples_ns);
    free(depths);
    profile->node_count = count;
    return is_good;
}

static bool read_records(struct hop_file_reading *reading, const Hop__Pprof__Records *from)
{
    struct hop_profile *profile = reading->profile;
    size_t count = from ? from->n_node : 0;
    uint32_t block = 0; /* now and then it goes back: steps are modulo 2^32 */
    if (!count)
        return true;
    if (from->n_block_step != count || (from->n_weight_ns != 1 && from->n_weight_ns != count))
        return hop_file_broken(reading, "its records are not whole");
    profile->records = hop_file_keep(reading, count, sizeof *profile->records);
    if (!profile->records)
        return false;
    for (size_t i = 0; i < count; i++) {
        uint32_t node = from->node[i];
        double weight_ns = from->weight_ns[from->n_weight_ns == 1 ? 0 : i];
        block += from->block_step[i];
        if (node >= profile->node_count || profile->nodes[node].parent == node ||
            !is_weight(weight_ns))
            return hop_file_broken(reading, "a record is out of range");
        profile->records[i] = (struct hop_trace_record){node, block, weight_ns};
    }
    profile->record_count = count;
    return true;
}

/* Shares keep a number for each part and thread. */
enum { PARTS_BY_THREADS_MAX = 1 << 24 };

static bool read_parts(struct hop_file_reading *reading, Hop__Pprof__Part *const *from,
                       size_t count)
{
    struct hop_profile *profile = reading->profile;
    if (!count)
        return true;
    if (count > PARTS_BY_THREADS_MAX / (profile->thread_count + 1))
        return hop_file_broken(reading, "it has too many parts");
    profile->parts = hop_file_keep(reading, count, sizeof *profile->parts);
    if (!profile->parts)
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t least = i ? profile->parts[i - 1].first_record : 0;
        if (from[i]->first_record < least || from[i]->first_record > profile->record_count ||
            (i == 0 && from[i]->first_record) || from[i]->samples > HOP_COUNT_MAX ||
            from[i]->samples_ns > HOP_COUNT_MAX || !is_weight_squared(from[i]->weights_squared_ns2))
            return hop_file_broken(reading, "a part of it is out of range");
        profile->parts[i] =
            (struct hop_profile_part){from[i]->first_record, from[i]->samples, from[i]->samples_ns,
                                      from[i]->weights_squared_ns2};
    }
    profile->part_count = count;
    return true;
}

/* --- the whole ------------------------------------------------------------------------------- */

static bool is_of_known_version(struct hop_file_reading *reading)
{
    uint32_t version = reading->file->version;
    if (version == HOP_FILE_VERSION)
        return true;
    reading->status = hop_error_set(
        reading->err, HOP_ERR_PROFILE,
        version > HOP_FILE_VERSION ? "read it with a newer heavyops" : "record it again",
        "'%s' is of a version (%u) that this heavyops does not know", reading->name, version);
    return false;
}

static bool read_heavyops(struct hop_file_reading *reading)
{
    const Hop__Pprof__Heavyops *from = reading->file;
    return read_statistics(reading, from->statistics) &&
           read_threads(reading, from->thread, from->n_thread) &&
           hop_file_read_codes(reading, from->codes) &&
           hop_file_read_instructions(reading, from->instructions) &&
           read_nodes(reading, from->nodes) && read_records(reading, from->records) &&
           read_parts(reading, from->part, from->n_part);
}

/* Where a message is unpacked, which goes as a whole. */
struct workspace {
    struct hop_arena arena;
    bool has_failed; /* out of memory */
};

static void *allocate(void *workspace, size_t size)
{
    struct workspace *in = workspace;
    void *memory = hop_arena_alloc(&in->arena, size);
    in->has_failed |= !memory;
    return memory;
}

static void release(void *workspace, void *memory)
{
    (void)workspace;
    (void)memory;
}

static bool is_no_profile(struct hop_file_reading *reading, const char *words)
{
    reading->status =
        hop_error_set(reading->err, HOP_ERR_PROFILE,
                      "make one with: heavyops record -o profile.pb.gz -- python3 app.py",
                      "'%s' is no profile%s", reading->name, words);
    return false;
}

/* Takes `bytes` over: they are freed as soon as nothing of them is needed. */
static bool unpack(struct hop_file_reading *reading, struct workspace *workspace, uint8_t *bytes,
                   size_t size)
{
    ProtobufCAllocator allocator = {allocate, release, workspace};
    struct hop_file_pieces pieces;
    bool is_message = hop_file_find_pieces(bytes, size, &pieces);
    bool is_good = is_message && pieces.heavyops.bytes;
    if (!is_message)
        is_no_profile(reading, "");
    else if (!is_good)
        is_no_profile(reading, " of heavyops");
    else if (pieces.has_another)
        is_good =
            hop_file_broken(reading, "it holds two profiles; heavyops merge makes one of several");
    is_good = is_good && copy_texts(reading, &pieces);
    if (is_good) {
        reading->file =
            hop__pprof__heavyops__unpack(&allocator, pieces.heavyops.size, pieces.heavyops.bytes);
        if (!reading->file && !workspace->has_failed)
            hop_file_broken(reading, "what heavyops keeps in it is damaged");
        is_good = reading->file && !workspace->has_failed;
    }
    free(bytes);
    return is_good;
}

static enum hop_status make_profile(const char *name, uint8_t *bytes, size_t size,
                                    struct hop_profile **result, struct hop_error *err)
{
    struct workspace workspace = {0};
    struct hop_profile *profile = calloc(1, sizeof *profile);
    struct hop_file_reading reading = {.name = name, .profile = profile, .err = err};
    if (!profile) {
        free(bytes);
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for '%s'", name);
    }
    hop_arena_init(&workspace.arena, PROFILE_BYTES_MAX);
    hop_arena_init(&profile->arena, PROFILE_BYTES_MAX);
    bool is_whole = unpack(&reading, &workspace, bytes, size) && is_of_known_version(&reading) &&
                    read_heavyops(&reading);
    hop_arena_deinit(&workspace.arena);
    if (is_whole && hop_profile_finish(profile)) {
        *result = profile;
        return HOP_OK;
    }
    if (reading.status == HOP_OK)
        reading.status = hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for '%s'", name);
    hop_profile_destroy(profile);
    return reading.status;
}

/* A directory opens and then cannot be read; a pipe or a terminal can. */
static FILE *open_file(const char *path, enum hop_status *status, struct hop_error *err)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int error = errno;
    if (fd >= 0 && fstat(fd, &about) == 0 && S_ISDIR(about.st_mode)) {
        close(fd);
        fd = -1;
        error = EISDIR;
    }
    FILE *stream = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (!stream) {
        *status =
            hop_error_set(err, HOP_ERR_IO, NULL, "cannot read '%s': %s", path, strerror(error));
        if (fd >= 0)
            close(fd);
    }
    return stream;
}

enum hop_status hop_profile_read(const char *path, struct hop_profile **profile,
                                 struct hop_error *err)
{
    bool is_input = strcmp(path, "-") == 0;
    enum hop_status status = HOP_OK;
    uint8_t *bytes;
    size_t size;
    *profile = NULL;
    FILE *stream = is_input ? stdin : open_file(path, &status, err);
    if (!stream)
        return status;
    const char *name = is_input ? "standard input" : path;
    status = hop_gzip_read_all(stream, name, FILE_BYTES_MAX, &bytes, &size, err);
    if (!is_input)
        fclose(stream);
    return status == HOP_OK ? make_profile(name, bytes, size, profile, err) : status;
}
