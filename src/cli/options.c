/* The options, each a row of data with the function that takes its value. */
#include "cli/command.h"

#include <string.h>

static bool set_help(struct hop_cli_settings *settings, const char *value)
{
    (void)value;
    settings->wants_help = true;
    return true;
}

static bool set_pid(struct hop_cli_settings *settings, const char *value)
{
    return hop_cli_parse_pid(value, &settings->pid);
}

static bool set_offsets(struct hop_cli_settings *settings, const char *value)
{
    settings->offsets_path = value;
    return true;
}

static bool set_duration(struct hop_cli_settings *settings, const char *value)
{
    return hop_cli_parse_duration("--duration", value, &settings->sampling.duration_ns);
}

static bool set_delay(struct hop_cli_settings *settings, const char *value)
{
    return hop_cli_parse_duration("--delay", value, &settings->delay_ns);
}

static bool set_live(struct hop_cli_settings *settings, const char *value)
{
    (void)value;
    settings->is_live = true;
    return true;
}

static bool set_progress(struct hop_cli_settings *settings, const char *value)
{
    (void)value;
    settings->shows_progress = true;
    return true;
}

static bool set_rate(struct hop_cli_settings *settings, const char *value)
{
    return hop_cli_parse_rate("--rate", value, &settings->sampling.rate_hz);
}

/* The number of a choice; SIZE_MAX: it is none, which has been said, with all that there are. */
static size_t find_choice(const char *(*choice)(size_t index), const char *option, const char *what,
                          const char *value)
{
    char known[512] = "it is";
    for (size_t i = 0; choice(i); i++) {
        size_t used = strlen(known);
        if (strcmp(choice(i), value) == 0)
            return i;
        const char *before = i == 0 ? " " : choice(i + 1) ? ", " : " or ";
        snprintf(known + used, sizeof known - used, "%s%s", before, choice(i));
    }
    hop_cli_complain(known, "%s '%s': no such %s", option, value, what);
    return SIZE_MAX;
}

static const char *mode_name(size_t index)
{
    static const char *const names[] = {
        [HOP_MODE_CPU] = "cpu", [HOP_MODE_WALL] = "wall", [HOP_MODE_GIL] = "gil"};
    return index < sizeof names / sizeof *names ? names[index] : NULL;
}

static bool set_mode(struct hop_cli_settings *settings, const char *value)
{
    size_t mode = find_choice(mode_name, "--mode", "mode", value);
    settings->sampling.mode = (enum hop_mode)mode;
    return mode != SIZE_MAX;
}

static const char *read_name(size_t index)
{
    static const char *const names[] = {[HOP_READ_CPU] = "cpu",
                                        [HOP_READ_LIVE] = "live",
                                        [HOP_READ_STOP] = "stop",
                                        [HOP_READ_INTERRUPT] = "interrupt",
                                        [HOP_READ_WAKEUP] = "wakeup"};
    return index < sizeof names / sizeof *names ? names[index] : NULL;
}

static bool set_read(struct hop_cli_settings *settings, const char *value)
{
    size_t way = find_choice(read_name, "--read", "way to look", value);
    settings->sampling.read = (enum hop_read)way;
    settings->read_is_given = true;
    return way != SIZE_MAX;
}

static bool add_instructions(struct hop_cli_settings *settings, const char *value)
{
    struct hop_error err;
    if (hop_instruction_check(value, &err) != HOP_OK) {
        hop_cli_complain(err.remedy, "--instruction: %s", err.message);
        return false;
    }
    return hop_cli_list_add(&settings->instructions, value);
}

static bool add_all_instructions(struct hop_cli_settings *settings, const char *value)
{
    (void)value;
    return hop_cli_list_add(&settings->instructions, "all");
}

static bool add_file(struct hop_cli_settings *settings, const char *value)
{
    if (!*value) {
        hop_cli_complain("for example: -f app.py, -f '*/mypackage/*'",
                         "--file: the pattern is empty");
        return false;
    }
    return hop_cli_list_add(&settings->files, value);
}

