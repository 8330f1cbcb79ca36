/* Knows what a terminal can show, by what the environment says of it. */
#include "cli/terminal.h"

#include "cli/command.h"
#include "cli/session.h"
#include "cli/signals.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value;
}

static bool is_on(const char *name)
{
    return is_set(name) && strcmp(getenv(name), "0") != 0;
}

/* no-color.org, and bixense.com/clicolors for the two others. */
bool hop_cli_wants_colour(const struct hop_cli_settings *settings, int fd)
{
    if (settings->colour != HOP_CLI_COLOUR_AUTO)
        return settings->colour == HOP_CLI_COLOUR_ALWAYS;
    if (is_set("NO_COLOR"))
        return false;
    if (is_on("CLICOLOR_FORCE"))
        return true;
    if ((is_set("CLICOLOR") && !is_on("CLICOLOR")) || !is_set("TERM") ||
        strcmp(getenv("TERM"), "dumb") == 0)
        return false;
    return fd < 0 || isatty(fd);
}

/* By LC_ALL, LC_CTYPE, LANG. Where that locale is not installed, as in a small container, but is
 * one of UTF-8, the C library's own. */
static void use_locale(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    if (setlocale(LC_CTYPE, ""))
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!is_set(names[i]))
            continue;
        if (strcasestr(getenv(names[i]), "utf-8") || strcasestr(getenv(names[i]), "utf8"))
            setlocale(LC_CTYPE, "C.UTF-8");
        return;
    }
}

void hop_cli_live_options(const struct hop_cli_settings *settings, double rate_hz,
                          struct hop_top_options *options)
{
    use_locale();
    *options = (struct hop_top_options){
        .sampling = settings->sampling,
        .selection = hop_cli_report_options(settings),
        .delay_ns = settings->delay_ns,
        .rescue = hop_cli_rescue_terminal(),
    };
    if (options->sampling.rate_hz == 0)
        options->sampling.rate_hz = rate_hz;
    options->selection.is_coloured = hop_cli_wants_colour(settings, -1);
}
