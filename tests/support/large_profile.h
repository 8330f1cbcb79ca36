/* Large profiles made by chance, the same for the same shape: for totals that must hold whatever
 * the stacks are, and for measuring how long a format takes. */
#ifndef TEST_LARGE_PROFILE_H
#define TEST_LARGE_PROFILE_H

#include "profile/profile.h"

struct large_shape {
    size_t stacks;    /* different ones that samples end at; a few less where chance repeats one */
    unsigned depth;   /* of most stacks, half to one and a half times that */
    unsigned files;   /* with ten functions each, which have five lines with three instructions */
    unsigned threads; /* at least 1 */
    unsigned seed;
    bool has_weights;
};

/* 10^5 stacks some 30 deep, 10^7 samples. */
extern const struct large_shape large_shape_default;

/* To be given to hop_profile_destroy. */
struct hop_profile *make_large_profile(const struct large_shape *shape);

/* One thread, one stack, `depth` frames: two functions that call each other. */
struct hop_profile *make_deep_profile(unsigned depth);

#endif