static bool set_threads(struct hop_cli_settings *settings, const char *value)
{
    (void)value;
    settings->by_thread = true;
    return true;
}

static bool set_focus(struct hop_cli_settings *settings, const char *value)
{
    settings->focus = value;
    return true;
}

static bool set_group(struct hop_cli_settings *settings, const char *value)
{
    settings->group = value;
    return find_choice(hop_report_group, "--group", "way to group", value) != SIZE_MAX;
}

static bool set_opcodes(struct hop_cli_settings *settings, const char *value)
{
    (void)value;
    settings->with_opcodes = true;
    return true;
}

static bool set_format(struct hop_cli_settings *settings, const char *value)
{
    settings->format = value;
    return find_choice(hop_report_format, "--format", "format", value) != SIZE_MAX;
}

/* Of dump and info. */
static const char *look_format(size_t index)
{
    static const char *const names[] = {"text", "json"};
    return index < sizeof names / sizeof *names ? names[index] : NULL;
}

static bool set_look_format(struct hop_cli_settings *settings, const char *value)
{
    settings->format = value;
    return find_choice(look_format, "--format", "format", value) != SIZE_MAX;
}

static const char *diff_format(size_t index)
{
    static const char *const names[] = {"text", "json", "csv"};
    return index < sizeof names / sizeof *names ? names[index] : NULL;
}

static bool set_diff_format(struct hop_cli_settings *settings, const char *value)
{
    settings->format = value;
    return find_choice(diff_format, "--format", "format", value) != SIZE_MAX;
}

static const char *colour_name(size_t index)
{
    static const char *const names[] = {[HOP_CLI_COLOUR_AUTO] = "auto",
                                        [HOP_CLI_COLOUR_ALWAYS] = "always",
                                        [HOP_CLI_COLOUR_NEVER] = "never"};
    return index < sizeof names / sizeof *names ? names[index] : NULL;
}

static bool set_colour(struct hop_cli_settings *settings, const char *value)
{
    size_t colour = find_choice(colour_name, "--color", "choice", value);
    settings->colour = (enum hop_cli_colour)colour;
    return colour != SIZE_MAX;
}

static bool set_browser(struct hop_cli_settings *settings, const char *value)
{
    (void)value;
    settings->opens_browser = true;
    return true;
}

static bool set_output(struct hop_cli_settings *settings, const char *value)
{
    settings->output_path = value;
    return true;
}

static bool set_limit(struct hop_cli_settings *settings, const char *value)
{
    return hop_cli_parse_rows("--limit", value, &settings->row_limit);
}

static const char *by_name(size_t index)
{
    static const char *const names[] = {"instruction", "line", "function"};
    return index < sizeof names / sizeof *names ? names[index] : NULL;
}

static bool add_by(struct hop_cli_settings *settings, const char *value)
{
    static const unsigned bits[] = {HOP_DIFF_INSTRUCTIONS, HOP_DIFF_LINES, HOP_DIFF_FUNCTIONS};
    size_t by = find_choice(by_name, "--by", "way to compare", value);
    if (by != SIZE_MAX)
        settings->diff_by |= bits[by];
    return by != SIZE_MAX;
}

static bool set_all_rows(struct hop_cli_settings *settings, const char *value)
{
    (void)value;
    settings->shows_all = true;
    return true;
}

static bool set_fail_above(struct hop_cli_settings *settings, const char *value)
{
    settings->has_fail_above = true;
    return hop_cli_parse_percent("--fail-above", value, &settings->fail_above);
}

static bool set_quiet(struct hop_cli_settings *settings, const char *value)
{
    (void)value;
    settings->is_quiet = true;
    return true;
}

#define OFFSETS_OPTION                                                                             \
    {                                                                                              \
        .name = "offsets", .argument = "FILE",                                                     \
        .help =                                                                                    \
            "read the layout of the target's Python from FILE (see offsets/README.md) instead "    \
            "of the data compiled in",                                                             \
        .set = set_offsets,                                                                        \
    }

