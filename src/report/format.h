/* The formats a profile is written in: a new one is one file that defines a `struct hop_format` and
 * one row of the list below. */
#ifndef HOP_REPORT_FORMAT_H
#define HOP_REPORT_FORMAT_H

#include "profile/profile.h"
#include "profile/snapshot.h"

struct hop_format {
    const char *name;
    const char *suffixes; /* of files that are in this format, ".json", separated by blanks; NULL */
    const char *prefix;   /* what a file's name may begin with instead, "callgrind.out"; or NULL */
    bool is_binary;       /* nothing to show on a terminal */
    bool groups;          /* takes the option `group` */
    bool groups_beside;   /* what it groups stands beside all else, not in its place */
    bool joins_threads;   /* does not take the option `by_thread` */
    /* Writes the whole report. Options are never NULL. Stream errors are looked at by the caller.
     */
    enum hop_status (*write)(const struct hop_profile *profile,
                             const struct hop_report_options *options, FILE *stream,
                             struct hop_error *err);
    /* Writes a snapshot (`dump`); NULL: this format has no way to show one. */
    enum hop_status (*write_snapshot)(const struct hop_snapshot *snapshot, FILE *stream,
                                      struct hop_error *err);
};

/* The table: a row a format, in the order in which they are listed. Each is a hop_format_NAME. */
#define HOP_FORMATS(ROW)                                                                           \
    ROW(text)                                                                                      \
    ROW(json)                                                                                      \
    ROW(csv)                                                                                       \
    ROW(pprof)                                                                                     \
    ROW(collapsed)                                                                                 \
    ROW(flamegraph)                                                                                \
    ROW(speedscope)                                                                                \
    ROW(gecko)                                                                                     \
    ROW(callgrind)                                                                                 \
    ROW(html)                                                                                      \
    ROW(annotate)                                                                                  \
    ROW(lines)                                                                                     \
    ROW(functions)                                                                                 \
    ROW(groups)

#define HOP_DECLARE_FORMAT(name) extern const struct hop_format hop_format_##name;
HOP_FORMATS(HOP_DECLARE_FORMAT)
#undef HOP_DECLARE_FORMAT

const struct hop_format *hop_format_find(const char *name); /* NULL: unknown */

/* Writes a snapshot and looks at the stream, as hop_report does for a profile. */
enum hop_status hop_format_write_snapshot(const struct hop_format *format,
                                          const struct hop_snapshot *snapshot, FILE *stream,
                                          struct hop_error *err);

/* Flushes `stream`; HOP_ERR_IO when that or anything written before failed. */
enum hop_status hop_format_check_stream(FILE *stream, struct hop_error *err);

#endif
