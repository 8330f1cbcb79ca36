/* Follows _PyRuntime to its interpreters, threads, frames and code objects and checks each link. */
#include "py/find_proof.h"

#include "py/code.h"
#include "py/find.h"
#include "py/find_refuse.h"
#include "py/text.h"
#include "py/threads.h"

#include <string.h>

enum {
    /* A thread that calls and returns all the time spoils a look now and then; that this many in a
     * row are spoilt has another reason. They take a few milliseconds. */
    LOOKS_MAX = 300,
    /* Threads of each interpreter, and frames of each thread, that one look goes to. */
    LOOK_THREADS = 8,
    LOOK_FRAMES = 64,
};

static bool read_at(struct hop_reader *reader, uint64_t addr, int32_t offset, uint64_t *value)
{
    return offset != HOP_ABSENT && hop_read_u64(reader, addr + (uint64_t)offset, value);
}

static bool is_code_type(struct hop_reader *reader, const struct hop_layout *layout,
                         uint64_t type_addr)
{
    uint64_t name_addr;
    char name[5];
    return read_at(reader, type_addr, layout->type_name, &name_addr) &&
           hop_read(reader, name_addr, name, sizeof name) && memcmp(name, "code", 5) == 0;
}

/* The bytecode's size is one that a code object can have. */
static bool has_bytecode(struct hop_reader *reader, const struct hop_layout *layout,
                         uint64_t code_addr)
{
    uint64_t bytes_addr, size;
    if (layout->code_units != HOP_ABSENT) {
        if (!read_at(reader, code_addr, layout->code_units, &size))
            return false;
        size *= 2;
    } else if (!read_at(reader, code_addr, layout->code_code, &bytes_addr) ||
               !read_at(reader, bytes_addr, layout->bytes_size, &size)) {
        return false;
    }
    return size > 0 && size % 2 == 0 && size <= 2 * HOP_CODE_UNITS_MAX;
}

/* A code object, by its type's name, with texts where the layout has the file and function names.
 */
static bool is_code(struct hop_reader *reader, const struct hop_layout *layout, uint64_t code_addr,
                    uint64_t *type_addr)
{
    char text[HOP_TEXT_BYTES_MAX];
    uint64_t filename_addr, name_addr;
    int32_t first_line;
    return code_addr && code_addr % 8 == 0 &&
           read_at(reader, code_addr, layout->object_type, type_addr) &&
           is_code_type(reader, layout, *type_addr) &&
           hop_read(reader, code_addr + (uint64_t)layout->code_firstlineno, &first_line,
                    sizeof first_line) &&
           first_line >= 0 && has_bytecode(reader, layout, code_addr) &&
           read_at(reader, code_addr, layout->code_filename, &filename_addr) &&
           hop_text_read(reader, layout, filename_addr, text) >= 0 &&
           read_at(reader, code_addr, layout->code_name, &name_addr) &&
           hop_text_read(reader, layout, name_addr, text) >= 0;
}

/* Where the thread's innermost frame is; 0: it has none. */
static bool innermost_frame(struct hop_reader *reader, const struct hop_layout *layout,
                            uint64_t thread_addr, uint64_t *frame_addr)
{
    uint64_t cframe_addr;
    switch (layout->frame_root) {
    case HOP_ROOT_FRAME_OBJECT:
        return read_at(reader, thread_addr, layout->thread_frame, frame_addr);
    case HOP_ROOT_CFRAME:
        *frame_addr = 0; /* a thread state that is new has no _PyCFrame */
        return read_at(reader, thread_addr, layout->thread_cframe, &cframe_addr) &&
               (cframe_addr == 0 ||
                read_at(reader, cframe_addr, layout->cframe_current_frame, frame_addr));
    case HOP_ROOT_CURRENT_FRAME:
        return read_at(reader, thread_addr, layout->thread_current_frame, frame_addr);
    }
    return false;
}

/* An entry frame of the C stack, which has no code of its own. */
static bool is_entry_frame(struct hop_reader *reader, const struct hop_layout *layout,
                           uint64_t frame_addr)
{
    uint8_t owner;
    return layout->iframe_owner != HOP_ABSENT &&
           hop_read(reader, frame_addr + (uint64_t)layout->iframe_owner, &owner, 1) && owner < 32 &&
           layout->owners_without_code >> owner & 1;
}

/* What the frames of one thread say. One with a code object is enough: those above it come and go
 * while this looks. */
static enum hop_proof look_at_frames(struct hop_reader *reader, const struct hop_layout *layout,
                                     uint64_t thread_addr, uint64_t *code_type_addr)
{
    bool has_objects = layout->frame_root == HOP_ROOT_FRAME_OBJECT;
    uint64_t frame_addr, code_addr;
    if (!innermost_frame(reader, layout, thread_addr, &frame_addr))
        return HOP_PROOF_NO_CODE;
    enum hop_proof proof = HOP_PROOF_LINKED;
    for (int depth = 0; frame_addr && depth < LOOK_FRAMES; depth++) {
        if (!is_entry_frame(reader, layout, frame_addr)) {
            proof = HOP_PROOF_NO_CODE;
            if (!read_at(reader, frame_addr, has_objects ? layout->frame_code : layout->iframe_code,
                         &code_addr))
                return HOP_PROOF_NO_CODE;
            if (!has_objects)
                code_addr &= layout->code_pointer_mask;
            if (is_code(reader, layout, code_addr, code_type_addr))
                return HOP_PROOF_CODE;
        }
        if (!read_at(reader, frame_addr, has_objects ? layout->frame_back : layout->iframe_previous,
                     &frame_addr))
            return HOP_PROOF_NO_CODE;
    }
    return proof;
}

