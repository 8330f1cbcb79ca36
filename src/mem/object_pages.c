/* Keeps the pages in the order of their addresses, and reads those that are next to each other in
 * one span. */
#include "mem/object_pages.h"

#include "base/pages.h"

#include <stdlib.h>

enum {
    PAGE_BYTES = 4096, /* the smallest that Linux has: what is mapped of it is mapped whole */
    FOUND_SLOTS = 4 * HOP_OBJECT_PAGES_MAX,
    /* Room for all pages, and for as many that are read because an object was not in hand; for one
     * that there is no place for among those remembered; and for one object. */
    STRAY_AT = 2 * HOP_OBJECT_PAGES_MAX * (PAGE_BYTES + HOP_OBJECT_BYTES_MAX),
    OBJECT_AT = STRAY_AT + PAGE_BYTES + HOP_OBJECT_BYTES_MAX,
    BYTES_MAX = OBJECT_AT + HOP_OBJECT_BYTES_MAX,
};

/* Bytes between what is wanted of two pages that are read along: copying them costs less than a
 * span. */
enum { GAP_BYTES_MAX = 2048 };

/* An age is over when one asker has had so many rounds. What it did not ask for in one age and the
 * part of the next up to now is given up. */
enum { ROUNDS_AN_AGE = 32 };

/* Objects that are not in hand are read by themselves; after so many in one round, with their
 * page, for where these are, others will be. */
enum { SINGLE_MISSES = 8 };

_Static_assert((int)HOP_OBJECT_PAGES_MAX < (int)HOP_SPANS_MAX, "with the first span");

static size_t fill(struct hop_reader *reader, const struct hop_span *spans, size_t count)
{
    struct hop_object_pages *pages = (struct hop_object_pages *)reader;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *bytes = hop_object_pages_find(pages, spans[i].addr, spans[i].size);
        if (!bytes)
            return i;
        memcpy(spans[i].into, bytes, spans[i].size);
    }
    return count;
}

bool hop_object_pages_init(struct hop_object_pages *pages, struct hop_reader *reader)
{
    *pages = (struct hop_object_pages){.base.fill = fill, .reader = reader};
    pages->pages = malloc(HOP_OBJECT_PAGES_MAX * sizeof *pages->pages);
    pages->found = calloc(FOUND_SLOTS, sizeof *pages->found);
    pages->spans = malloc((HOP_OBJECT_PAGES_MAX + 1) * sizeof *pages->spans);
    pages->bytes = hop_pages_map(BYTES_MAX);
    if (pages->pages && pages->found && pages->spans && pages->bytes)
        return true;
    hop_object_pages_deinit(pages);
    return false;
}

void hop_object_pages_deinit(struct hop_object_pages *pages)
{
    free(pages->pages);
    free(pages->found);
    free(pages->spans);
    hop_pages_unmap(pages->bytes, BYTES_MAX);
    *pages = (struct hop_object_pages){0};
}

/* --- the set --------------------------------------------------------------------------------- */

static size_t slot_of(uint64_t page_addr)
{
    return (size_t)((page_addr / PAGE_BYTES * 0x9E3779B97F4A7C15u) >> 40) % FOUND_SLOTS;
}

static struct hop_object_page *find_page(const struct hop_object_pages *pages, uint64_t page_addr)
{
    /* There are more slots than pages, so that an empty one ends the search. */
    for (size_t slot = slot_of(page_addr); pages->found[slot]; slot = (slot + 1) % FOUND_SLOTS) {
        struct hop_object_page *page = &pages->pages[pages->found[slot] - 1];
        if (page->addr == page_addr)
            return page;
    }
    return NULL;
}

static void enter(struct hop_object_pages *pages, size_t index)
{
    size_t slot = slot_of(pages->pages[index].addr);
    while (pages->found[slot])
        slot = (slot + 1) % FOUND_SLOTS;
    pages->found[slot] = (uint16_t)(index + 1);
}

