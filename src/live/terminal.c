/* The terminal, by ncurses. Its globals are the one screen that a process has; all that we keep is
 * in struct hop_terminal. */
#include "live/terminal.h"

#include "base/escape.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#undef columns /* <term.h> makes short words macros */
#undef lines

/* How long a lone ESC waits for the rest of a key's sequence. */
enum { ESCAPE_MS = 25 };

/* One line's worth: the widest terminals have some 1,000 columns, of four bytes at most. */
enum { TEXT_BYTES_MAX = 8192 };

struct hop_terminal {
    SCREEN *screen;
    FILE *in, *out;
    struct hop_terminal_rescue *rescue;
    sigset_t mask_before, mask_waiting;
    int suspending; /* a signalfd for SIGTSTP; -1: it is never noticed */
    bool is_utf8, has_colours;
};

/* --- taking it and giving it back ------------------------------------------------------------- */

static FILE *open_stream(const char *path, int standard_fd, const char *mode)
{
    FILE *stream = fopen(path, mode);
    if (stream || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return stream;
    int fd = fcntl(standard_fd, F_DUPFD_CLOEXEC, 0);
    return fd < 0 ? NULL : fdopen(fd, standard_fd == STDIN_FILENO ? "r" : "w");
}

/* Appends a capability of the terminal that takes no parameters. */
static void note_capability(struct hop_terminal_rescue *rescue, const char *name)
{
    char *value = tigetstr(name);
    if (!value || value == (char *)-1)
        return;
    for (; *value && rescue->length + 1 < sizeof rescue->sequence; value++) {
        if (value[0] == '$' && value[1] == '<') { /* a pause, for terminals of old */
            value = strchr(value, '>');
            if (!value)
                return;
            continue;
        }
        rescue->sequence[rescue->length++] = *value;
    }
}

/* What leaves the alternate screen, shows the cursor, and lets keys and colours be as usual. */
static void note_rescue(struct hop_terminal_rescue *rescue)
{
    rescue->length = 0;
    note_capability(rescue, "sgr0");
    note_capability(rescue, "op");
    note_capability(rescue, "rmcup");
    note_capability(rescue, "cnorm");
    note_capability(rescue, "rmkx");
}

/* Drawing is not to be interrupted, and curses' own handlers least of all. */
static void block_signals(struct hop_terminal *terminal)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};
    sigset_t blocked;
    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaddset(&blocked, numbers[i]);
    pthread_sigmask(SIG_BLOCK, &blocked, &terminal->mask_before);
    /* Curses would suspend us then and there. */
    sigset_t suspends;
    sigemptyset(&suspends);
    sigaddset(&suspends, SIGTSTP);
    terminal->mask_waiting = terminal->mask_before;
    sigaddset(&terminal->mask_waiting, SIGTSTP);
    terminal->suspending = signalfd(-1, &suspends, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void set_up_colours(struct hop_terminal *terminal, bool is_coloured)
{
    static const short colours[HOP_STYLES] = {
        [HOP_HOT] = COLOR_RED,
        [HOP_WARM] = COLOR_YELLOW,
        [HOP_CALM] = COLOR_GREEN,
        [HOP_TITLE] = COLOR_CYAN,
    };
    if (!is_coloured || !has_colors() || start_color() != OK)
        return;
    short background = use_default_colors() == OK ? -1 : COLOR_BLACK;
    terminal->has_colours = true;
    for (short i = 1; i < HOP_STYLES; i++)
        if (colours[i])
            init_pair(i, colours[i], background);
}

static void close_streams(struct hop_terminal *terminal)
{
    if (terminal->in)
        fclose(terminal->in);
    if (terminal->out)
        fclose(terminal->out);
    free(terminal);
}

enum hop_status hop_terminal_create(bool is_coloured, struct hop_terminal_rescue *rescue,
                                    struct hop_terminal **result, struct hop_error *err)
{
    const char *type = getenv("TERM");
    struct hop_terminal *terminal = calloc(1, sizeof *terminal);
    *result = NULL;
    if (!terminal)
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
    terminal->rescue = rescue;
    terminal->in = open_stream("/dev/tty", STDIN_FILENO, "re");
    terminal->out = open_stream("/dev/tty", STDOUT_FILENO, "we");
    if (!terminal->in || !terminal->out) {
        close_streams(terminal);
        return hop_error_set(err, HOP_ERR_USAGE,
                             "run it in a terminal; in a container or by ssh with -t",
                             "there is no terminal to show a live screen on");
    }
    int found = 0;
    struct termios saved;
    if (tcgetattr(fileno(terminal->out), &saved) != 0) {
        close_streams(terminal);
        return hop_error_set(err, HOP_ERR_USAGE, NULL, "the terminal is gone: %s", strerror(errno));
    }
    if (!type || !*type || setupterm(type, fileno(terminal->out), &found) != OK) {
        close_streams(terminal);
        return hop_error_set(err, HOP_ERR_USAGE,
                             "for example: TERM=xterm-256color, or TERM=vt100; terminals are "
                             "described in /usr/share/terminfo (Debian's ncurses-base)",
                             "the terminal's type (TERM='%s') is not known here", type ? type : "");
    }
    note_rescue(rescue);
    del_curterm(cur_term); /* newterm makes its own */
    rescue->fd = fileno(terminal->out);
    rescue->termios = saved;
    rescue->is_taken = 1;
    struct sigaction suspending_before;
    sigaction(SIGTSTP, NULL, &suspending_before);
    terminal->screen = newterm(type, terminal->out, terminal->in);
    sigaction(SIGTSTP, &suspending_before, NULL); /* or curses keeps it for good */
    if (!terminal->screen) {
        rescue->is_taken = 0;
        close_streams(terminal);
        return hop_error_set(err, HOP_ERR_USAGE, "for example: TERM=xterm-256color",
                             "no screen can be shown on a terminal of type '%s'", type);
    }
    block_signals(terminal);
    terminal->is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(ESCAPE_MS);
    curs_set(0);
    set_up_colours(terminal, is_coloured);
    *result = terminal;
    return HOP_OK;
}

void hop_terminal_destroy(struct hop_terminal *terminal)
{
    if (!terminal)
        return;
    endwin();
    delscreen(terminal->screen);
    tcsetattr(fileno(terminal->out), TCSADRAIN, &terminal->rescue->termios);
    terminal->rescue->is_taken = 0;
    if (terminal->suspending >= 0)
        close(terminal->suspending);
    pthread_sigmask(SIG_SETMASK, &terminal->mask_before, NULL);
    close_streams(terminal);
}

void hop_terminal_leave(struct hop_terminal *terminal)
{
    (void)terminal;
    endwin();
}

bool hop_terminal_is_ours(const struct hop_terminal *terminal)
{
    pid_t group = tcgetpgrp(fileno(terminal->out));
    return group < 0 || group == getpgrp();
}

void hop_terminal_rescue(const struct hop_terminal_rescue *rescue)
{
    if (!rescue->is_taken)
        return;
    int saved_errno = errno;
    ssize_t ignored = write(rescue->fd, rescue->sequence, rescue->length);
    (void)ignored;
    tcsetattr(rescue->fd, TCSANOW, &rescue->termios);
    errno = saved_errno;
}

/* --- drawing --------------------------------------------------------------------------------- */

int hop_terminal_rows(const struct hop_terminal *terminal)
{
    (void)terminal;
    return LINES;
}

int hop_terminal_columns(const struct hop_terminal *terminal)
{
    (void)terminal;
    return COLS;
}

bool hop_terminal_is_utf8(const struct hop_terminal *terminal)
{
    return terminal->is_utf8;
}

void hop_terminal_clear(struct hop_terminal *terminal)
{
    (void)terminal;
    erase();
}

static attr_t attributes_of(const struct hop_terminal *terminal, unsigned look)
{
    unsigned style = look & 0xff;
    attr_t attributes = A_NORMAL;
    if (style == HOP_FAINT)
        attributes |= A_DIM;
    else if (style && terminal->has_colours)
        attributes |= (attr_t)COLOR_PAIR((short)style);
    if (style == HOP_HOT || style == HOP_TITLE || look & HOP_BOLD)
        attributes |= A_BOLD;
    if (look & HOP_REVERSE)
        attributes |= A_REVERSE;
    if (look & HOP_UNDERLINE)
        attributes |= A_UNDERLINE;
    return attributes;
}

/* Bytes of the next character, which is `columns` wide and is to be shown as `piece`. */
static size_t next_character(const struct hop_terminal *terminal, const char *text, char piece[8],
                             int *columns)
{
    wchar_t character;
    mbstate_t state = {0};
    size_t length = (unsigned char)*text < 0x80 ? 1 : 0;
    *columns = 1;
    if (!length && terminal->is_utf8) {
        length = mbrtowc(&character, text, strlen(text), &state);
        if (length == (size_t)-1 || length == (size_t)-2 || length > 4)
            length = 0;
        else
            *columns = wcwidth(character);
    }
    if (length && *columns >= 0) {
        memcpy(piece, text, length);
        piece[length] = '\0';
        return length;
    }
    /* It cannot be shown here: so much we know of a character's length. */
    *columns = 1;
    strcpy(piece, "?");
    for (length = 1; ((unsigned char)text[length] & 0xc0) == 0x80;)
        length++;
    return length;
}

static int put_escaped(struct hop_terminal *terminal, int row, int column, int width, unsigned look,
                       const char *text)
{
    int used = 0;
    char piece[8];
    if (row < 0 || row >= LINES || column < 0 || column >= COLS)
        return 0;
    if (width > COLS - column)
        width = COLS - column;
    attrset(attributes_of(terminal, look));
    move(row, column);
    while (*text) {
        int columns;
        text += next_character(terminal, text, piece, &columns);
        if (used + columns > width)
            break;
        addstr(piece);
        used += columns;
    }
    attrset(A_NORMAL);
    return used;
}

int hop_terminal_put(struct hop_terminal *terminal, int row, int column, int width, unsigned look,
                     const char *text)
{
    char escaped[TEXT_BYTES_MAX];
    hop_escape_terminal(text, escaped, sizeof escaped);
    return put_escaped(terminal, row, column, width, look, escaped);
}

int hop_terminal_print(struct hop_terminal *terminal, int row, int column, int width, unsigned look,
                       const char *format, ...)
{
    char text[TEXT_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return hop_terminal_put(terminal, row, column, width, look, text);
}

void hop_terminal_paint(struct hop_terminal *terminal, int row, int column, int width,
                        unsigned look)
{
    short pair = terminal->has_colours && (look & 0xff) != HOP_FAINT ? (short)(look & 0xff) : 0;
    if (row >= 0 && row < LINES && column >= 0 && column < COLS)
        mvchgat(row, column, width < COLS - column ? width : COLS - column,
                attributes_of(terminal, look) & ~A_COLOR, pair, NULL);
}

void hop_terminal_cursor(struct hop_terminal *terminal, int row, int column)
{
    (void)terminal;
    curs_set(row >= 0);
    if (row >= 0)
        move(row, column < COLS ? column : COLS - 1);
}

void hop_terminal_show(struct hop_terminal *terminal)
{
    (void)terminal;
    refresh();
}

/* --- keys ------------------------------------------------------------------------------------ */

struct hop_terminal_event hop_terminal_wait(struct hop_terminal *terminal, int fd,
                                            uint64_t timeout_ns)
{
    struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / 1000000000u),
                               .tv_nsec = (long)(timeout_ns % 1000000000u)};
    struct pollfd polled[] = {{.fd = fileno(terminal->in), .events = POLLIN},
                              {.fd = fd, .events = POLLIN},
                              {.fd = terminal->suspending, .events = POLLIN}};
    struct signalfd_siginfo info;
    int ready = ppoll(polled, 3, &timeout, &terminal->mask_waiting);
    if (ready < 0) /* a signal: it may be that the size has changed, which curses gives as a key */
        return (struct hop_terminal_event){.has_keys = errno == EINTR, .is_lost = errno != EINTR};
    return (struct hop_terminal_event){
        .has_keys = polled[0].revents & POLLIN,
        .is_lost = polled[0].revents & (POLLHUP | POLLERR | POLLNVAL),
        .is_over = polled[1].revents & POLLIN,
        .is_suspending = polled[2].revents & POLLIN &&
                         read(terminal->suspending, &info, sizeof info) == sizeof info,
    };
}

