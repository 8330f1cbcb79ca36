/* Keeps what changed from look to look. That works because a node of a run's profile keeps its
 * number from look to look, and is only ever added to. */
#include "live/history.h"

#include <stdlib.h>
#include <string.h>

void hop_live_history_init(struct hop_live_history *history)
{
    *history = (struct hop_live_history){0};
}

void hop_live_history_deinit(struct hop_live_history *history)
{
    for (size_t i = 0; i < HOP_LIVE_MOMENTS_MAX; i++)
        free(history->moments[i].changes);
    free(history->self);
    free(history->self_ns);
    *history = (struct hop_live_history){0};
}

void hop_live_history_clear(struct hop_live_history *history)
{
    history->count = history->node_count = 0;
}

static bool make_room(struct hop_live_history *history, size_t count)
{
    if (count <= history->node_room)
        return true;
    size_t room = count + count / 2 + 64;
    uint64_t *self = reallocarray(history->self, room, sizeof *self);
    if (self)
        history->self = self;
    uint64_t *self_ns = reallocarray(history->self_ns, room, sizeof *self_ns);
    if (self_ns)
        history->self_ns = self_ns;
    if (!self || !self_ns)
        return false;
    history->node_room = room;
    return true;
}

static bool add_change(struct hop_live_moment *moment, uint32_t node, double weight)
{
    if (moment->count == moment->room) {
        size_t room = moment->room ? 2 * moment->room : 64;
        struct hop_live_change *changes =
            reallocarray(moment->changes, room, sizeof *moment->changes);
        if (!changes)
            return false;
        moment->changes = changes;
        moment->room = room;
    }
    moment->changes[moment->count++] = (struct hop_live_change){node, weight};
    return true;
}

bool hop_live_history_add(struct hop_live_history *history, const struct hop_profile *profile)
{
    if (!make_room(history, profile->node_count))
        return false;
    history->newest = (history->newest + 1) % HOP_LIVE_MOMENTS_MAX;
    struct hop_live_moment *moment = &history->moments[history->newest];
    moment->count = 0;
    if (history->count < HOP_LIVE_MOMENTS_MAX)
        history->count++;
    for (size_t i = 0; i < profile->node_count; i++) {
        const struct hop_profile_node *node = &profile->nodes[i];
        bool is_known = i < history->node_count;
        uint64_t self = node->self - (is_known ? history->self[i] : 0);
        uint64_t self_ns = node->self_ns - (is_known ? history->self_ns[i] : 0);
        history->self[i] = node->self;
        history->self_ns[i] = node->self_ns;
        if (self &&
            !add_change(moment, (uint32_t)i, profile->has_weights ? (double)self_ns : (double)self))
            return false;
    }
    history->node_count = profile->node_count;
    return true;
}

const struct hop_live_moment *hop_live_history_at(const struct hop_live_history *history,
                                                  size_t age)
{
    return &history->moments[(history->newest + HOP_LIVE_MOMENTS_MAX - age) % HOP_LIVE_MOMENTS_MAX];
}
