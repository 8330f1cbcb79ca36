/* Sparklines: a column of blocks, or of letters that grow darker, for a row of shares. */
#include "live/state.h"

#include <string.h>

enum { LEVELS = 8 };

/* Below this a row's highest share does not fill the line's height, so that chance does not look
 * like a mountain. */
static const double LEAST_HEIGHT = .01;

void hop_live_spark(const double *shares, size_t count, bool is_utf8, char *text)
{
    static const char blocks[LEVELS][4] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char ascii[LEVELS + 1] = ".:-=+*%#";
    double most = LEAST_HEIGHT;
    for (size_t i = 0; i < count; i++)
        most = shares[i] > most ? shares[i] : most;
    for (size_t i = 0; i < count; i++) {
        int level = (int)(shares[i] / most * LEVELS + .5);
        if (shares[i] <= 0) {
            *text++ = ' ';
            continue;
        }
        level = level < 1 ? 1 : level > LEVELS ? LEVELS : level;
        if (is_utf8) {
            memcpy(text, blocks[level - 1], 3);
            text += 3;
        } else {
            *text++ = ascii[level - 1];
        }
    }
    *text = '\0';
}
