/* The format "html": one page with all that a profile knows in it, that asks no network for
 * anything. The page itself is src/report/html/; what it shows is packed by html_data.c. */
#include "report/format.h"

#include "base/escape.h"
#include "report/html_data.h"
#include "report/html_page.h"
#include "report/html_shares.h"
#include "report/json_parts.h"
#include "report/select.h"
#include "report/source.h"
#include "report/text_parts.h"

#include <stdlib.h>
#include <string.h>

/* Longer names are cut. */
enum { SHOWN_BYTES_MAX = 4096 };

/* Foreign text as it is shown: with nothing in it that is not seen. */
static json_t *shown_text(const char *text)
{
    char escaped[SHOWN_BYTES_MAX];
    hop_escape_terminal(text, escaped, sizeof escaped);
    return hop_json_text(escaped);
}

/* Appends `item`, which it takes over; gives `list` back, or frees it and gives NULL when out of
 * memory, then or before. */
static json_t *append(json_t *list, json_t *item)
{
    if (list && item && json_array_append_new(list, item) == 0)
        return list;
    if (!list)
        json_decref(item);
    json_decref(list);
    return NULL;
}

/* The lines of the text report's heading: the same facts, in the same words. */
static json_t *heading(const struct hop_profile *profile)
{
    char *text = NULL;
    size_t size;
    json_t *lines = json_array();
    FILE *stream = open_memstream(&text, &size);
    if (stream)
        hop_text_print_heading(stream, profile);
    bool has_memory = stream && fflush(stream) == 0 && !ferror(stream);
    if (stream && fclose(stream) != 0)
        has_memory = false;
    if (!has_memory) {
        json_decref(lines);
        lines = NULL;
    }
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); lines && line; line = strsep(&rest, "\n"))
        if (line[0])
            lines = append(lines, hop_json_text(line));
    free(text);
    return lines;
}

static json_t *thread(const struct hop_profile_thread *thread)
{
    json_t *object = json_object();
    if (object && hop_json_add(object, "tid", json_integer(thread->tid)) &&
        hop_json_add(object, "interpreter", hop_json_count(thread->interpreter)) &&
        hop_json_add(object, "name", shown_text(thread->name)))
        return object;
    json_decref(object);
    return NULL;
}

static json_t *threads(const struct hop_profile *profile)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < profile->thread_count; i++)
        list = append(list, thread(&profile->threads[i]));
    return list;
}

static json_t *refusal(const struct hop_refusal_count *refused)
{
    json_t *object = json_object();
    if (object && hop_json_add(object, "words", shown_text(refused->words)) &&
        hop_json_add(object, "count", hop_json_count(refused->count)))
        return object;
    json_decref(object);
    return NULL;
}

static json_t *refused(const struct hop_profile *profile)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < profile->refused_count; i++)
        list = append(list, refusal(&profile->refused[i]));
    return list;
}

static json_t *named_size(const char *name, const struct hop_pack *pack)
{
    return append(append(json_array(), json_string(name)), json_integer((json_int_t)pack->size));
}

/* Names and sizes of the columns, in the order in which they follow. */
static json_t *columns(const struct hop_html_data *data)
{
#define NAME(name, word) #word,
    static const char *const names[] = {HOP_HTML_COLUMNS(NAME)};
#undef NAME
    json_t *list = json_array();
    list = append(list, named_size("strings_length", &data->strings.lengths));
    list = append(list, named_size("strings", &data->strings.text));
    for (int i = 0; list && i < HOP_HTML_COLUMN_COUNT; i++)
        list = append(list, named_size(names[i], &data->columns[i]));
    return list;
}

static json_t *groupings(void)
{
#define NAME(name, word) #word,
    static const char *const names[] = {HOP_HTML_GROUPINGS(NAME)};
#undef NAME
    json_t *list = json_array();
    for (int i = 0; list && i < HOP_HTML_GROUPING_COUNT; i++)
        list = append(list, json_string(names[i]));
    return list;
}

static json_t *source_words(void)
{
    json_t *list = json_array();
    for (int i = HOP_SOURCE_READ; list && i <= HOP_SOURCE_TOO_LARGE; i++) {
        struct hop_source source = {.state = (enum hop_source_state)i};
        list = append(list, json_string(hop_source_words(&source)));
    }
    return list;
}

