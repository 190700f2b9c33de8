/* SPDX-License-Identifier: Apache-2.0 */
/* baggage.c - baggage as a value: immutable, counted, one block of memory each. */
#include "baggage.h"
#include "context.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>

static const otel_baggage empty;

static struct otel__baggage *block_of(const otel_baggage *baggage) {
    return baggage != NULL ? (struct otel__baggage *)(uintptr_t)baggage->opaque_[0] : NULL;
}

/* Takes over the reference; NULL is the empty baggage. */
static otel_baggage owned(struct otel__baggage *block) { return (otel_baggage){ { (uintptr_t)block } }; }

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

static void destroy(struct otel__cell *cell) { free(cell); }

struct otel__baggage *otel__baggage_new(size_t entries, size_t bytes) {
    enum { NULS = 3 };
    int saved = errno;
    struct otel__baggage *block = malloc(sizeof *block + entries * (sizeof *block->entries + NULS) + bytes);
    errno = saved;
    if (block != NULL) {
        *block = (struct otel__baggage){ .cell = { 1, destroy }, .text = (char *)(block->entries + entries) };
    }
    return block;
}

static otel_str put(struct otel__baggage *block, otel_str text) {
    const otel_str copy = { block->text, text.len };
    if (text.len > 0) {
        memcpy(block->text, text.ptr, text.len);
    }
    block->text[text.len] = '\0';
    block->text += text.len + 1;
    return copy;
}

otel_baggage_entry *otel__baggage_add(struct otel__baggage *block, const otel_baggage_entry *entry) {
    otel_baggage_entry *copy = &block->entries[block->count++];
    copy->name = put(block, entry->name);
    copy->value = put(block, entry->value);
    copy->metadata = put(block, entry->metadata);
    return copy;
}

static const otel_baggage_entry *find(const struct otel__baggage *block, otel_str name) {
    for (size_t i = 0; block != NULL && i < block->count; i++) {
        if (otel__same_text(block->entries[i].name, name)) {
            return &block->entries[i];
        }
    }
    return NULL;
}

static size_t bytes_of(const otel_baggage_entry *entry) {
    return entry->name.len + entry->value.len + entry->metadata.len;
}

/* A copy of `former` (may be NULL) without one of its entries (may be NULL) and with `entry` (may be NULL) behind. */
static struct otel__baggage *copy_with(const struct otel__baggage *former, const otel_baggage_entry *leave_out,
                                       const otel_baggage_entry *entry) {
    const size_t before = former != NULL ? former->count : 0;
    size_t bytes = entry != NULL ? bytes_of(entry) : 0;
    for (size_t i = 0; i < before; i++) {
        bytes += bytes_of(&former->entries[i]);
    }
    struct otel__baggage *block = otel__baggage_new(before + 1, bytes);
    for (size_t i = 0; block != NULL && i < before; i++) {
        if (&former->entries[i] != leave_out) {
            otel__baggage_add(block, &former->entries[i]);
        }
    }
    if (block != NULL && entry != NULL) {
        otel__baggage_add(block, entry);
    }
    return block;
}

/* ---- making baggage ---------------------------------------------------------------------------------------------- */

static otel_baggage fall_back(const otel_baggage *baggage, otel__misuse why) {
    otel__tell(why);
    return otel_baggage_retain(baggage);
}

static otel_str checked(otel_str text) { return otel_strn(text.ptr, text.len); }

/* So that no sum of lengths can run over. */
static bool is_possible(const otel_baggage_entry *entry) {
    const size_t longest = SIZE_MAX / 8;
    return entry->name.len <= longest && entry->value.len <= longest && entry->metadata.len <= longest;
}

otel_baggage otel_baggage_set(const otel_baggage *baggage, otel_str name, otel_str value, otel_str metadata) {
    const otel_baggage_entry entry = { checked(name), checked(value), checked(metadata) };
    const struct otel__baggage *former = block_of(baggage);
    if (entry.name.len == 0) {
        return fall_back(baggage, OTEL__MISUSE_BAGGAGE_NAME);
    }
    struct otel__baggage *made = is_possible(&entry) ? copy_with(former, find(former, entry.name), &entry) : NULL;
    return made != NULL ? owned(made) : fall_back(baggage, OTEL__MISUSE_NO_MEMORY);
}

otel_baggage otel_baggage_remove(const otel_baggage *baggage, otel_str name) {
    const struct otel__baggage *former = block_of(baggage);
    const otel_baggage_entry *entry = find(former, checked(name));
    if (entry == NULL) {
        return otel_baggage_retain(baggage);
    }
    if (former->count == 1) {
        return empty;
    }
    struct otel__baggage *made = copy_with(former, entry, NULL);
    return made != NULL ? owned(made) : fall_back(baggage, OTEL__MISUSE_NO_MEMORY);
}

otel_baggage otel_baggage_retain(const otel_baggage *baggage) {
    struct otel__baggage *block = block_of(baggage);
    if (block != NULL) {
        otel__cell_retain(&block->cell);
    }
    return owned(block);
}

void otel_baggage_release(otel_baggage *baggage) {
    struct otel__baggage *block = block_of(baggage);
    if (block != NULL) {
        *baggage = empty;
        otel__cell_drop(&block->cell);
    }
}

/* ---- reading it -------------------------------------------------------------------------------------------------- */

static otel_str value_in(const struct otel__baggage *block, otel_str name) {
    const otel_baggage_entry *entry = find(block, checked(name));
    return entry != NULL ? entry->value : otel_strn(NULL, 0);
}

otel_str otel_baggage_get(const otel_baggage *baggage, otel_str name) { return value_in(block_of(baggage), name); }

size_t otel_baggage_count(const otel_baggage *baggage) {
    const struct otel__baggage *block = block_of(baggage);
    return block != NULL ? block->count : 0;
}

otel_baggage_entry otel_baggage_at(const otel_baggage *baggage, size_t index) {
    static const otel_baggage_entry none;
    return index < otel_baggage_count(baggage) ? block_of(baggage)->entries[index] : none;
}

/* ---- in contexts ------------------------------------------------------------------------------------------------- */

struct otel__baggage *otel__baggage_of(const otel_context *context) {
    return (struct otel__baggage *)(void *)otel__context_cell(context, OTEL__KEY_BAGGAGE);
}

otel_context otel__context_with_made(const otel_context *base, struct otel__baggage *made) {
    return otel__context_with_cell(base, OTEL__KEY_BAGGAGE, &made->cell);
}

otel_baggage otel_context_baggage(const otel_context *context) {
    const otel_baggage borrowed = owned(otel__baggage_of(context));
    return otel_baggage_retain(&borrowed);
}

otel_context otel_context_with_baggage(const otel_context *base, const otel_baggage *baggage) {
    struct otel__baggage *block = block_of(baggage);
    if (block != NULL) {
        otel__cell_retain(&block->cell);
    }
    return otel__context_with_cell(base, OTEL__KEY_BAGGAGE, block != NULL ? &block->cell : NULL);
}

otel_str otel_context_baggage_value(const otel_context *context, const char *name) {
    return value_in(otel__baggage_of(context), otel_cstr(name));
}

otel_context otel_context_with_baggage_value(const otel_context *base, const char *name, otel_str value) {
    otel_baggage former = otel_context_baggage(base);
    otel_baggage made = value.ptr != NULL ? otel_baggage_set(&former, otel_cstr(name), value, otel_strn(NULL, 0))
                                          : otel_baggage_remove(&former, otel_cstr(name));
    otel_context context = otel_context_with_baggage(base, &made);
    otel_baggage_release(&made);
    otel_baggage_release(&former);
    return context;
}
