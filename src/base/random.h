/* Numbers by chance, the same again from the same seed: for being out of step with programs, not
 * for being unpredictable. */
#ifndef HOP_BASE_RANDOM_H
#define HOP_BASE_RANDOM_H

#include <stdint.h>

/* xorshift64*: 53 bits. *state is not 0, and never will be. */
static inline uint64_t hop_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545F4914F6CDD1Du >> 11;
}

#endif
