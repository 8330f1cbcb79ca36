/* One instant at which all threads whose turn it is are looked at; it may have to go on on another
 * CPU. */
#ifndef HOP_SAMPLE_TICK_H
#define HOP_SAMPLE_TICK_H

#include "sample/sampler.h"

/* The first part of a tick. Returns the CPU on which hop_tick_continue is to go on, HOP_CREW_DONE
 * when the tick is over. *has_ended: it was none, as the program is no longer there;
 * sampler->ending tells why. */
int hop_tick_begin(struct hop_sampler *sampler, bool *has_ended);
int hop_tick_continue(struct hop_sampler *sampler);

/* What a trampoline does is a part of the call that its caller stands in. The new depth. */
size_t hop_tick_leave_out_trampolines(const struct hop_sampler *sampler, struct hop_step *steps,
                                      size_t depth);

/* Brings the roster up to date where that is due, or threads were born or ended. False: there is no
 * memory for it. */
bool hop_tick_renew(struct hop_sampler *sampler, bool has_births);

/* Whether the program is still there; else sampler->ending tells. Asked now and then, and when
 * something is not as it was. */
bool hop_tick_is_still_there(struct hop_sampler *sampler, bool has_births);

/* Between ticks, and at the end of a run: accounts for the ticks at which sleeping threads did not
 * have their turn. */
void hop_tick_settle(struct hop_sampler *sampler);

#endif
