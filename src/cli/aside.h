/* Where a program writes while the terminal shows something else. */
#ifndef HOP_CLI_ASIDE_H
#define HOP_CLI_ASIDE_H

#include "heavyops.h"

struct hop_cli_aside {
    FILE *file;  /* what was written on the terminal; NULL: nothing is put aside */
    int kept[3]; /* our own standard streams, while others stand in for them; -1: that one does not
                  */
    off_t shown; /* bytes of the file that have been shown */
};

/* From now on, until hop_cli_aside_end, our standard streams that are terminals are an empty input
 * and a nameless file, for a program that is started now. False: there is no such file, which has
 * been said. */
bool hop_cli_aside_begin(struct hop_cli_aside *aside);
void hop_cli_aside_end(struct hop_cli_aside *aside);

/* Shows what the program has written since the last time. */
void hop_cli_aside_show(struct hop_cli_aside *aside);
void hop_cli_aside_deinit(struct hop_cli_aside *aside);

#endif
