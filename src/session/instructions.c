/* Knows which instruction names there are, over every CPython version compiled in; what is done
 * with a name is the report's. */
#include "base/nearest.h"
#include "base/status.h"
#include "py/layout.h"
#include "report/select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SUGGESTIONS_MAX = 3, NAME_MAX_BYTES = 64 };

struct suggestion {
    char name[NAME_MAX_BYTES];
    size_t distance;
};

struct search {
    struct hop_select_item item;
    bool is_found;
    struct suggestion nearest[SUGGESTIONS_MAX]; /* the nearest first */
    size_t nearest_count;
};

/* A part of a name that was left out, as in DEREF for LOAD_DEREF, is as good as two letters. */
static size_t distance_to(const char *word, const char *name)
{
    size_t distance = hop_edit_distance(word, name);
    bool is_part = strlen(word) >= 3 && strcasestr(name, word);
    return is_part && distance > 2 ? 2 : distance;
}

static void suggest(struct search *search, const char *name)
{
    size_t distance = distance_to(search->item.pattern, name);
    if (!hop_is_near(search->item.pattern, distance) &&
        !(distance <= 2 && strcasestr(name, search->item.pattern)))
        return;
    for (size_t i = 0; i < search->nearest_count; i++)
        if (strcmp(search->nearest[i].name, name) == 0)
            return;
    size_t at = search->nearest_count;
    while (at > 0 && search->nearest[at - 1].distance > distance)
        at--;
    if (at >= SUGGESTIONS_MAX || strlen(name) >= NAME_MAX_BYTES)
        return;
    if (search->nearest_count < SUGGESTIONS_MAX)
        search->nearest_count++;
    memmove(&search->nearest[at + 1], &search->nearest[at],
            (search->nearest_count - 1 - at) * sizeof search->nearest[0]);
    strcpy(search->nearest[at].name, name);
    search->nearest[at].distance = distance;
}

static void search_layout(struct search *search, const struct hop_layout *layout)
{
    for (size_t i = 0; i < HOP_OPCODE_COUNT; i++) {
        const char *name = layout->opcodes[i].name;
        if (!name)
            continue;
        search->is_found |= hop_select_matches(&search->item, name);
        suggest(search, name);
    }
}

/* Every layout compiled in, until the item is found. */
static enum hop_status search_all(struct search *search, struct hop_error *err)
{
    struct hop_layout *layout = malloc(sizeof *layout);
    if (!layout)
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
    enum hop_status status = HOP_OK;
    int major, minor, length;
    const char *versions = hop_layout_supported();
    while (status == HOP_OK && !search->is_found &&
           sscanf(versions, "%d.%d%n", &major, &minor, &length) == 2) {
        status = hop_layout_builtin(major, minor, layout, err);
        if (status == HOP_OK)
            search_layout(search, layout);
        versions += length;
        versions += strspn(versions, ", ");
    }
    free(layout);
    return status;
}

static enum hop_status unknown(const struct search *search, struct hop_error *err)
{
    char remedy[sizeof err->remedy] = "";
    size_t used = 0;
    for (size_t i = 0; i < search->nearest_count; i++)
        used += (size_t)snprintf(remedy + used, sizeof remedy - used, "%s%s",
                                 i ? ", " : "did you mean ", search->nearest[i].name);
    if (search->nearest_count)
        snprintf(remedy + used, sizeof remedy - used, "?");
    else
        snprintf(remedy, sizeof remedy,
                 "names are as dis shows them; globs such as 'LOAD_*' and 'all' work too");
    bool is_glob = strpbrk(search->item.pattern, "*?[") != NULL;
    return hop_error_set(err, HOP_ERR_USAGE, remedy,
                         "no instruction of any supported Python %s '%s'",
                         is_glob ? "matches" : "is called", search->item.pattern);
}

enum hop_status hop_instruction_check(const char *list, struct hop_error *err)
{
    struct search search;
    bool is_empty = true;
    for (const char *rest = list; hop_select_next(&rest, &search.item);) {
        is_empty = false;
        if (search.item.pattern[0] == '\0')
            return hop_error_set(err, HOP_ERR_USAGE, "for example: LOAD_DEREF, 'LOAD_*', all",
                                 "'%s' holds an empty or overlong instruction name", list);
        if (hop_select_is_all(&search.item) || hop_select_is_default(&search.item))
            continue;
        search.is_found = false;
        search.nearest_count = 0;
        enum hop_status status = search_all(&search, err);
        if (status != HOP_OK)
            return status;
        if (!search.is_found)
            return unknown(&search, err);
    }
    if (is_empty)
        return hop_error_set(err, HOP_ERR_USAGE, "for example: LOAD_DEREF, 'LOAD_*', all",
                             "an instruction name is empty");
    return HOP_OK;
}
