/* Numbers as people read them: thousands apart, no more digits than mean anything. */
#include "report/numbers.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct hop_number hop_thousands(uint64_t number)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, number);
    struct hop_number result;
    char *out = result.text;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
    return result;
}

struct hop_number hop_percent(uint64_t part, uint64_t whole)
{
    struct hop_number result = {"-"};
    if (part && (double)part * 2000 < (double)whole) /* would be shown as 0.0% */
        return (struct hop_number){"<0.1%"};
    if (whole)
        snprintf(result.text, sizeof result.text, "%.1f%%", 100.0 * (double)part / (double)whole);
    return result;
}

struct hop_number hop_seconds(uint64_t duration_ns)
{
    struct hop_number result;
    double seconds = (double)duration_ns / 1e9;
    snprintf(result.text, sizeof result.text, seconds < 9.95 ? "%.2f s" : "%.1f s", seconds);
    return result;
}

struct hop_number hop_moment(uint64_t duration_ns)
{
    struct hop_number result;
    if (duration_ns < 999500)
        snprintf(result.text, sizeof result.text, "%.0f µs", (double)duration_ns / 1e3);
    else
        snprintf(result.text, sizeof result.text, "%.1f ms", (double)duration_ns / 1e6);
    return result;
}

struct hop_number hop_percents(double low, double high)
{
    struct hop_number result;
    int digits = high < .00995 ? 2 : 1;
    if (high > 0 && high < .00005) /* would be shown as 0.00 */
        return (struct hop_number){"0.00 - <0.01"};
    snprintf(result.text, sizeof result.text, "%.*f - %.*f", digits, 100 * low, digits, 100 * high);
    return result;
}

struct hop_number hop_frequency(double hertz)
{
    struct hop_number result;
    double whole = (double)(uint64_t)(hertz + .5);
    bool is_whole = hertz - whole < .05 && whole - hertz < .05;
    if (hertz >= 1000 || (is_whole && hertz >= 1))
        snprintf(result.text, sizeof result.text, "%.30s Hz", hop_thousands((uint64_t)whole).text);
    else if (hertz < 10)
        snprintf(result.text, sizeof result.text, "%.2f Hz", hertz);
    else
        snprintf(result.text, sizeof result.text, "%.1f Hz", hertz);
    return result;
}
