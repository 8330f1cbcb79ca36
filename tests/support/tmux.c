/* Drives tmux by its command line. Nothing waits for a time: what is to be seen is looked for until
 * it is there. */
#include "support/tmux.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Looks until something shows, and the pause between two: a minute on a machine that is busy with
 * other tests. */
enum { TRIES_MAX = 1200, PAUSE_MS = 50 };

/* Runs tmux with the words of the shell that follow; what it printed is cut to fit. */
static int ask(const struct tmux *tmux, char *answer, size_t size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static int ask(const struct tmux *tmux, char *answer, size_t size, const char *format, ...)
{
    char words[4096], command[4500];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    snprintf(command, sizeof command,
             "unset TMUX; env --default-signal tmux -S %s/socket -f /dev/null %s 2>&1",
             tmux->folder, words);
    FILE *stream = popen(command, "re");
    cr_assert(stream);
    size_t length = fread(answer, 1, size - 1, stream);
    answer[length] = '\0';
    return pclose(stream);
}

static void tell(const struct tmux *tmux, const char *words)
{
    char answer[1024];
    cr_assert_eq(ask(tmux, answer, sizeof answer, "%s", words), 0, "tmux %s: %s", words, answer);
}

void tmux_start(struct tmux *tmux, int columns, int rows, const char *environment)
{
    char words[1024];
    if (system("command -v tmux >/dev/null") != 0)
        cr_skip("there is no tmux here (scripts/bootstrap --test installs it)");
    strcpy(tmux->folder, "/tmp/heavyops-tmux-XXXXXX");
    cr_assert(mkdtemp(tmux->folder));
    /* A shell that shows nothing of its own and reads no files of the user's. */
    snprintf(words, sizeof words,
             "new-session -d -x %d -y %d \"cd %s; exec env -u NO_COLOR -u CLICOLOR "
             "-u CLICOLOR_FORCE -u LC_ALL LANG=C.UTF-8 %s PS1= ENV= sh\"",
             columns, rows, tmux->folder, environment ? environment : "");
    tell(tmux, words);
    /* The server is nobody's child: of a test that fails, it is ended by who waits for that. */
    snprintf(words, sizeof words,
             "setsid sh -c 'while kill -0 %d; do sleep 1; done; tmux -S %s/socket kill-server; "
             "rm -rf %s' </dev/null >/dev/null 2>&1 &",
             (int)getpid(), tmux->folder, tmux->folder);
    cr_assert_eq(system(words), 0);
}

void tmux_end(struct tmux *tmux)
{
    char command[128];
    tell(tmux, "kill-server");
    snprintf(command, sizeof command, "rm -rf '%s'", tmux->folder);
    cr_assert_eq(system(command), 0);
}

void tmux_run(struct tmux *tmux, const char *format, ...)
{
    char line[2048], path[128], words[64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    /* By a file: what the shell echoes must not look like what the test waits for. Each by its own,
     * for the shell may not have read the last one yet. */
    snprintf(path, sizeof path, "%s/line%d", tmux->folder, ++tmux->lines);
    FILE *file = fopen(path, "we");
    cr_assert(file && fprintf(file, "%s\n", line) > 0 && fclose(file) == 0);
    snprintf(words, sizeof words, "send-keys '. ./line%d' Enter", tmux->lines);
    tell(tmux, words);
}

void tmux_press(struct tmux *tmux, const char *keys)
{
    char words[256];
    snprintf(words, sizeof words, "send-keys %s", keys);
    tell(tmux, words);
}

void tmux_resize(struct tmux *tmux, int columns, int rows)
{
    char words[128];
    snprintf(words, sizeof words, "resize-window -x %d -y %d", columns, rows);
    tell(tmux, words);
}

void tmux_capture(struct tmux *tmux)
{
    cr_assert_eq(ask(tmux, tmux->screen, sizeof tmux->screen, "capture-pane -p"), 0, "%s",
                 tmux->screen);
}

static void wait_for(struct tmux *tmux, const char *text, bool is_wanted)
{
    for (int i = 0; i < TRIES_MAX; i++) {
        tmux_capture(tmux);
        if ((strstr(tmux->screen, text) != NULL) == is_wanted)
            return;
        poll(NULL, 0, PAUSE_MS);
    }
    cr_assert(false, "the screen %s '%s':\n%s", is_wanted ? "never showed" : "still shows", text,
              tmux->screen);
}

void tmux_shows(struct tmux *tmux, const char *text)
{
    wait_for(tmux, text, true);
}

void tmux_hides(struct tmux *tmux, const char *text)
{
    wait_for(tmux, text, false);
}

bool tmux_is_in_alternate_screen(struct tmux *tmux)
{
    char answer[64];
    cr_assert_eq(ask(tmux, answer, sizeof answer, "display-message -p '#{alternate_on}'"), 0);
    return answer[0] == '1';
}

char *tmux_file(const struct tmux *tmux, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", tmux->folder, name);
    FILE *file = fopen(path, "re");
    char *text = file ? calloc(1, 1 << 20) : NULL;
    if (file) {
        size_t length = fread(text, 1, (1 << 20) - 1, file);
        text[length] = '\0';
        fclose(file);
    }
    return text;
}
