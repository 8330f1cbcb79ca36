/* The source text of a profile's code objects, as it is on disk when the report is written. It
 * knows files and lines; what is shown of them, and how, is the report's. */
#ifndef HOP_REPORT_SOURCE_H
#define HOP_REPORT_SOURCE_H

#include "profile/profile.h"

/* The names are the target's, who may mean anything by them: no file is read beyond the first
 * limit, and none once so much has been read altogether. No Python source comes near them. */
enum { HOP_SOURCE_FILE_BYTES_MAX = 4 << 20, HOP_SOURCE_BYTES_MAX = 32 << 20 };

enum hop_source_state {
    HOP_SOURCE_READ,
    HOP_SOURCE_NO_PATH,   /* "<string>"; or "app.py", and the profile knows no directory */
    HOP_SOURCE_MISSING,   /* not there, or not to be read by us */
    HOP_SOURCE_NO_FILE,   /* a folder, a device, a pipe, empty */
    HOP_SOURCE_TOO_LARGE, /* it, or all before it */
};

/* One file. */
struct hop_source {
    const char *file; /* the profile's name of it */
    enum hop_source_state state;
    bool is_newer;      /* changed after sampling began: lines may have moved */
    bool may_be_other;  /* the program had another root, and there another file of that name */
    const char *text;   /* raw, without a byte order mark; may hold NUL; NULL unless READ; as UTF-8
                           where it said that it was Latin-1 */
    const size_t *ends; /* of each line, behind its line end */
    size_t line_count;
    bool is_looked_for; /* everything but `file` has been filled */
};

/* All of a profile's files, each read when it is first asked for. Up to 3.8 the main program's name
 * is as the command line has it, and so may be relative. */
struct hop_sources {
    struct hop_arena arena;
    uint64_t started_ns;      /* of the profile */
    const char *directory;    /* likewise */
    bool has_other_root;      /* likewise */
    struct hop_source *files; /* by name */
    size_t count;
    size_t bytes; /* read so far */
};

/* Reads nothing yet. The profile has to outlive it. False: out of memory. */
bool hop_sources_init(struct hop_sources *sources, const struct hop_profile *profile);
void hop_sources_deinit(struct hop_sources *sources);

/* The file of that name, which is one of the profile's codes' or instructions'; lives as long as
 * `sources`. NULL: out of memory, or no such name. */
const struct hop_source *hop_sources_find(struct hop_sources *sources, const char *file);

/* Line `line` (from 1) without its line end, as Python counts lines (\n, \r\n, \r). False: the text
 * was not read, or has no such line. */
bool hop_source_line(const struct hop_source *source, int line, const char **text, size_t *length);

/* Why there is no text: "no such file"; "" if there is. */
const char *hop_source_words(const struct hop_source *source);

#endif
