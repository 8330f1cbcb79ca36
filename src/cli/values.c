/* Reads the values of options: numbers with the suffixes people write. Ranges are the library's,
 * or are said here with their reason. */
#include "cli/command.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Thirty years: far from overflowing nanoseconds, and nobody waits longer. */
static const double DURATION_MAX_S = 1e9;

struct suffix {
    const char *text;
    double factor;
};

/* Reads a plain decimal number (no sign, exponent, hexadecimal, inf or nan) and one of `suffixes`
 * (the first is the empty one), case ignored. */
static bool parse_number(const char *text, const struct suffix *suffixes, size_t suffix_count,
                         double *number)
{
    size_t length = strspn(text, "0123456789.");
    char *end;
    *number = strtod(text, &end);
    if (length == 0 || end != text + length)
        return false;
    for (size_t i = 0; i < suffix_count; i++) {
        if (strcasecmp(end, suffixes[i].text) == 0) {
            *number *= suffixes[i].factor;
            return true;
        }
    }
    return false;
}

bool hop_cli_parse_duration(const char *option, const char *text, uint64_t *duration_ns)
{
    static const struct suffix suffixes[] = {
        {"", 1}, {"s", 1}, {"ms", 1e-3}, {"m", 60}, {"min", 60}, {"h", 3600},
    };
    double seconds;
    if (!parse_number(text, suffixes, sizeof suffixes / sizeof *suffixes, &seconds) ||
        seconds < 1e-9 || seconds > DURATION_MAX_S) {
        hop_cli_complain("for example: 30, 0.5, 500ms, 2m, 1h",
                         "%s '%s': not a time in seconds above 0 and up to %.0f", option, text,
                         DURATION_MAX_S);
        return false;
    }
    *duration_ns = (uint64_t)(seconds * 1e9);
    return true;
}

bool hop_cli_parse_rate(const char *option, const char *text, double *rate_hz)
{
    static const struct suffix suffixes[] = {
        {"", 1}, {"hz", 1}, {"k", 1e3}, {"khz", 1e3}, {"m", 1e6}, {"mhz", 1e6},
    };
    if (parse_number(text, suffixes, sizeof suffixes / sizeof *suffixes, rate_hz) &&
        *rate_hz >= HOP_RATE_MIN_HZ && *rate_hz <= HOP_RATE_MAX_HZ)
        return true;
    hop_cli_complain("for example: 100, 10k, 0.5", "%s '%s': not a rate in Hz from %.12g to %.12g",
                     option, text, HOP_RATE_MIN_HZ, HOP_RATE_MAX_HZ);
    return false;
}

/* A decimal number up to `most`; -1 otherwise. */
static long long parse_integer(const char *text, long long most)
{
    size_t length = strspn(text, "0123456789");
    if (length == 0 || length > 18 || text[length])
        return -1;
    long long number = strtoll(text, NULL, 10);
    return number <= most ? number : -1;
}

bool hop_cli_parse_pid(const char *text, int *pid)
{
    long long number = parse_integer(text, INT_MAX);
    if (number <= 0) {
        hop_cli_complain("a pid is a number, as ps or pgrep show it", "'%s' is no pid", text);
        return false;
    }
    *pid = (int)number;
    return true;
}

bool hop_cli_parse_rows(const char *option, const char *text, size_t *rows)
{
    long long number = parse_integer(text, LLONG_MAX);
    if (number < 0) {
        hop_cli_complain("0 shows all rows", "%s '%s': not a number of rows", option, text);
        return false;
    }
    *rows = number == 0 ? SIZE_MAX : (size_t)number;
    return true;
}

bool hop_cli_parse_percent(const char *option, const char *text, double *share)
{
    static const struct suffix suffixes[] = {{"", 1}, {"%", 1}, {" %", 1}};
    if (parse_number(text, suffixes, sizeof suffixes / sizeof *suffixes, share) && *share <= 100) {
        *share /= 100;
        return true;
    }
    hop_cli_complain("for example: 5%, 0.5", "%s '%s': not a number from 0 to 100", option, text);
    return false;
}
