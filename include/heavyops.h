/* heavyops: which bytecode instructions a running CPython spends its time in, seen from outside.
 *
 * The library behind the command of the same name; everything the command does is done through
 * this header. The library never prints, never exits, installs no signal handler, never writes to
 * a target, and stops one only where HOP_READ_STOP asks for it. A handle is used by one thread at a
 * time. Linux only. */
#ifndef HEAVYOPS_H
#define HEAVYOPS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <termios.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HOP_API __attribute__((visibility("default")))

/* Why something could not be done. The command's exit codes follow from these (README.md). */
enum hop_status {
    HOP_OK,
    HOP_ERR_USAGE,       /* a value out of range, an unknown name */
    HOP_ERR_NO_PROCESS,  /* no such pid, a zombie */
    HOP_ERR_PERMISSION,  /* the kernel refuses; the message says which of its rules */
    HOP_ERR_NOT_PYTHON,  /* a process without a CPython in it */
    HOP_ERR_UNSUPPORTED, /* a CPython (or a machine word) this build cannot read */
    HOP_ERR_OFFSETS,     /* a data file of offsets that does not parse or does not fit */
    HOP_ERR_GONE,        /* the target ended or ran another program */
    HOP_ERR_STOPPED,     /* the target is stopped and would never move on */
    HOP_ERR_NOTHING,     /* nothing could be sampled */
    HOP_ERR_LAUNCH,      /* the program to record could not be started */
    HOP_ERR_IO,          /* a file could not be read or written */
    HOP_ERR_MEMORY,      /* out of memory, or a limit of ours reached */
    HOP_ERR_PROFILE,     /* a file that is no profile of ours, or a broken one */
};

/* What failed, on what; and what to do next (may be empty). Fixed size: nothing to free. */
struct hop_error {
    enum hop_status status;
    char message[480];
    char remedy[480];
};

/* --- the target ---------------------------------------------------------------------------- */

struct hop_target;

struct hop_attach_options {
    const char *offsets_path; /* a data file to use instead of the built-in ones; NULL: built in */
    uint64_t wait_ns;         /* how long to wait for a process that is still starting Python */
    /* When it becomes non-zero, waiting ends with HOP_ERR_NOTHING. May be NULL. */
    const volatile sig_atomic_t *stop;
};

/* Attaches to the CPython in process `pid` (our PID namespace). *target is the caller's, to be
 * given to hop_detach. The target notices nothing. NULL options: built-in offsets, wait up to one
 * second. */
HOP_API enum hop_status hop_attach(int pid, const struct hop_attach_options *options,
                                   struct hop_target **target, struct hop_error *err);
HOP_API void hop_detach(struct hop_target *target); /* NULL is allowed */

/* Starts a program (argv[0] looked up in PATH, argv ends in NULL) with our streams; the caller
 * waits for *pid. Returns when it executes; on HOP_ERR_LAUNCH *exec_errno tells why. */
HOP_API enum hop_status hop_launch(char *const argv[], int *pid, int *exec_errno,
                                   struct hop_error *err);

/* --- what a target is ---------------------------------------------------------------------- */

/* Writes what is known of process `pid` as text or JSON (`format`): version, build, layout,
 * threads, interpreters, namespaces. When it can't be attached, writes what is known all the same,
 * and returns why not. */
HOP_API enum hop_status hop_info(int pid, const struct hop_attach_options *options,
                                 const char *format, FILE *stream, struct hop_error *err);

/* --- one look ------------------------------------------------------------------------------ */

/* Every thread's stack once, in `format` ("text" or "json"). */
HOP_API enum hop_status hop_dump(struct hop_target *target, const char *format, FILE *stream,
                                 struct hop_error *err);

/* --- sampling ------------------------------------------------------------------------------ */

enum hop_mode {
    HOP_MODE_CPU,  /* threads that run, or hold the GIL */
    HOP_MODE_WALL, /* all threads */
    HOP_MODE_GIL,  /* the thread that holds the GIL */
};

/* How a thread is brought to where it may be read. */
enum hop_read {
    /* From its own CPU, where it stands still meanwhile: in an interrupt where that is to be had,
     * else in a wake-up of ours, with a proof. */
    HOP_READ_CPU,
    HOP_READ_LIVE, /* while it runs, from another CPU: nothing is held up, little can be proved */
    HOP_READ_STOP, /* stopped with ptrace(2) for some microseconds; registers could be seen. A
                    * system call that is about to sleep may end early: README.md, "Limits". */
    /* The two kinds of HOP_READ_CPU: in a timer interrupt on its CPU, by a program in the kernel
     * (BPF), on Linux 5.17 and later, as root or with CAP_BPF and CAP_PERFMON, HOP_MODE_CPU, up to
     * 50,000 a second of all CPUs together; HOP_ERR_UNSUPPORTED says what is missing. */
    HOP_READ_INTERRUPT,
    HOP_READ_WAKEUP,
};

