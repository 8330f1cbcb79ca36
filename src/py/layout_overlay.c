/* What a target's own _Py_DebugOffsets (3.13 and later, at the start of _PyRuntime) says, put over
 * the numbers of a file. The table is the target's and so hostile; it is read by layout_parse.c's
 * `debug` lines, which tell where in it what is. */
#include "py/layout.h"
#include "py/layout_internal.h"

#include <inttypes.h>
#include <string.h>

/* What _Py_DebugOffsets begins with (Include/internal/pycore_debug_offsets.h). */
static const char cookie[8] = {'x', 'd', 'e', 'b', 'u', 'g', 'p', 'y'};

/* Parts of PY_VERSION_HEX (Include/patchlevel.h). */
enum { RELEASE_ALPHA = 0xa, RELEASE_BETA = 0xb };

static uint64_t word_at(const uint8_t *table, int position)
{
    uint64_t word;
    memcpy(&word, table + position, sizeof word);
    return word;
}

/* Releases share one layout but for what the file says `from` or `before` a patch release of;
 * alphas and betas share it with nobody. */
static enum hop_status check_version(const struct hop_layout *layout, uint64_t version,
                                     struct hop_error *err)
{
    const char *remedy = "Give that version's data with --offsets FILE; scripts/make-offsets "
                         "writes such a file from the interpreter and its headers.";
    if (version > UINT32_MAX)
        return hop_error_set(err, HOP_ERR_OFFSETS, NULL,
                             "the target's _Py_DebugOffsets has 0x%" PRIx64 " for its version",
                             version);
    unsigned major = (unsigned)(version >> 24), minor = version >> 16 & 0xff;
    unsigned patch = version >> 8 & 0xff, level = version >> 4 & 0xf;
    if ((int)major != layout->major || (int)minor != layout->minor)
        return hop_error_set(err, HOP_ERR_UNSUPPORTED, remedy,
                             "the target is CPython %u.%u.%u, the data are of %d.%d", major, minor,
                             patch, layout->major, layout->minor);
    bool is_prerelease = level == RELEASE_ALPHA || level == RELEASE_BETA;
    if ((is_prerelease || layout->prerelease_hex) && version != layout->prerelease_hex)
        return hop_error_set(err, HOP_ERR_UNSUPPORTED, remedy,
                             "the target is CPython %u.%u.%u%s (0x%08" PRIx64
                             "), the data are of %s",
                             major, minor, patch, is_prerelease ? ", a pre-release" : "", version,
                             layout->prerelease_hex ? "a pre-release" : "releases");
    return HOP_OK;
}

static void apply_patch_fields(struct hop_layout *layout, unsigned patch)
{
    for (int i = 0; i < layout->patch_field_count; i++)
        *hop_layout_field(layout, layout->patch_fields[i].field) = HOP_ABSENT;
    for (int i = 0; i < layout->patch_field_count; i++) {
        const struct hop_patch_field *it = &layout->patch_fields[i];
        if (it->first <= patch && patch <= it->last)
            *hop_layout_field(layout, it->field) = it->value;
    }
}

enum hop_status hop_layout_overlay(struct hop_layout *layout, const uint8_t *table, size_t size,
                                   struct hop_error *err)
{
    if (layout->debug_offsets_size == 0)
        return hop_error_set(err, HOP_ERR_UNSUPPORTED, NULL,
                             "CPython %d.%d has no _Py_DebugOffsets", layout->major, layout->minor);
    if (size < (size_t)layout->debug_offsets_size)
        return hop_error_set(err, HOP_ERR_OFFSETS, NULL,
                             "of the target's _Py_DebugOffsets %zu bytes could be read, not %d",
                             size, layout->debug_offsets_size);
    if (memcmp(table, cookie, sizeof cookie))
        return hop_error_set(err, HOP_ERR_OFFSETS, NULL,
                             "the target's _PyRuntime does not begin with _Py_DebugOffsets");
    uint64_t version = word_at(table, layout->debug_version_position);
    enum hop_status status = check_version(layout, version, err);
    if (status != HOP_OK)
        return status;
    uint64_t free_threaded = word_at(table, layout->debug_free_threaded_position);
    if (free_threaded > 1)
        return hop_error_set(err, HOP_ERR_OFFSETS, NULL,
                             "the target's _Py_DebugOffsets has 0x%" PRIx64 " for free_threaded",
                             free_threaded);

    int32_t before[HOP_FIELD_COUNT];
    for (size_t field = 0; field < HOP_FIELD_COUNT; field++)
        before[field] = *hop_layout_field(layout, field);
    size_t bad = HOP_FIELD_COUNT;
    for (int i = 0; i < layout->debug_offset_count && bad == HOP_FIELD_COUNT; i++) {
        const struct hop_debug_offset *it = &layout->debug_offsets[i];
        uint64_t value = word_at(table, it->position);
        if (value > (uint64_t)hop_layout_field_limit(it->field))
            bad = it->field;
        else
            *hop_layout_field(layout, it->field) = (int32_t)value;
    }
    if (bad == HOP_FIELD_COUNT)
        bad = hop_layout_field_outside(layout);
    if (bad != HOP_FIELD_COUNT) {
        for (size_t field = 0; field < HOP_FIELD_COUNT; field++)
            *hop_layout_field(layout, field) = before[field];
        return hop_error_set(err, HOP_ERR_OFFSETS, NULL,
                             "the target's _Py_DebugOffsets has an impossible %s",
                             hop_layout_field_name(bad));
    }
    apply_patch_fields(layout, version >> 8 & 0xff);
    layout->is_free_threaded = free_threaded;
    return HOP_OK;
}
