/* What a process is, as far as it can be told, and whether it can be attached: `heavyops info`.
 * Everything that can be found out is written, also when attaching fails. */
#include "base/clock.h"
#include "base/escape.h"
#include "report/format.h"
#include "session/target.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* One fact: its JSON name, its label, its text. Numbers are texts of digits. */
struct fact {
    const char *name, *label;
    char text[1024];
    bool is_number;
};

enum { FACTS_MAX = 24 };

struct facts {
    struct fact items[FACTS_MAX];
    size_t count;
};

static struct fact *add(struct facts *facts, const char *name, const char *label)
{
    struct fact *fact = &facts->items[facts->count < FACTS_MAX ? facts->count++ : FACTS_MAX - 1];
    *fact = (struct fact){.name = name, .label = label};
    return fact;
}

static void add_text(struct facts *facts, const char *name, const char *label, const char *text)
{
    struct fact *fact = add(facts, name, label);
    snprintf(fact->text, sizeof fact->text, "%s", text);
}

static void add_number(struct facts *facts, const char *name, const char *label, uint64_t number)
{
    struct fact *fact = add(facts, name, label);
    snprintf(fact->text, sizeof fact->text, "%llu", (unsigned long long)number);
    fact->is_number = true;
}

/* --- gathering ------------------------------------------------------------------------------- */

static void add_process_facts(struct facts *facts, const struct hop_process *process)
{
    char text[1024];
    struct hop_task_stat stat;
    add_number(facts, "pid", "pid", (uint64_t)process->pid);
    if (process->ns_pid != process->pid)
        add_number(facts, "ns_pid", "pid in its own namespace", (uint64_t)process->ns_pid);
    hop_process_command_line(process, text, sizeof text);
    add_text(facts, "command_line", "command line", text);
    hop_process_executable(process, text, sizeof text);
    add_text(facts, "executable", "executable", text);
    hop_process_foreign_namespaces(process, text, sizeof text);
    add_text(facts, "foreign_namespaces", "namespaces not ours", *text ? text : "none");
    int tracer = hop_process_tracer(process);
    if (tracer)
        add_number(facts, "tracer", "traced by process", (uint64_t)tracer);
    if (hop_process_is_stopped(process))
        add_text(facts, "state", "state", tracer ? "stopped by its tracer" : "stopped");
    else if (hop_task_stat_read(process->dir_fd, &stat))
        add_text(facts, "state", "state", "running or waiting");
    size_t threads = 0;
    if (hop_process_threads(process, NULL, 0, &threads) >= 0)
        add_number(facts, "kernel_threads", "threads of the process", threads);
}

static void add_python_facts(struct facts *facts, struct hop_target *target,
                             const char *offsets_path)
{
    const struct hop_python *python = &target->python;
    add_text(facts, "python", "CPython", python->version);
    add_text(facts, "image", "found in", python->image_path);
    if (python->image_is_deleted)
        add_text(facts, "image_state", "", "deleted or replaced on disk since it was started");
    add_text(facts, "found_by", "found by", python->found_by);
    struct fact *runtime = add(facts, "runtime_address", "_PyRuntime at");
    snprintf(runtime->text, sizeof runtime->text, "0x%llx",
             (unsigned long long)python->runtime_addr);
    struct fact *layout = add(facts, "layout", "layout");
    snprintf(layout->text, sizeof layout->text, "%s %d.%d%s",
             offsets_path ? offsets_path : "built in for", python->layout.major,
             python->layout.minor,
             python->has_debug_offsets ? ", offsets as the target itself tells them" : "");
}

static void add_thread_facts(struct facts *facts, struct hop_target *target)
{
    struct hop_interpreter *interpreters = calloc(HOP_INTERPRETERS_MAX, sizeof *interpreters);
    struct hop_thread_state *states = calloc(HOP_THREADS_MAX, sizeof *states);
    struct hop_reader *reader = &target->reader.base;
    const struct hop_layout *layout = &target->python.layout;
    if (interpreters && states) {
        size_t count = hop_interpreters_list(reader, layout, target->python.runtime_addr,
                                             interpreters, HOP_INTERPRETERS_MAX);
        size_t threads = 0;
        for (size_t i = 0; i < count; i++)
            threads +=
                hop_thread_states_list(reader, layout, &interpreters[i], states, HOP_THREADS_MAX);
        add_number(facts, "interpreters", "interpreters", count);
        add_number(facts, "threads", "Python threads", threads);
    }
    free(interpreters);
    free(states);
}

/* --- writing --------------------------------------------------------------------------------- */

static bool write_json(const struct facts *facts, FILE *stream)
{
    json_t *object = json_object();
    bool is_whole = object != NULL;
    json_object_set_new(object, "schema", json_integer(HOP_SCHEMA_VERSION));
    for (size_t i = 0; i < facts->count; i++) {
        const struct fact *fact = &facts->items[i];
        char safe[4 * sizeof fact->text];
        hop_escape_terminal(fact->text, safe, sizeof safe);
        json_t *value =
            fact->is_number ? json_integer(strtoll(fact->text, NULL, 10)) : json_string(safe);
        is_whole = !json_object_set_new(object, fact->name, value) && is_whole;
    }
    is_whole = is_whole && !json_dumpf(object, stream, JSON_INDENT(2)) && fputc('\n', stream) >= 0;
    json_decref(object);
    return is_whole;
}

static bool write_text(const struct facts *facts, FILE *stream)
{
    int width = 0;
    for (size_t i = 0; i < facts->count; i++)
        if ((int)strlen(facts->items[i].label) > width)
            width = (int)strlen(facts->items[i].label);
    for (size_t i = 0; i < facts->count; i++) {
        fprintf(stream, "%-*s  ", width, facts->items[i].label);
        hop_print_escaped(stream, facts->items[i].text);
        fputc('\n', stream);
    }
    return !ferror(stream);
}

enum hop_status hop_info(int pid, const struct hop_attach_options *options, const char *format,
                         FILE *stream, struct hop_error *err)
{
    struct hop_error own_error;
    struct hop_process process;
    if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0)
        return hop_error_set(err, HOP_ERR_USAGE, "use text or json", "info has no format \"%s\"",
                             format);
    if (!err)
        err = &own_error;
    struct facts *facts = calloc(1, sizeof *facts);
    if (!facts)
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
    enum hop_status status = hop_process_open(pid, &process, err);
    if (status == HOP_OK) {
        add_process_facts(facts, &process);
        hop_process_close(&process);
        struct hop_target *target;
        status = hop_attach(pid, options, &target, err);
        if (status == HOP_OK) {
            add_python_facts(facts, target, options ? options->offsets_path : NULL);
            add_thread_facts(facts, target);
            add_text(facts, "attachable", "can be attached", "yes");
            hop_detach(target);
        }
    }
    if (status != HOP_OK) {
        add_text(facts, "attachable", "can be attached", "no");
        add_text(facts, "reason", "because", err->message);
        if (*err->remedy)
            add_text(facts, "remedy", "what to do", err->remedy);
    }
    bool is_written =
        strcmp(format, "json") == 0 ? write_json(facts, stream) : write_text(facts, stream);
    free(facts);
    if (!is_written || fflush(stream))
        return hop_error_set(err, HOP_ERR_IO, NULL, "cannot write: %s", strerror(errno));
    return status;
}