#define HELP_OPTION                                                                                \
    {                                                                                              \
        .letter = 'h', .name = "help", .help = "show this help", .set = set_help,                  \
    }

#define FORMAT_OPTION(help_, choice_, set_)                                                        \
    {                                                                                              \
        .name = "format", .argument = "FORMAT", .help = help_, .lists_choices = true,              \
        .choice = choice_, .set = set_,                                                            \
    }

#define COLOUR_OPTION                                                                              \
    {                                                                                              \
        .name = "color", .aliases = "colour", .argument = "WHEN",                                  \
        .help = "auto (default): on a terminal, if NO_COLOR, CLICOLOR and TERM allow it; always; " \
                "never",                                                                           \
        .choice = colour_name, .set = set_colour                                                   \
    }

#define OUTPUT_OPTION                                                                              \
    {                                                                                              \
        .letter = 'o', .name = "output", .argument = "FILE",                                       \
        .help = "write to FILE, which appears whole or not at all; - is standard output",          \
        .set = set_output,                                                                         \
    }

#define INSTRUCTION_OPTION                                                                         \
    {                                                                                              \
        .letter = 'i', .name = "instruction", .aliases = "instructions include",                   \
        .argument = "NAME",                                                                        \
        .help = "track these instructions instead of the default ones: a name, a glob, a list of " \
                "them with commas, all, default; -NAME takes away (-i all,-CALL*); repeatable",    \
        .is_repeatable = true, .set = add_instructions                                             \
    }

#define FILE_OPTION                                                                                \
    {                                                                                              \
        .letter = 'f', .name = "file", .aliases = "file-filter", .argument = "PATTERN",            \
        .help = "only code whose file path contains PATTERN or whose path's end matches it as a "  \
                "glob; repeatable",                                                                \
        .is_repeatable = true, .set = add_file                                                     \
    }

#define LIMIT_OPTION                                                                               \
    {                                                                                              \
        .letter = 'n', .name = "limit", .argument = "ROWS",                                        \
        .help = "rows a table (default 30 in text, all in json; 0: all)", .set = set_limit         \
    }

const struct hop_cli_group hop_cli_target_group = {
    "Which process",
    (const struct hop_cli_option[]){
        {.letter = 'p', .name = "pid", .argument = "PID", .help = "its process id", .set = set_pid},
        {0},
    },
};

const struct hop_cli_group hop_cli_sampling_group = {
    "How to look",
    (const struct hop_cli_option[]){
        {.letter = 'd',
         .name = "duration",
         .argument = "SECONDS",
         .help = "for how long (0.5, 30s, 2m); else until Ctrl-C or the end of the process",
         .set = set_duration},
        {.letter = 'r',
         .name = "rate",
         .argument = "HZ",
         .help = "how often (default: attach 50, top 250, record 1000; 10k is 10,000)",
         .set = set_rate},
        {.name = "mode",
         .argument = "MODE",
         .help = "cpu (default): threads that run or hold the GIL; wall: all threads; gil: the "
                 "thread that holds the GIL",
         .choice = mode_name,
         .set = set_mode},
        {.name = "read",
         .argument = "WAY",
         .help =
             "cpu (default): from the thread's own CPU, where it stands still, in an interrupt "
             "or a wake-up, whichever is to be had (interrupt, wakeup: only that); live: while it "
             "runs, which holds nothing up but is less exact; stop: stopped by "
             "ptrace for some microseconds, which can cut a system call short",
         .choice = read_name,
         .set = set_read},
        {0},
    },
};

#define DELAY_OPTION                                                                               \
    {                                                                                              \
        .name = "delay", .argument = "SECONDS",                                                    \
        .help = "time between two drawings, and of an interval (default 1)", .set = set_delay,     \
    }

const struct hop_cli_group hop_cli_live_group = {
    "The live screen",
    (const struct hop_cli_option[]){DELAY_OPTION, {0}},
};

