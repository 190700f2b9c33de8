/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded memory for one decoded message: chunks that are filled from the front and freed together. */
#include "arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_SIZE = 16 * 1024, ALIGNMENT = alignof(max_align_t) };

struct view_arena_chunk {
    struct view_arena_chunk *next;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

static bool add_chunk(struct view_arena *arena, size_t size) {
    if (size > arena->limit - arena->reserved) {
        return false;
    }
    struct view_arena_chunk *chunk = malloc(sizeof *chunk + size);
    if (!chunk) {
        return false;
    }
    *chunk = (struct view_arena_chunk){ .next = arena->chunks, .size = size };
    arena->chunks = chunk;
    arena->reserved += size;
    return true;
}

static void *arena_alloc(void *data, size_t size) {
    struct view_arena *arena = data;
    struct view_arena_chunk *chunk = arena->chunks;
    if (size > arena->limit) {
        arena->exhausted = true;
        return NULL;
    }
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!chunk || size > chunk->size - chunk->used) {
        if (!add_chunk(arena, size > CHUNK_SIZE ? size : CHUNK_SIZE)) {
            arena->exhausted = true;
            return NULL;
        }
        chunk = arena->chunks;
    }
    void *piece = chunk->bytes + chunk->used;
    chunk->used += size;
    return piece;
}

static void arena_free(void *data, void *piece) {
    (void)data;
    (void)piece;
}

void view_arena_init(struct view_arena *arena, size_t limit) {
    *arena = (struct view_arena){
        .allocator = { .alloc = arena_alloc, .free = arena_free, .allocator_data = arena },
        .limit = limit,
    };
}

void view_arena_clear(struct view_arena *arena) {
    while (arena->chunks) {
        struct view_arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        free(chunk);
    }
    arena->reserved = 0;
}

void *view_arena_zeros(struct view_arena *arena, size_t size) {
    void *memory = arena_alloc(arena, size);
    return memory ? memset(memory, 0, size) : NULL;
}

void *view_arena_message(struct view_arena *arena, const ProtobufCMessageDescriptor *type) {
    ProtobufCMessage *message = view_arena_zeros(arena, type->sizeof_message);
    if (message) {
        protobuf_c_message_init(type, message);
    }
    return message;
}
