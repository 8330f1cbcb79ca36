/* One look as JSON; include/heavyops-dump.schema.json says what each name means. */
#include "report/json_parts.h"

static json_t *frames_of(const struct hop_snapshot_thread *thread)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < thread->frame_count; i++) {
        if (json_array_append_new(list, hop_json_instruction(&thread->frames[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *thread_object(const struct hop_snapshot_thread *thread)
{
    json_t *object = json_object();
    if (object && hop_json_add(object, "tid", json_integer(thread->tid)) &&
        hop_json_add(object, "name", hop_json_text(thread->name)) &&
        hop_json_add(object, "state", hop_json_text(thread->state)) &&
        hop_json_add(object, "has_gil", json_boolean(thread->has_gil)) &&
        hop_json_add(object, "interpreter", hop_json_count(thread->interpreter)) &&
        hop_json_add(object, "refused",
                     thread->refused ? hop_json_text(thread->refused) : json_null()) &&
        hop_json_add(object, "frames", frames_of(thread)))
        return object;
    json_decref(object);
    return NULL;
}

static json_t *whole(const struct hop_snapshot *snapshot)
{
    json_t *object = json_object(), *threads = json_array();
    bool is_whole = object && threads;
    for (size_t i = 0; is_whole && i < snapshot->thread_count; i++)
        is_whole = json_array_append_new(threads, thread_object(&snapshot->threads[i])) == 0;
    if (is_whole && hop_json_add(object, "schema", json_integer(HOP_SCHEMA_VERSION)) &&
        hop_json_add(object, "python", hop_json_text(snapshot->python)) &&
        hop_json_add(object, "pid", json_integer(snapshot->pid)) &&
        hop_json_add(object, "command_line", hop_json_text(snapshot->command_line)))
        is_whole = json_object_set_nocheck(object, "threads", threads) == 0;
    else
        is_whole = false;
    json_decref(threads);
    if (is_whole)
        return object;
    json_decref(object);
    return NULL;
}

enum hop_status hop_json_write_snapshot(const struct hop_snapshot *snapshot, FILE *stream,
                                        struct hop_error *err)
{
    json_t *object = whole(snapshot);
    if (!object)
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
    bool is_written = json_dumpf(object, stream, JSON_INDENT(1) | HOP_JSON_FLAGS) == 0;
    fputc('\n', stream);
    json_decref(object);
    if (is_written || ferror(stream)) /* the caller looks at the stream */
        return HOP_OK;
    return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
}
