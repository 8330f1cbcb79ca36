/* Compressed streams, by zlib: what is written goes to a FILE at once, what is read is held in
 * memory whole. */
#ifndef HOP_BASE_GZIP_H
#define HOP_BASE_GZIP_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

struct hop_gzip; /* private to gzip.c */

/* `level` from 1, fast, to 9, small. NULL: out of memory. */
struct hop_gzip *hop_gzip_create(FILE *stream, int level);
/* Failures of the stream are kept in the stream (ferror). */
void hop_gzip_write(struct hop_gzip *gzip, const void *bytes, size_t size);
/* Ends the compressed data; the stream stays open. NULL is allowed. */
void hop_gzip_destroy(struct hop_gzip *gzip);

/* Reads all that is left of `stream`, inflated if it begins as gzip does (several members one
 * behind the other too), else as it is. *bytes is the caller's, to be given to free(). `name` is
 * for messages. HOP_ERR_IO; HOP_ERR_PROFILE: broken, or more than `limit` bytes; HOP_ERR_MEMORY. */
enum hop_status hop_gzip_read_all(FILE *stream, const char *name, size_t limit, uint8_t **bytes,
                                  size_t *size, struct hop_error *err);

#endif