int hop_terminal_key(struct hop_terminal *terminal)
{
    static const struct {
        int from, to;
    } keys[] = {
        {KEY_UP, HOP_KEY_UP},         {KEY_DOWN, HOP_KEY_DOWN},
        {KEY_LEFT, HOP_KEY_LEFT},     {KEY_RIGHT, HOP_KEY_RIGHT},
        {KEY_PPAGE, HOP_KEY_PAGE_UP}, {KEY_NPAGE, HOP_KEY_PAGE_DOWN},
        {KEY_HOME, HOP_KEY_HOME},     {KEY_END, HOP_KEY_END},
        {KEY_ENTER, HOP_KEY_ENTER},   {KEY_BACKSPACE, HOP_KEY_ERASE},
        {KEY_BTAB, HOP_KEY_BACK_TAB}, {KEY_RESIZE, HOP_KEY_RESIZED},
    };
    wint_t code;
    int kind = get_wch(&code);
    (void)terminal;
    if (kind == ERR)
        return HOP_KEY_NONE;
    if (kind == KEY_CODE_YES) {
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            if (keys[i].from == (int)code)
                return keys[i].to;
        return HOP_KEY_RESIZED; /* of no meaning: draws anew */
    }
    switch (code) {
    case '\r':
    case '\n':
        return HOP_KEY_ENTER;
    case 127:
    case '\b':
        return HOP_KEY_ERASE;
    case 27:
        return HOP_KEY_ESCAPE;
    case '\t':
        return HOP_KEY_TAB;
    default:
        return (int)code;
    }
}
