/* How near two names are; what they name is the caller's. */
#include "base/nearest.h"

#include "heavyops.h"

#include <ctype.h>
#include <string.h>

enum { LENGTH_MAX = 63 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: a row of the table for each letter of `word`, three kept. */
size_t hop_edit_distance(const char *word, const char *name)
{
    size_t rows[3][LENGTH_MAX + 1];
    size_t name_length = strnlen(name, LENGTH_MAX), word_length = strnlen(word, LENGTH_MAX);
    for (size_t j = 0; j <= name_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= word_length; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
        int letter = tolower((unsigned char)word[i - 1]);
        row[0] = i;
        for (size_t j = 1; j <= name_length; j++) {
            int other = tolower((unsigned char)name[j - 1]);
            row[j] = smaller(smaller(above[j], row[j - 1]) + 1, above[j - 1] + (letter != other));
            bool is_swapped = i > 1 && j > 1 && letter == tolower((unsigned char)name[j - 2]) &&
                              other == tolower((unsigned char)word[i - 2]);
            if (is_swapped)
                row[j] = smaller(row[j], above2[j - 2] + 1);
        }
    }
    return rows[word_length % 3][name_length];
}

bool hop_is_near(const char *word, size_t distance)
{
    return distance <= 1 + strlen(word) / 4;
}

const char *hop_nearest_name(const char *word, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        size_t distance = hop_edit_distance(word, names[i]);
        if (distance < least && hop_is_near(word, distance)) {
            least = distance;
            nearest = names[i];
        }
    }
    return nearest;
}
