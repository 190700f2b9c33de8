/* SPDX-License-Identifier: Apache-2.0 */
/* id_generator.c - see id_generator.h. */
#include "id_generator.h"

#include "base/clock.h"
#include "cancellation.h"
#include "id_generator_custom.h"

#include <errno.h>
#include <sys/random.h>
#include <unistd.h>

static otel_id_generator *custom;

static uint64_t rotate(uint64_t x, unsigned bits) { return x << bits | x >> (64 - bits); }

/* For the case that the kernel has no randomness to give: what tells processes, threads and times apart, mixed. */
static void seed_without_kernel(uint64_t *words, size_t count) {
    uint64_t x = otel__clock_monotonic() ^ (uint64_t)getpid() << 32 ^ (uint64_t)(uintptr_t)words;
    for (size_t i = 0; i < count; i++) {
        x += UINT64_C(0x9E3779B97F4A7C15);
        uint64_t z = x;
        z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
        words[i] = z ^ z >> 31;
    }
}

/* getrandom() is a cancellation point, even where it does not wait. */
void otel__random_words(uint64_t *words, size_t count) {
    const int saved = errno;
    const int cancellation = otel__cancellation_hold();
    if (getrandom(words, count * sizeof *words, GRND_NONBLOCK) != (ssize_t)(count * sizeof *words))
        seed_without_kernel(words, count);
    otel__cancellation_allow(cancellation);
    errno = saved;
}

static uint64_t next(uint64_t *s) {
    const uint64_t result = rotate(s[0] + s[3], 23) + s[0];
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

static uint64_t random_word(struct otel__local *local) {
    if (__builtin_expect(local->seeded, 1))
        return next(local->random);
    if (custom || atomic_load_explicit(&local->shared, memory_order_relaxed)) {
        uint64_t word;
        otel__random_words(&word, 1);
        return word;
    }
    otel__random_words(local->random, 4);
    local->random[0] |= 1; /* the one state that must not be is all zero */
    local->seeded = true;
    return next(local->random);
}

void otel__trace_id_random(struct otel__local *local, uint64_t words[2]) {
    do {
        words[0] = random_word(local);
        words[1] = random_word(local);
    } while (words[0] == 0 && words[1] == 0);
}

uint64_t otel__span_id_random(struct otel__local *local) {
    uint64_t id;
    do {
        id = random_word(local);
    } while (id == 0);
    return id;
}

/* ---- or the user's ----------------------------------------------------------------------------------------------- */

static void unseed(struct otel__local *local) { local->seeded = false; }

void otel__ids_come_from(otel_id_generator *generator) {
    custom = generator;
    if (generator)
        otel__locals_each(unseed);
}

uint64_t otel__trace_id_new(struct otel__local *local, uint64_t words[2]) {
    if (__builtin_expect(!local->seeded, 0) && custom)
        return otel__custom_trace_id(custom, local, words);
    otel__trace_id_random(local, words);
    return OTEL_FLAG_RANDOM;
}

uint64_t otel__span_id_new(struct otel__local *local) {
    if (__builtin_expect(!local->seeded, 0) && custom)
        return otel__custom_span_id(custom, local);
    return otel__span_id_random(local);
}
