/* Where layouts come from: those compiled in and those in files; and the fields by number. What a
 * file says is parsed in layout_parse.c, what a target says of itself in layout_overlay.c. */
#include "py/layout.h"

#include "py/builtin_offsets.h"
#include "py/layout_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The largest of offsets/ has 13 kB; what is a hundred times that is no such file. */
enum { OFFSETS_FILE_BYTES_MAX = 1 << 20 };

static const char *const field_names[HOP_FIELD_COUNT] = {
#define X(member, name) name,
    HOP_LAYOUT_FIELDS(X)
#undef X
};

static const size_t field_places[HOP_FIELD_COUNT] = {
#define X(member, name) offsetof(struct hop_layout, member),
    HOP_LAYOUT_FIELDS(X)
#undef X
};

int32_t *hop_layout_field(struct hop_layout *layout, size_t field)
{
    return (int32_t *)((char *)layout + field_places[field]);
}

const char *hop_layout_field_name(size_t field)
{
    return field_names[field];
}

const char *const *hop_layout_field_names(size_t *count)
{
    *count = HOP_FIELD_COUNT;
    return field_names;
}

/* Structs whose size a file gives. Compared by the name up to and with the dot. */
static const struct {
    const char *prefix;
    enum hop_layout_field size;
} sized_structs[] = {
    {"runtime.", HOP_FIELD_runtime_size}, {"interp.", HOP_FIELD_interp_size},
    {"thread.", HOP_FIELD_thread_size},   {"iframe.", HOP_FIELD_iframe_size},
    {"frame.", HOP_FIELD_frame_size},     {"code.", HOP_FIELD_code_size},
};

static bool field_is_in(size_t field, const char *prefix)
{
    return !strncmp(field_names[field], prefix, strlen(prefix));
}

int32_t hop_layout_field_limit(size_t field)
{
    if (field_is_in(field, "runtime.") || field_is_in(field, "interp."))
        return HOP_STATE_BYTES_MAX;
    return HOP_STRUCT_BYTES_MAX;
}

size_t hop_layout_field_outside(const struct hop_layout *layout)
{
    for (size_t i = 0; i < sizeof sized_structs / sizeof sized_structs[0]; i++) {
        const char *base = (const char *)layout;
        int32_t size;
        memcpy(&size, base + field_places[sized_structs[i].size], sizeof size);
        if (size == HOP_ABSENT)
            continue;
        for (size_t field = 0; field < HOP_FIELD_COUNT; field++) {
            int32_t value;
            memcpy(&value, base + field_places[field], sizeof value);
            if (field_is_in(field, sized_structs[i].prefix) && value > size)
                return field;
        }
    }
    return HOP_FIELD_COUNT;
}

const char *hop_layout_supported(void)
{
    return hop_builtin_versions;
}

enum hop_status hop_layout_builtin(int major, int minor, struct hop_layout *layout,
                                   struct hop_error *err)
{
    char version[32];
    snprintf(version, sizeof version, "%d.%d", major, minor);
    for (size_t i = 0; i < hop_builtin_offsets_count; i++) {
        const struct hop_builtin_offsets *file = &hop_builtin_offsets[i];
        if (!strcmp(file->version, version))
            return hop_layout_parse(file->text, file->size, layout, err);
    }
    return hop_error_set(err, HOP_ERR_UNSUPPORTED,
                         "Give the version's data with --offsets FILE; scripts/make-offsets writes "
                         "such a file from the interpreter and its headers.",
                         "no data for CPython %s; there is for %s", version, hop_builtin_versions);
}

enum hop_status hop_layout_load(const char *path, struct hop_layout *layout, struct hop_error *err)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return hop_error_set(err, HOP_ERR_IO, "Check the name given with --offsets.",
                             "cannot open %s: %s", path, strerror(errno));
    enum hop_status status;
    char *text = malloc(OFFSETS_FILE_BYTES_MAX);
    if (!text) {
        status = hop_error_set(err, HOP_ERR_MEMORY, NULL, "no memory to read %s", path);
    } else {
        size_t size = fread(text, 1, OFFSETS_FILE_BYTES_MAX, file);
        if (ferror(file)) {
            status =
                hop_error_set(err, HOP_ERR_IO, NULL, "cannot read %s: %s", path, strerror(errno));
        } else if (size == OFFSETS_FILE_BYTES_MAX) {
            status = hop_error_set(err, HOP_ERR_OFFSETS, "Give a file as in offsets/.",
                                   "%s is too large for a file of offsets", path);
        } else {
            struct hop_error reason;
            status = hop_layout_parse(text, size, layout, &reason);
            if (status != HOP_OK)
                hop_error_set(err, status, reason.remedy, "%s: %s", path, reason.message);
        }
    }
    free(text);
    fclose(file);
    return status;
}
