/* Searches a process for CPython's _PyRuntime: the order of the search, and what is made of a find.
 * Versions, proofs, the scanning of memory and the words of a refusal are in files of their own. */
#include "py/find.h"

#include "proc/image.h"
#include "proc/maps.h"
#include "py/find_proof.h"
#include "py/find_refuse.h"
#include "py/find_scan.h"
#include "py/find_version.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How likely an image holds the CPython that runs; images are looked at in this order. A program
 * linked with libpython is a few kilobytes of main(), so that libpython goes first. */
enum likelihood {
    LIKELY_LIBPYTHON, /* libpython3.X.so.1.0 */
    LIKELY_EXECUTABLE,
    LIKELY_BY_NAME, /* a python3.X that is run through the dynamic linker */
    LIKELY_REST,    /* a library that embeds it */
    LIKELIHOODS,
};

/* _Py_DebugOffsets starts with the same three words in every version that has it (3.13 to 3.15):
 * they are there to tell the version. */
struct table_head {
    char cookie[8];
    uint64_t version_hex;
    uint64_t free_threaded;
};

/* Where a _PyRuntime may be. */
struct candidate {
    struct hop_image image; /* opened */
    uint64_t runtime_addr;
    const char *found_by;
};

struct search {
    const struct hop_process *process;
    struct hop_reader *reader;
    const char *offsets_path;
    struct hop_maps maps;
    char executable[4096];
    struct hop_python *python; /* what was described last */
    struct candidate waiting;  /* one that is not started; its image is closed */
    bool is_waiting;
    struct hop_error refusal; /* of the first that was refused */
    bool is_refused;
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_executable(const struct search *search, const struct hop_image *image)
{
    return strcmp(image->first->path, search->executable) == 0;
}

static enum likelihood likelihood_of(const struct search *search, const struct hop_image *image)
{
    const char *name = base_name(image->first->path);
    if (strncmp(name, "libpython", 9) == 0)
        return LIKELY_LIBPYTHON;
    if (is_executable(search, image))
        return LIKELY_EXECUTABLE;
    /* Extension modules are named like "_json.cpython-311-x86_64-linux-gnu.so". */
    if (strstr(name, "python") && !strstr(name, "cpython-"))
        return LIKELY_BY_NAME;
    return LIKELY_REST;
}

/* The path of an image, and whether that no longer is what was mapped: then the kernel adds
 * " (deleted)", which could be the end of a file's name too. */
static void tell_place(const struct search *search, const struct hop_image *image,
                       struct hop_python *python)
{
    static const char mark[] = " (deleted)";
    const char *path = image->first->path;
    size_t length = strlen(path), mark_length = sizeof mark - 1;
    python->image_is_deleted =
        length > mark_length && strcmp(path + length - mark_length, mark) == 0;
    if (python->image_is_deleted) {
        char in_root[4096];
        struct stat file;
        snprintf(in_root, sizeof in_root, "root%s", path);
        if (fstatat(search->process->dir_fd, in_root, &file, 0) == 0 &&
            file.st_ino == image->first->inode)
            python->image_is_deleted = false;
    }
    if (python->image_is_deleted)
        length -= mark_length;
    snprintf(python->image_path, sizeof python->image_path, "%.*s", (int)length, path);
}

/* --- what a candidate is -------------------------------------------------------------------- */

/* Its version: from the table of 3.13+, the symbol Py_Version of 3.11+, the text that sys.version
 * is made of or, before that was composed, the constants. */
static bool tell_version(struct search *search, const struct candidate *candidate,
                         const struct table_head *head, struct hop_version *version)
{
    const struct hop_image *image = &candidate->image;
    uint64_t addr, hex;
    if (memcmp(head->cookie, "xdebugpy", 8) == 0 &&
        hop_version_from_hex(head->version_hex, version))
        return true;
    if (hop_image_symbol(image, "Py_Version", &addr, NULL) &&
        hop_read_u64(search->reader, addr, &hex) && hop_version_from_hex(hex, version))
        return true;
    return hop_scan_composed_version(search->reader, &search->maps, image, version) ||
           hop_scan_constant_version(search->reader, &search->maps, image, version);
}

static enum hop_status choose_layout(const struct search *search, const struct hop_image *image,
                                     const struct hop_version *version, struct hop_layout *layout,
                                     struct hop_error *err)
{
    enum hop_status status;
    if (search->offsets_path) {
        status = hop_layout_load(search->offsets_path, layout, err);
        if (status == HOP_OK &&
            (layout->major != version->major || layout->minor != version->minor))
            return hop_refuse_offsets(search->process, search->offsets_path, layout, version, err);
    } else {
        status = hop_layout_builtin(version->major, version->minor, layout, err);
        if (status == HOP_ERR_UNSUPPORTED)
            return hop_refuse_version(search->process, image->first->path, version, err);
    }
    if (status == HOP_OK && layout->prerelease_hex != version->hex &&
        (layout->prerelease_hex || hop_version_is_unfinished(version)))
        return hop_refuse_version(search->process, image->first->path, version, err);
    return status;
}

/* Puts the target's own table over the layout. */
static enum hop_status take_table(struct search *search, const struct table_head *head,
                                  struct hop_error *err)
{
    struct hop_python *python = search->python;
    uint8_t table[HOP_DEBUG_OFFSETS_BYTES_MAX];
    size_t size = (size_t)python->layout.debug_offsets_size;
    struct hop_error reason;
    if (memcmp(head->cookie, "xdebugpy", 8) != 0)
        return hop_refuse_table(search->process, python, "it does not begin with its mark", err);
    if (head->free_threaded == 1)
        return hop_refuse_free_threaded(search->process, python, err);
    if (size > sizeof table || !hop_read(search->reader, python->runtime_addr, table, size))
        return hop_refuse_table(search->process, python, "it cannot be read", err);
    if (hop_layout_overlay(&python->layout, table, size, &reason) != HOP_OK)
        return hop_refuse_table(search->process, python, reason.message, err);
    python->has_debug_offsets = true;
    return HOP_OK;
}

/* Fills in all that is known of the candidate. HOP_ERR_NOT_PYTHON: it is not whole (yet). */
static enum hop_status describe(struct search *search, const struct candidate *candidate,
                                struct hop_error *err)
{
    struct hop_python *python = search->python;
    const struct hop_image *image = &candidate->image;
    const struct hop_mapping *mapping = hop_maps_find(&search->maps, candidate->runtime_addr);
    struct table_head head;
    struct hop_version version;
    /* While the dynamic linker works, a library is mapped whole and read-only for a moment. */
    if (!mapping || !mapping->is_writable ||
        !hop_read(search->reader, candidate->runtime_addr, &head, sizeof head))
        return hop_refuse_incomplete(search->process, image->first->path,
                                     "its memory is not mapped yet", err);
    if (!tell_version(search, candidate, &head, &version))
        return hop_refuse_incomplete(search->process, image->first->path,
                                     "nothing says yet which version it is", err);