enum hop_proof hop_runtime_look(struct hop_reader *reader, const struct hop_layout *layout,
                                uint64_t runtime_addr, uint64_t *code_type_addr)
{
    struct hop_interpreter interpreters[HOP_INTERPRETERS_MAX];
    uint64_t head_addr, main_addr, next_id;
    if (!read_at(reader, runtime_addr, layout->runtime_interpreters_head, &head_addr))
        return HOP_PROOF_BROKEN;
    if (head_addr == 0)
        return HOP_PROOF_NOT_STARTED;
    size_t count =
        hop_interpreters_list(reader, layout, runtime_addr, interpreters, HOP_INTERPRETERS_MAX);
    if (count == 0)
        return HOP_PROOF_BROKEN;
    /* Ids count up from 0, the main interpreter's, and the newest is first in the list. */
    for (size_t i = 1; i < count; i++) {
        if (interpreters[i].id >= interpreters[i - 1].id)
            return HOP_PROOF_BROKEN;
    }
    const struct hop_interpreter *last = &interpreters[count - 1];
    if (count < HOP_INTERPRETERS_MAX && last->id != 0)
        return HOP_PROOF_BROKEN;
    /* Behind the head the main one is named, and the next one's id (struct pyinterpreters of
     * pycore_runtime.h: head, main, next_id, from 3.8 to 3.15). Lists of the allocator, too, have
     * the same pointer twice, to what may have a zero where an interpreter has its id. */
    uint64_t list_addr = runtime_addr + (uint64_t)layout->runtime_interpreters_head;
    if (count < HOP_INTERPRETERS_MAX &&
        (!hop_read_u64(reader, list_addr + 8, &main_addr) || main_addr != last->addr ||
         !hop_read_u64(reader, list_addr + 16, &next_id) || next_id <= interpreters[0].id ||
         next_id > INT32_MAX))
        return HOP_PROOF_BROKEN;
    if (last->threads_head_addr == 0)
        return HOP_PROOF_NOT_STARTED;

    enum hop_proof proof = HOP_PROOF_LINKED;
    for (size_t i = count; i-- > 0;) {
        struct hop_thread_state threads[LOOK_THREADS];
        size_t thread_count =
            hop_thread_states_list(reader, layout, &interpreters[i], threads, LOOK_THREADS);
        if (thread_count == 0 && interpreters[i].threads_head_addr != 0)
            return HOP_PROOF_BROKEN; /* its newest thread does not point back to it */
        for (size_t j = 0; j < thread_count; j++) {
            enum hop_proof frames = look_at_frames(reader, layout, threads[j].addr, code_type_addr);
            if (frames == HOP_PROOF_CODE)
                return HOP_PROOF_CODE;
            if (frames == HOP_PROOF_NO_CODE)
                proof = HOP_PROOF_NO_CODE;
        }
    }
    return proof;
}

enum hop_proof hop_runtime_prove(struct hop_reader *reader, const struct hop_layout *layout,
                                 uint64_t runtime_addr, uint64_t *code_type_addr)
{
    enum hop_proof proof = HOP_PROOF_BROKEN;
    for (int looks = 0; looks < LOOKS_MAX; looks++) {
        proof = hop_runtime_look(reader, layout, runtime_addr, code_type_addr);
        if (proof != HOP_PROOF_BROKEN && proof != HOP_PROOF_NO_CODE)
            break;
    }
    return proof;
}

bool hop_python_is_started(struct hop_reader *reader, const struct hop_python *python)
{
    struct hop_interpreter interpreters[HOP_INTERPRETERS_MAX];
    size_t count = hop_interpreters_list(reader, &python->layout, python->runtime_addr,
                                         interpreters, HOP_INTERPRETERS_MAX);
    return count > 0 && interpreters[count - 1].threads_head_addr != 0;
}

enum hop_status hop_python_validate(struct hop_reader *reader, struct hop_python *python,
                                    struct hop_error *err)
{
    uint64_t code_type_addr = 0;
    switch (hop_runtime_prove(reader, &python->layout, python->runtime_addr, &code_type_addr)) {
    case HOP_PROOF_NOT_STARTED:
        return hop_error_set(err, HOP_ERR_NOT_PYTHON, "Try again when it has started.",
                             "the CPython %s in %s has no interpreter", python->version,
                             python->image_path);
    case HOP_PROOF_BROKEN:
    case HOP_PROOF_NO_CODE:
        return hop_refuse_structs(python, err);
    case HOP_PROOF_LINKED:
        break;
    case HOP_PROOF_CODE:
        python->code_type_addr = code_type_addr;
        break;
    }
    return HOP_OK;
}
