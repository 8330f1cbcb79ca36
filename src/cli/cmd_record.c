/* The command `heavyops record`: runs a program, samples it, reports, and ends as it ended. What
 * the program reads, writes and is sent passes by untouched. */
#include "cli/command.h"

#include "cli/aside.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "cli/signals.h"
#include "cli/terminal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* As long as the program lives: it may become a Python late (a shell script that starts one). */
#define WAIT_FOR_PYTHON_NS (UINT64_C(1000000000) * 1000000000)

/* More often than a service in production is looked at: who records a program wants to know much of
 * it in little time, and has it to himself. */
static const double RATE_HZ = 1000;

struct recording {
    const struct hop_cli_settings *settings;
    struct hop_output *output; /* NULL: no report is wanted, or it is written */
    int pid;
    bool has_ended;
    int program_code;                          /* once it has ended */
    bool has_failed;                           /* the report could not be written */
    struct hop_cli_aside aside;                /* --live: what the program printed */
    const volatile sig_atomic_t *asked_to_end; /* and when the screen is to be left */
    bool keeps_profile; /* also in a file of its own: nobody looks at the report now */
};

/* As often as a person wants to see new output. */
enum { FOLLOW_MS = 100 };

/* After a live screen: what the program has printed, and prints until its end. */
static void follow_output(struct recording *recording)
{
    siginfo_t info = {0};
    hop_cli_aside_show(&recording->aside);
    while (!recording->has_ended &&
           waitid(P_PID, (id_t)recording->pid, &info, WEXITED | WNOWAIT | WNOHANG) == 0 &&
           info.si_pid == 0) {
        poll(NULL, 0, FOLLOW_MS);
        hop_cli_aside_show(&recording->aside);
    }
    hop_cli_aside_show(&recording->aside);
}

/* Waits for the program. Signals are forwarded until it has ended, and it is reaped only after
 * that, so that they can reach no other process that got its pid. */
