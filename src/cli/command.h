/* What a command is: a row of data and a function. Help, man pages and completions are printed
 * from these rows, so nothing about an option is said anywhere else. */
#ifndef HOP_CLI_COMMAND_H
#define HOP_CLI_COMMAND_H

#include "heavyops.h"

/* The exit codes, as `heavyops --help` lists them. `record` ends with the program's own status. */
enum hop_cli_exit {
    HOP_EXIT_OK = 0,
    HOP_EXIT_FAILED = 1,        /* output could not be written, no memory */
    HOP_EXIT_USAGE = 2,         /* a wrong option, value or name */
    HOP_EXIT_CANNOT_ATTACH = 3, /* no such process, no permission, not a Python */
    HOP_EXIT_UNSUPPORTED = 4,   /* a Python that this build cannot read */
    HOP_EXIT_NOTHING = 5,       /* attached, but not one sample */
    HOP_EXIT_GREW = 6,          /* diff --fail-above: something grew by more than allowed */
    HOP_EXIT_BAD_PROFILE = 7,   /* a file that is no profile, or a broken one */
    HOP_EXIT_CANNOT_RUN = 126,  /* record: the program could not be started */
    HOP_EXIT_NOT_FOUND = 127,   /* record: there is no such program */
    HOP_EXIT_SIGNAL_BASE = 128, /* record: the program was killed by signal N: 128 + N */
};

struct hop_cli_list {
    const char **items;
    size_t count;
};

/* --color */
enum hop_cli_colour { HOP_CLI_COLOUR_AUTO, HOP_CLI_COLOUR_ALWAYS, HOP_CLI_COLOUR_NEVER };

/* What the command line said. */
struct hop_cli_settings {
    bool wants_help;
    int pid; /* 0: not given */
    struct hop_sample_options sampling;
    uint64_t delay_ns; /* of the live screen; 0: not given */
    bool is_live, shows_progress, opens_browser;
    struct hop_cli_list instructions, files;
    bool by_thread, is_quiet, with_opcodes;
    enum hop_cli_colour colour;
    bool read_is_given; /* --read */
    size_t row_limit;
    unsigned diff_by; /* HOP_DIFF_… added up; 0: not given */
    bool shows_all;   /* diff: rows that have not moved too */
    bool has_fail_above;
    double fail_above;         /* 0 … 1 */
    const char *focus, *group; /* NULL: not given */
    const char *format;        /* NULL: not given */
    const char *output_path;   /* NULL: not given */
    const char *offsets_path;
    struct hop_cli_list words; /* what is left: a pid, or a program and its arguments; NULL-ended */
    struct hop_cli_list owned; /* strings to be freed */
    const char *page_folder;   /* made for the page; it goes if there is none in it in the end */
};

struct hop_cli_option {
    char letter;          /* 0: none */
    const char *name;     /* without dashes */
    const char *aliases;  /* other names that mean the same, separated by blanks; NULL: none */
    const char *argument; /* what it takes, as in "SECONDS"; NULL: nothing */
    const char *help;
    /* The values it may have, in order, NULL past the last; a NULL function: any. */
    const char *(*choice)(size_t index);
    bool lists_choices; /* in --help; where `help` does not explain them one by one */
    bool is_repeatable;
    /* False: the value is no good, and that has been said. `value` lives as long as `settings`. */
    bool (*set)(struct hop_cli_settings *settings, const char *value);
};

/* Options that belong together, under one heading of the help. */
struct hop_cli_group {
    const char *title;
    const struct hop_cli_option *options; /* up to one without a name */
};

struct hop_cli_example {
    const char *line, *help;
};

struct hop_cli_command {
    const char *name;
    const char *synopsis; /* after the name */
    const char *summary;  /* one line, no full stop */
    const char *description;
    const struct hop_cli_group *const *groups; /* NULL-ended */
    const struct hop_cli_example *examples;    /* up to one without a line */
    bool takes_program; /* options end at the first word, which is a program */
    int (*run)(struct hop_cli_settings *settings);
};

/* The table of commands: a row a command, in the order in which they are listed. Each is a
 * hop_cli_NAME. */