/* The page, new if need be; NULL: there is no room. */
static struct hop_object_page *find_or_add(struct hop_object_pages *pages, uint64_t page_addr)
{
    struct hop_object_page *page = find_page(pages, page_addr);
    if (page || pages->count == HOP_OBJECT_PAGES_MAX)
        return page;
    page = &pages->pages[pages->count];
    *page = (struct hop_object_page){.addr = page_addr};
    enter(pages, pages->count++);
    return page;
}

static struct hop_page_part join(struct hop_page_part a, struct hop_page_part b)
{
    if (a.first == a.end || b.first == b.end)
        return a.first == a.end ? b : a;
    return (struct hop_page_part){a.first < b.first ? a.first : b.first,
                                  a.end > b.end ? a.end : b.end};
}

static void begin_age(struct hop_object_pages *pages)
{
    memset(pages->rounds, 0, sizeof pages->rounds);
    for (size_t i = 0; i < pages->count; i++) {
        struct hop_object_page *page = &pages->pages[i];
        page->askers[1] = page->askers[0];
        page->asked[1] = page->asked[0];
        page->askers[0] = 0;
        page->asked[0] = (struct hop_page_part){0};
    }
}

/* Gives up pages that nobody asked for, and sorts the rest. */
static void arrange(struct hop_object_pages *pages)
{
    size_t kept = 0;
    bool is_as_it_was = pages->sorted_count == pages->count;
    for (size_t i = 0; i < pages->count; i++) {
        struct hop_object_page page = pages->pages[i];
        if (!(page.askers[0] | page.askers[1])) {
            is_as_it_was = false;
            continue;
        }
        page.in_hand = (struct hop_page_part){0};
        size_t at = kept++;
        for (; i >= pages->sorted_count && at && pages->pages[at - 1].addr > page.addr; at--)
            pages->pages[at] = pages->pages[at - 1];
        pages->pages[at] = page;
    }
    pages->count = pages->sorted_count = kept;
    if (is_as_it_was)
        return;
    memset(pages->found, 0, FOUND_SLOTS * sizeof *pages->found);
    for (size_t i = 0; i < kept; i++)
        enter(pages, i);
}

/* --- reading --------------------------------------------------------------------------------- */

/* What is worth reading of a page: where objects were asked for, or, where these are many, all of
 * it. */
static struct hop_page_part part_of(const struct hop_object_page *page)
{
    struct hop_page_part part = join(page->asked[0], page->asked[1]);
    if (part.end - part.first > PAGE_BYTES / 2)
        part = join(part, (struct hop_page_part){0, PAGE_BYTES});
    return part;
}

/* Plans spans for what this asker asked for, behind spans[0]; their number with that one. */
static size_t plan(struct hop_object_pages *pages)
{
    size_t count = 1;
    uint64_t end_addr = 0, last_page_addr = 0;
    pages->byte_count = 0;
    for (size_t i = 0; i < pages->count; i++) {
        struct hop_object_page *page = &pages->pages[i];
        if (!((page->askers[0] | page->askers[1]) & pages->asker))
            continue;
        struct hop_page_part part = part_of(page);
        uint64_t first_addr = page->addr + part.first, part_end_addr = page->addr + part.end;
        struct hop_span *span = &pages->spans[count - 1];
        bool is_next = count > 1 && page->addr == last_page_addr + PAGE_BYTES;
        if (!is_next || (first_addr > end_addr && first_addr - end_addr > GAP_BYTES_MAX)) {
            span = &pages->spans[count++];
            *span = (struct hop_span){first_addr, 0, pages->bytes + pages->byte_count};
            end_addr = first_addr;
        }
        /* The object at the end of the page before may lie in this one, all of it or a part. */
        if (part_end_addr > end_addr) {
            pages->byte_count += (size_t)(part_end_addr - end_addr);
            end_addr = part_end_addr;
        }
        span->size = (size_t)(end_addr - span->addr);
        page->in_hand = part;
        page->at = (uint32_t)((uint8_t *)span->into - pages->bytes + (first_addr - span->addr));
        page->span_addr = span->addr;
        last_page_addr = page->addr;
    }
    return count;
}