struct hop_sample_options {
    double rate_hz;       /* 0.01 to 2e6; 0: HOP_RATE_DEFAULT_HZ */
    uint64_t duration_ns; /* 0: until the target ends or *stop */
    enum hop_mode mode;
    enum hop_read read;
    /* Before anything else, read live and as often as can be for HOP_OPENING_NS, each sample
     * weighted by the time it stands for: a program of some milliseconds gets hundreds of samples.
     * Not done where there is but one CPU. */
    bool opens_live;
    uint64_t seed; /* of the jitter; 0: taken from the clock */
    /* When it becomes non-zero, sampling ends and the profile is made of what was seen. May be
     * NULL. */
    const volatile sig_atomic_t *stop;
};

#define HOP_OPENING_NS 100000000u
/* Each look takes a busy target's CPU for an interrupt, two switches and some microseconds, all of
 * it cold where it is seldom, and a bare wake-up takes a good part of that as well. This is half of
 * what is usual elsewhere, as the target may be a service in production; what it costs there,
 * `make bench PART=held` tells. */
#define HOP_RATE_DEFAULT_HZ 50.0
#define HOP_RATE_MAX_HZ     2000000.0
#define HOP_RATE_MIN_HZ     0.01

struct hop_profile;

/* Samples `target`. On HOP_OK *profile is the caller's. A target that ends, is killed or runs
 * another program is no error: the profile says so. HOP_ERR_NOTHING: not one sample was taken
 * (*profile is made all the same, and says what was refused and idle). */
HOP_API enum hop_status hop_sample(struct hop_target *target,
                                   const struct hop_sample_options *options,
                                   struct hop_profile **profile, struct hop_error *err);
HOP_API void hop_profile_destroy(struct hop_profile *profile); /* NULL is allowed */

/* Sampling that goes on by itself, in threads of the library's that have all signals blocked, while
 * the profile is looked at. Used by one thread at a time, but for hop_sampling_stop. */
struct hop_sampling;

/* As hop_sample, but returns when it has begun. `target` is in use until hop_sampling_finish.
 * options->stop is not looked at: hop_sampling_stop does that. */
HOP_API enum hop_status hop_sampling_start(struct hop_target *target,
                                           const struct hop_sample_options *options,
                                           struct hop_sampling **sampling, struct hop_error *err);
/* A descriptor that poll(2) finds readable once sampling has ended by itself or was stopped. */
HOP_API int hop_sampling_fd(const struct hop_sampling *sampling);
/* The profile of what was seen so far; the caller's. Sampling goes on meanwhile: no instant is
 * later for it than by some ten microseconds, none is lost. How late instants were is told at the
 * end only, and code objects have no bytecode unless `with_bytecode`, which takes longer.
 * HOP_ERR_NOTHING: nothing was looked at yet. */
HOP_API enum hop_status hop_sampling_look(struct hop_sampling *sampling, bool with_bytecode,
                                          struct hop_profile **profile, struct hop_error *err);
/* What hop_sampling_look saw last will be no part of what it will see. hop_sampling_finish tells
 * the whole all the same. */
HOP_API enum hop_status hop_sampling_reset(struct hop_sampling *sampling, struct hop_error *err);
/* Suspends the process, as SIGTSTP does by default, at an instant at which no thread of the target
 * is held, and with interrupts off; returns when it is continued. For who handles SIGTSTP, of
 * which the default may come while a thread is stopped. What passes meanwhile is missed. */
HOP_API void hop_sampling_suspend(struct hop_sampling *sampling);
/* Lets it end soon. May be called by any thread and in signal handlers. */
HOP_API void hop_sampling_stop(struct hop_sampling *sampling);
/* Waits for the end and frees; the result is that of hop_sample. */
HOP_API enum hop_status hop_sampling_finish(struct hop_sampling *sampling,
                                            struct hop_profile **profile, struct hop_error *err);

/* What a profile that is being made tells at a glance, in one line of at most `columns` columns,
 * safe for a terminal: how far (of `duration_ns`, 0: without end), how often, what leads. */
HOP_API void hop_progress_line(const struct hop_profile *so_far, uint64_t duration_ns, int columns,
                               char *line, size_t size);

