/* report/source: files named by a target are read within bounds, and split into lines as Python
 * does. */
#include "report/source.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/heavyops-source-XXXXXX";
static struct hop_profile_code codes[8];
static struct hop_profile profile;
static struct hop_sources sources;

static void begin(void)
{
    cr_assert_not_null(mkdtemp(folder));
    profile = (struct hop_profile){.codes = codes, .started_ns = 1000};
}

static void end(void)
{
    char command[256];
    hop_sources_deinit(&sources);
    for (size_t i = 0; i < profile.code_count; i++)
        free((char *)codes[i].file);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(source, .init = begin, .fini = end);

/* Adds a code object of folder/`name`, or of `name` if that has no file of ours. */
static const char *add(const char *name, bool is_ours)
{
    char path[256];
    snprintf(path, sizeof path, "%s%s%s", is_ours ? folder : "", is_ours ? "/" : "", name);
    codes[profile.code_count].function = "f";
    return codes[profile.code_count++].file = strdup(path);
}

static const char *add_file(const char *name, const char *text, size_t size)
{
    const char *path = add(name, true);
    FILE *file = fopen(path, "w");
    cr_assert(file && fwrite(text, 1, size, file) == size && fclose(file) == 0);
    return path;
}

static const struct hop_source *find(const char *path)
{
    const struct hop_source *source = hop_sources_find(&sources, path);
    cr_assert_not_null(source);
    return source;
}

static void assert_line(const struct hop_source *source, int line, const char *wanted)
{
    const char *text;
    size_t length;
    cr_assert(hop_source_line(source, line, &text, &length), "line %d", line);
    cr_assert(length == strlen(wanted) && memcmp(text, wanted, length) == 0, "line %d: %.*s", line,
              (int)length, text);
}

Test(source, lines)
{
    static const char text[] = "\xef\xbb\xbfone\ntwo\r\n\rfour\fstill\n\nlast";
    const char *path = add_file("a.py", text, sizeof text - 1);
    add("a.py", true); /* a second function of it */
    cr_assert(hop_sources_init(&sources, &profile));
    cr_assert_eq(sources.count, 1);
    const struct hop_source *source = find(path);
    cr_assert_eq(source->state, HOP_SOURCE_READ);
    cr_assert_str_empty(hop_source_words(source));
    static const char *const lines[] = {"one", "two", "", "four\fstill", "", "last"};
    cr_assert_eq(source->line_count, 6);
    for (int i = 0; i < 6; i++)
        assert_line(source, i + 1, lines[i]);
    const char *at;
    size_t length;
    cr_assert_not(hop_source_line(source, 0, &at, &length));
    cr_assert_not(hop_source_line(source, -1, &at, &length));
    cr_assert_not(hop_source_line(source, 7, &at, &length));
}

/* Columns count in UTF-8, whatever the file is in. */
Test(source, latin_1_is_decoded_where_it_is_declared)
{
    static const struct {
        const char *text;
        int line;
        const char *shown;
    } cases[] = {
        {"# -*- coding: latin-1 -*-\nx = '\xe9\xff'\n", 2, "x = '\xc3\xa9\xc3\xbf'"},
        {"#!/usr/bin/python\r\n \f# vim: set fileencoding=ISO_8859-1 :\r\n\xa1\r\n", 3, "\xc2\xa1"},
        {"\n#coding=latin1-unix\n\xbf", 3, "\xc2\xbf"},
        {"import os\n# coding: latin-1\n\xe9\n", 3, "\xe9"}, /* too late */
        {"#\n#\n# coding: latin-1\n\xe9\n", 4, "\xe9"},
        {"# coding: utf-8\n# coding: latin-1\n\xe9\n", 3, "\xe9"},
        {"# coding: latin-15\n\xe9\n", 2, "\xe9"},
        {"# coding:\n\xe9\n", 2, "\xe9"},
        {"# coding", 1, "# coding"},
    };
    const char *paths[sizeof cases / sizeof *cases];
    static struct hop_profile_code many[sizeof cases / sizeof *cases];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[32];
        snprintf(name, sizeof name, "%zu.py", i);
        profile.code_count = 0; /* of `codes`, which has room for fewer */
        paths[i] = many[i].file = add_file(name, cases[i].text, strlen(cases[i].text));
    }
    profile.codes = many;
    profile.code_count = sizeof cases / sizeof *cases;
    cr_assert(hop_sources_init(&sources, &profile));
    for (size_t i = 0; i < profile.code_count; i++) {
        const char *text;
        size_t length;
        cr_assert(hop_source_line(find(paths[i]), cases[i].line, &text, &length), "case %zu", i);
        cr_assert(length == strlen(cases[i].shown) && memcmp(text, cases[i].shown, length) == 0,
                  "case %zu: %.*s", i, (int)length, text);
    }
    for (size_t i = 0; i < profile.code_count; i++)
        free((char *)many[i].file);
    profile.code_count = 0;
}

