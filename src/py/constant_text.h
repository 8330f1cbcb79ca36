/* How Python's repr() writes numbers, text and bytes, into a text of bounded length. Pure: it reads
 * nothing of a target. For constant.c. */
#ifndef HOP_PY_CONSTANT_TEXT_H
#define HOP_PY_CONSTANT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What does not fit any more, and all behind it, is left out; the end then is "…". */
struct hop_constant_text {
    char *text; /* HOP_CONSTANT_SIZE bytes */
    size_t length;
    bool is_cut;
};

/* As they are. `foreign` may be anything: bytes that are no ASCII become "?". */
void hop_constant_put(struct hop_constant_text *text, const char *words);
void hop_constant_put_foreign(struct hop_constant_text *text, const char *foreign);

/* `points` code points of `kind` bytes each; NUL becomes U+2400 without quotes. With quotes,
 * characters that are not printable are escaped as repr() does, by ranges that do not depend on the
 * version of Unicode: ones not assigned yet count as printable. */
void hop_constant_put_str(struct hop_constant_text *text, const uint8_t *data, unsigned kind,
                          size_t points, bool is_quoted);
void hop_constant_put_bytes(struct hop_constant_text *text, const uint8_t *bytes, size_t size);

/* At most HOP_CONSTANT_DIGITS_MAX digits of 30 bits, the lowest first. */
void hop_constant_put_int(struct hop_constant_text *text, const uint32_t *digits, size_t count,
                          bool is_negative);
void hop_constant_put_float(struct hop_constant_text *text, double value);
void hop_constant_put_complex(struct hop_constant_text *text, double real, double imaginary);

/* From here on nothing is added. */
void hop_constant_cut(struct hop_constant_text *text);
/* Ends the text with a NUL; its length. */
size_t hop_constant_end(struct hop_constant_text *text);

#endif
