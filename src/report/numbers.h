/* Numbers as people read them. */
#ifndef HOP_REPORT_NUMBERS_H
#define HOP_REPORT_NUMBERS_H

#include <stdint.h>

/* A number as text; returned by value, so that it can be printed in place. */
struct hop_number {
    char text[48];
};

struct hop_number hop_thousands(uint64_t number);             /* "94,467" */
struct hop_number hop_percent(uint64_t part, uint64_t whole); /* "26.2%"; of nothing: "-"; of next
                                                                 to nothing: "<0.1%" */
struct hop_number hop_seconds(uint64_t duration_ns);          /* "30.0 s", "0.25 s" */
struct hop_number hop_moment(uint64_t duration_ns);           /* "41 µs", "1.3 ms" */
/* Of two shares, 0 … 1: "85.5 - 87.7", in percent; "0.02 - 0.15" where that is small. */
struct hop_number hop_percents(double low, double high);
struct hop_number hop_frequency(double hertz); /* "998.7 Hz", "10,000 Hz" */

#endif