    python->runtime_addr = candidate->runtime_addr;
    python->code_type_addr = 0;
    hop_image_symbol(image, "PyCode_Type", &python->code_type_addr, NULL);
    python->major = version.major;
    python->minor = version.minor;
    python->micro = version.micro;
    python->has_debug_offsets = false;
    snprintf(python->version, sizeof python->version, "%s", version.text);
    snprintf(python->found_by, sizeof python->found_by, "%s", candidate->found_by);
    tell_place(search, image, python);
    enum hop_status status = choose_layout(search, image, &version, &python->layout, err);
    if (status == HOP_OK && python->layout.debug_offsets_size > 0)
        status = take_table(search, &head, err);
    return status;
}

static void keep_refusal(struct search *search, const struct hop_error *refusal)
{
    if (!search->is_refused)
        search->refusal = *refusal;
    search->is_refused = true;
}

/* True when the search is over: the candidate is a CPython that is started and proved. */
static bool settles(struct search *search, const struct candidate *candidate)
{
    struct hop_error refusal;
    enum hop_status status = describe(search, candidate, &refusal);
    if (status != HOP_OK) {
        keep_refusal(search, &refusal);
        return false;
    }
    if (hop_python_is_started(search->reader, search->python)) {
        status = hop_python_validate(search->reader, search->python, &refusal);
        if (status == HOP_OK)
            return true;
        if (status != HOP_ERR_NOT_PYTHON) { /* which is that it ended between the two */
            keep_refusal(search, &refusal);
            return false;
        }
    }
    /* Of several that are not started, the program's own comes first in the linker's order. */
    if (!search->is_waiting || is_executable(search, &candidate->image)) {
        search->waiting = *candidate;
        search->is_waiting = true;
    }
    return false;
}

/* --- the search ------------------------------------------------------------------------------ */

typedef bool look_fn(struct search *search, struct hop_image *image);

/* Calls `look` for the images that are this likely, opened; true as soon as one settles it. */
static bool look_at_images(struct search *search, enum likelihood likelihood, look_fn *look)
{
    struct hop_image image;
    for (size_t at = 0; hop_image_next(&search->maps, &at, &image);) {
        if (likelihood_of(search, &image) != likelihood ||
            hop_image_open(search->process, search->reader, &image, NULL) != HOP_OK)
            continue;
        bool is_settled = look(search, &image);
        hop_image_close(&image);
        if (is_settled)
            return true;
    }
    return false;
}

/* By what the file says: the symbol, exported or not (3.7+), or the section (3.10+). */
static bool look_by_name(struct search *search, struct hop_image *image)
{
    struct candidate candidate = {.image = *image};
    if (hop_image_symbol(image, "_PyRuntime", &candidate.runtime_addr, NULL))
        candidate.found_by = "symbol";
    else if (hop_image_section(image, ".PyRuntime", &candidate.runtime_addr, NULL))
        candidate.found_by = ".PyRuntime section";
    return candidate.found_by && settles(search, &candidate);
}

/* By the mark that 3.13+ puts at the start of _PyRuntime for this purpose. */
static bool look_for_cookie(struct search *search, struct hop_image *image,
                            const struct hop_segment_copy *copy)
{
    struct candidate candidate = {.image = *image, .found_by = "debug cookie"};
    for (size_t at = 0; hop_scan_cookie(copy, &at, &candidate.runtime_addr);) {
        if (settles(search, &candidate))
            return true;
    }
    return false;
}

/* By its structure: pointers that lead to interpreters, threads, frames and code objects. */
static bool look_for_structs(struct search *search, struct hop_image *image,
                             const struct hop_segment_copy *copy, const struct hop_layout *layout)
{
    struct candidate candidate = {.image = *image, .found_by = "scan"};
    struct hop_reader *reader = search->reader;
    uint64_t code_type_addr;
    for (size_t at = 0;
         hop_scan_runtime(copy, &search->maps, layout, &at, &candidate.runtime_addr);) {
        uint64_t addr = candidate.runtime_addr;
        if (hop_runtime_look(reader, layout, addr, &code_type_addr) >= HOP_PROOF_NO_CODE &&
            hop_runtime_prove(reader, layout, addr, &code_type_addr) >= HOP_PROOF_LINKED &&
            settles(search, &candidate))
            return true;
    }
    return false;
}

/* By what lies in its writable memory, when no name leads to it. The structs are looked for only if
 * the text of sys.version says that there are some, and of which version. */
static bool look_into_memory(struct search *search, struct hop_image *image)
{
    struct hop_segment segments[HOP_SEGMENTS_MAX];
    size_t count =
        hop_segments_of(search->reader, &search->maps, image, HOP_SEGMENT_WRITABLE, segments);
    struct hop_layout layout;
    struct hop_version version;
    struct hop_error refusal;
    bool has_version = hop_scan_composed_version(search->reader, &search->maps, image, &version);
    bool has_structs = false, is_settled = false;
    if (has_version) {
        has_structs = choose_layout(search, image, &version, &layout, &refusal) == HOP_OK;
        if (!has_structs)
            keep_refusal(search, &refusal);
    }
    for (size_t i = 0; i < count && !is_settled; i++) {
        struct hop_segment_copy copy;
        if (!hop_segment_copy_init(&copy, search->reader, &segments[i])) {
            hop_error_set(&refusal, HOP_ERR_MEMORY, NULL, "no memory to look through process %d",
                          search->process->pid);
            keep_refusal(search, &refusal);
            return false;
        }
        is_settled = look_for_cookie(search, image, &copy) ||
                     (has_structs && layout.debug_offsets_size == 0 &&
                      look_for_structs(search, image, &copy, &layout));
        hop_segment_copy_deinit(&copy);
    }
    if (!is_settled && has_structs) {
        hop_refuse_incomplete(search->process, image->first->path,
                              "what it is made of cannot be found in its memory", &refusal);
        keep_refusal(search, &refusal);
    }
    return is_settled;
}

/* Describes again the one that waits, since others were described after it. */
static enum hop_status take_waiting(struct search *search, struct hop_error *err)
{
    struct hop_image *image = &search->waiting.image;
    enum hop_status status = hop_image_open(search->process, search->reader, image, err);
    if (status != HOP_OK)
        return status;
    status = describe(search, &search->waiting, err);
    hop_image_close(image);
    return status;
}

static enum hop_status find_in_images(struct search *search, struct hop_error *err)
{
    for (int i = 0; i < LIKELIHOODS; i++) {
        /* The rest may be a thousand libraries: only when there is no trace of one yet. */
        if (i == LIKELY_REST && (search->is_waiting || search->is_refused))
            break;
        if (look_at_images(search, i, look_by_name))
            return HOP_OK;
    }
    for (int i = 0; i < LIKELIHOODS && !search->is_waiting && !search->is_refused; i++) {
        if (look_at_images(search, i, look_into_memory))
            return HOP_OK;
    }
    if (search->is_waiting)
        return take_waiting(search, err);
    if (!hop_process_is_alive(search->process))
        return hop_error_set(err, HOP_ERR_GONE, "there is nothing left to look at; start it again",
                             "process %d has ended", search->process->pid);
    if (!search->is_refused)
        return hop_refuse_nothing(search->process, &search->maps, search->executable, err);
    if (err)
        *err = search->refusal;
    return search->refusal.status;
}

enum hop_status hop_python_find(const struct hop_process *process, struct hop_reader *reader,
                                const char *offsets_path, struct hop_python *python,
                                struct hop_error *err)
{
    struct search search = {
        .process = process, .reader = reader, .offsets_path = offsets_path, .python = python};
    enum hop_status status = hop_maps_read(process, &search.maps, err);
    if (status != HOP_OK)
        return status;
    hop_process_executable(process, search.executable, sizeof search.executable);
    if (search.maps.count > 0)
        status = hop_process_check_readable(process, search.maps.mappings[0].start_addr, err);
    if (status == HOP_OK)
        status = find_in_images(&search, err);
    hop_maps_deinit(&search.maps);
    return status;
}
