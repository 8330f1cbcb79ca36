/* Puts aside what a program prints on the terminal. A file, not a pipe: the program is never held
 * up by it, and if we are killed it prints on. */
#include "cli/aside.h"

#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* Ours are kept above the standard ones, and not for programs that we start. */
static int put_in_place(int number, int fd)
{
    int kept = fcntl(number, F_DUPFD_CLOEXEC, 3);
    if (kept >= 0 && fd >= 0)
        dup2(fd, number);
    return kept;
}

bool hop_cli_aside_begin(struct hop_cli_aside *aside)
{
    *aside = (struct hop_cli_aside){.kept = {-1, -1, -1}};
    aside->file = tmpfile();
    if (!aside->file) {
        hop_cli_complain("make room in /tmp", "there is no place for what the program prints: %s",
                         strerror(errno));
        return false;
    }
    fflush(stdout);
    for (int number = STDOUT_FILENO; number <= STDERR_FILENO; number++)
        if (isatty(number))
            aside->kept[number] = put_in_place(number, fileno(aside->file));
    int empty = isatty(STDIN_FILENO) ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
    if (empty >= 0) {
        aside->kept[STDIN_FILENO] = put_in_place(STDIN_FILENO, empty);
        close(empty);
    }
    return true;
}

void hop_cli_aside_end(struct hop_cli_aside *aside)
{
    for (int number = STDIN_FILENO; number <= STDERR_FILENO; number++) {
        if (aside->kept[number] < 0)
            continue;
        dup2(aside->kept[number], number);
        close(aside->kept[number]);
        aside->kept[number] = -1;
    }
}

/* Waits until the terminal takes more: somebody may have made it one that does not wait (O_NONBLOCK
 * is the terminal's, not ours), or a signal came. False: it takes nothing any more. */
static bool is_to_be_tried_again(int fd)
{
    struct pollfd terminal = {fd, POLLOUT, 0};
    if (errno == EAGAIN)
        return poll(&terminal, 1, -1) >= 0 || errno == EINTR;
    return errno == EINTR;
}

void hop_cli_aside_show(struct hop_cli_aside *aside)
{
    char bytes[4096];
    ssize_t count;
    int fd = isatty(STDOUT_FILENO) ? STDOUT_FILENO : STDERR_FILENO;
    /* The place to read from is our own: the program writes at the file's. What the terminal did
     * not take is read again. */
    while (aside->file &&
           (count = pread(fileno(aside->file), bytes, sizeof bytes, aside->shown)) > 0) {
        ssize_t written = write(fd, bytes, (size_t)count);
        if (written >= 0)
            aside->shown += written;
        else if (!is_to_be_tried_again(fd))
            return;
    }
}

void hop_cli_aside_deinit(struct hop_cli_aside *aside)
{
    if (aside->file)
        fclose(aside->file);
    *aside = (struct hop_cli_aside){.kept = {-1, -1, -1}};
}
