/* Linear probing over 64-bit keys; what a key or an id stands for is the owner's affair. */
#include "base/id_table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

enum { SLOTS_MIN = 16 };

/* Keys are addresses of the target's choosing. Mixing in what the kernel gave this process at
 * random keeps a target from choosing keys that all fall on one slot. */
static uint64_t process_seed(void)
{
    uint64_t seed = 0;
    const void *random_bytes = (const void *)getauxval(AT_RANDOM); /* 16 bytes: getauxval(3) */
    if (random_bytes)
        memcpy(&seed, random_bytes, sizeof seed);
    return seed;
}

/* Every bit of the key moves every bit of the slot: addresses are multiples of 16 and close. */
static uint64_t mix(uint64_t value)
{
    value ^= value >> 32;
    value *= UINT64_C(0xd6e8feb86659fd93);
    value ^= value >> 32;
    value *= UINT64_C(0xd6e8feb86659fd93);
    return value ^ value >> 32;
}

/* The smallest power of two that keeps a table of `count` keys at most half full; 0: too many. */
static size_t slots_for(size_t count)
{
    if (count > SIZE_MAX / 4 / sizeof(struct hop_id_slot))
        return 0;
    size_t slots = SLOTS_MIN;
    while (slots < count * 2)
        slots *= 2;
    return slots;
}

static struct hop_id_slot *make_slots(size_t count)
{
    struct hop_id_slot *slots = count ? calloc(count, sizeof *slots) : NULL;
    for (size_t i = 0; slots && i < count; i++)
        slots[i].id = HOP_NO_ID;
    return slots;
}

bool hop_id_table_init(struct hop_id_table *table, size_t expected)
{
    *table = (struct hop_id_table){.seed = process_seed()};
    return hop_id_table_reserve(table, expected);
}

void hop_id_table_deinit(struct hop_id_table *table)
{
    free(table->slots);
    *table = (struct hop_id_table){0};
}

/* The slot that holds `key`, or the free one where it belongs. */
static struct hop_id_slot *slot_of(const struct hop_id_table *table, uint64_t key)
{
    size_t mask = table->slot_count - 1;
    size_t at = (size_t)mix(key ^ table->seed) & mask;
    while (table->slots[at].id != HOP_NO_ID && table->slots[at].key != key)
        at = (at + 1) & mask;
    return &table->slots[at];
}

bool hop_id_table_reserve(struct hop_id_table *table, size_t expected)
{
    size_t count = slots_for(expected);
    if (count && count <= table->slot_count)
        return true;
    struct hop_id_slot *slots = make_slots(count);
    if (!slots)
        return false;
    struct hop_id_table larger = {slots, count, table->used, table->seed};
    for (size_t i = 0; i < table->slot_count; i++)
        if (table->slots[i].id != HOP_NO_ID)
            *slot_of(&larger, table->slots[i].key) = table->slots[i];
    free(table->slots);
    *table = larger;
    return true;
}

uint32_t hop_id_table_get(const struct hop_id_table *table, uint64_t key)
{
    return table->slot_count ? slot_of(table, key)->id : HOP_NO_ID;
}

bool hop_id_table_put(struct hop_id_table *table, uint64_t key, uint32_t id)
{
    if (id == HOP_NO_ID) /* would look like a free slot */
        return false;
    struct hop_id_slot *slot = table->slot_count ? slot_of(table, key) : NULL;
    if (!slot || slot->id == HOP_NO_ID) {
        if (!hop_id_table_reserve(table, table->used + 1))
            return false;
        slot = slot_of(table, key);
        table->used++;
    }
    *slot = (struct hop_id_slot){key, id};
    return true;
}
