/* Takes a snapshot of an attached target: every thread's stack, each proved by itself. */
#ifndef HOP_SESSION_SNAPSHOT_H
#define HOP_SESSION_SNAPSHOT_H

#include "profile/snapshot.h"
#include "session/target.h"

/* A thread whose stack could not be proved in time is in it with the reason. The snapshot is the
 * caller's, its arena to be deinitialised. */
enum hop_status hop_take_snapshot(struct hop_target *target, struct hop_snapshot *snapshot,
                                  struct hop_error *err);

#endif
