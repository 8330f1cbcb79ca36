/* Reads a command line with popt, by the rows of a command's options. */
#include "cli/command.h"

#include "cli/browser.h"

#include <popt.h>
#include <stdlib.h>
#include <string.h>

/* All names of all options of any one command. */
enum { NAMES_MAX = 64 };

/* popt's table, and the row behind each of its lines: popt returns the line's number from 1. */
struct table {
    struct poptOption lines[NAMES_MAX + 1];
    const struct hop_cli_option *rows[NAMES_MAX];
    const char *names[NAMES_MAX]; /* without dashes */
    size_t count;
    char *aliases[NAMES_MAX]; /* copies, cut at the blanks */
    size_t alias_count;
};

static bool list_grow(struct hop_cli_list *list, size_t count)
{
    const char **items = realloc(list->items, (count + 1) * sizeof *items);
    if (!items) {
        hop_cli_complain(NULL, "out of memory");
        return false;
    }
    list->items = items;
    return true;
}

bool hop_cli_list_add(struct hop_cli_list *list, const char *item)
{
    if (!list_grow(list, list->count + 1))
        return false;
    list->items[list->count++] = item;
    list->items[list->count] = NULL;
    return true;
}

static void add_line(struct table *table, const struct hop_cli_option *row, const char *name,
                     char letter)
{
    if (table->count == NAMES_MAX)
        abort(); /* a table of ours, not input: raise NAMES_MAX */
    table->lines[table->count] = (struct poptOption){
        .longName = name,
        .shortName = letter,
        .argInfo = row->argument ? POPT_ARG_STRING : POPT_ARG_NONE,
        .val = (int)table->count + 1,
    };
    table->rows[table->count] = row;
    table->names[table->count++] = name;
}

static bool add_option(struct table *table, const struct hop_cli_option *row)
{
    add_line(table, row, row->name, row->letter);
    if (!row->aliases)
        return true;
    char *copy = strdup(row->aliases), *rest = copy;
    if (!copy)
        return false;
    table->aliases[table->alias_count++] = copy;
    for (char *name; (name = strsep(&rest, " "));)
        add_line(table, row, name, '\0');
    return true;
}

static bool table_init(struct table *table, const struct hop_cli_command *command)
{
    memset(table, 0, sizeof *table);
    for (const struct hop_cli_group *const *group = command->groups; *group; group++)
        for (const struct hop_cli_option *row = (*group)->options; row->name; row++)
            if (!add_option(table, row))
                return false;
    return true;
}

static void table_deinit(struct table *table)
{
    for (size_t i = 0; i < table->alias_count; i++)
        free(table->aliases[i]);
}

/* The first other command that has an option of this name (without dashes), or NULL. */
static const char *command_with(const char *name)
{
    for (const struct hop_cli_command *const *command = hop_cli_commands(); *command; command++)
        for (const struct hop_cli_group *const *group = (*command)->groups; *group; group++)
            for (const struct hop_cli_option *row = (*group)->options; row->name; row++)
                if (strcmp(row->name, name) == 0 ||
                    (row->letter && row->letter == name[0] && !name[1]))
                    return (*command)->name;
    return NULL;
}

static void complain_of_option(const struct hop_cli_command *command, const struct table *table,
                               const char *typed, int error)
{
    char remedy[200];
    snprintf(remedy, sizeof remedy, "see 'heavyops %s --help'", command->name);
    if (error == POPT_ERROR_BADOPT) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(typed + strspn(typed, "-"), "="),
                 typed + strspn(typed, "-"));
        const char *other = command_with(name);
        const char *nearest =
            strlen(name) > 1 ? hop_nearest_name(name, table->names, table->count) : NULL;
        if (nearest)
            snprintf(remedy, sizeof remedy, "did you mean --%s?", nearest);
        else if (other)
            snprintf(remedy, sizeof remedy, "'heavyops %s' has it", other);
        hop_cli_complain(remedy, "%s has no option %s", command->name, typed);
    } else if (error == POPT_ERROR_NOARG) {
        hop_cli_complain(remedy, "%s needs a value", typed);
    } else if (error == POPT_ERROR_UNWANTEDARG) {
        hop_cli_complain(remedy, "%s takes no value", typed);
    } else {
        hop_cli_complain(remedy, "%s: %s", typed, poptStrerror(error));
    }
}