#define HOP_CLI_COMMANDS(ROW)                                                                      \
    ROW(attach)                                                                                    \
    ROW(record)                                                                                    \
    ROW(top)                                                                                       \
    ROW(dump)                                                                                      \
    ROW(info)                                                                                      \
    ROW(report)                                                                                    \
    ROW(annotate)                                                                                  \
    ROW(lines)                                                                                     \
    ROW(functions)                                                                                 \
    ROW(diff)                                                                                      \
    ROW(merge)

#define HOP_CLI_DECLARE_COMMAND(name) extern const struct hop_cli_command hop_cli_##name;
HOP_CLI_COMMANDS(HOP_CLI_DECLARE_COMMAND)
#undef HOP_CLI_DECLARE_COMMAND

/* The commands, NULL-ended, and the row called `name`, or NULL. */
const struct hop_cli_command *const *hop_cli_commands(void);
const struct hop_cli_command *hop_cli_find_command(const char *name);

/* --- options.c ------------------------------------------------------------------------------- */

extern const struct hop_cli_group hop_cli_target_group, hop_cli_sampling_group,
    hop_cli_selection_group, hop_cli_output_group, hop_cli_look_output_group, hop_cli_other_group,
    hop_cli_live_group, hop_cli_record_group, hop_cli_diff_group, hop_cli_rows_group,
    hop_cli_diff_output_group, hop_cli_help_group;

/* --- parse.c --------------------------------------------------------------------------------- */

/* Fills *settings from the `count` words after the command's name. HOP_EXIT_OK, or HOP_EXIT_USAGE
 * when something is wrong, which then has been said. To be given to _deinit either way. */
int hop_cli_settings_init(struct hop_cli_settings *settings, const struct hop_cli_command *command,
                          int count, char **words);
void hop_cli_settings_deinit(struct hop_cli_settings *settings);

/* Appends; false: out of memory, which has been said. */
bool hop_cli_list_add(struct hop_cli_list *list, const char *item);

/* Takes the pid from the words left, if it is there, and sees that there is one and nothing else.
 */
bool hop_cli_require_pid(struct hop_cli_settings *settings, const struct hop_cli_command *command);

/* --- values.c: false when the value is no good, which has been said --------------------------- */

bool hop_cli_parse_duration(const char *option, const char *text, uint64_t *duration_ns);
bool hop_cli_parse_rate(const char *option, const char *text, double *rate_hz);
bool hop_cli_parse_pid(const char *text, int *pid);
bool hop_cli_parse_percent(const char *option, const char *text, double *share); /* to 0 … 1 */
bool hop_cli_parse_rows(const char *option, const char *text, size_t *rows);

/* --- help.c ---------------------------------------------------------------------------------- */

/* What is said of the whole, for --help and the man page. */
struct hop_cli_exit_code {
    int code;
    const char *help; /* NULL in the row past the last */
};
extern const struct hop_cli_exit_code hop_cli_exit_codes[];
extern const struct hop_cli_example hop_cli_examples[];
extern const char *const hop_cli_synopses[]; /* after "heavyops"; NULL-ended */
extern const char hop_cli_summary[], hop_cli_description[], hop_cli_exit_of_program[];

void hop_cli_print_help(FILE *stream);
void hop_cli_print_command_help(const struct hop_cli_command *command, FILE *stream);

/* --- man.c, completion_bash.c, completion_zsh.c, completion_fish.c: for `make install` ---------
 */

void hop_cli_print_man(FILE *stream);
void hop_cli_print_command_man(const struct hop_cli_command *command, FILE *stream);
void hop_cli_print_completion_bash(FILE *stream);
void hop_cli_print_completion_zsh(FILE *stream);
void hop_cli_print_completion_fish(FILE *stream);

/* --- complain.c ------------------------------------------------------------------------------ */

/* Says "heavyops: message" and, if there is one, the remedy on a line of its own, on standard
 * error. */
void hop_cli_complain(const char *remedy, const char *message, ...)
    __attribute__((format(printf, 2, 3)));

/* The same for an error of the library; returns the exit code that stands for it. */
int hop_cli_fail(const struct hop_error *err);
int hop_cli_exit_code(enum hop_status status);

#endif
