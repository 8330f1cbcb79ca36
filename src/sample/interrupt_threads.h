/* The threads that interrupts fall on: the kernel's table of them is kept by the roster, and the
 * roster by what interrupts have seen. */
#ifndef HOP_SAMPLE_INTERRUPT_THREADS_H
#define HOP_SAMPLE_INTERRUPT_THREADS_H

#include "sample/interrupt.h"
#include "sample/sampler.h"

struct hop_interrupt_threads {
    struct hop_interrupts *interrupts;
    struct hop_id_table ended; /* threads that were never listed: their places in the tally */
    bool may_read;             /* the program is still there */
};

/* False: out of memory. The reference is kept. */
bool hop_interrupt_threads_init(struct hop_interrupt_threads *threads,
                                struct hop_interrupts *interrupts);
void hop_interrupt_threads_deinit(struct hop_interrupt_threads *threads);

/* Tells the kernel of all threads of the roster, for the interrupts to come. */
void hop_interrupt_threads_know(struct hop_interrupt_threads *threads, struct hop_sampler *sampler);

/* Brings the roster up to date, and the kernel with it. */
void hop_interrupt_threads_renew(struct hop_interrupt_threads *threads, struct hop_sampler *sampler,
                                 bool has_births);

/* A thread of which it was not known which thread state it has, or that could not be read: it ends,
 * and its memory is the kernel's to take apart. It may have none, and then is not asked again.
 * Whether it has one now. */
bool hop_interrupt_threads_meet(struct hop_interrupt_threads *threads, struct hop_sampler *sampler,
                                const struct hop_interrupt_record *record);

/* The thread's place in the tally, or UINT32_MAX: it is not sure whose thread state that was. It
 * was on a CPU. */
uint32_t hop_interrupt_threads_find(struct hop_interrupt_threads *threads,
                                    struct hop_sampler *sampler,
                                    const struct hop_interrupt_record *record);

/* It was on a CPU, if it is known whose record that is. */
void hop_interrupt_threads_note(struct hop_sampler *sampler,
                                const struct hop_interrupt_record *record);

#endif
