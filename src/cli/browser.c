/* Finds a place for a page and shows it with $BROWSER or xdg-open, as other commands do. */
#include "cli/browser.h"

#include "cli/command.h"
#include "cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In /tmp rather than in a folder of the session's: a browser reads the page after we have ended,
 * and some see no hidden folders. Nobody else may read it (mkdtemp): it holds names and paths. */
static bool make_place(struct hop_cli_settings *settings)
{
    const char *folder = getenv("TMPDIR");
    char *path = NULL, *page = NULL;
    if (asprintf(&path, "%s/heavyops-XXXXXX", folder && *folder ? folder : "/tmp") < 0)
        path = NULL;
    if (!path || !mkdtemp(path) || asprintf(&page, "%s/profile.html", path) < 0) {
        hop_cli_complain("say where with -o", "cannot make a folder for the page: %s",
                         strerror(errno));
        free(path);
        return false;
    }
    settings->output_path = page;
    settings->page_folder = path;
    hop_cli_remove_when_killed(path);
    return hop_cli_list_add(&settings->owned, page) && hop_cli_list_add(&settings->owned, path);
}

void hop_cli_browser_clean_up(const struct hop_cli_settings *settings)
{
    if (!settings->page_folder)
        return;
    rmdir(settings->page_folder); /* not, if there is a page in it */
    hop_cli_remove_when_killed(NULL);
}

bool hop_cli_browser_prepare(struct hop_cli_settings *settings)
{
    if (settings->output_path && strcmp(settings->output_path, "-") == 0) {
        hop_cli_complain("leave out -o, or name a file", "a browser cannot open standard output");
        return false;
    }
    settings->format = "html";
    return settings->output_path || make_place(settings);
}

static bool has_browser(void)
{
    const char *browser = getenv("BROWSER"), *path = getenv("PATH");
    if (browser && *browser)
        return true;
    while (path && *path) {
        char tried[4096];
        size_t length = strcspn(path, ":");
        snprintf(tried, sizeof tried, "%.*s/xdg-open", (int)length, path);
        if (access(tried, X_OK) == 0)
            return true;
        path += length + (path[length] == ':');
    }
    return false;
}

void hop_cli_browser_open(const struct hop_cli_settings *settings)
{
    /* $BROWSER may have arguments; the page's path is never read by the shell. Not waited for: some
     * browsers last as long as their window. */
    const char *const argv[] = {"sh",
                                "-c",
                                "exec ${BROWSER:-xdg-open} \"$1\" </dev/null >/dev/null 2>&1",
                                "sh",
                                settings->output_path,
                                NULL};
    struct hop_error err;
    int pid, exec_errno;
    /* What is ignored stays so in programs that are started. */
    void (*on_broken_pipe)(int) = signal(SIGPIPE, SIG_DFL);
    fputs("heavyops: the page is ", stderr);
    hop_print_escaped(stderr, settings->output_path);
    fputc('\n', stderr);
    if (!has_browser())
        hop_cli_complain("set BROWSER, or install xdg-utils",
                         "there is no browser to open it with");
    else if (hop_launch((char *const *)argv, &pid, &exec_errno, &err) != HOP_OK)
        hop_cli_fail(&err);
    signal(SIGPIPE, on_broken_pipe);
}
