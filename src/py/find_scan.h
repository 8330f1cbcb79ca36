/* Copies what an ELF image keeps in memory and looks through it for the traces CPython leaves. It
 * knows segments and bytes; what a trace is worth is judged by its caller. */
#ifndef HOP_PY_FIND_SCAN_H
#define HOP_PY_FIND_SCAN_H

#include "mem/reader.h"
#include "proc/image.h"
#include "proc/maps.h"
#include "py/find_version.h"
#include "py/layout.h"

/* The most bytes of one segment that are looked through. CPython's own are below 2 MiB, a large
 * program that embeds it has some tens; an array of gigabytes in .bss is not read. */
enum { HOP_SCAN_BYTES_MAX = 64 << 20 };

enum { HOP_SEGMENTS_MAX = 16 };

enum hop_segment_kind { HOP_SEGMENT_CONSTANT, HOP_SEGMENT_WRITABLE };

struct hop_segment {
    uint64_t start_addr, end_addr;
};

/* The loaded segments of one kind (writable: .data and .bss; else constants and code), from the
 * program headers as they are in memory, or from the mappings where those headers are not to be
 * had. Their number. */
size_t hop_segments_of(struct hop_reader *reader, const struct hop_maps *maps,
                       const struct hop_image *image, enum hop_segment_kind kind,
                       struct hop_segment segments[HOP_SEGMENTS_MAX]);

/* A copy of one segment; what could not be read is zero. */
struct hop_segment_copy {
    uint64_t addr;
    size_t size;
    uint8_t *bytes;
};

/* False: out of memory. */
bool hop_segment_copy_init(struct hop_segment_copy *copy, struct hop_reader *reader,
                           const struct hop_segment *segment);
void hop_segment_copy_deinit(struct hop_segment_copy *copy);

/* The next address, from *at (an index, 0 at first) on, where _Py_DebugOffsets starts with its
 * cookie (3.13+). False: there is none. */
bool hop_scan_cookie(const struct hop_segment_copy *copy, size_t *at, uint64_t *runtime_addr);

/* The next address, from *at on, that could be _PyRuntime in a version without the table
 * (3.8–3.12): its two pointers to interpreters look like such. `maps` tells what may be pointed to.
 */
bool hop_scan_runtime(const struct hop_segment_copy *copy, const struct hop_maps *maps,
                      const struct hop_layout *layout, size_t *at, uint64_t *runtime_addr);

/* What sys.version was composed of, from the image's writable data. */
bool hop_scan_composed_version(struct hop_reader *reader, const struct hop_maps *maps,
                               const struct hop_image *image, struct hop_version *version);

/* The version among the image's constants, for the moment before that text is composed: the only
 * "3.X.Y" that something else confirms, a path "python3.X" or the number that Py_Version (3.11+)
 * is. */
bool hop_scan_constant_version(struct hop_reader *reader, const struct hop_maps *maps,
                               const struct hop_image *image, struct hop_version *version);

#endif
