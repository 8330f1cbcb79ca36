/* One frame of a stack as numbers: what the sampler gives out and the tally counts. */
#ifndef HOP_BASE_STEP_H
#define HOP_BASE_STEP_H

#include <stdint.h>

struct hop_step {
    uint32_t code;  /* id in the code table; never UINT32_MAX, which marks a tally's root */
    uint32_t unit;  /* code unit of the instruction's start */
    uint8_t opcode; /* as found in memory */
};

#endif
