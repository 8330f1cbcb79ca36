/* A hash table from 64-bit keys to 32-bit ids for the hot path: open addressing, power-of-two size,
 * no deletion. Lookups allocate nothing; insertion may grow it, unless hop_id_table_reserve made
 * room. */
#ifndef HOP_BASE_ID_TABLE_H
#define HOP_BASE_ID_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HOP_NO_ID = UINT32_MAX };

struct hop_id_slot {
    uint64_t key;
    uint32_t id; /* HOP_NO_ID: the slot is free */
};

struct hop_id_table {
    struct hop_id_slot *slots;
    size_t slot_count; /* a power of two */
    size_t used;
    uint64_t seed; /* random per process: a target must not be able to choose colliding keys */
};

bool hop_id_table_init(struct hop_id_table *table, size_t expected); /* false: out of memory */
void hop_id_table_deinit(struct hop_id_table *table);
/* Makes room for `expected` keys in all; false: out of memory, and the table is as it was. */
bool hop_id_table_reserve(struct hop_id_table *table, size_t expected);

/* The id of `key`, or HOP_NO_ID. */
uint32_t hop_id_table_get(const struct hop_id_table *table, uint64_t key);
/* Inserts or replaces; false: out of memory (or id is HOP_NO_ID), and the table is as it was. */
bool hop_id_table_put(struct hop_id_table *table, uint64_t key, uint32_t id);

#endif