/* Gives every option to its row, in order, and keeps the words that are left. */
static int read_words(struct hop_cli_settings *settings, const struct hop_cli_command *command,
                      const struct table *table, poptContext context)
{
    int result;
    while ((result = poptGetNextOpt(context)) > 0) {
        const struct hop_cli_option *row = table->rows[result - 1];
        char *value = row->argument ? poptGetOptArg(context) : NULL;
        if (value && !hop_cli_list_add(&settings->owned, value)) {
            free(value);
            return HOP_EXIT_USAGE;
        }
        if (!row->set(settings, value))
            return HOP_EXIT_USAGE;
    }
    if (result < -1) {
        complain_of_option(command, table, poptBadOption(context, POPT_BADOPTION_NOALIAS), result);
        return HOP_EXIT_USAGE;
    }
    const char **words = poptGetArgs(context);
    for (; words && *words; words++) {
        char *word = strdup(*words);
        if (!word || !hop_cli_list_add(&settings->owned, word) ||
            !hop_cli_list_add(&settings->words, word))
            return HOP_EXIT_USAGE;
    }
    return HOP_EXIT_OK;
}

int hop_cli_settings_init(struct hop_cli_settings *settings, const struct hop_cli_command *command,
                          int count, char **words)
{
    *settings = (struct hop_cli_settings){0};
    struct hop_cli_list arguments = {0};
    bool has_memory = hop_cli_list_add(&arguments, command->name);
    for (int i = 0; has_memory && i < count; i++)
        has_memory = hop_cli_list_add(&arguments, words[i]);
    struct table table;
    if (!table_init(&table, command) || !has_memory) {
        table_deinit(&table);
        free(arguments.items);
        return HOP_EXIT_FAILED;
    }
    int result = HOP_EXIT_FAILED;
    poptContext context =
        poptGetContext(command->name, (int)arguments.count, arguments.items, table.lines,
                       command->takes_program ? POPT_CONTEXT_POSIXMEHARDER : 0);
    if (context)
        result = read_words(settings, command, &table, context);
    else
        hop_cli_complain(NULL, "out of memory");
    poptFreeContext(context);
    table_deinit(&table);
    free(arguments.items);
    if (result == HOP_EXIT_OK && settings->opens_browser && !settings->wants_help &&
        !hop_cli_browser_prepare(settings))
        result = HOP_EXIT_USAGE;
    return result;
}

void hop_cli_settings_deinit(struct hop_cli_settings *settings)
{
    hop_cli_browser_clean_up(settings);
    for (size_t i = 0; i < settings->owned.count; i++)
        free((char *)settings->owned.items[i]);
    free(settings->owned.items);
    free(settings->words.items);
    free(settings->instructions.items);
    free(settings->files.items);
}

bool hop_cli_require_pid(struct hop_cli_settings *settings, const struct hop_cli_command *command)
{
    size_t used = 0;
    if (settings->pid == 0 && settings->words.count) {
        if (!hop_cli_parse_pid(settings->words.items[0], &settings->pid))
            return false;
        used = 1;
    }
    char remedy[200];
    snprintf(remedy, sizeof remedy, "for example: heavyops %s --pid 1234", command->name);
    if (settings->pid == 0)
        hop_cli_complain(remedy, "%s needs the pid of a process", command->name);
    else if (settings->words.count > used)
        hop_cli_complain(remedy, "%s takes one pid; '%s' is one word too many", command->name,
                         settings->words.items[used]);
    return settings->pid != 0 && settings->words.count == used;
}
