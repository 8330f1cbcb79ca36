/* Starts, samples and ends the oracle's programs; what they do and what is wanted of them is
 * others' affair. */
#include "oracle/oracle.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

bool oracle_has_word(const char *list, bool (*matches)(const char *word, const void *what),
                     const void *what)
{
    char copy[512], *rest = copy, *word;
    if (!list || !*list)
        return true;
    snprintf(copy, sizeof copy, "%s", list);
    while ((word = strsep(&rest, ", ")))
        if (*word && matches(word, what))
            return true;
    return false;
}

bool oracle_is_equal(const char *word, const void *what)
{
    return !strcmp(word, what);
}

bool oracle_wants(const struct oracle_options *options, const char *program)
{
    return oracle_has_word(options->programs, oracle_is_equal, program);
}

size_t oracle_ways(struct oracle_way ways[ORACLE_WAYS_MAX])
{
    ways[0] = (struct oracle_way){.name = "cpu", .read = HOP_READ_CPU, .is_judged = true};
    ways[1] = (struct oracle_way){.name = "live", .read = HOP_READ_LIVE};
    ways[2] = (struct oracle_way){.name = "stop", .read = HOP_READ_STOP};
    ways[3] = (struct oracle_way){.name = "wakeup", .read = HOP_READ_WAKEUP, .is_judged = true};
    ways[4] =
        (struct oracle_way){.name = "interrupt", .read = HOP_READ_INTERRUPT, .is_judged = true};
    return 5;
}

/* Appends the text of a file to `text`, which has room for `capacity` bytes. */
static void append(char *text, size_t capacity, const char *name)
{
    char path[512];
    size_t length = strlen(text);
    snprintf(path, sizeof path, HOP_TEST_ROOT "/tests/oracle/programs/%s", name);
    FILE *file = fopen(path, "re");
    if (!file) {
        fprintf(stderr, "cannot open %s: %s\n", path, strerror(errno));
        abort();
    }
    length += fread(text + length, 1, capacity - 1 - length, file);
    text[length] = '\0';
    fclose(file);
    if (length == capacity - 1) {
        fprintf(stderr, "too long: %s\n", path);
        abort();
    }
}

char *oracle_text(const char *file)
{
    size_t capacity = 1 << 17; /* Linux' MAX_ARG_STRLEN: it is handed over as an argument */
    char *text = calloc(1, capacity);
    append(text, capacity, "common.py");
    append(text, capacity, file);
    return text;
}

static void no_such_line(struct hop_error *err)
{
    *err = (struct hop_error){.status = HOP_ERR_NOTHING};
    snprintf(err->message, sizeof err->message, "the program ended before it said it was ready");
}

bool oracle_start(struct oracle_program *program, const struct python *python,
                  const char *environment, char *text, const char *const arguments[],
                  struct hop_error *err)
{
    *program = (struct oracle_program){0};
    target_start_text(&program->target, python, environment, text, arguments);
    program->announced = oracle_hear(program);
    if (!program->announced)
        no_such_line(err);
    else if (hop_attach(program->target.pid, NULL, &program->hop, err) == HOP_OK)
        return true;
    oracle_end(program);
    return false;
}

void oracle_tell(struct oracle_program *program)
{
    fputc('\n', program->target.in);
    fflush(program->target.in);
}

json_t *oracle_hear(struct oracle_program *program)
{
    char *line = NULL;
    size_t capacity = 0;
    json_t *said = NULL;
    if (getline(&line, &capacity, program->target.out) > 0)
        said = json_loads(line, 0, NULL);
    free(line);
    return said;
}

void oracle_end(struct oracle_program *program)
{
    hop_detach(program->hop);
    json_decref(program->announced);
    target_kill(&program->target);
    *program = (struct oracle_program){0};
}

enum hop_status oracle_sample(struct oracle_program *program, const struct oracle_way *way,
                              double rate_hz, double seconds, struct hop_profile **profile,
                              struct hop_error *err)
{
    struct hop_sample_options options = {
        .rate_hz = rate_hz,
        .duration_ns = (uint64_t)(seconds * 1e9),
        .read = way->read,
    };
    return hop_sample(program->hop, &options, profile, err);
}
