/* Looks for the cache of versions in an interpreter's state, which it reads piece by piece. */
#include "py/version_counter.h"

/* struct _py_func_state (pycore_function.h, 3.14 on pycore_interp_structs.h) of a build with a GIL:
 * uint32_t next_version, then func_version_cache[1 << 12], each item a function and a code object,
 * whose place is the version modulo that. */
enum {
    ITEMS = 1 << 12,
    ITEM_BYTES = 16,
    CODE_IN_ITEM = 8,
    CACHE_IN_STATE = 8,
    /* Any program has some hundred functions from its start. One code object at the place of its
     * version happens by chance one time in 4096. */
    CHECKED_MAX = 128,
    FITTING_MIN = 16,
    /* Places that hold the code object's address and might be in the cache: one, most often. */
    CANDIDATES_MAX = 8,
};
_Static_assert(ITEMS *ITEM_BYTES == HOP_VERSION_CACHE_BYTES, "the cache fits");

/* Whether the cache at `cache_addr`, behind a count that says `next`, holds code objects at the
 * places of their versions. A function's version may be newer than its code object's, so not all
 * have to fit. */
static bool is_cache(struct hop_reader *reader, const struct hop_layout *layout,
                     uint64_t cache_addr, uint32_t next, uint8_t *scratch)
{
    struct hop_span spans[CHECKED_MAX];
    uint32_t versions[CHECKED_MAX], places[CHECKED_MAX];
    size_t count = 0, fitting = 0;
    if (!hop_read(reader, cache_addr, scratch, HOP_VERSION_CACHE_BYTES))
        return false;
    for (uint32_t i = 0; i < ITEMS && count < CHECKED_MAX; i++) {
        uint64_t code_addr = hop_u64(scratch + i * ITEM_BYTES + CODE_IN_ITEM);
        if (!code_addr)
            continue;
        places[count] = i;
        spans[count] =
            (struct hop_span){code_addr + (uint64_t)layout->code_version, 4, &versions[count]};
        count++;
    }
    size_t filled = hop_reader_fill(reader, spans, count);
    for (size_t i = 0; i < filled; i++)
        fitting += versions[i] && versions[i] < next && versions[i] % ITEMS == places[i];
    return fitting >= FITTING_MIN && fitting >= filled / 2;
}

uint64_t hop_version_counter_find(struct hop_reader *reader, const struct hop_layout *layout,
                                  uint64_t interpreter_addr, uint64_t code_addr, uint8_t *scratch)
{
    uint32_t version;
    if (layout->minor < 13 || layout->code_version == HOP_ABSENT ||
        !hop_read(reader, code_addr + (uint64_t)layout->code_version, &version, sizeof version) ||
        !version)
        return 0;
    uint64_t size = (uint64_t)layout->interp_size;
    uint64_t code_in_state =
        CACHE_IN_STATE + (uint64_t)(version % ITEMS) * ITEM_BYTES + CODE_IN_ITEM;
    int candidates = 0;
    for (uint64_t at = 0; at < size; at += HOP_VERSION_CACHE_BYTES) {
        size_t piece =
            size - at < HOP_VERSION_CACHE_BYTES ? (size_t)(size - at) : HOP_VERSION_CACHE_BYTES;
        bool is_read = false;
        for (size_t i = 0; i + 8 <= piece; i += 8) {
            if (!is_read && !hop_read(reader, interpreter_addr + at, scratch, piece))
                return 0;
            is_read = true;
            uint64_t place = at + i;
            if (hop_u64(scratch + i) != code_addr || place < code_in_state)
                continue;
            uint64_t state = place - code_in_state;
            uint32_t next;
            if (state + CACHE_IN_STATE + HOP_VERSION_CACHE_BYTES > size ||
                !hop_read(reader, interpreter_addr + state, &next, sizeof next) || next <= version)
                continue;
            if (candidates++ == CANDIDATES_MAX)
                return 0;
            if (is_cache(reader, layout, interpreter_addr + state + CACHE_IN_STATE, next, scratch))
                return interpreter_addr + state;
            is_read = false; /* scratch holds something else by now */
        }
    }
    return 0;
}
