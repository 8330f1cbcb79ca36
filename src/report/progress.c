/* One line on a profile that is being made. */
#include "base/escape.h"
#include "profile/profile.h"
#include "report/numbers.h"

#include <stdio.h>
#include <string.h>

/* Of names: what is longer is cut anyway. */
enum { NAME_BYTES = 256 };

static const char *last_part(const char *name, char separator)
{
    const char *found = strrchr(name, separator);
    return found && found[1] ? found + 1 : name;
}

/* Columns that a character takes, and its length: a guess that is never too small, for what is
 * wider than the terminal would leave a line behind that cannot be erased. */
static int width_of(const char *character, size_t *length)
{
    unsigned char lead = (unsigned char)*character;
    *length = 1;
    while (lead >= 0xc0 && ((unsigned char)character[*length] & 0xc0) == 0x80)
        ++*length;
    return lead < 0xe1 ? 1 : 2; /* from U+1000 on there are wide ones */
}

static void cut(char *line, int columns)
{
    size_t length;
    for (char *at = line; *at; at += length) {
        columns -= width_of(at, &length);
        if (columns < 0) {
            *at = '\0';
            return;
        }
    }
}

void hop_progress_line(const struct hop_profile *profile, uint64_t duration_ns, int columns,
                       char *line, size_t size)
{
    char wanted[64] = "", top[4 * NAME_BYTES] = "", file[NAME_BYTES], function[NAME_BYTES];
    uint64_t looks = profile->samples + profile->refused_total;
    if (duration_ns)
        snprintf(wanted, sizeof wanted, " of %.40s", hop_seconds(duration_ns).text);
    if (profile->samples && profile->instruction_count) {
        const struct hop_instruction *hottest = &profile->instructions[0];
        hop_escape_terminal(last_part(hottest->file, '/'), file, sizeof file);
        hop_escape_terminal(last_part(hottest->function, '.'), function, sizeof function);
        snprintf(top, sizeof top, ", %s at %s:%d %s %s",
                 profile->has_weights ? hop_percent(hottest->self_ns, profile->samples_ns).text
                                      : hop_percent(hottest->self, profile->samples).text,
                 file, hottest->line > 0 ? hottest->line : hottest->first_line,
                 hottest->base_opcode, function);
    }
    snprintf(line, size, "%s%s, %s samples at %s, refused %s%s",
             hop_seconds(profile->duration_ns).text, wanted, hop_thousands(profile->samples).text,
             hop_frequency(profile->true_rate_hz).text,
             hop_percent(profile->refused_total, looks).text, top);
    cut(line, columns);
}
