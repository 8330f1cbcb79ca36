/* Tells what a person means by a function, a file or a line, see focus.h. */
#include "report/focus.h"

#include "base/escape.h"
#include "base/nearest.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* Whether `name` is `wanted` or ends in it, behind `separator`. */
static bool ends_in(const char *name, const char *wanted, size_t length, char separator)
{
    size_t name_length = strlen(name);
    if (length == 0 || name_length < length ||
        memcmp(name + name_length - length, wanted, length) != 0)
        return false;
    return name_length == length || name[name_length - length - 1] == separator ||
           wanted[0] == separator;
}

static bool has_line(const struct hop_profile_code *code, int line)
{
    if (code->first_line == line)
        return true;
    for (size_t i = 0; i < code->op_count; i++)
        if (code->ops[i].line == line)
            return true;
    return false;
}

bool hop_focus_has(const struct hop_focus *focus, const struct hop_profile_code *code)
{
    switch (focus->kind) {
    case HOP_FOCUS_ALL:
        return true;
    case HOP_FOCUS_FUNCTION:
        return ends_in(code->function, focus->name, focus->name_length, '.') ||
               fnmatch(focus->name, code->function, 0) == 0;
    case HOP_FOCUS_FILE:
        return ends_in(code->file, focus->name, focus->name_length, '/');
    case HOP_FOCUS_LINE:
        return ends_in(code->file, focus->name, focus->name_length, '/') &&
               has_line(code, focus->line);
    }
    return false;
}

static bool is_anywhere(const struct hop_profile *profile, const struct hop_focus *focus)
{
    for (size_t i = 0; i < profile->code_count; i++)
        if (hop_focus_has(focus, &profile->codes[i]))
            return true;
    return false;
}

static enum hop_status unknown(const struct hop_profile *profile, const char *text,
                               struct hop_error *err)
{
    char remedy[sizeof err->remedy] = "`functions` lists what was seen";
    const char *nearest = NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < profile->code_count; i++) {
        const char *name = profile->codes[i].function, *dot = strrchr(name, '.');
        size_t distance = hop_edit_distance(text, name);
        size_t of_end = dot ? hop_edit_distance(text, dot + 1) : distance;
        distance = of_end < distance ? of_end : distance;
        if (distance < least && hop_is_near(text, distance)) {
            least = distance;
            nearest = name;
        }
    }
    if (nearest) {
        char shown[200]; /* it is the target's, or a file's */
        hop_escape_terminal(nearest, shown, sizeof shown);
        snprintf(remedy, sizeof remedy, "did you mean %s?", shown);
    }
    return hop_error_set(err, HOP_ERR_USAGE, remedy,
                         "no function, file or line of code that was seen is called '%.200s'",
                         text);
}

enum hop_status hop_focus_find(const struct hop_profile *profile, const char *text,
                               struct hop_focus *focus, struct hop_error *err)
{
    *focus = (struct hop_focus){.kind = HOP_FOCUS_ALL};
    if (!text)
        return HOP_OK;
    *focus = (struct hop_focus){HOP_FOCUS_FUNCTION, text, strlen(text), 0};
    if (is_anywhere(profile, focus))
        return HOP_OK;
    focus->kind = HOP_FOCUS_FILE;
    if (is_anywhere(profile, focus))
        return HOP_OK;
    const char *colon = strrchr(text, ':');
    char *end;
    long line = colon ? strtol(colon + 1, &end, 10) : 0;
    if (line > 0 && line <= INT32_MAX && !*end) {
        *focus = (struct hop_focus){HOP_FOCUS_LINE, text, (size_t)(colon - text), (int)line};
        if (is_anywhere(profile, focus))
            return HOP_OK;
    }
    return unknown(profile, text, err);
}