/* A span that can't be read: its pages are no longer there, or one of them. */
static void give_up(struct hop_object_pages *pages, const struct hop_span *span)
{
    for (size_t i = 0; i < pages->count; i++) {
        struct hop_object_page *page = &pages->pages[i];
        if (page->in_hand.end && page->span_addr == span->addr) {
            page->in_hand = (struct hop_page_part){0};
            page->askers[0] = page->askers[1] = 0;
            page->asked[0] = page->asked[1] = (struct hop_page_part){0};
        }
    }
}

bool hop_object_pages_open(struct hop_object_pages *pages, uint64_t asker,
                           const struct hop_span *first)
{
    size_t bit = (size_t)((asker * 0x9E3779B97F4A7C15u) >> 58) % HOP_PAGE_ASKERS;
    pages->asker = (uint64_t)1 << bit;
    pages->misses = 0;
    if (++pages->rounds[bit] > ROUNDS_AN_AGE)
        begin_age(pages);
    pages->stray = (struct hop_object_page){0};
    arrange(pages);
    size_t count = plan(pages);
    pages->spans[0] = *first;
    pages->calls++;
    size_t filled = hop_reader_fill(pages->reader, pages->spans, count);
    if (!filled) {
        for (size_t i = 0; i < pages->count; i++)
            pages->pages[i].in_hand = (struct hop_page_part){0};
        return false;
    }
    /* The first that is gone ends the transfer. */
    while (filled < count) {
        give_up(pages, &pages->spans[filled++]);
        if (filled == count)
            break;
        pages->calls++;
        filled += hop_reader_fill(pages->reader, pages->spans + filled, count - filled);
    }
    return true;
}

static const uint8_t *in_hand(const struct hop_object_pages *pages,
                              const struct hop_object_page *page, uint64_t addr, size_t size)
{
    uint64_t first = addr - page->addr;
    if (first < page->in_hand.first || first + size > page->in_hand.end)
        return NULL;
    return pages->bytes + page->at + (first - page->in_hand.first);
}

/* Reads the object, and after a few of the kind its page. */
static const uint8_t *read_now(struct hop_object_pages *pages, struct hop_object_page *page,
                               uint64_t addr, size_t size)
{
    size_t in_page = (size_t)(addr - page->addr);
    size_t whole = in_page + size > PAGE_BYTES ? in_page + size : PAGE_BYTES;
    uint8_t *object = pages->bytes + OBJECT_AT;
    size_t at = page == &pages->stray ? STRAY_AT : pages->byte_count;
    size_t end = page == &pages->stray ? OBJECT_AT : STRAY_AT;
    bool wants_page = ++pages->misses > SINGLE_MISSES && end - at >= whole;
    struct hop_span spans[] = {{addr, size, object}, {page->addr, whole, pages->bytes + at}};
    pages->calls++;
    size_t filled = hop_reader_fill(pages->reader, spans, wants_page ? 2 : 1);
    if (!filled)
        return NULL;
    page->span_addr = addr;
    if (filled == 2) {
        page->in_hand = (struct hop_page_part){0, (uint32_t)whole};
        page->at = (uint32_t)at;
        page->span_addr = page->addr;
        if (page != &pages->stray)
            pages->byte_count += whole;
    }
    return object;
}

const uint8_t *hop_object_pages_find(struct hop_object_pages *pages, uint64_t addr, size_t size)
{
    uint64_t page_addr = addr / PAGE_BYTES * PAGE_BYTES;
    uint32_t first = (uint32_t)(addr - page_addr);
    struct hop_object_page *page = find_or_add(pages, page_addr);
    if (!page) {
        page = &pages->stray;
        if (page->addr != page_addr)
            *page = (struct hop_object_page){.addr = page_addr};
    }
    const uint8_t *bytes = in_hand(pages, page, addr, size);
    if (!bytes)
        bytes = read_now(pages, page, addr, size);
    if (bytes) {
        page->askers[0] |= pages->asker;
        page->asked[0] =
            join(page->asked[0], (struct hop_page_part){first, first + (uint32_t)size});
    }
    return bytes;
}

uint64_t hop_object_pages_span_of(const struct hop_object_pages *pages, uint64_t addr)
{
    const struct hop_object_page *page = find_page(pages, addr / PAGE_BYTES * PAGE_BYTES);
    return page ? page->span_addr : 0;
}
