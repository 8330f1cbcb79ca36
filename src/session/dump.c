/* One look at every thread, written at once: `heavyops dump`. */
#include "base/clock.h"
#include "report/format.h"
#include "session/describe.h"
#include "session/snapshot.h"

#include <string.h>

static const size_t SNAPSHOT_BYTES_MAX = (size_t)1 << 30;

/* How long a thread is tried that will not stand still, and all of them together. */
static const uint64_t THREAD_NS = 500 * 1000 * 1000;
static const uint64_t ALL_NS = 3000u * 1000 * 1000;

static const char *state_name(char state)
{
    switch (state) {
    case 'R':
        return "running";
    case 'S':
        return "sleeping";
    case 'D':
        return "waiting"; /* uninterruptibly: disk, as a rule */
    case 'T':
        return "stopped";
    case 't':
        return "traced";
    case 'I':
        return "idle";
    default:
        return "ended";
    }
}

static bool holds_gil(struct hop_target *target, const struct hop_roster *roster,
                      uint64_t state_addr)
{
    for (size_t i = 0; i < roster->interpreter_count; i++) {
        struct hop_gil gil = hop_gil_of(&target->python.layout, target->python.runtime_addr,
                                        &roster->interpreters[i]);
        int32_t locked;
        uint64_t holder;
        struct hop_span spans[] = {{gil.locked_addr, sizeof locked, &locked},
                                   {gil.holder_addr, sizeof holder, &holder}};
        if (hop_reader_fill(&target->reader.base, spans, 2) == 2 && locked == 1 &&
            holder == state_addr)
            return true;
    }
    return false;
}

/* A frame that has not reached its first traceable instruction is none for sys._getframe() and
 * tracebacks either (_PyFrame_IsIncomplete, 3.11+). A generator's frame always counts. */
static bool is_complete(const struct hop_code *code, const struct hop_step *step,
                        const struct hop_raw_frame *raw)
{
    return raw->is_generator || step->unit >= code->first_traceable;
}

static bool keep_stack(const struct hop_sampler *sampler, struct hop_snapshot *snapshot,
                       struct hop_snapshot_thread *thread)
{
    const struct hop_raw_stack *stack = &sampler->walker.stack;
    struct hop_arena *arena = &snapshot->arena;
    struct hop_instruction *frames = hop_arena_alloc(arena, stack->depth * sizeof *frames + 1);
    if (!frames)
        return false;
    size_t count = 0;
    for (size_t i = 0; i < stack->depth; i++) {
        const struct hop_step *step = &sampler->identifier.frames[i];
        const struct hop_code *code = sampler->codes.codes[step->code];
        if (!is_complete(code, step, &stack->frames[i]))
            continue;
        struct hop_instruction *row = &frames[count++];
        hop_describe_instruction(&sampler->python->layout, code, step->unit, step->opcode, row);
        row->function = hop_arena_string(arena, row->function, strlen(row->function));
        row->file = hop_arena_string(arena, row->file, strlen(row->file));
        row->opcode = hop_arena_string(arena, row->opcode, strlen(row->opcode));
        row->base_opcode = hop_arena_string(arena, row->base_opcode, strlen(row->base_opcode));
        if (!row->function || !row->file || !row->opcode || !row->base_opcode)
            return false;
    }
    thread->frames = frames;
    thread->frame_count = count;
    return true;
}

static bool take_thread(struct hop_target *target, struct hop_sampler *sampler,
                        struct hop_roster_entry *entry, uint64_t deadline_ns,
                        struct hop_snapshot *snapshot, bool *has_ended)
{
    struct hop_snapshot_thread *thread = &snapshot->threads[snapshot->thread_count];
    const struct hop_seen_thread *seen = &sampler->roster.seen[entry->index];
    uint64_t own_deadline_ns = hop_now_ns() + THREAD_NS;
    char state = 'X';
    enum hop_refusal refusal = hop_sampler_look_once(
        sampler, entry, own_deadline_ns < deadline_ns ? own_deadline_ns : deadline_ns, &state);
    *has_ended = state == 'X';
    *thread = (struct hop_snapshot_thread){
        .tid = seen->tid,
        .name =
            hop_arena_string(&snapshot->arena, seen->name, strnlen(seen->name, sizeof seen->name)),
        .state = state_name(state),
        .has_gil = holds_gil(target, &sampler->roster, entry->state.addr),
        .interpreter = entry->state.interpreter_id,
        .refused = refusal == HOP_TAKEN ? NULL : hop_refusal_words(refusal),
    };
    if (*has_ended)
        return true;
    snapshot->thread_count++;
    return thread->name && (refusal != HOP_TAKEN || keep_stack(sampler, snapshot, thread));
}

static enum hop_status take_threads(struct hop_target *target, struct hop_sampler *sampler,
                                    struct hop_snapshot *snapshot, struct hop_error *err)
{
    struct hop_roster *roster = &sampler->roster;
    uint64_t deadline_ns = hop_now_ns() + ALL_NS;
    bool is_whole = hop_roster_refresh(roster);
    snapshot->threads =
        hop_arena_alloc(&snapshot->arena, roster->count * sizeof *snapshot->threads + 1);
    is_whole = is_whole && snapshot->threads;
    /* The list has the newest thread first; people expect the main thread there. */
    for (size_t i = roster->count; is_whole && i-- > 0;) {
        bool has_ended;
        is_whole =
            take_thread(target, sampler, &roster->entries[i], deadline_ns, snapshot, &has_ended);
    }
    if (!is_whole)
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for the stacks");
    if (snapshot->thread_count)
        return HOP_OK;
    if (!hop_process_is_alive(&target->process))
        return hop_error_set(err, HOP_ERR_GONE, NULL, "process %d ended meanwhile",
                             target->process.pid);
    return hop_error_set(err, HOP_ERR_NOTHING, "it may be just starting or ending; try again",
                         "no Python thread of process %d could be read", target->process.pid);
}

enum hop_status hop_take_snapshot(struct hop_target *target, struct hop_snapshot *snapshot,
                                  struct hop_error *err)
{
    struct hop_sampler sampler;
    *snapshot = (struct hop_snapshot){.pid = target->process.pid};
    enum hop_status status =
        hop_sampler_init(&sampler, &target->process, &target->python, &target->reader.base, err);
    if (status != HOP_OK)
        return status;
    hop_arena_init(&snapshot->arena, SNAPSHOT_BYTES_MAX);
    snapshot->python = target->python.version;
    snapshot->command_line = target->command_line;
    status = take_threads(target, &sampler, snapshot, err);
    hop_sampler_deinit(&sampler);
    if (status != HOP_OK)
        hop_arena_deinit(&snapshot->arena);
    return status;
}

enum hop_status hop_dump(struct hop_target *target, const char *format_name, FILE *stream,
                         struct hop_error *err)
{
    const struct hop_format *format = hop_format_find(format_name);
    if (!format || !format->write_snapshot)
        return hop_error_set(err, HOP_ERR_USAGE, "use text or json", "a dump has no format \"%s\"",
                             format_name);
    struct hop_snapshot snapshot;
    enum hop_status status = hop_take_snapshot(target, &snapshot, err);
    if (status != HOP_OK)
        return status;
    status = hop_format_write_snapshot(format, &snapshot, stream, err);
    hop_arena_deinit(&snapshot.arena);
    return status;
}
