/* A comparison as JSON, for programs; include/heavyops-diff.schema.json says what each name means.
 */
#include "report/diff.h"

#include "report/json_parts.h"

static json_t *make_side(const struct hop_profile *profile)
{
    json_t *object = json_object();
    if (hop_json_add(object, "python", hop_json_text(profile->python)) &&
        hop_json_add(object, "pid", json_integer(profile->pid)) &&
        hop_json_add(object, "command_line", hop_json_text(profile->command_line)) &&
        hop_json_add(object, "mode", hop_json_text(profile->mode)) &&
        hop_json_add(object, "samples", hop_json_count(profile->samples)) &&
        hop_json_add(object, "samples_s", json_real((double)profile->samples_ns / 1e9)) &&
        hop_json_add(object, "duration_s", json_real((double)profile->duration_ns / 1e9)))
        return object;
    json_decref(object);
    return NULL;
}

static json_t *make_line(const struct hop_instruction *instruction)
{
    return instruction && instruction->line > 0 ? json_integer(instruction->line) : json_null();
}

static json_t *make_first_line(const struct hop_instruction *instruction)
{
    return instruction ? json_integer(instruction->first_line) : json_null();
}

static bool add_place(json_t *object, const struct hop_diff_row *row, enum hop_diff_by by)
{
    const struct hop_instruction *at = hop_diff_newest(row);
    return hop_json_add(object, "file", hop_json_text(at->file)) &&
           hop_json_add(object, "function", hop_json_text(at->function)) &&
           hop_json_add(object, "first_line_before", make_first_line(row->function->before)) &&
           hop_json_add(object, "first_line_after", make_first_line(row->function->after)) &&
           (by == HOP_BY_FUNCTION || (hop_json_add(object, "line_before", make_line(row->before)) &&
                                      hop_json_add(object, "line_after", make_line(row->after)))) &&
           (by != HOP_BY_INSTRUCTION ||
            hop_json_add(object, "opcode", hop_json_text(at->base_opcode)));
}

static json_t *make_row(const struct hop_diff_row *row, enum hop_diff_by by)
{
    json_t *object = json_object();
    if (add_place(object, row, by) &&
        hop_json_add(object, "kind", json_string(hop_diff_kind(row))) &&
        hop_json_add(object, "self_before", hop_json_count(row->hits_before.samples)) &&
        hop_json_add(object, "self_after", hop_json_count(row->hits_after.samples)) &&
        hop_json_add(object, "share_before", json_real(row->share_before.share)) &&
        hop_json_add(object, "share_after", json_real(row->share_after.share)) &&
        hop_json_add(object, "difference", json_real(row->difference)) &&
        hop_json_add(object, "difference_low", json_real(row->interval.low)) &&
        hop_json_add(object, "difference_high", json_real(row->interval.high)) &&
        hop_json_add(object, "chance", json_real(row->chance.chance)) &&
        hop_json_add(object, "has_moved", json_boolean(row->chance.has_moved)))
        return object;
    json_decref(object);
    return NULL;
}

static json_t *make_rows(const struct hop_diff_view *view, const struct hop_diff_table *table)
{
    json_t *rows = json_array();
    size_t limit = view->options->report.row_limit;
    for (size_t i = 0; rows && i < table->count && (!limit || json_array_size(rows) < limit); i++) {
        if (hop_diff_is_shown(view, &table->rows[i]) &&
            json_array_append_new(rows, make_row(&table->rows[i], table->by)) != 0) {
            json_decref(rows);
            return NULL;
        }
    }
    return rows;
}

static json_t *make_table(const struct hop_diff_view *view, const struct hop_diff_table *table)
{
    json_t *object = json_object();
    if (hop_json_add(object, "by", json_string(hop_diff_by_name(table->by))) &&
        hop_json_add(object, "compared", hop_json_count(table->count)) &&
        hop_json_add(object, "telling", hop_json_count(table->telling)) &&
        hop_json_add(object, "moved", hop_json_count(table->moved)) &&
        hop_json_add(object, "detectable", json_real(table->detectable)) &&
        hop_json_add(object, "rows", make_rows(view, table)))
        return object;
    json_decref(object);
    return NULL;
}

static json_t *make_tables(const struct hop_diff_view *view)
{
    json_t *tables = json_array();
    for (size_t i = 0; tables && i < view->diff->table_count; i++) {
        if (json_array_append_new(tables, make_table(view, &view->diff->tables[i])) != 0) {
            json_decref(tables);
            return NULL;
        }
    }
    return tables;
}

bool hop_diff_write_json(const struct hop_diff_view *view, FILE *stream)
{
    const struct hop_diff_options *options = view->options;
    json_t *object = json_object();
    bool has_memory =
        hop_json_add(object, "schema", json_integer(HOP_SCHEMA_VERSION)) &&
        hop_json_add(object, "before", make_side(view->diff->before)) &&
        hop_json_add(object, "after", make_side(view->diff->after)) &&
        hop_json_add(object, "fail_above",
                     options->has_limit ? json_real(options->fail_above) : json_null()) &&
        hop_json_add(object, "is_exceeded",
                     options->has_limit ? json_boolean(view->is_exceeded) : json_null()) &&
        hop_json_add(object, "tables", make_tables(view));
    /* What the stream says of it is looked at by the caller. */
    if (has_memory && json_dumpf(object, stream, HOP_JSON_FLAGS | JSON_INDENT(1)) == 0)
        fputc('\n', stream);
    json_decref(object);
    return has_memory;
}
