/* Which instructions of a profile a report is about: the meaning of -i and -f. It knows names and
 * patterns; which names exist is the session's. */
#ifndef HOP_REPORT_SELECT_H
#define HOP_REPORT_SELECT_H

#include "base/status.h"

/* Longer ones are the names of no opcode. */
enum { HOP_SELECT_PATTERN_MAX = 128 };

/* One item of a list like "all,-CALL*". */
struct hop_select_item {
    char pattern[HOP_SELECT_PATTERN_MAX]; /* without the sign; empty if it was empty or too long */
    bool is_excluded;                     /* it had a leading '-' or '!' */
};

/* Takes the next item of the comma list at *list, blanks around it left out, and moves *list past
 * it; false: there is none left. */
bool hop_select_next(const char **list, struct hop_select_item *item);

/* Whether the item's pattern means every instruction, the default set, or `name` (case ignored). */
bool hop_select_is_all(const struct hop_select_item *item);
bool hop_select_is_default(const struct hop_select_item *item);
bool hop_select_matches(const struct hop_select_item *item, const char *name);

/* Whether the options track this row: it is in what they include (the default set, where they
 * include nothing), is not in what they exclude, wherever that stands, and its file is wanted. */
bool hop_select_tracks(const struct hop_report_options *options, const struct hop_instruction *row);

/* The same for reports of all instructions, which -i narrows only where it is given. */
bool hop_select_counts(const struct hop_report_options *options, const struct hop_instruction *row);

/* Whether the options narrow a profile at all. */
bool hop_select_narrows(const struct hop_report_options *options);

/* The name under which a tracked row is shown: the base opcode's, unless it was asked for by the
 * name that it had in memory. */
const char *hop_select_shown_name(const struct hop_report_options *options,
                                  const struct hop_instruction *row);

#endif
