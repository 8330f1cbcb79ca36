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

static bool set_rate(struct hop_cli_settings *settings, const char *value)
{
    return hop_cli_parse_rate("--rate", value, &settings->sampling.rate_hz);
}

static bool set_mode(struct hop_cli_settings *settings, const char *value)
{
    static const char *const names[] = {
        [HOP_MODE_CPU] = "cpu", [HOP_MODE_WALL] = "wall", [HOP_MODE_GIL] = "gil"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], value) == 0) {
            settings->sampling.mode = (enum hop_mode)i;
            return true;
        }
    }
    hop_cli_complain("it is cpu, wall or gil", "--mode '%s': no such mode", value);
    return false;
}

static bool set_read(struct hop_cli_settings *settings, const char *value)
{
    static const char *const names[] = {
        [HOP_READ_CPU] = "cpu", [HOP_READ_LIVE] = "live", [HOP_READ_STOP] = "stop"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], value) == 0) {
            settings->sampling.read = (enum hop_read)i;
            settings->read_is_given = true;
            return true;
        }
    }
    hop_cli_complain("it is cpu, live or stop", "--read '%s': no such way to look", value);
    return false;
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

static bool set_opcodes(struct hop_cli_settings *settings, const char *value)
{
    (void)value;
    settings->with_opcodes = true;
    return true;
}

static bool set_format(struct hop_cli_settings *settings, const char *value)
{
    settings->format = value;
    if (hop_report_format_is_known(value))
        return true;
    char known[256] = "it is one of:";
    for (size_t i = 0; hop_report_format(i); i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s %s", i ? "," : "", hop_report_format(i));
    }
    hop_cli_complain(known, "--format '%s': no such format", value);
    return false;
}

static bool set_colour(struct hop_cli_settings *settings, const char *value)
{
    static const char *const names[] = {[HOP_CLI_COLOUR_AUTO] = "auto",
                                        [HOP_CLI_COLOUR_ALWAYS] = "always",
                                        [HOP_CLI_COLOUR_NEVER] = "never"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], value) == 0) {
            settings->colour = (enum hop_cli_colour)i;
            return true;
        }
    }
    hop_cli_complain("it is auto, always or never", "--color '%s': no such choice", value);
    return false;
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

#define FORMAT_OPTION                                                                              \
    {                                                                                              \
        .name = "format", .argument = "FORMAT", .help = "text (default) or json",                  \
        .set = set_format,                                                                         \
    }

#define OUTPUT_OPTION                                                                              \
    {                                                                                              \
        .letter = 'o', .name = "output", .argument = "FILE",                                       \
        .help = "write to FILE, which appears whole or not at all; - is standard output",          \
        .set = set_output,                                                                         \
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
         .help = "how often (default: attach 100, top 250, record 1000; 10k is 10,000)",
         .set = set_rate},
        {.name = "mode",
         .argument = "MODE",
         .help = "cpu (default): threads that run or hold the GIL; wall: all threads; gil: the "
                 "thread that holds the GIL",
         .set = set_mode},
        {.name = "read",
         .argument = "WAY",
         .help = "cpu (default): from the thread's own CPU, where it stands still; live: while it "
                 "runs, which holds nothing up but is less exact; stop: stopped by "
                 "ptrace for some microseconds",
         .set = set_read},
        {0},
    },
};

const struct hop_cli_group hop_cli_live_group = {
    "The live screen",
    (const struct hop_cli_option[]){
        {.name = "delay",
         .argument = "SECONDS",
         .help = "time between two drawings, and of an interval (default 1)",
         .set = set_delay},
        {0},
    },
};

const struct hop_cli_group hop_cli_selection_group = {
    "What to report",
    (const struct hop_cli_option[]){
        {.letter = 'i',
         .name = "instruction",
         .aliases = "instructions include",
         .argument = "NAME",
         .help = "track these instructions instead of the default ones: a name, a glob, a list of "
                 "them with commas, all, default; -NAME takes away (-i all,-CALL*); repeatable",
         .set = add_instructions},
        {.letter = 'a', .name = "all", .help = "the same as -i all", .set = add_all_instructions},
        {.letter = 'f',
         .name = "file",
         .aliases = "file-filter",
         .argument = "PATTERN",
         .help = "only code whose file path contains PATTERN or whose path's end matches it as a "
                 "glob; repeatable",
         .set = add_file},
        {.letter = 't',
         .name = "threads",
         .help = "split the report by thread",
         .set = set_threads},
        {.name = "opcodes",
         .help = "stacks end in the instruction, in formats of stacks",
         .set = set_opcodes},
        {.letter = 'n',
         .name = "limit",
         .argument = "ROWS",
         .help = "rows a table (default 30 in text, all in json; 0: all)",
         .set = set_limit},
        {0},
    },
};

const struct hop_cli_group hop_cli_output_group = {
    "Output",
    (const struct hop_cli_option[]){
        FORMAT_OPTION,
        OUTPUT_OPTION,
        {.name = "color",
         .aliases = "colour",
         .argument = "WHEN",
         .help = "auto (default): on a terminal, if NO_COLOR, CLICOLOR and TERM allow it; always; "
                 "never",
         .set = set_colour},
        {.letter = 'q',
         .name = "quiet",
         .help = "say nothing but errors; record then writes its report only where -o says",
         .set = set_quiet},
        {0},
    },
};

const struct hop_cli_group hop_cli_look_output_group = {
    "Output",
    (const struct hop_cli_option[]){FORMAT_OPTION, OUTPUT_OPTION, {0}},
};

const struct hop_cli_group hop_cli_other_group = {
    "Other",
    (const struct hop_cli_option[]){OFFSETS_OPTION, HELP_OPTION, {0}},
};