const struct hop_cli_group hop_cli_record_group = {
    "While it runs",
    (const struct hop_cli_option[]){
        {.name = "live",
         .help = "show the profile on a live screen, as top does; what the program prints on the "
                 "terminal comes when that is left",
         .set = set_live},
        DELAY_OPTION,
        {.name = "progress",
         .help = "a line on how it goes, on the terminal, as attach has it",
         .set = set_progress},
        {0},
    },
};

const struct hop_cli_group hop_cli_selection_group = {
    "What to report",
    (const struct hop_cli_option[]){
        INSTRUCTION_OPTION,
        {.letter = 'a', .name = "all", .help = "the same as -i all", .set = add_all_instructions},
        FILE_OPTION,
        {.letter = 't',
         .name = "threads",
         .help = "split the report by thread",
         .set = set_threads},
        {.name = "opcodes",
         .help = "stacks end in the instruction, in formats of stacks",
         .set = set_opcodes},
        {.name = "group",
         .argument = "BY",
         .help = "a table by opcode, line, function, file, module, thread or class (of opcodes: "
                 "call, closure, attribute, ...); in text, csv, functions and groups, and beside "
                 "all else in json",
         .choice = hop_report_group,
         .set = set_group},
        {.name = "focus",
         .argument = "WHAT",
         .help = "in annotate: only this function, FILE or FILE:LINE",
         .set = set_focus},
        LIMIT_OPTION,
        {0},
    },
};

const struct hop_cli_group hop_cli_output_group = {
    "Output",
    (const struct hop_cli_option[]){
        FORMAT_OPTION("in which format; else the suffix of -o tells, or the command",
                      hop_report_format, set_format),
        OUTPUT_OPTION,
        COLOUR_OPTION,
        {.name = "browser",
         .help = "write HTML, to -o or a private temporary file, and open it with $BROWSER or "
                 "xdg-open",
         .set = set_browser},
        {.letter = 'q',
         .name = "quiet",
         .help = "say nothing but errors; record then writes its report only where -o says",
         .set = set_quiet},
        {0},
    },
};

const struct hop_cli_group hop_cli_look_output_group = {
    "Output",
    (const struct hop_cli_option[]){
        FORMAT_OPTION("in which format; else the suffix of -o tells, or it is text", look_format,
                      set_look_format),
        OUTPUT_OPTION,
        {0},
    },
};

const struct hop_cli_group hop_cli_help_group = {
    "Other",
    (const struct hop_cli_option[]){HELP_OPTION, {0}},
};

const struct hop_cli_group hop_cli_other_group = {
    "Other",
    (const struct hop_cli_option[]){OFFSETS_OPTION, HELP_OPTION, {0}},
};

/* --- diff ------------------------------------------------------------------------------------- */

const struct hop_cli_group hop_cli_diff_group = {
    "How to compare",
    (const struct hop_cli_option[]){
        {.name = "by",
         .argument = "WHAT",
         .help = "instruction, line or function (default: all, but no instructions between two "
                 "versions of Python); repeatable",
         .choice = by_name,
         .is_repeatable = true,
         .set = add_by},
        {.name = "all", .help = "also rows that have not moved beyond chance", .set = set_all_rows},
        {.name = "fail-above",
         .argument = "POINTS",
         .help = "end with 6 when the share of any row of these tables grew beyond chance and by "
                 "more than so many points (5% or 5: from 20% to 26%); says so when there are too "
                 "few samples to tell",
         .set = set_fail_above},
        {0},
    },
};

const struct hop_cli_group hop_cli_diff_output_group = {
    "Output",
    (const struct hop_cli_option[]){
        FORMAT_OPTION("in which format; else the suffix of -o tells, or it is text", diff_format,
                      set_diff_format),
        OUTPUT_OPTION,
        COLOUR_OPTION,
        {.letter = 'q',
         .name = "quiet",
         .help = "say nothing but errors; what it ends with tells the result",
         .set = set_quiet},
        {0},
    },
};

const struct hop_cli_group hop_cli_rows_group = {
    "What to report",
    (const struct hop_cli_option[]){INSTRUCTION_OPTION, FILE_OPTION, LIMIT_OPTION, {0}},
};
