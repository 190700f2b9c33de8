/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lru.c - see lru.h.
 *
 * A hash table of chains finds an entry; a ring through all entries, with the newest behind `ring`, knows their order.
 * Keys come from callers, so that the hash begins with a random number: nobody can choose keys that collide.
 */
#include "cache/lru.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define CHAINS 4096u

struct entry {
    struct entry *newer, *older; /* the ring */
    struct entry *next;          /* the chain */
    uint64_t hash, expires;
    size_t key_length, value_length;
    char bytes[]; /* the key, then the value */
};

struct lru {
    struct entry *chains[CHAINS];
    uint64_t seed;
    size_t entries, bytes, entries_max, bytes_max;
    struct entry ring; /* the last, since an entry ends in as many bytes as it needs */
};

struct lru *lru_new(size_t entries_max, size_t bytes_max) {
    struct lru *lru = calloc(1, sizeof *lru);
    if (!lru)
        return NULL;
    lru->ring.newer = lru->ring.older = &lru->ring;
    lru->entries_max = entries_max;
    lru->bytes_max = bytes_max;
    if (getrandom(&lru->seed, sizeof lru->seed, GRND_NONBLOCK) < 0)
        lru->seed = (uint64_t)(uintptr_t)lru;
    return lru;
}

static size_t size_of(const struct entry *entry) { return sizeof *entry + entry->key_length + entry->value_length; }

/* ---- the ring and the chains ---- */

static void leave_ring(struct entry *entry) {
    entry->newer->older = entry->older;
    entry->older->newer = entry->newer;
}

static void become_newest(struct lru *lru, struct entry *entry) {
    entry->newer = &lru->ring;
    entry->older = lru->ring.older;
    entry->older->newer = entry;
    lru->ring.older = entry;
}

static uint64_t hash_of(const struct lru *lru, struct lru_bytes key) {
    const unsigned char *bytes = key.bytes;
    uint64_t hash = lru->seed ^ UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < key.length; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

static bool has_key(const struct entry *entry, uint64_t hash, struct lru_bytes key) {
    return entry->hash == hash && entry->key_length == key.length && memcmp(entry->bytes, key.bytes, key.length) == 0;
}

/* The link that leads to the entry, or the end of its chain. */
static struct entry **find(struct lru *lru, uint64_t hash, struct lru_bytes key) {
    struct entry **link = &lru->chains[hash % CHAINS];
    while (*link && !has_key(*link, hash, key))
        link = &(*link)->next;
    return link;
}

static void drop(struct lru *lru, struct entry **link) {
    struct entry *entry = *link;
    *link = entry->next;
    leave_ring(entry);
    lru->entries--;
    lru->bytes -= size_of(entry);
    free(entry);
}

static void drop_entry(struct lru *lru, struct entry *entry) {
    struct entry **link = &lru->chains[entry->hash % CHAINS];
    while (*link != entry)
        link = &(*link)->next;
    drop(lru, link);
}

/* ---- what callers do ---- */

void lru_free(struct lru *lru) {
    if (!lru)
        return;
    while (lru->entries > 0)
        drop_entry(lru, lru->ring.older);
    free(lru);
}

bool lru_get(struct lru *lru, struct lru_bytes key, uint64_t now, struct lru_bytes *value) {
    struct entry **link = find(lru, hash_of(lru, key), key), *entry = *link;
    if (!entry)
        return false;
    if (entry->expires <= now) {
        drop(lru, link);
        return false;
    }
    leave_ring(entry);
    become_newest(lru, entry);
    *value = (struct lru_bytes){ entry->bytes + entry->key_length, entry->value_length };
    return true;
}

static struct entry *new_entry(struct lru_bytes key, struct lru_bytes value, uint64_t expires) {
    struct entry *entry = malloc(sizeof *entry + key.length + value.length);
    if (!entry)
        return NULL;
    entry->expires = expires;
    entry->key_length = key.length;
    entry->value_length = value.length;
    memcpy(entry->bytes, key.bytes, key.length);
    if (value.length > 0)
        memcpy(entry->bytes + key.length, value.bytes, value.length);
    return entry;
}

/* The new entry is made before the old one goes, since `value` may be what lru_get() returned of it. */
bool lru_set(struct lru *lru, struct lru_bytes key, struct lru_bytes value, uint64_t expires) {
    struct entry *entry = key.length + value.length < lru->bytes_max ? new_entry(key, value, expires) : NULL;
    if (!entry || size_of(entry) > lru->bytes_max) {
        lru_delete(lru, key); /* what is there is outdated */
        free(entry);
        return false;
    }
    lru_delete(lru, (struct lru_bytes){ entry->bytes, entry->key_length });
    while (lru->entries > 0 && (lru->entries >= lru->entries_max || lru->bytes + size_of(entry) > lru->bytes_max))
        drop_entry(lru, lru->ring.newer);
    entry->hash = hash_of(lru, (struct lru_bytes){ entry->bytes, entry->key_length });
    entry->next = lru->chains[entry->hash % CHAINS];
    lru->chains[entry->hash % CHAINS] = entry;
    become_newest(lru, entry);
    lru->entries++;
    lru->bytes += size_of(entry);
    return true;
}

void lru_delete(struct lru *lru, struct lru_bytes key) {
    struct entry **link = find(lru, hash_of(lru, key), key);
    if (*link)
        drop(lru, link);
}

void lru_expire(struct lru *lru, uint64_t now) {
    for (struct entry *entry = lru->ring.older, *older; entry != &lru->ring; entry = older) {
        older = entry->older;
        if (entry->expires <= now)
            drop_entry(lru, entry);
    }
}

size_t lru_entries(const struct lru *lru) { return lru->entries; }

size_t lru_bytes(const struct lru *lru) { return lru->bytes; }

void lru_each(const struct lru *lru, bool (*visit)(void *data, struct lru_bytes key, struct lru_bytes value),
              void *data) {
    for (const struct entry *entry = lru->ring.older; entry != &lru->ring; entry = entry->older) {
        struct lru_bytes key = { entry->bytes, entry->key_length },
                         value = { entry->bytes + entry->key_length, entry->value_length };
        if (!visit(data, key, value))
            return;
    }
}
