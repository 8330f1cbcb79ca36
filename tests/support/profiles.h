/* Hand-made profiles and snapshots for the tests of reports: the closure example, an old Python
 * without columns, hostile names, and nothing at all. */
#ifndef TEST_PROFILES_H
#define TEST_PROFILES_H

#include "profile/profile.h"
#include "profile/snapshot.h"

struct test_profile {
    const char *name;
    struct hop_profile *(*make)(void); /* to be given to hop_profile_destroy */
};

extern const struct test_profile test_profiles[];
extern const size_t test_profile_count;

struct hop_profile *make_closure_profile(void);
struct hop_profile *make_old_profile(void);
struct hop_profile *make_hostile_profile(void);
struct hop_profile *make_idle_profile(void);
struct hop_profile *make_empty_profile(void);

/* Constant; not to be destroyed. */
extern const struct hop_snapshot test_snapshot, test_hostile_snapshot;

#endif
