/* SPDX-License-Identifier: Apache-2.0 */
/*
 * propagation.c - the process-wide list of propagators, and injecting and extracting with all of them.
 *
 * The list is one atomic word whose bytes number entries of a registry that only grows, so that it is replaced at
 * once, and read without a lock, on any thread, after any fork.
 */
#include <otel/propagation.h>

#include "cancellation.h"
#include "context.h"
#include "options.h"

#include <otel/context.h>
#include <stdatomic.h>

enum { REGISTRY_SIZE = 255, NOT_HELD = -1 };

static _Atomic(const otel_propagator *) registry[REGISTRY_SIZE];
static _Atomic uint64_t in_use; /* byte i: 1 + the registry's index of the i-th propagator; 0 ends the list */
_Static_assert(OTEL_MAX_PROPAGATORS == sizeof in_use, "one byte for each propagator");

/* 1 + the index of `propagator`, entered if it is new; 0 when the registry is full. */
static uint64_t number_of(const otel_propagator *propagator) {
    for (size_t i = 0; i < REGISTRY_SIZE; i++) {
        const otel_propagator *there = NULL;
        if (atomic_compare_exchange_strong(&registry[i], &there, propagator) || there == propagator) {
            return i + 1;
        }
    }
    return 0;
}

void otel_propagators_set(const otel_propagator *const *propagators, size_t count) {
    uint64_t list = 0;
    unsigned used = 0;
    if (propagators != NULL && count > OTEL__LIST_MAX) {
        return;
    }
    for (size_t i = 0; propagators != NULL && i < count && used < OTEL_MAX_PROPAGATORS; i++) {
        uint64_t number = propagators[i] != NULL ? number_of(propagators[i]) : 0;
        if (number != 0) {
            list |= number << (8 * used++);
        }
    }
    atomic_store(&in_use, list);
}

static const otel_propagator *numbered(uint64_t number) {
    return number != 0 ? atomic_load_explicit(&registry[number - 1], memory_order_acquire) : NULL;
}

const otel_propagator *otel_propagators_get(size_t index) {
    uint64_t list = atomic_load(&in_use);
    return index < OTEL_MAX_PROPAGATORS ? numbered(list >> (8 * index) & 0xff) : NULL;
}

/*
 * Around functions of the carrier's, in which a thread that is cancelled would take along what `context` holds. Most
 * hold nothing, and then this costs nothing.
 */
static int hold_with(const otel_context *context) {
    return context->opaque_[OTEL__W_HOLDS] != 0 ? otel__cancellation_hold() : NOT_HELD;
}

static void allow_again(int cancellation) {
    if (cancellation != NOT_HELD) {
        otel__cancellation_allow(cancellation);
    }
}

void otel_inject(const otel_context *context, const otel_setter *setter, void *carrier) {
    uint64_t list = atomic_load(&in_use);
    if (list == 0 || setter == NULL || !OTEL__HAS(setter, set)) {
        return;
    }
    otel_context current = { { 0 } };
    if (context == NULL) {
        current = otel_context_current();
        context = &current;
    }
    const int cancellation = hold_with(&current);
    for (; list != 0; list >>= 8) {
        const otel_propagator *propagator = numbered(list & 0xff);
        if (OTEL__HAS(propagator, inject)) {
            propagator->inject(context, setter, carrier);
        }
    }
    otel_context_release(&current);
    allow_again(cancellation);
}

otel_context otel_extract(const otel_context *base, const otel_getter *getter, const void *carrier) {
    otel_context context = otel_context_retain(base);
    if (getter == NULL) {
        return context;
    }
    for (uint64_t list = atomic_load(&in_use); list != 0; list >>= 8) {
        const otel_propagator *propagator = numbered(list & 0xff);
        if (OTEL__HAS(propagator, extract)) {
            const int cancellation = hold_with(&context);
            otel_context next = propagator->extract(&context, getter, carrier);
            otel_context_release(&context);
            context = next;
            allow_again(cancellation);
        }
    }
    return context;
}