/* Up to 3.8, the main program of `python3 app.py`. */
Test(source, relative_names_are_from_the_programs_directory)
{
    const char *there = add_file("a.py", "x\n", 2);
    const char *relative = add("a.py", false), *absent = add("b.py", false);
    const char *string = add("<string>", false), *none = add("", false);
    profile.directory = folder;
    cr_assert(hop_sources_init(&sources, &profile));
    cr_assert_eq(find(there)->state, HOP_SOURCE_READ);
    assert_line(find(relative), 1, "x");
    cr_assert_eq(find(absent)->state, HOP_SOURCE_MISSING);
    cr_assert_eq(find(string)->state, HOP_SOURCE_NO_PATH);
    cr_assert_eq(find(none)->state, HOP_SOURCE_NO_PATH);
    hop_sources_deinit(&sources);
    profile.directory = NULL;
    cr_assert(hop_sources_init(&sources, &profile));
    cr_assert_eq(find(relative)->state, HOP_SOURCE_NO_PATH);
}

Test(source, newer_than_the_profile)
{
    const char *old = add_file("old.py", "x\n", 2), *new = add_file("new.py", "x\n", 2);
    struct timespec then[2] = {{.tv_sec = 100}, {.tv_sec = 100}};
    profile.started_ns = 100000000000;
    cr_assert_eq(utimensat(AT_FDCWD, old, then, 0), 0);
    then[1].tv_nsec = 1;
    cr_assert_eq(utimensat(AT_FDCWD, new, then, 0), 0);
    cr_assert(hop_sources_init(&sources, &profile));
    cr_assert_not(find(old)->is_newer);
    cr_assert(find(new)->is_newer);
    hop_sources_deinit(&sources);
    profile.started_ns = 0; /* not known */
    cr_assert(hop_sources_init(&sources, &profile));
    cr_assert_not(find(new)->is_newer);
}

Test(source, symbolic_links_are_followed)
{
    const char *path = add_file("a.py", "x\n", 2), *link = add("b.py", true);
    cr_assert_eq(symlink(path, link), 0);
    cr_assert(hop_sources_init(&sources, &profile));
    assert_line(find(link), 1, "x");
}

/* None of these may wait, be read whole, or be looked for in the current folder. */
Test(source, what_is_no_source, .timeout = 240)
{
    static const char *const foreign[] = {"/dev/zero", "/proc/self/mounts", "Makefile",
                                          "<frozen importlib._bootstrap>", ""};
    static const enum hop_source_state states[] = {HOP_SOURCE_NO_FILE, HOP_SOURCE_NO_FILE,
                                                   HOP_SOURCE_NO_PATH, HOP_SOURCE_NO_PATH,
                                                   HOP_SOURCE_NO_PATH};
    const char *paths[5], *pipe = add("pipe", true), *none = add("none", true);
    cr_assert_eq(mkfifo(pipe, 0600), 0);
    cr_assert_eq(chdir(HOP_TEST_ROOT), 0);
    for (int i = 0; i < 5; i++)
        paths[i] = add(foreign[i], false);
    cr_assert(hop_sources_init(&sources, &profile));
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(find(paths[i])->state, states[i], "%s", paths[i]);
        cr_assert_str_not_empty(hop_source_words(find(paths[i])));
    }
    cr_assert_eq(find(pipe)->state, HOP_SOURCE_NO_FILE);
    cr_assert_eq(find(none)->state, HOP_SOURCE_MISSING);
    cr_assert_null(hop_sources_find(&sources, "/no/file/of/the/profile"));
}

Test(source, limits)
{
    const char *large = add_file("large.py", "", 0), *fits = add_file("fits.py", "x", 1);
    cr_assert_eq(truncate(large, HOP_SOURCE_FILE_BYTES_MAX + 1), 0);
    cr_assert_eq(truncate(fits, HOP_SOURCE_FILE_BYTES_MAX), 0);
    cr_assert(hop_sources_init(&sources, &profile));
    cr_assert_eq(find(large)->state, HOP_SOURCE_TOO_LARGE);
    cr_assert_eq(sources.bytes, 0);
    cr_assert_eq(find(fits)->state, HOP_SOURCE_READ);
    cr_assert_eq(sources.bytes, HOP_SOURCE_FILE_BYTES_MAX);
    hop_sources_deinit(&sources);
    cr_assert(hop_sources_init(&sources, &profile));
    sources.bytes = HOP_SOURCE_BYTES_MAX - 1; /* of files before it */
    cr_assert_eq(find(fits)->state, HOP_SOURCE_TOO_LARGE);
}