/* One profile of several, which are left as they are; src/profile/merge.h says what becomes of what
 * differs. At least one. On HOP_OK *merged is the caller's. */
HOP_API enum hop_status hop_profile_merge(const struct hop_profile *const *profiles, size_t count,
                                          struct hop_profile **merged, struct hop_error *err);

/* Why sampling ended. */
enum hop_ending {
    HOP_ENDED_DURATION, /* the time asked for was over */
    HOP_ENDED_STOPPED,  /* the caller's *stop */
    HOP_ENDED_EXITED,   /* the target ended */
    HOP_ENDED_EXEC,     /* the target became another program */
};

/* One instruction of one code object, as found under one opcode. Strings are UTF-8 as the target
 * has them (not escaped for a terminal) and live as long as the profile. */
struct hop_instruction {
    const char *function; /* qualified name */
    const char *file;
    int first_line;          /* of the function */
    uint32_t offset;         /* bytes in co_code, as dis counts */
    const char *opcode;      /* as found in memory */
    const char *base_opcode; /* as dis shows without adaptive */
    int64_t oparg;           /* -1: it has none */
    int line, end_line;      /* 0: unknown */
    int column, end_column;  /* UTF-8 byte offsets from 0; -1: unknown */
    uint64_t self;           /* hits as the innermost frame's instruction */
    uint64_t self_ns;        /* the time that these hits stand for */
    uint64_t on_stack;       /* samples with it in a calling frame, each sample counted once */
    bool is_tracked;         /* in the default set */
    uint32_t code;           /* the number of its code object; two of one name may differ */
};

/* Reads a profile from a file that format "pprof" wrote; "-" is standard input. On HOP_OK *profile
 * is the caller's. HOP_ERR_PROFILE: it is none of ours, or is broken: nothing in it is believed
 * that was not checked. */
HOP_API enum hop_status hop_profile_read(const char *path, struct hop_profile **profile,
                                         struct hop_error *err);

/* The rows, most self hits first. Owned by the profile. */
HOP_API const struct hop_instruction *hop_profile_instructions(const struct hop_profile *profile,
                                                               size_t *count);
HOP_API uint64_t hop_profile_samples(const struct hop_profile *profile);
HOP_API uint64_t hop_profile_idle(const struct hop_profile *profile);
HOP_API enum hop_ending hop_profile_ending(const struct hop_profile *profile);

/* --- reports ------------------------------------------------------------------------------- */

struct hop_report_options {
    /* Which instructions are tracked: each string is a list, separated by commas, of names or
     * globs (* ? [..], case ignored), "all", "default"; with a leading '-' or '!' an item is taken
     * away again, wherever it stands. Matched against base and specialised names. None, or only
     * taken away: the default set. */
    const char *const *instructions;
    size_t instruction_count;
    /* Only locations whose file path contains, or whose path or its end matches, one of these
     * substrings or globs (* also crosses '/'); none: all. */
    const char *const *files;
    size_t file_count;
    bool by_thread;
    size_t row_limit;  /* rows a table; 0: the format's own (text: 30, json: all); SIZE_MAX: all */
    bool with_opcodes; /* stacks end in the instruction, where a format can leave it out */
    bool is_coloured;  /* for a terminal that shows colours */
    /* What `annotate` is of: a function (its qualified name, an end of it, or a glob), FILE:LINE or
     * FILE (a path's end); NULL: the hottest functions first. */
    const char *focus;
    /* What instructions are joined by: "opcode", "line", "function", "file", "module", "thread" or
     * "class" (of opcodes); NULL: the format's own way. */
    const char *group;
};

/* The formats' names, in order; NULL past the last. */
HOP_API const char *hop_report_format(size_t index);
HOP_API bool hop_report_format_is_known(const char *format);
/* The names that `group` takes, in order; NULL past the last. */
HOP_API const char *hop_report_group(size_t index);
/* The format whose suffix `path` ends in (".json" means "json"), or NULL. */
HOP_API const char *hop_report_format_of_file(const char *path);
/* Whether it is no text, so that no terminal should be shown it. */
HOP_API bool hop_report_format_is_binary(const char *format);
/* Whether `options` are something that the format can do; HOP_ERR_USAGE otherwise, as of
 * hop_report: for who wants to know before there is a profile. */
HOP_API enum hop_status hop_report_check(const char *format,
                                         const struct hop_report_options *options,
                                         struct hop_error *err);

