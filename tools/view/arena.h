/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded memory for one decoded message.
 *
 * protobuf-c allocates through a table of functions. This one hands out pieces of an arena that is freed as a whole, so
 * that nothing a hostile message provokes can outlive its decoding, and refuses at a limit, since two bytes on the wire
 * can ask for a hundred in memory. */
#ifndef VIEW_ARENA_H
#define VIEW_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

struct view_arena_chunk;

struct view_arena {
    ProtobufCAllocator allocator; /* pass its address to an unpack function */
    struct view_arena_chunk *chunks;
    size_t limit;
    size_t reserved;
    bool exhausted; /* an allocation was refused, by the limit or by the system */
};

/* The arena must stay at its address until it is cleared: its allocator points back to it. */
void view_arena_init(struct view_arena *arena, size_t limit);
void view_arena_clear(struct view_arena *arena);

/* For messages that are made of another format: zeros, and an empty message; NULL when there is no more memory. */
void *view_arena_zeros(struct view_arena *arena, size_t size);
void *view_arena_message(struct view_arena *arena, const ProtobufCMessageDescriptor *type);

#endif
