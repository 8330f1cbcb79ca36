/* The terminal as a grid of characters: taking it, giving it back as it was, text that fits. It
 * knows curses, and nothing of profiles; nobody else includes curses. */
#ifndef HOP_LIVE_TERMINAL_H
#define HOP_LIVE_TERMINAL_H

#include "base/status.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hop_terminal; /* private to terminal.c */

/* How text looks; where there are no colours, by weight alone. May be or-ed with what follows. */
enum hop_look_of_text {
    HOP_PLAIN,
    HOP_HOT,    /* red */
    HOP_WARM,   /* yellow */
    HOP_FAINT,  /* of less account */
    HOP_TITLE,  /* names of columns */
    HOP_CALM,   /* green: file names and the like */
    HOP_STYLES, /* how many there are */
    HOP_BOLD = 0x100,
    HOP_REVERSE = 0x200,
    HOP_UNDERLINE = 0x400,
};

/* Keys that are no characters. */
enum {
    HOP_KEY_NONE = -1,
    HOP_KEY_UP = 0x110000,
    HOP_KEY_DOWN,
    HOP_KEY_LEFT,
    HOP_KEY_RIGHT,
    HOP_KEY_PAGE_UP,
    HOP_KEY_PAGE_DOWN,
    HOP_KEY_HOME,
    HOP_KEY_END,
    HOP_KEY_ENTER,
    HOP_KEY_ERASE,
    HOP_KEY_ESCAPE,
    HOP_KEY_TAB,
    HOP_KEY_BACK_TAB,
    HOP_KEY_RESIZED
};

/* Takes the controlling terminal (or standard input and output, if those are one), and notes in
 * *rescue how to give it back; a locale has been set by the caller. While it is taken, signals that
 * would interrupt drawing are delivered in hop_terminal_wait only, and SIGTSTP becomes an event,
 * unless it is ignored. HOP_ERR_USAGE: there is none, or
 * TERM names none that is known. */
enum hop_status hop_terminal_create(bool is_coloured, struct hop_terminal_rescue *rescue,
                                    struct hop_terminal **terminal, struct hop_error *err);
/* As it was before. NULL is allowed. */
void hop_terminal_destroy(struct hop_terminal *terminal);

/* As it was before, until something is shown again. */
void hop_terminal_leave(struct hop_terminal *terminal);
/* Whether we are in the foreground; also where that is not known. */
bool hop_terminal_is_ours(const struct hop_terminal *terminal);

int hop_terminal_rows(const struct hop_terminal *terminal);
int hop_terminal_columns(const struct hop_terminal *terminal);
/* Whether it shows more than ASCII. */
bool hop_terminal_is_utf8(const struct hop_terminal *terminal);

void hop_terminal_clear(struct hop_terminal *terminal);
/* Writes foreign text, escaped, from that place on into at most `width` columns, cut where it is
 * longer; returns the columns taken. */
int hop_terminal_put(struct hop_terminal *terminal, int row, int column, int width, unsigned look,
                     const char *text);
/* The same of our own words, formatted. */
int hop_terminal_print(struct hop_terminal *terminal, int row, int column, int width, unsigned look,
                       const char *format, ...) __attribute__((format(printf, 6, 7)));
/* Makes `width` columns from that place on look so, whatever stands there. */
void hop_terminal_paint(struct hop_terminal *terminal, int row, int column, int width,
                        unsigned look);
/* Shows the cursor there; row -1: nowhere. */
void hop_terminal_cursor(struct hop_terminal *terminal, int row, int column);
/* Sends what has changed. */
void hop_terminal_show(struct hop_terminal *terminal);

/* What a wait ended with. */
struct hop_terminal_event {
    bool has_keys;      /* hop_terminal_key gives them */
    bool is_over;       /* `fd` is readable */
    bool is_lost;       /* the terminal is gone */
    bool is_suspending; /* SIGTSTP has come: to be done after hop_terminal_leave */
};

/* Until a key is pressed, the size changes, `fd` (-1: none) is readable, a signal handler has run,
 * or `timeout_ns` have passed. */
struct hop_terminal_event hop_terminal_wait(struct hop_terminal *terminal, int fd,
                                            uint64_t timeout_ns);
/* The next key: a character (Unicode) or one of the above; HOP_KEY_NONE: none is waiting. */
int hop_terminal_key(struct hop_terminal *terminal);

#endif