static void wait_for_program(struct recording *recording)
{
    siginfo_t info;
    int status;
    if (recording->has_ended)
        return;
    if (recording->aside.file)
        follow_output(recording);
    while (waitid(P_PID, (id_t)recording->pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        ;
    hop_cli_stop_forwarding();
    recording->has_ended = true;
    recording->program_code = HOP_EXIT_FAILED;
    if (waitpid(recording->pid, &status, 0) != recording->pid)
        hop_cli_complain(NULL, "cannot wait for the program: %s", strerror(errno));
    else if (WIFSIGNALED(status))
        recording->program_code = HOP_EXIT_SIGNAL_BASE + WTERMSIG(status);
    else
        recording->program_code = WEXITSTATUS(status);
}

static void write_report(struct recording *recording, const struct hop_profile *profile)
{
    struct hop_error err;
    if (recording->output &&
        !hop_cli_write_report(recording->settings, profile, recording->output, &err)) {
        hop_cli_fail(&err);
        recording->has_failed = true;
    }
    recording->output = NULL;
}

/* The progress line only where it was asked for: on a terminal it would stand in the middle of what
 * the program prints there, and it cannot be known whether the program prints. */
static enum hop_status look_at_program(const struct recording *recording, struct hop_target *target,
                                       const struct hop_sample_options *options,
                                       struct hop_profile **profile, struct hop_error *err)
{
    const struct hop_cli_settings *settings = recording->settings;
    struct hop_top_options live;
    if (!settings->is_live)
        return hop_cli_sample(settings, target, options, settings->shows_progress, profile, err);
    hop_cli_live_options(settings, RATE_HZ, &live);
    live.sampling = *options;
    live.sampling.stop = recording->asked_to_end;
    return hop_top(target, &live, profile, err);
}

/* The whole profile, in a file of the working directory's that is named after the process. Not
 * asked for, so that what hinders it costs the program's status nothing. */
static void keep_profile(struct recording *recording, const struct hop_profile *profile)
{
    struct hop_output *output;
    struct hop_error err;
    char path[64];
    if (!recording->keeps_profile || hop_profile_samples(profile) == 0)
        return;
    snprintf(path, sizeof path, "heavyops-%d.pb.gz", recording->pid);
    enum hop_status status = hop_output_open(path, &output, &err);
    if (status == HOP_OK) {
        status = hop_report(profile, "pprof", NULL, hop_output_stream(output), &err);
        if (status == HOP_OK)
            status = hop_output_commit(output, &err);
        else
            hop_output_abandon(output);
    }
    if (status == HOP_OK)
        fprintf(stderr, "\nThe whole profile is in %s: see 'heavyops report', 'go tool pprof'.\n",
                path);
    else
        hop_cli_complain(NULL, "the profile is not kept: %s", err.message);
}

/* Samples an attached program until it ends or the time is over, and reports: then at once, else
 * when it has ended, so that the report comes after all that the program printed. */
static void sample_program(struct recording *recording, struct hop_target *target)
{
    struct hop_profile *profile;
    struct hop_error err;
    struct hop_sample_options options = recording->settings->sampling;
    if (options.rate_hz == 0)
        options.rate_hz = RATE_HZ;
    options.opens_live = !recording->settings->read_is_given;
    enum hop_status status = look_at_program(recording, target, &options, &profile, &err);
    if (!profile || hop_profile_ending(profile) != HOP_ENDED_DURATION)
        wait_for_program(recording);
    if (profile)
        write_report(recording, profile);
    if (profile)
        keep_profile(recording, profile);
    if (status != HOP_OK && !(status == HOP_ERR_NOTHING && recording->settings->is_quiet))
        hop_cli_fail(&err);
    hop_profile_destroy(profile);
}

static void watch_program(struct recording *recording)
{
    struct hop_target *target;
    struct hop_error err;
    struct hop_attach_options options = {
        .offsets_path = recording->settings->offsets_path,
        .wait_ns = WAIT_FOR_PYTHON_NS,
    };
    if (hop_attach(recording->pid, &options, &target, &err) == HOP_OK) {
        sample_program(recording, target);
        hop_detach(target);
        return;
    }
    if (err.status == HOP_ERR_GONE || err.status == HOP_ERR_NO_PROCESS) {
        wait_for_program(recording);
        hop_cli_complain("record watches the process it starts, not the processes which that "
                         "starts: give it python3 itself, or let a shell script end in 'exec "
                         "python3 ...'",
                         "the program ended before any Python ran in its process (%d): there is "
                         "nothing to report",
                         recording->pid);
    } else {
        hop_cli_fail(&err); /* now: the program may run for days */
        if (!recording->settings->is_quiet)
            hop_cli_complain(NULL, "the program runs on unwatched");
    }
}

static int cannot_run(const struct hop_cli_settings *settings, int exec_errno,
                      const struct hop_error *err)
{
    const char *program = settings->words.items[0];
    size_t length = strlen(program);
    bool is_script = length > 3 && strcmp(program + length - 3, ".py") == 0;
    char remedy[300] = "";
    if (is_script)
        snprintf(remedy, sizeof remedy, "to run a script: heavyops record -- python3 %.200s",
                 program);
    hop_cli_complain(is_script ? remedy : err->remedy, "%s", err->message);
    if (err->status != HOP_ERR_LAUNCH)
        return HOP_EXIT_FAILED;
    return exec_errno == ENOENT ? HOP_EXIT_NOT_FOUND : HOP_EXIT_CANNOT_RUN;
}

static int run_record(struct hop_cli_settings *settings)
{
    struct recording recording = {.settings = settings};
    struct hop_error err;
    if (settings->words.count == 0 || settings->words.items[0][0] == '\0') {
        hop_cli_complain("for example: heavyops record -- python3 app.py",
                         "record needs a program to run");
        return HOP_EXIT_USAGE;
    }
    const char *path = settings->output_path;
    recording.keeps_profile =
        !path && !settings->format && !settings->is_quiet && !isatty(STDERR_FILENO);
    if (!hop_cli_choose_format(settings, "text"))
        return HOP_EXIT_USAGE;
    if (!path && !settings->is_quiet)
        path = "/dev/stderr";
    if (path && hop_output_open(path, &recording.output, &err) != HOP_OK)
        return hop_cli_fail(&err);

    int exec_errno = 0;
    recording.asked_to_end = hop_cli_forward_signals();
    if (settings->is_live && !hop_cli_aside_begin(&recording.aside)) {
        hop_output_abandon(recording.output);
        return HOP_EXIT_FAILED;
    }
    char *const *argv = (char *const *)settings->words.items;
    enum hop_status launched = hop_launch(argv, &recording.pid, &exec_errno, &err);
    if (settings->is_live)
        hop_cli_aside_end(&recording.aside);
    if (launched != HOP_OK) {
        hop_cli_aside_deinit(&recording.aside);
        hop_output_abandon(recording.output);
        return cannot_run(settings, exec_errno, &err);
    }
    hop_cli_forward_to(recording.pid);
    hop_cli_allow_descriptors();
    /* A reader of ours that went away must not cost the program its status. */
    signal(SIGPIPE, SIG_IGN);
    watch_program(&recording);
    wait_for_program(&recording);
    hop_output_abandon(recording.output);
    hop_cli_aside_deinit(&recording.aside);
    return recording.has_failed && recording.program_code == 0 ? HOP_EXIT_FAILED
                                                               : recording.program_code;
}

const struct hop_cli_command hop_cli_record = {
    .name = "record",
    .synopsis = "[OPTION...] [--] PROGRAM [ARGUMENT...]",
    .summary = "run a program, sample it and report",
    .description =
        "Runs PROGRAM and samples it from its first moment. Its input, output, signals and exit "
        "status pass through; the report goes to standard error when it has ended, or where -o "
        "says. Where standard error is no terminal and neither -o nor --format is given, the whole "
        "profile is kept as well, in heavyops-PID.pb.gz. With -d the report is written when the "
        "time is over, and the program runs on to its "
        "end. Options behind PROGRAM are the program's own.",
    .groups = (const struct hop_cli_group *const[]){&hop_cli_record_group, &hop_cli_sampling_group,
                                                    &hop_cli_selection_group, &hop_cli_output_group,
                                                    &hop_cli_other_group, NULL},
    .examples =
        (const struct hop_cli_example[]){
            {"heavyops record -- python3 app.py arg", "the report follows the program's output"},
            {"heavyops record -i all -o report.txt -- python3 -m mymodule",
             "where the time goes, in a file"},
            {"heavyops record --live -- python3 app.py", "watched while it runs"},
            {"heavyops record -o profile.pb.gz -- python3 app.py",
             "to be looked at later: heavyops report, go tool pprof"},
            {"heavyops app.py arg", "short for: heavyops record -- python3 app.py arg"},
            {0},
        },
    .takes_program = true,
    .run = run_record,
};
