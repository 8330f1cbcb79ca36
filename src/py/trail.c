/* Finds where a walk comes upon the last stack, and puts together what is new and what stayed. */
#include "py/trail.h"

#include "base/pages.h"

/* Frames that have ended since are skipped: on the data stack those at higher addresses, elsewhere
 * up to so many. */
enum { SKIPPED_MAX = 8, SEEKS_MIN = 256 };

bool hop_trail_init(struct hop_trail *trail)
{
    *trail = (struct hop_trail){.all = hop_pages_map(HOP_DEPTH_MAX * sizeof *trail->all),
                                .fresh = hop_pages_map(HOP_DEPTH_MAX * sizeof *trail->fresh)};
    if (trail->all && trail->fresh)
        return true;
    hop_trail_deinit(trail);
    return false;
}

void hop_trail_deinit(struct hop_trail *trail)
{
    hop_pages_unmap(trail->all, HOP_DEPTH_MAX * sizeof *trail->all);
    hop_pages_unmap(trail->fresh, HOP_DEPTH_MAX * sizeof *trail->fresh);
    *trail = (struct hop_trail){0};
}

void hop_trail_begin(struct hop_trail *trail, const struct hop_raw_stack *last)
{
    trail->fresh_count = 0;
    trail->is_in_run = false;
    trail->next = HOP_DEPTH_MAX - last->depth;
    trail->seeks_left = SEEKS_MIN + last->depth;
}

/* Where in the last stack the frame at `addr` is, of those not met yet; HOP_DEPTH_MAX: nowhere that
 * was looked at. */
static size_t seek(struct hop_trail *trail, uint64_t addr)
{
    size_t at = trail->next;
    while (at < HOP_DEPTH_MAX && trail->seeks_left && trail->all[at].frame_addr > addr) {
        trail->seeks_left--;
        at++;
    }
    if (at < HOP_DEPTH_MAX && trail->all[at].frame_addr == addr)
        return at;
    for (size_t i = 0; i < SKIPPED_MAX && trail->next + i < HOP_DEPTH_MAX; i++)
        if (trail->all[trail->next + i].frame_addr == addr)
            return trail->next + i;
    return HOP_DEPTH_MAX;
}

static void break_run(struct hop_trail *trail)
{
    if (!trail->is_in_run)
        return;
    memcpy(&trail->fresh[trail->fresh_count], &trail->all[trail->run],
           (trail->next - trail->run) * sizeof *trail->all);
    trail->fresh_count += trail->next - trail->run;
    trail->is_in_run = false;
}

static bool is_same(const struct hop_raw_frame *a, const struct hop_raw_frame *b)
{
    return a->code_addr == b->code_addr && a->ip == b->ip && a->previous_addr == b->previous_addr &&
           a->gen_addr == b->gen_addr && a->is_generator == b->is_generator;
}

bool hop_trail_add(struct hop_trail *trail, const struct hop_raw_frame *frame)
{
    if (hop_trail_depth(trail) == HOP_DEPTH_MAX)
        return false;
    if (!hop_trail_expect(trail, frame->frame_addr)) {
        break_run(trail);
        size_t at = seek(trail, frame->frame_addr);
        if (at == HOP_DEPTH_MAX) {
            trail->fresh[trail->fresh_count++] = *frame;
            return true;
        }
        trail->is_in_run = true;
        trail->run = trail->next = trail->changed = at;
        trail->limit =
            at < trail->fresh_count ? at + HOP_DEPTH_MAX - trail->fresh_count : HOP_DEPTH_MAX;
    }
    struct hop_raw_frame *known = &trail->all[trail->next++];
    if (!is_same(known, frame)) {
        *known = *frame;
        trail->changed = trail->next;
    }
    return true;
}

void hop_trail_end(struct hop_trail *trail, struct hop_raw_stack *stack)
{
    if (trail->is_in_run && trail->next < HOP_DEPTH_MAX)
        break_run(trail); /* what lay below is not below any more */
    size_t first = trail->is_in_run ? trail->run : HOP_DEPTH_MAX;
    stack->same = trail->is_in_run ? HOP_DEPTH_MAX - trail->changed : 0;
    stack->depth = HOP_DEPTH_MAX - first + trail->fresh_count;
    stack->frames = trail->all + HOP_DEPTH_MAX - stack->depth;
    stack->serial++;
    memcpy(stack->frames, trail->fresh, trail->fresh_count * sizeof *trail->fresh);
}
