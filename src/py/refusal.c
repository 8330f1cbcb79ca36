/* The names and words of refusals, from the one table. */
#include "py/refusal.h"

#include <stddef.h>

const char *hop_refusal_name(enum hop_refusal refusal)
{
    static const char *const names[] = {"taken",
#define X(id, name, words) name,
                                        HOP_REFUSALS(X)
#undef X
    };
    return (size_t)refusal < sizeof names / sizeof *names ? names[refusal] : "unknown";
}

const char *hop_refusal_words(enum hop_refusal refusal)
{
    static const char *const words_of[] = {"taken",
#define X(id, name, words) words,
                                           HOP_REFUSALS(X)
#undef X
    };
    return (size_t)refusal < sizeof words_of / sizeof *words_of ? words_of[refusal] : "unknown";
}
