/* Proves that an object is the function of a code object, and looks for it among objects and in
 * what they hold. Names in dicts and classes are function_lookup.c's. */
#include "py/function.h"

#include "py/text.h"

/* Objects asked at once. */
enum { BATCH = 128 };

/* What hop_text_read takes at most: a header, where the text is, the text. */
enum { TEXT_READS = 3 };

/* How much of an object is taken to be fields that may hold the function: from its header on, as
 * far as the `func` of functools.lru_cache's wrapper (3.8–3.10: byte 88), the last of those it is
 * for. */
enum { HELD_WORDS = 10, HOLDERS_AT_ONCE = BATCH / HELD_WORDS };

/* Nothing is mapped at the lowest addresses (vm.mmap_min_addr) nor above the user half. */
static bool may_be_object(uint64_t addr)
{
    return addr % 8 == 0 && addr >= 1 << 16 && addr >> 56 == 0;
}

static size_t fill(struct hop_function_search *search, const struct hop_span *spans, size_t count)
{
    if (!search->reads_left)
        return 0;
    search->reads_left--;
    return hop_reader_fill(search->reader, spans, count);
}

bool hop_function_read(struct hop_function_search *search, uint64_t addr, void *into, size_t size)
{
    const struct hop_span span = {addr, size, into};
    return fill(search, &span, 1) == 1;
}

bool hop_function_read_two(struct hop_function_search *search, uint64_t first_addr, uint64_t *first,
                           uint64_t second_addr, uint64_t *second)
{
    const struct hop_span spans[] = {{first_addr, sizeof *first, first},
                                     {second_addr, sizeof *second, second}};
    return fill(search, spans, 2) == 2;
}

ssize_t hop_function_read_text(struct hop_function_search *search, uint64_t str_addr, char *into)
{
    if (search->reads_left < TEXT_READS)
        return -1;
    search->reads_left -= TEXT_READS;
    return hop_text_read(search->reader, search->layout, str_addr, into);
}

bool hop_function_take_name(struct hop_function_search *search, uint64_t str_addr)
{
    ssize_t length = hop_function_read_text(search, str_addr, search->qualname);
    size_t tail = strlen(search->name);
    if (length < 0 || (size_t)length < tail)
        return false;
    const char *end = search->qualname + length - tail;
    return !memcmp(end, search->name, tail) && (end == search->qualname || end[-1] == '.');
}

/* Of an object whose func_code is the code object, were it a function. */
static bool is_the_function(struct hop_function_search *search, uint64_t addr)
{
    const struct hop_layout *layout = search->layout;
    uint64_t type_addr, type_name_addr, qualname_addr;
    char type_name[sizeof "function"];
    if (!hop_function_read_two(search, addr + (uint64_t)layout->object_type, &type_addr,
                               addr + (uint64_t)layout->function_qualname, &qualname_addr))
        return false;
    /* PyFunction_Type is static, one for all interpreters of a process. */
    if (search->function_type_addr) {
        if (type_addr != search->function_type_addr)
            return false;
    } else if (!hop_function_read(search, type_addr + (uint64_t)layout->type_name, &type_name_addr,
                                  8) ||
               !hop_function_read(search, type_name_addr, type_name, sizeof type_name) ||
               memcmp(type_name, "function", sizeof type_name)) {
        return false;
    }
    if (search->reads_left < TEXT_READS)
        return false;
    search->has_other_name = !hop_function_take_name(search, qualname_addr);
    if (search->has_other_name)
        return false;
    search->function_type_addr = type_addr;
    return true;
}

/* A batch of at most BATCH; what could not be read is passed over. */
static bool is_in_batch(struct hop_function_search *search, const uint64_t *addrs, size_t count)
{
    struct hop_span spans[BATCH];
    uint64_t codes[BATCH];
    for (size_t at = 0; at < count && search->reads_left && !search->has_other_name;) {
        for (size_t i = at; i < count; i++)
            spans[i] = (struct hop_span){addrs[i] + (uint64_t)search->layout->function_code,
                                         sizeof codes[i], &codes[i]};
        size_t end = at + fill(search, spans + at, count - at);
        for (; at < end; at++)
            if (codes[at] == search->code_addr && is_the_function(search, addrs[at]))
                return true;
        at++;
    }
    return false;
}

bool hop_function_is_among(struct hop_function_search *search, const uint64_t *object_addrs,
                           size_t count)
{
    uint64_t batch[BATCH];
    size_t taken = 0;
    for (size_t i = 0; i < count; i++) {
        if (may_be_object(object_addrs[i]))
            batch[taken++] = object_addrs[i];
        if (taken == BATCH || i + 1 == count) {
            if (is_in_batch(search, batch, taken))
                return true;
            taken = 0;
        }
    }
    return false;
}

bool hop_function_is_held_by(struct hop_function_search *search, const uint64_t *object_addrs,
                             size_t count)
{
    struct hop_span spans[HOLDERS_AT_ONCE];
    const uint64_t header_bytes = (uint64_t)search->layout->object_type + 8; /* PyObject_HEAD */
    uint64_t held[HOLDERS_AT_ONCE * HELD_WORDS];
    for (size_t at = 0; at < count && search->reads_left && !search->has_other_name;) {
        size_t taken = 0;
        for (; at < count && taken < HOLDERS_AT_ONCE; at++)
            if (may_be_object(object_addrs[at])) {
                spans[taken] =
                    (struct hop_span){object_addrs[at] + header_bytes, HELD_WORDS * sizeof *held,
                                      held + taken * HELD_WORDS};
                taken++;
            }
        /* The words of an object that can't be read are left as they were: zeros. */
        memset(held, 0, sizeof held);
        for (size_t from = 0; from < taken && search->reads_left;)
            from += fill(search, spans + from, taken - from) + 1;
        if (hop_function_is_among(search, held, taken * HELD_WORDS))
            return true;
    }
    return false;
}
