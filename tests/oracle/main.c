/* Reads what `make oracle` is asked for, runs the parts, and ends with 1 when the default way to
 * look misses what is wanted of it. */
#include "oracle/oracle.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/* In all some ten minutes on the ten interpreters of the machine this was written on. */
static const double SECONDS = 2, OTHER_SHARE = 0.25, RATE_HZ = 4000;

/* "3.13" is each 3.13.N, but not 3.1. */
static bool is_version(const char *word, const void *what)
{
    const char *version = what;
    size_t length = strlen(word);
    return !strncmp(version, word, length) && (!version[length] || version[length] == '.');
}

static void find_pythons(struct oracle_options *options, const char *wanted)
{
    size_t found = pythons_find(options->pythons, PYTHONS_MAX, 8);
    for (size_t i = 0; i < found; i++)
        if (oracle_has_word(wanted, is_version, options->pythons[i].version))
            options->pythons[options->python_count++] = options->pythons[i];
}

static void find_ways(struct oracle_options *options, const char *wanted)
{
    struct oracle_way ways[ORACLE_WAYS_MAX];
    size_t found = oracle_ways(ways);
    for (size_t i = 0; i < found; i++)
        if (oracle_has_word(wanted, oracle_is_equal, ways[i].name))
            options->ways[options->way_count++] = ways[i];
}

static void __attribute__((noreturn)) usage(const char *what)
{
    fprintf(stderr,
            "oracle: %s\n"
            "usage: oracle [--way cpu,…] [--python 3.13,…] [--program NAME,…] [--seconds N] "
            "[--rate HZ]\n",
            what);
    exit(2);
}

static void check_programs(const struct oracle_options *options)
{
    /* The resolution curve has two. */
    bool is_known = oracle_wants(options, "calibrated") || oracle_wants(options, "cheap");
    for (size_t i = 0; oracle_stacks_program(i); i++)
        is_known |= oracle_wants(options, oracle_stacks_program(i));
    if (!is_known)
        usage("no such program");
}

static double number(const char *text, const char *what)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (errno || *end || !(value > 0))
        usage(what);
    return value;
}

static void read_words(int argc, char *argv[], struct oracle_options *options)
{
    static const struct option known[] = {
        {"way", required_argument, NULL, 'w'},     {"python", required_argument, NULL, 'p'},
        {"program", required_argument, NULL, 'P'}, {"seconds", required_argument, NULL, 's'},
        {"rate", required_argument, NULL, 'r'},    {0},
    };
    const char *ways = NULL, *pythons = NULL;
    int option;
    *options = (struct oracle_options){.seconds = SECONDS, .rate_hz = RATE_HZ};
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'w')
            ways = optarg;
        else if (option == 'p')
            pythons = optarg;
        else if (option == 'P')
            options->programs = *optarg ? optarg : NULL;
        else if (option == 's' && *optarg)
            options->seconds = number(optarg, "--seconds wants a number of seconds");
        else if (option == 'r' && *optarg)
            options->rate_hz = number(optarg, "--rate wants a number of looks a second");
        else if (option == '?')
            usage("an option is wrong");
    }
    options->other_seconds = options->seconds * OTHER_SHARE;
    find_pythons(options, pythons);
    find_ways(options, ways);
    if (optind < argc)
        usage("it takes options only");
    check_programs(options);
    if (!options->python_count)
        usage("no such interpreter here");
    if (!options->way_count)
        usage("no such way to look");
}

int main(int argc, char *argv[])
{
    static struct oracle_options options;
    static oracle_part_fn *const parts[] = {oracle_stacks, oracle_resolution};
    size_t missed = 0;
    read_words(argc, argv, &options);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i])
            missed += parts[i](&options);
    return missed > 0;
}
