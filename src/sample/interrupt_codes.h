/* From the frames of a record to steps: which code object each ran, and what was its instruction. A
 * code object that is new is in the record; one that is too large for that is read some time after
 * the interrupt, and that it is the same is proved by the identity that the interrupt took down. */
#ifndef HOP_SAMPLE_INTERRUPT_CODES_H
#define HOP_SAMPLE_INTERRUPT_CODES_H

#include "base/step.h"
#include "sample/identify.h"
#include "sample/interrupt.h"

enum { HOP_INTERRUPT_REFUSED = 64 };

struct hop_interrupt_codes {
    struct hop_interrupts *interrupts;
    struct hop_code_table *table;
    struct hop_id_table code_of; /* by identity */
    bool may_read;               /* the program is there: memory is its */
    /* Identities that could not be had lately, by a few of their bits, and until when they are not
     * tried again. */
    uint64_t refused[HOP_INTERRUPT_REFUSED], refused_until_ns[HOP_INTERRUPT_REFUSED];
    bool has_read;  /* for the last record, what was no longer in it */
    uint64_t named; /* records */
};

/* False: out of memory. References are kept. */
bool hop_interrupt_codes_init(struct hop_interrupt_codes *codes, struct hop_interrupts *interrupts,
                              struct hop_code_table *table);
void hop_interrupt_codes_deinit(struct hop_interrupt_codes *codes);

/* Learns the code objects that the interrupt has copied. */
void hop_interrupt_codes_learn(struct hop_interrupt_codes *codes,
                               const struct hop_interrupt_record *record);

/* Fills steps, innermost first, without trampolines; there is room for all of the record's frames.
 */
enum hop_refusal hop_interrupt_codes_name(struct hop_interrupt_codes *codes,
                                          const struct hop_interrupt_record *record,
                                          struct hop_step *steps, size_t *depth);

/* Reads what an interrupt could not wait for (HOP_INTERRUPT_ABSENT): then it is in memory. */
void hop_interrupt_codes_touch(const struct hop_interrupt_codes *codes,
                               const struct hop_interrupt_record *record);

/* Now and then tries to find where code objects are counted, with which interrupts are shorter. */
void hop_interrupt_codes_seek_counter(struct hop_interrupt_codes *codes,
                                      struct hop_identifier *identifier, uint64_t interpreter_addr,
                                      const struct hop_interrupt_record *record);

#endif
