/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observe.c - the callbacks that are asked when metrics are read (otel/metrics.h).
 *
 * DESIGN. They are registered here, since they outlive SDKs. There is no lock, so that a fork finds none held: a place of
 * the table is claimed by a compare-and-swap of its `registration`, filled in, and then published under a number that is
 * never used again. Only one thread runs callbacks at a time. It says in `running` which one it is about to call, and
 * looks then whether that is still registered; who takes a registration out does so first, and looks at `running` then.
 * All four are sequentially consistent, so that at least one sees the other.
 */
#include "thread.h"

#include <errno.h>
#include <time.h>

enum { PLACES = 1024, PAUSE_NS = 100 * 1000 };
/* In `registration`, beside 0 for a free place and numbers whose lowest bits are the place. */
#define CLAIMED UINT64_MAX

struct place {
    _Atomic uint64_t registration;
    otel_observe_callback callback;
    void *data;
};

static struct place places[PLACES];
static _Atomic uint64_t serial;
static _Atomic uint32_t registered;
static _Atomic uint64_t running;                         /* the registration that is being called; 0: none */
static _Thread_local uint64_t runs_here OTEL__TLS_MODEL; /* the same, on the thread that calls it */

static struct place *place_of(uint64_t registration) { return &places[registration % PLACES]; }

static void tell_backend(void) {
    struct otel__call call;
    if (otel__enter(&call)) {
        if (call.backend != NULL) {
            call.backend->observed(call.thread);
        }
        otel__leave(&call);
    }
}

static bool claim(struct place *place) {
    uint64_t none = 0;
    return atomic_load_explicit(&place->registration, memory_order_relaxed) == 0 &&
           atomic_compare_exchange_strong(&place->registration, &none, CLAIMED);
}

uint64_t otel_observe_with(otel_observe_callback callback, void *data) {
    for (uint64_t i = 0; callback != NULL && i < PLACES; i++) {
        if (claim(&places[i])) {
            const uint64_t registration = (atomic_fetch_add(&serial, 1) + 1) * PLACES + i;
            places[i].callback = callback;
            places[i].data = data;
            atomic_fetch_add(&registered, 1);
            atomic_store(&places[i].registration, registration);
            tell_backend();
            return registration;
        }
    }
    return 0;
}

static void pause_a_little(void) {
    const int saved = errno;
    struct timespec pause = { .tv_nsec = PAUSE_NS };
    nanosleep(&pause, NULL);
    errno = saved;
}

void otel_unobserve(uint64_t registration) {
    uint64_t expected = registration;
    if (registration == 0 || registration == CLAIMED) {
        return;
    }
    const bool ours = atomic_compare_exchange_strong(&place_of(registration)->registration, &expected, CLAIMED);
    /* Also where somebody else took it out, as the callback itself may have: it runs until it returns. */
    while (atomic_load(&running) == registration && runs_here != registration) {
        pause_a_little();
    }
    if (!ours) {
        return;
    }
    atomic_fetch_sub(&registered, 1);
    atomic_store(&place_of(registration)->registration, 0);
}

static void run(struct place *place, uint64_t registration, otel_observer *observer) {
    atomic_store(&running, registration);
    if (atomic_load(&place->registration) == registration) {
        runs_here = registration;
        place->callback(place->data, observer);
        runs_here = 0;
    }
    atomic_store(&running, 0);
}

void otel__observers_run(otel_observer *observer, bool (*go_on)(void *data), void *data) {
    for (size_t i = 0; i < PLACES && atomic_load(&registered) != 0 && go_on(data); i++) {
        const uint64_t registration = atomic_load(&places[i].registration);
        if (registration != 0 && registration != CLAIMED) {
            run(&places[i], registration, observer);
        }
    }
}

bool otel__observers_any(void) { return atomic_load(&registered) != 0; }

void otel__observers_after_fork(void) { atomic_store(&running, runs_here); }

/* ---- observing ---------------------------------------------------------------------------------------------------- */

void otel_observe_int(otel_observer *observer, otel_instrument *instrument, int64_t value, otel_attrs attributes) {
    if (observer != NULL && instrument != NULL) {
        observer->observe_int(observer, instrument, value, attributes);
    }
}

void otel_observe_double(otel_observer *observer, otel_instrument *instrument, double value, otel_attrs attributes) {
    if (observer != NULL && instrument != NULL) {
        observer->observe_double(observer, instrument, value, attributes);
    }
}
