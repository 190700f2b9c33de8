/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h - what a recording span has recorded, and where records come from.
 *
 * DESIGN. A span value names its record by a slot (a place in a slab) and a birth, a number that no other span of the
 * process ever has. Everything that touches a record through a span first takes the record's lock and then compares
 * births; since records are never unmapped and births never repeat, a late call finds out that it is late, whatever
 * the slot is used for by then. `birth` is zero while a record is free and from the end of its span on.
 *
 * A record belongs to: its span's users from acquire to end (under `lock`); then to the processors, one reference
 * each, who only read it; then, when the last reference is gone, to the pool. The fields before `span` are the control
 * part: they may be read at any time, also while the record is free; the rest is poisoned then.
 *
 * What a span records lies in its arena: the rest of the record, then blocks of 8 KiB from a second slab, then, for a
 * value that no block can hold, memory of its own. Attributes, events and links are singly linked lists, the newest
 * first: exporters that write back to front walk them as they stand.
 */
#ifndef OTEL_SDK_RECORD_H
#define OTEL_SDK_RECORD_H

#include "base/slab.h"
#include "base/sync.h"
#include "local.h"

#include <otel/exporter.h>

struct otel__attr {
    struct otel__attr *older;
    uint32_t hash;
    uint16_t key_len;
    uint8_t type;      /* otel_type; never UINT */
    uint32_t len;      /* of the value: bytes or elements */
    uint32_t capacity; /* bytes that the value's place can hold: a later value may reuse it */
    union {
        int64_t i;
        double d;
        char *p;
    } value;
    char key[]; /* key_len bytes */
};

struct otel__attrs {
    struct otel__attr *newest;
    uint64_t seen; /* a bit for each hash in the list: one that is not here needs no search */
    uint32_t count;
    uint32_t dropped;
    uint32_t most; /* there may be */
};

struct otel__text {
    uint32_t len;
    char bytes[];
};

struct otel__event {
    struct otel__event *older;
    uint64_t time;
    struct otel__text *name;
    struct otel__attrs attrs;
};

struct otel__link {
    struct otel__link *older;
    otel_span span;
    bool holds_state; /* a strong reference to the tracestate of `span` */
    struct otel__attrs attrs;
};

enum { OTEL__RECORD_SIZE = 1024, OTEL__BLOCK_SIZE = 8192, OTEL__IN_BLOCK_MAX = 4096 };
/*
 * Bounds on memory: records (live, queued and being exported), blocks, and bytes of big values; and bytes of one span.
 */
enum { OTEL__RECORDS_MAX = 65536, OTEL__BLOCKS_MAX = 8192 };
#define OTEL__BIG_VALUES_MAX (UINT64_C(64) << 20)
#define OTEL__SPAN_BYTES_MAX (UINT32_C(4) << 20)

struct otel__record {
    /* control */
    _Atomic uint64_t birth;
    otel__lock lock;
    _Atomic uint32_t references;                /* processors that have yet to finish with it */
    _Atomic uint32_t next[OTEL_MAX_PROCESSORS]; /* queue links: slot of the span that ended before, per processor */
    uint32_t slot;
    /* what the span is */
    otel_span span;
    uint64_t parent_id;    /* as in otel_span, word 2; 0: root */
    uint64_t parent_state; /* weak */
    uint64_t start, end;
    int64_t clock_offset; /* wall minus steady, shared by the local spans of the trace; after end: `end` minus steady */
    const struct otel__scope *scope;
    struct otel__text *name;
    struct otel__text *place; /* in strict mode */
    struct otel__text *status_text;
    uint32_t parent_meta; /* flags and OTEL__META_REMOTE */
    uint8_t kind, status;
    uint8_t unseen;   /* custom processors that are not told of the span, as bits of their indices */
    bool ending;      /* only who has the handle that on_ending got can still change it */
    bool holds_state; /* a strong reference to the tracestate of `span` */
    bool discarded;   /* a limit cost it something */
    /* what it recorded */
    uint32_t event_count, link_count, dropped_events, dropped_links;
    uint32_t nested_attrs; /* attributes of events and links together */
    struct otel__attrs attrs;
    struct otel__event *newest_event;
    struct otel__link *newest_link;
    /* arena */
    uint32_t blocks; /* the newest block; each begins with the number of the one before */
    uint32_t bytes;  /* in blocks and big values */
    char *free, *limit;
    struct otel__big *bigs;
    _Alignas(8) char data[];
};
/*
 * A span of ten usual attributes (the benchmark's) fits into the rest of its record and needs no block, which would cost
 * it some 300 instructions. The members are in an order that wastes nothing.
 */
_Static_assert(offsetof(struct otel__record, data) <= 288, "the record's head leaves too little room");

/* Once per process. False when address space is short. */
bool otel__records_init(void);

/* A fresh record with a birth of its own, all else zero; NULL at the bound. */
struct otel__record *otel__record_acquire(struct otel__local *local);
/* A live, locked record gets another birth, which is returned: those who knew the old one are late from now on. */
uint64_t otel__record_rename(struct otel__local *local, struct otel__record *record);
/* The record that `span` names, locked; NULL when it has ended or never was. */
struct otel__record *otel__record_lock(const otel_span *span);
static inline void otel__record_unlock(struct otel__record *record) { otel__lock_release(&record->lock); }
bool otel__record_is(const otel_span *span);
/*
 * Frees what the record holds and gives it back, to the thread's cache if `local` is not NULL. Its birth must be zero.
 */
void otel__record_release(struct otel__local *local, struct otel__record *record);
/* A reader is done: releases the records whose last reference this was. */
void otel__records_unref(struct otel__record *const *list, size_t count);
/* Returns the thread's cache to the pool. */
void otel__record_cache_flush(struct otel__local *local);

/*
 * Gives the memory of free records and blocks back to the system, but for some that are needed next. Any thread, at a time
 * when there is little to do.
 */
void otel__records_trim(void);

struct otel__record *otel__record_at(uint32_t slot);
static inline uint32_t otel__span_slot(const otel_span *span) { return (uint32_t)(span->opaque_[3] >> 32); }

/* Records of spans that have not ended. Exact when no call is running. */
uint64_t otel__records_live(void);
/* With no call running: `each` of them, which does not change. */
void otel__records_visit(void (*each)(const struct otel__record *record, void *data), void *data);
/* With no call running: ends the life of all live records, calling `each` before; returns their number. */
uint64_t otel__records_abandon(void (*each)(const struct otel__record *record, void *data), void *data);

void *otel__record_alloc_more(struct otel__record *record, size_t size);
/* `size` bytes, 8-aligned, living as long as the record does; NULL beyond a bound. */
static inline void *otel__record_alloc(struct otel__record *record, size_t size) {
    const size_t rounded = (size + 7) & ~(size_t)7;
    if (size > OTEL__IN_BLOCK_MAX || rounded > (size_t)(record->limit - record->free))
        return otel__record_alloc_more(record, size);
    char *p = record->free;
    record->free += rounded;
    return p;
}

#endif
