/* What is true of a program by its own word: which stacks can exist, and which shares are known.
 * Judges a profile by it.
 *
 * A program announces, in one line of JSON:
 *
 *   outermost  functions that may be at the bottom of a stack
 *   calls      for each function the functions that it calls; any other pair is impossible
 *   deepest    frames of the deepest stack (optional)
 *   at         functions that only ever stand at one depth, 1 being outermost (optional)
 *   shares     a list of shares whose parts add up to a whole:
 *     by       what a part's name means: a function that is innermost ("self") or anywhere on the
 *              stack ("within"); a caller and its innermost callee, "f>g" ("pair"); the innermost
 *              frame's lines that are marked with it ("line")
 *     parts    name: weight, where the program is made so; name: null, where it is the program's
 * own clock that tells, at the end, in a line {"clock": {name: nanoseconds}} points   by how many
 * points (percent of the whole) it may be off; 3 if not given
 *
 * A function is called by its plain name, with the last part of its file's before it where that is
 * not the program itself ("threading.py:run"): versions that have no qualified names must do.
 *
 * Remarks in the program's text, the parts of one remark separated by semicolons: behind a line,
 * "# calls f g" says that f and g are called there and, but for other such lines, nowhere else;
 * "# part p q" that the line belongs to these parts. */
#ifndef ORACLE_RULES_H
#define ORACLE_RULES_H

#include "profile/profile.h"

#include <jansson.h>

enum { ORACLE_PARTS_MAX = 32, ORACLE_SHARES_MAX = 8 };

struct oracle_share {
    double points_allowed;
    bool is_nearly;
    bool is_clocked;          /* the weights come from the program's clock */
    size_t first, part_count; /* its parts among all */
};

struct oracle_part {
    const char *name;
    double weight; /* of the sum of the share's weights */
};

struct oracle_rules {
    json_t *announced;
    struct oracle_share shares[ORACLE_SHARES_MAX];
    size_t share_count;
    struct oracle_part parts[ORACLE_PARTS_MAX];
    int parts_by[ORACLE_PARTS_MAX];
    size_t part_count;
    int deepest; /* INT_MAX: not said */
    struct oracle_mark *marks;
    size_t mark_count;
};

/* What samples show; filled by as many profiles as there are. */
struct oracle_count {
    uint64_t samples, impossible;
    uint64_t hits[ORACLE_PARTS_MAX];
    char example[1024]; /* the first impossible stack, and why it is */
};

/* The rules of what a program announced (a reference is kept), and of its text. False: they make no
 * sense, and a line on standard error says why. */
bool oracle_rules_init(struct oracle_rules *rules, json_t *announced, const char *text);
void oracle_rules_deinit(struct oracle_rules *rules);

/* Takes the weights from what the program's clock says. False: one is not there. */
bool oracle_rules_clock(struct oracle_rules *rules, const json_t *clock);

/* Adds a profile's samples to `count`. */
void oracle_judge(const struct oracle_rules *rules, const struct hop_profile *profile,
                  struct oracle_count *count);

#endif
