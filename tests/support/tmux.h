/* A terminal for tests: a tmux server of the test's own, with one window in which a shell runs. */
#ifndef TEST_TMUX_H
#define TEST_TMUX_H

#include <stdbool.h>
#include <stddef.h>

struct tmux {
    char folder[64];         /* of the server's socket, and for the test's files */
    char screen[256 * 1024]; /* as last captured: lines without trailing blanks */
    int lines;               /* that were run */
};

/* Skips the test, and says so, where there is no tmux. `environment` is put before the shell:
 * "LANG=C.UTF-8 NO_COLOR=1". */
void tmux_start(struct tmux *tmux, int columns, int rows, const char *environment);
void tmux_end(struct tmux *tmux);

/* Types a line for the shell. */
void tmux_run(struct tmux *tmux, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Presses keys by tmux's names: "Enter", "Escape", "q". */
void tmux_press(struct tmux *tmux, const char *keys);
void tmux_resize(struct tmux *tmux, int columns, int rows);

/* Fills tmux->screen. */
void tmux_capture(struct tmux *tmux);
/* Until the screen shows `text` (or does not any more); aborts the test with the screen if it never
 * does. */
void tmux_shows(struct tmux *tmux, const char *text);
void tmux_hides(struct tmux *tmux, const char *text);
/* Whether a full-screen program has the terminal. */
bool tmux_is_in_alternate_screen(struct tmux *tmux);

/* The text of a file in tmux->folder; the caller frees it. NULL: it is not there. */
char *tmux_file(const struct tmux *tmux, const char *name);

#endif
