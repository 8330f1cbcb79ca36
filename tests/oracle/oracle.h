/* The oracle: samples programs of which the truth is known, on every interpreter and in every way
 * to look, and prints how far the library is from it. Here is what its parts share. */
#ifndef ORACLE_ORACLE_H
#define ORACLE_ORACLE_H

#include "heavyops.h"
#include "support/pythons.h"

#include <jansson.h>

/* --- what is asked for ----------------------------------------------------------------------- */

/* A way to look, as `--read` calls it. */
struct oracle_way {
    const char *name;
    enum hop_read read;
    bool is_judged; /* it must be right, where it is to be had; the others print what they reach */
};

enum { ORACLE_WAYS_MAX = 5 };

/* All of them, the default first. */
size_t oracle_ways(struct oracle_way ways[ORACLE_WAYS_MAX]);

struct oracle_options {
    struct python pythons[PYTHONS_MAX];
    size_t python_count;
    struct oracle_way ways[ORACLE_WAYS_MAX];
    size_t way_count;
    double seconds;       /* of sampling by the default way, for each program on each interpreter */
    double other_seconds; /* the same for each of the other ways */
    double rate_hz;
    const char *programs; /* names, separated by commas; NULL: all */
};

/* Whether `list`, words separated by commas, has a word that `matches`; NULL and "" have all. */
bool oracle_has_word(const char *list, bool (*matches)(const char *word, const void *what),
                     const void *what);
bool oracle_is_equal(const char *word, const void *what); /* two strings */

/* Whether the program of that name is asked for. */
bool oracle_wants(const struct oracle_options *options, const char *program);

/* --- a program under test -------------------------------------------------------------------- */

struct oracle_program {
    struct target target;
    struct hop_target *hop;
    json_t *announced; /* what its first line said */
};

/* The text of tests/oracle/programs/`file`, common.py before it; the caller frees it. Aborts when
 * it can't be read. */
char *oracle_text(const char *file);

/* Runs `text` (a Python program) with arguments, NULL-ended; reads the line of JSON by which it
 * says that it is ready; attaches. `environment` is NULL or "NAME=value". On false nothing is left,
 * and `err` says why. */
bool oracle_start(struct oracle_program *program, const struct python *python,
                  const char *environment, char *text, const char *const arguments[],
                  struct hop_error *err);
/* Writes an empty line to it. */
void oracle_tell(struct oracle_program *program);
/* The next line of JSON it writes; the caller's. NULL: it ended, or that was none. */
json_t *oracle_hear(struct oracle_program *program);
/* Kills it, waits for it. */
void oracle_end(struct oracle_program *program);

/* Samples it once. As hop_sample: HOP_ERR_NOTHING makes a profile too. A way that the library does
 * not have is HOP_ERR_UNSUPPORTED. */
enum hop_status oracle_sample(struct oracle_program *program, const struct oracle_way *way,
                              double rate_hz, double seconds, struct hop_profile **profile,
                              struct hop_error *err);

/* --- the parts ------------------------------------------------------------------------------- */

/* A part prints its tables on standard output. It returns how much of what is wanted of the default
 * way was missed: anything but 0 makes the oracle fail. */
typedef size_t oracle_part_fn(const struct oracle_options *options);

/* Their programs by number; NULL past the last. */
const char *oracle_stacks_program(size_t index);

/* Impossible stacks, refusals, shares. */
oracle_part_fn oracle_stacks;
/* The resolution curve. Weak, so that the oracle can be built without it. */
oracle_part_fn oracle_resolution __attribute__((weak));

#endif
