/* What a sampler and its tally hold at one moment, for a profile to be made of: borrowed when all
 * is over, or copied while the sampler goes on. */
#ifndef HOP_SESSION_CAPTURE_H
#define HOP_SESSION_CAPTURE_H

#include "profile/tally.h"
#include "sample/sampler.h"

struct hop_capture {
    struct hop_sampler_counts counts;
    enum hop_ending ending;
    const struct hop_way *way; /* NULL: sampling has not begun */
    const struct hop_seen_thread *seen;
    size_t seen_count;
    const struct hop_code *const *codes;
    size_t code_count;
    const struct hop_tally_node *nodes;
    size_t node_count;
    const struct hop_trace_record *records;
    size_t record_count;
    struct hop_weights weights;
};

/* Of a sampler that does not run (any more). Valid as long as it and the tally are not used. */
void hop_capture_borrow(struct hop_capture *capture, const struct hop_sampler *sampler,
                        const struct hop_tally *tally);

/* Copies, each made in the memory of the one before. */
struct hop_captures {
    pthread_mutex_t *gate;
    struct hop_capture last;
    struct hop_seen_thread *seen;
    struct hop_code *codes;
    const struct hop_code **code_pointers; /* to `codes` */
    const struct hop_code **originals;     /* of what `codes` holds copies */
    struct hop_tally_node *nodes;
    struct hop_trace_record *records;
    size_t seen_room, code_room, node_room, record_room;
    struct hop_sampler_counts whole_counts; /* of the last copy, since the start */
    struct hop_weights whole_weights;
    /* The same when hop_captures_reset was called. */
    struct hop_sampler_counts counts_then;
    struct hop_weights weights_then;
    struct hop_tally_node *nodes_then;
    size_t node_count_then, node_room_then;
};

/* `gate` is that of the sampler's plan. */
void hop_captures_init(struct hop_captures *captures, pthread_mutex_t *gate);
void hop_captures_deinit(struct hop_captures *captures);

/* Copies while the sampler runs, with the gate held for some microseconds at a time, so that
 * no tick is later for it than that. What is counted meanwhile may be in the copy or not. The
 * result is captures->last. False: out of memory. */
bool hop_captures_take(struct hop_captures *captures, const struct hop_sampler *sampler,
                       const struct hop_tally *tally);

/* From now on copies are of what was counted since the last one. False: out of memory. */
bool hop_captures_reset(struct hop_captures *captures);

#endif
