/* The meaning of -i and -f, see select.h. */
#include "report/select.h"

#include <fnmatch.h>
#include <string.h>
#include <strings.h>

bool hop_select_next(const char **list, struct hop_select_item *item)
{
    const char *start = *list;
    if (!start || !*start)
        return false;
    size_t length = strcspn(start, ",");
    *list = start + length + (start[length] == ',');
    while (length && strchr(" \t", start[0]))
        start++, length--;
    while (length && strchr(" \t", start[length - 1]))
        length--;
    item->is_excluded = length && (start[0] == '-' || start[0] == '!');
    start += item->is_excluded;
    length -= item->is_excluded;
    if (length >= sizeof item->pattern)
        length = 0;
    memcpy(item->pattern, start, length);
    item->pattern[length] = '\0';
    return true;
}

bool hop_select_is_all(const struct hop_select_item *item)
{
    return strcasecmp(item->pattern, "all") == 0;
}

bool hop_select_is_default(const struct hop_select_item *item)
{
    return strcasecmp(item->pattern, "default") == 0;
}

bool hop_select_matches(const struct hop_select_item *item, const char *name)
{
    return hop_select_is_all(item) || fnmatch(item->pattern, name, FNM_CASEFOLD) == 0;
}

static bool names_row(const struct hop_select_item *item, const struct hop_instruction *row)
{
    if (hop_select_is_default(item))
        return row->is_tracked;
    return hop_select_matches(item, row->base_opcode) || hop_select_matches(item, row->opcode);
}

static bool wants_file(const struct hop_report_options *options, const char *path)
{
    for (size_t i = 0; i < options->file_count; i++) {
        const char *pattern = options->files[i];
        if (strstr(path, pattern) || fnmatch(pattern, path, 0) == 0)
            return true;
        /* the end of the path, from any folder on */
        for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
            if (fnmatch(pattern, slash + 1, 0) == 0)
                return true;
    }
    return options->file_count == 0;
}

bool hop_select_tracks(const struct hop_report_options *options, const struct hop_instruction *row)
{
    bool includes_any = false, is_included = false;
    for (size_t i = 0; i < options->instruction_count; i++) {
        const char *list = options->instructions[i];
        struct hop_select_item item;
        while (hop_select_next(&list, &item)) {
            bool is_named = names_row(&item, row);
            if (item.is_excluded && is_named)
                return false;
            includes_any |= !item.is_excluded;
            is_included |= !item.is_excluded && is_named;
        }
    }
    return (includes_any ? is_included : row->is_tracked) && wants_file(options, row->file);
}

bool hop_select_counts(const struct hop_report_options *options, const struct hop_instruction *row)
{
    return options->instruction_count ? hop_select_tracks(options, row)
                                      : wants_file(options, row->file);
}

bool hop_select_narrows(const struct hop_report_options *options)
{
    return options->instruction_count > 0 || options->file_count > 0;
}

const char *hop_select_shown_name(const struct hop_report_options *options,
                                  const struct hop_instruction *row)
{
    bool is_by_memory_name = false;
    for (size_t i = 0; i < options->instruction_count; i++) {
        const char *list = options->instructions[i];
        struct hop_select_item item;
        while (hop_select_next(&list, &item)) {
            if (item.is_excluded)
                continue;
            if (hop_select_matches(&item, row->base_opcode) ||
                (hop_select_is_default(&item) && row->is_tracked))
                return row->base_opcode;
            is_by_memory_name |= hop_select_matches(&item, row->opcode);
        }
    }
    return is_by_memory_name ? row->opcode : row->base_opcode;
}
