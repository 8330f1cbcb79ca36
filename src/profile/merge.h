/* Several profiles as one. */
#ifndef HOP_PROFILE_MERGE_H
#define HOP_PROFILE_MERGE_H

#include "profile/profile.h"

/* hop_profile_merge is in heavyops.h. What the merged profile says where the profiles differ:
 *
 *  - pid 0: of several processes. python, command_line, mode, way: all there are, with commas.
 *  - directory: none, if it is not the same. has_other_root: if one has.
 *  - started_ns the earliest; duration, ticks, samples and whatever else is counted: the sums;
 *    the rate asked for 0, if it is not the same; lateness and the longest stop: the worst.
 *  - ending: of the one that was started last.
 *  - Threads are the same if tid, interpreter, name and their process are; a process is known by
 *    pid, Python and command line. Those of a profile that is itself merged of several processes
 *    are nobody else's.
 *  - parts: one for each profile, or for each of its parts. */

/* Merged profiles are made of strings and bytecode that are copied; so much at the most. */
#define HOP_MERGE_BYTES_MAX ((size_t)4 << 30)

#endif