static json_t *seconds(uint64_t ns)
{
    return json_real((double)ns / 1e9);
}

/* All that is no column. */
static json_t *head(const struct hop_profile *profile, const struct hop_report_options *options,
                    const struct hop_html_data *data)
{
    json_t *object = json_object();
    if (object && hop_json_add(object, "schema", json_integer(HOP_SCHEMA_VERSION)) &&
        hop_json_add(object, "heavyops", json_string(hop_version())) &&
        hop_json_add(object, "pid", json_integer(profile->pid)) &&
        hop_json_add(object, "python", shown_text(profile->python)) &&
        hop_json_add(object, "command_line", shown_text(profile->command_line)) &&
        hop_json_add(object, "mode", shown_text(profile->mode)) &&
        hop_json_add(object, "way", shown_text(profile->way)) &&
        hop_json_add(object, "started_s", seconds(profile->started_ns)) &&
        hop_json_add(object, "duration_s", seconds(profile->duration_ns)) &&
        hop_json_add(object, "rate_hz", json_real(profile->true_rate_hz)) &&
        hop_json_add(object, "samples", hop_json_count(profile->samples)) &&
        hop_json_add(object, "samples_ns", hop_json_count(profile->samples_ns)) &&
        hop_json_add(object, "refused_total", hop_json_count(profile->refused_total)) &&
        hop_json_add(object, "refused", refused(profile)) &&
        hop_json_add(object, "idle", hop_json_count(profile->idle)) &&
        hop_json_add(object, "has_weights", json_boolean(profile->has_weights)) &&
        hop_json_add(object, "is_narrowed", json_boolean(hop_select_narrows(options))) &&
        hop_json_add(object, "codes_left_out", hop_json_count(data->codes_left_out)) &&
        hop_json_add(object, "files_cut", hop_json_count(data->files_cut)) &&
        hop_json_add(object, "heading", heading(profile)) &&
        hop_json_add(object, "threads", threads(profile)) &&
        hop_json_add(object, "source_words", source_words()) &&
        hop_json_add(object, "groupings", groupings()) &&
        hop_json_add(object, "instructions", hop_json_count(profile->instruction_count)) &&
        hop_json_add(object, "columns", columns(data)))
        return object;
    json_decref(object);
    return NULL;
}

/* The head's length, the head, the columns. */
static bool write_data(const struct hop_profile *profile, const struct hop_report_options *options,
                       const struct hop_html_data *data, FILE *stream)
{
    json_t *object = head(profile, options, data);
    char *text = object ? json_dumps(object, HOP_JSON_FLAGS | JSON_COMPACT) : NULL;
    json_decref(object);
    if (!text)
        return false;
    const struct hop_pack *packs[HOP_HTML_COLUMN_COUNT + 3];
    struct hop_pack head_pack = {0};
    hop_pack_number(&head_pack, strlen(text));
    hop_pack_bytes(&head_pack, text, strlen(text));
    packs[0] = &head_pack;
    packs[1] = &data->strings.lengths;
    packs[2] = &data->strings.text;
    for (int i = 0; i < HOP_HTML_COLUMN_COUNT; i++)
        packs[i + 3] = &data->columns[i];
    bool has_memory =
        !head_pack.is_out_of_memory && hop_pack_write(packs, sizeof packs / sizeof *packs, stream);
    hop_pack_deinit(&head_pack);
    free(text);
    return has_memory;
}

static enum hop_status write_html(const struct hop_profile *profile,
                                  const struct hop_report_options *options, FILE *stream,
                                  struct hop_error *err)
{
    struct hop_html_data data;
    bool has_memory = hop_html_data_init(&data, profile, options);
    if (has_memory) {
        fwrite(hop_html_page_before, 1, hop_html_page_before_size, stream);
        has_memory = write_data(profile, options, &data, stream);
        fwrite(hop_html_page_behind, 1, hop_html_page_behind_size, stream);
    }
    hop_html_data_deinit(&data);
    if (has_memory || ferror(stream)) /* the caller looks at the stream */
        return HOP_OK;
    return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
}

const struct hop_format hop_format_html = {
    .name = "html",
    .suffixes = ".html .htm",
    .write = write_html,
};
