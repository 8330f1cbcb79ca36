/* Status codes of the hot path's kind are in sample/refusal.h; this is the cold path: one error,
 * fixed size, no heap, filled by whoever fails first and carried up unchanged. */
#ifndef HOP_BASE_STATUS_H
#define HOP_BASE_STATUS_H

#include "heavyops.h" /* enum hop_status, struct hop_error: they are public */

/* Fills *err (NULL is allowed) and returns `status`, so that a failing function ends with
 * `return hop_error_set(err, HOP_…, "what, on what", "what to do next")`.
 * `message` is a printf format; `remedy` is plain text or NULL. */
enum hop_status hop_error_set(struct hop_error *err, enum hop_status status, const char *remedy,
                              const char *message, ...) __attribute__((format(printf, 4, 5)));

#endif
