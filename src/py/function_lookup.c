/* Looks for a code object's function in dicts and in classes with their bases. It
 * follows what is there as far as limits go; whether it found the function is proved in function.c.
 */
#include "py/function.h"

/* A class has as many bases as it has; some 20 in the largest frameworks. */
enum { BASES_MAX = 64 };

/* The entries of a dict that are looked through. Modules that define more are generated tables. */
enum { ENTRIES_MAX = 8192, ENTRIES_AT_ONCE = 128 };

/* PyDictKeyEntry: me_hash, me_key, me_value. */
enum { ENTRY_HASH, ENTRY_KEY, ENTRY_VALUE, ENTRY_WORDS };

/* Bytes of one index of a table of `size` (DK_IXSIZE). */
static uint64_t index_bytes(uint64_t size)
{
    if (size <= UINT8_MAX)
        return 1;
    if (size <= UINT16_MAX)
        return 2;
    return size <= UINT32_MAX ? 4 : 8;
}

/* All values are tried, for a private method is in its class by the name _Class__method; what may
 * hold the function only under the code's own name. */
static bool is_in_entries(struct hop_function_search *search, uint64_t entries_addr, uint64_t count)
{
    uint64_t entries[ENTRIES_AT_ONCE][ENTRY_WORDS];
    uint64_t values[ENTRIES_AT_ONCE];
    for (uint64_t at = 0; at < count && !search->has_other_name; at += ENTRIES_AT_ONCE) {
        uint64_t taken = count - at < ENTRIES_AT_ONCE ? count - at : ENTRIES_AT_ONCE;
        if (!hop_function_read(search, entries_addr + at * sizeof entries[0], entries,
                               taken * sizeof entries[0]))
            return false;
        for (uint64_t i = 0; i < taken; i++)
            values[i] = entries[i][ENTRY_VALUE];
        if (hop_function_is_among(search, values, taken))
            return true;
        for (uint64_t i = 0; i < taken; i++)
            if (entries[i][ENTRY_HASH] == search->name_hash &&
                hop_function_is_held_by(search, &values[i], 1))
                return true;
    }
    return false;
}

bool hop_function_is_in_dict(struct hop_function_search *search, uint64_t dict_addr)
{
    const struct hop_layout *layout = search->layout;
    uint64_t keys_addr, values_addr, size, count;
    if (!dict_addr ||
        !hop_function_read_two(search, dict_addr + (uint64_t)layout->dict_keys, &keys_addr,
                               dict_addr + (uint64_t)layout->dict_values, &values_addr) ||
        values_addr || !keys_addr ||
        !hop_function_read_two(search, keys_addr + (uint64_t)layout->keys_size, &size,
                               keys_addr + (uint64_t)layout->keys_nentries, &count) ||
        count > size || size > INT32_MAX)
        return false;
    return is_in_entries(search,
                         keys_addr + (uint64_t)layout->keys_indices + size * index_bytes(size),
                         count < ENTRIES_MAX ? count : ENTRIES_MAX);
}

static bool is_in_class(struct hop_function_search *search, uint64_t type_addr)
{
    const struct hop_layout *layout = search->layout;
    uint64_t mro_addr, count, bases[BASES_MAX], dict_addr;
    if (!hop_function_read(search, type_addr + (uint64_t)layout->type_mro, &mro_addr, 8) ||
        !mro_addr ||
        !hop_function_read(search, mro_addr + (uint64_t)layout->tuple_size, &count, 8) || !count)
        return false;
    if (count > BASES_MAX)
        count = BASES_MAX;
    if (!hop_function_read(search, mro_addr + (uint64_t)layout->tuple_items, bases,
                           count * sizeof *bases))
        return false;
    /* A class comes first in its own method resolution order; anything else is no class. */
    if (bases[0] != type_addr)
        return false;
    for (uint64_t i = 0; i < count && search->reads_left && !search->has_other_name; i++)
        if (hop_function_read(search, bases[i] + (uint64_t)layout->type_dict, &dict_addr, 8) &&
            hop_function_is_in_dict(search, dict_addr))
            return true;
    return false;
}

bool hop_function_is_in_class_of(struct hop_function_search *search, uint64_t object_addr)
{
    uint64_t type_addr;
    if (!object_addr ||
        !hop_function_read(search, object_addr + (uint64_t)search->layout->object_type, &type_addr,
                           8))
        return false;
    return is_in_class(search, type_addr) || is_in_class(search, object_addr);
}