/* Writes `profile` to `stream`. NULL options: the defaults. HOP_ERR_IO when the stream fails. */
HOP_API enum hop_status hop_report(const struct hop_profile *profile, const char *format,
                                   const struct hop_report_options *options, FILE *stream,
                                   struct hop_error *err);

/* What two profiles are compared by. */
enum { HOP_DIFF_INSTRUCTIONS = 1, HOP_DIFF_LINES = 2, HOP_DIFF_FUNCTIONS = 4 };

struct hop_diff_options {
    /* HOP_DIFF_… added up; 0: all, but instructions only where both Pythons have the same ones. */
    unsigned by;
    bool shows_all; /* also what has not moved beyond chance */
    /* In points of share, 0.05 for five: *is_exceeded tells whether any row of these tables grew
     * beyond chance, and by more than this. 0: any growth beyond chance does. */
    double fail_above;
    bool has_limit; /* fail_above was asked for, so that the report says what came of it */
    /* instructions (none: all), files, row_limit (0: 30 in text, else all), is_coloured. Shares are
     * of all samples, whatever is chosen. */
    struct hop_report_options report;
};

/* Writes what differs between two profiles as "text", "json" or "csv": rows whose share (of
 * samples, or of time where samples stand for different times) has moved beyond chance. Of
 * comparisons of a program with itself, one in twenty shows any row. NULL options: the defaults;
 * NULL is_exceeded: not wanted. */
HOP_API enum hop_status hop_diff(const struct hop_profile *before, const struct hop_profile *after,
                                 const struct hop_diff_options *options, const char *format,
                                 FILE *stream, bool *is_exceeded, struct hop_error *err);

/* Whether every item of `list` (as in hop_report_options.instructions) names an instruction of some
 * supported version; HOP_ERR_USAGE with the nearest names otherwise. */
HOP_API enum hop_status hop_instruction_check(const char *list, struct hop_error *err);

/* Of `count` names the one that a person who typed `word` is most likely to have meant, or NULL
 * when none is near. */
HOP_API const char *hop_nearest_name(const char *word, const char *const *names, size_t count);

/* Writes foreign text so that it does nothing to a terminal: control characters, bidirectional
 * overrides and bytes that are no UTF-8 as Python's repr() would. Messages of errors are not
 * escaped: they may hold the names of files. */
HOP_API void hop_print_escaped(FILE *stream, const char *text);

/* --- the live screen ------------------------------------------------------------------------ */

/* How a terminal is given back by who is killed before hop_top can do it; the caller's, zero at
 * first, alive as long as hop_top runs. */
struct hop_terminal_rescue {
    volatile sig_atomic_t is_taken;
    int fd;
    size_t length;
    char sequence[256]; /* what leaves the screen */
    struct termios termios;
};

/* Gives the terminal back, if it is taken. For signal handlers: async-signal-safe. */
HOP_API void hop_terminal_rescue(const struct hop_terminal_rescue *rescue);

struct hop_top_options {
    struct hop_sample_options sampling;  /* *stop is looked at: then the screen is left */
    struct hop_report_options selection; /* -i (here none means all), -f, is_coloured */
    uint64_t delay_ns;                   /* between two drawings; 0: a second */
    struct hop_terminal_rescue *rescue;
};

/* Samples `target` and shows the profile on the controlling terminal while it is made, until the
 * user leaves it (a target that ends is shown on) or *stop. The terminal is then as it was before.
 * The result is that of hop_sample. As long as it runs, SIGTSTP (hop_sampling_suspend) and SIGWINCH
 * are handled, where they are handled by default; the locale (setlocale) should have been set. */
HOP_API enum hop_status hop_top(struct hop_target *target, const struct hop_top_options *options,
                                struct hop_profile **profile, struct hop_error *err);

/* --- output files --------------------------------------------------------------------------- */

/* A file written beside its place and renamed into it when whole. */
struct hop_output;

/* Opens it for writing at once, so that a place that can't be written fails before any work. `path`
 * "-" is standard output. */
HOP_API enum hop_status hop_output_open(const char *path, struct hop_output **output,
                                        struct hop_error *err);
HOP_API FILE *hop_output_stream(struct hop_output *output);
/* Flushes, checks, renames; frees. */
HOP_API enum hop_status hop_output_commit(struct hop_output *output, struct hop_error *err);
/* Removes what was written; frees. NULL is allowed. */
HOP_API void hop_output_abandon(struct hop_output *output);

HOP_API const char *hop_version(void);           /* "0.1.0" */
HOP_API const char *hop_supported_pythons(void); /* "3.8, 3.9, …" */

#ifdef __cplusplus
}
#endif
#endif
