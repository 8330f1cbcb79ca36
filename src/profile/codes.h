/* The code objects of a profile that is being made. */
#ifndef HOP_PROFILE_CODES_H
#define HOP_PROFILE_CODES_H

#include "profile/profile.h"

/* Strings that are NULL become "". */
void hop_profile_codes_fill_missing(struct hop_profile *profile);

/* Joins those that are equal in all, also their bytecode, sorts them by file, line and name, and
 * renumbers the instructions' `code`. False: out of memory. */
bool hop_profile_codes_join(struct hop_profile *profile);

#endif
