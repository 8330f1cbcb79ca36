/* One looker a CPU: threads of ours, each pinned to its CPU, of which one at a time has the turn. A
 * looker that gets the turn wakes up on its CPU and thereby preempts whatever runs there; moving a
 * single thread to a busy CPU would wait for the scheduler's tick instead. Lookers are made when
 * their CPU is first needed. */
#ifndef HOP_SAMPLE_CREW_H
#define HOP_SAMPLE_CREW_H

#include "proc/process.h"

#include <stdbool.h>

struct hop_crew;

enum { HOP_CREW_DONE = -1 };

/* Does what is to be done on `cpu`, where it runs; returns the CPU whose looker goes on (it may be
 * the same), or HOP_CREW_DONE. Never called by two lookers at once; what one wrote the next one
 * sees. */
typedef int hop_crew_step_fn(void *context, int cpu);

/* The CPUs are those the calling thread may use (sched_getaffinity). */
enum hop_status hop_crew_create(struct hop_crew **crew, struct hop_error *err);
void hop_crew_destroy(struct hop_crew *crew); /* NULL is allowed */

/* Whether lookers may run on that CPU. */
bool hop_crew_has_cpu(const struct hop_crew *crew, int cpu);

/* On how many CPUs they may. */
int hop_crew_cpu_count(const struct hop_crew *crew);

/* The CPU on which the process's main thread ran last, or any of ours. */
int hop_crew_cpu_of(const struct hop_crew *crew, const struct hop_process *process);

/* Gives the turn to the looker of `cpu` (one of ours) and returns when a step
 * said HOP_CREW_DONE. The lookers have all signals blocked, so handlers run in the caller's
 * threads. */
enum hop_status hop_crew_run(struct hop_crew *crew, int cpu, hop_crew_step_fn *step, void *context,
                             struct hop_error *err);

/* Called by a step: has something done beside the looking, by the thread that waits in
 * hop_crew_run, before that returns. False: it is still at the last errand. */
typedef void hop_crew_errand_fn(void *context);
bool hop_crew_send(struct hop_crew *crew, hop_crew_errand_fn *errand, void *context);
/* False: what the last errand wrote is to be seen. */
bool hop_crew_is_on_errand(const struct hop_crew *crew);

/* Called by a step on `cpu`: after it, the looker there ends, and another one takes its place when
 * one is needed. For what the kernel undoes only at the end of a thread. */
void hop_crew_retire(struct hop_crew *crew, int cpu);

#endif
