/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/metrics.h - counting and measuring (specification: metrics/api.md).
 *
 *     OTEL_METER(meter, "cart", "1.2.0");
 *     OTEL_COUNTER(orders, meter, "cart.orders", "{order}", "Orders that were placed.");
 *     OTEL_HISTOGRAM(duration, meter, "cart.checkout.duration", "s", "Time that a checkout took.");
 *
 *     otel_add(orders, 1);
 *     otel_record(duration, seconds, OTEL_ATTRS(OTEL_ATTR("payment.method", "card")));
 *
 * All that an instrumented library needs: until an application starts an SDK (otel/sdk.h) nothing is recorded, for the
 * cost of a test. Instruments bind to the SDK on first use and again whenever one starts or stops, as tracers do.
 *
 * Every function may be called from any thread, with any argument, at any time; none fails, blocks or changes errno.
 * Names, units and descriptions must live as long as their instrument is used; attributes for the call only, but for
 * otel_bind(). In a forked child every series begins at zero. A signal handler may measure into series that there are
 * already (bound handles that were used; text in UTF-8, numbers and booleans that were measured before); a new one takes
 * memory from malloc(), and so do arrays and maps among the attributes of a measurement, each time.
 *
 * Each combination of attributes is a series of its own, which takes memory until the SDK stops: use attributes of few
 * distinct values. Beyond a bound (2,000 for each instrument) what comes new is added to one series with the attribute
 * `otel.metric.overflow`, so that sums stay right (specification: metrics/sdk.md, Cardinality limits).
 */
#ifndef OTEL_METRICS_H
#define OTEL_METRICS_H

#include <otel/context.h>
#include <otel/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- meters and instruments -------------------------------------------------------------------------------------- */

/** The instrumentation scope of instruments; see otel_tracer, which works alike. Define one with OTEL_METER(). */
typedef struct otel_meter {
    const char *name; /**< of the instrumented library; NULL or "" is reported and becomes "" */
    const char *version;
    const char *schema_url;
    otel_attrs attributes;
    uint64_t opaque_[2];
} otel_meter;

typedef enum otel_instrument_kind {
    OTEL_INSTRUMENT_COUNTER,            /**< only grows: negative values are dropped and reported */
    OTEL_INSTRUMENT_UP_DOWN_COUNTER,    /**< grows and shrinks */
    OTEL_INSTRUMENT_GAUGE,              /**< the last value counts */
    OTEL_INSTRUMENT_HISTOGRAM,          /**< how values are distributed; negative ones are dropped and reported */
    OTEL_INSTRUMENT_OBSERVABLE_COUNTER, /**< these are asked when metrics are read: see otel_observe_with() */
    OTEL_INSTRUMENT_OBSERVABLE_UP_DOWN_COUNTER,
    OTEL_INSTRUMENT_OBSERVABLE_GAUGE
} otel_instrument_kind;

/**
 * An instrument: define one with the macros below, or fill in the members up to `bound_count` of a zeroed, writable
 * static object. Two with the same meter, name, kind, type of numbers, unit and description feed the same metric, with
 * the bounds of the one that was used first: each file may define its own. With another kind or unit under the same name
 * both are exported, and that is reported.
 */
typedef struct otel_instrument {
    otel_meter *meter;
    const char
        *name; /**< a letter, then letters, digits and any of "_.-/"; at most 255; others are reported, and used */
    const char *unit; /**< UCUM: "s", "By", "{request}", "1"; NULL: none */
    const char *description;
    otel_instrument_kind kind;
    bool doubles; /**< its numbers are doubles; else 64-bit integers. Those of a histogram are doubles always */
    /**
     * Of a histogram: upper bounds of its buckets, inclusive, rising. NULL: 0, 5, 10, 25, 50, 75, 100, 250, 500, 750,
     * 1000, 2500, 5000, 7500, 10000; when the unit is "s": 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5,
     * 7.5, 10.
     */
    const double *bounds;
    size_t bound_count;
    uint64_t opaque_[2];
} otel_instrument;

/* clang-format off */
#ifdef __cplusplus
#define OTEL__NULL nullptr
#define OTEL_METER(id, ...) OTEL__METER(id, __VA_ARGS__, nullptr, nullptr, 0)
#define OTEL__METER(id, n, v, u, ...) static otel_meter id[1] __attribute__((unused)) = { { n, v, u, {}, { 0, 0 } } }
#define OTEL__INSTRUMENT(id, m, n, u, t, k, d, b, c)                                                                   \
    static otel_instrument id[1] __attribute__((unused)) = { { m, n, u, t, k, d, b, c, { 0, 0 } } }
#else
#define OTEL__NULL NULL
#define OTEL_METER(id, ...) OTEL__METER(id, __VA_ARGS__, NULL, NULL, 0)
#define OTEL__METER(id, n, v, u, ...)                                                                                  \
    static otel_meter id[1] __attribute__((unused)) = { { .name = n, .version = v, .schema_url = u } }
#define OTEL__INSTRUMENT(id, m, n, u, t, k, d, b, c)                                                                   \
    static otel_instrument id[1] __attribute__((unused)) = { { .meter = m, .name = n, .unit = u, .description = t,     \
        .kind = k, .doubles = d, .bounds = b, .bound_count = c } }
#endif
#define OTEL__OPTIONAL(id, m, k, d, n, u, t, ...)                                                                      \
    OTEL__INSTRUMENT(id, m, n, u, t, OTEL_INSTRUMENT_##k, d, OTEL__NULL, 0)
#define OTEL__INTEGERS(id, m, k, ...) OTEL__OPTIONAL(id, m, k, false, __VA_ARGS__, OTEL__NULL, OTEL__NULL, 0)
#define OTEL__DOUBLES(id, m, k, ...) OTEL__OPTIONAL(id, m, k, true, __VA_ARGS__, OTEL__NULL, OTEL__NULL, 0)
/* clang-format on */

/* OTEL_COUNTER(id, meter, name[, unit[, description]]): a static instrument; `id` is an otel_instrument pointer. */
#define OTEL_COUNTER(id, meter, ...) OTEL__INTEGERS(id, meter, COUNTER, __VA_ARGS__)
#define OTEL_COUNTER_DOUBLE(id, meter, ...) OTEL__DOUBLES(id, meter, COUNTER, __VA_ARGS__)
#define OTEL_UP_DOWN_COUNTER(id, meter, ...) OTEL__INTEGERS(id, meter, UP_DOWN_COUNTER, __VA_ARGS__)
#define OTEL_UP_DOWN_COUNTER_DOUBLE(id, meter, ...) OTEL__DOUBLES(id, meter, UP_DOWN_COUNTER, __VA_ARGS__)
#define OTEL_GAUGE(id, meter, ...) OTEL__INTEGERS(id, meter, GAUGE, __VA_ARGS__)
#define OTEL_GAUGE_DOUBLE(id, meter, ...) OTEL__DOUBLES(id, meter, GAUGE, __VA_ARGS__)
#define OTEL_HISTOGRAM(id, meter, ...) OTEL__DOUBLES(id, meter, HISTOGRAM, __VA_ARGS__)
/* OTEL_HISTOGRAM_BOUNDS(id, meter, bounds, name, unit, description): `bounds` is an array of doubles that has its size. */
#define OTEL_HISTOGRAM_BOUNDS(id, meter, bounds, name, unit, description)                                              \
    OTEL__INSTRUMENT(id, meter, name, unit, description, OTEL_INSTRUMENT_HISTOGRAM, true, bounds,                      \
                     sizeof(bounds) / sizeof *(bounds))
#define OTEL_OBSERVABLE_COUNTER(id, meter, ...) OTEL__INTEGERS(id, meter, OBSERVABLE_COUNTER, __VA_ARGS__)
#define OTEL_OBSERVABLE_COUNTER_DOUBLE(id, meter, ...) OTEL__DOUBLES(id, meter, OBSERVABLE_COUNTER, __VA_ARGS__)
#define OTEL_OBSERVABLE_UP_DOWN_COUNTER(id, meter, ...)                                                                \
    OTEL__INTEGERS(id, meter, OBSERVABLE_UP_DOWN_COUNTER, __VA_ARGS__)
#define OTEL_OBSERVABLE_UP_DOWN_COUNTER_DOUBLE(id, meter, ...)                                                         \
    OTEL__DOUBLES(id, meter, OBSERVABLE_UP_DOWN_COUNTER, __VA_ARGS__)
#define OTEL_OBSERVABLE_GAUGE(id, meter, ...) OTEL__INTEGERS(id, meter, OBSERVABLE_GAUGE, __VA_ARGS__)
#define OTEL_OBSERVABLE_GAUGE_DOUBLE(id, meter, ...) OTEL__DOUBLES(id, meter, OBSERVABLE_GAUGE, __VA_ARGS__)

/** Whether a measurement made now would go anywhere: ask before computing a costly one, each time. */
bool otel_instrument_enabled(otel_instrument *instrument);

/* ---- measuring --------------------------------------------------------------------------------------------------- */

/**
 * Measures with an instrument that is not observable: adds to a counter or an up-down counter, sets a gauge, records in
 * a histogram. Where the instrument's numbers are of the other type the value is converted (a double is rounded towards
 * zero); NaN and infinities are dropped. `context` is that of the measurement, for exemplars; NULL: the thread's
 * current one. Values are looked at only to tell which series they belong to: order doesn't matter, and of a key given
 * twice the last value counts.
 */
void otel_measure_int(otel_instrument *instrument, int64_t value, otel_attrs attributes, const otel_context *context);
void otel_measure_double(otel_instrument *instrument, double value, otel_attrs attributes, const otel_context *context);

/* Above INT64_MAX a number counts as INT64_MAX, since the protocols carry signed integers only. */
static inline int64_t otel__signed(uint64_t value) {
    return value > INT64_MAX ? INT64_MAX : OTEL__CAST(int64_t, value);
}
static inline void otel_measure_uint(otel_instrument *instrument, uint64_t value, otel_attrs attributes,
                                     const otel_context *context) {
    otel_measure_int(instrument, otel__signed(value), attributes, context);
}
static inline void otel_measure_ldouble(otel_instrument *instrument, long double value, otel_attrs attributes,
                                        const otel_context *context) {
    otel_measure_double(instrument, OTEL__CAST(double, value), attributes, context);
}
static inline otel_attrs otel__no_attrs(void) {
    otel_attrs none = { OTEL__NULL, 0 };
    return none;
}

/*
 * otel_add(instrument, value[, attributes]) and otel_record(instrument, value[, attributes]) pick the function from the
 * type of the value, in the current context; a long double is rounded to double. They do the same: the instrument's
 * kind says what.
 */
#define otel_add(...) OTEL__MEASURE(__VA_ARGS__, otel__no_attrs(), 0)
#define otel_record(...) OTEL__MEASURE(__VA_ARGS__, otel__no_attrs(), 0)
#ifndef __cplusplus
/* clang-format off */
#define OTEL__BY_NUMBER(v, f)                                                                                          \
    _Generic((v), float: f##_double, double: f##_double, long double: f##_ldouble, bool: f##_uint, char: f##_int,      \
        signed char: f##_int, unsigned char: f##_uint, short: f##_int, unsigned short: f##_uint, int: f##_int,         \
        unsigned: f##_uint, long: f##_int, unsigned long: f##_uint, long long: f##_int, unsigned long long: f##_uint)
/* clang-format on */
#define OTEL__MEASURE(i, v, a, ...) OTEL__BY_NUMBER(v, otel_measure)((i), (v), (a), NULL)
#else
#define OTEL__MEASURE(i, v, a, ...) ::otel::measure((i), (v), (a))
#endif

/* ---- bound handles, for hot loops -------------------------------------------------------------------------------- */

/**
 * One series of an instrument, which is found once instead of at each measurement. It finds its series again when an SDK
 * starts, stops, or starts again. Its address may change, but not while it is used.
 */
typedef struct otel_bound {
    otel_instrument *instrument;
    otel_attrs attributes;
    uint64_t opaque_[4];
} otel_bound;

/** The attributes, with all that they point to, must live as long as the handle is used. Allocates nothing. */
static inline otel_bound otel_bind(otel_instrument *instrument, otel_attrs attributes) {
    otel_bound bound = { instrument, attributes, { 0, 0, 0, 0 } };
    return bound;
}
/** As otel_measure_int(), for the handle's series: a few atomic operations, no lock, no allocation after the first. */
void otel_bound_measure_int(otel_bound *bound, int64_t value);
void otel_bound_measure_double(otel_bound *bound, double value);
static inline void otel_bound_measure_uint(otel_bound *bound, uint64_t value) {
    otel_bound_measure_int(bound, otel__signed(value));
}
static inline void otel_bound_measure_ldouble(otel_bound *bound, long double value) {
    otel_bound_measure_double(bound, OTEL__CAST(double, value));
}
#ifndef __cplusplus
#define otel_bound_add(b, v) OTEL__BY_NUMBER(v, otel_bound_measure)((b), (v))
#define otel_bound_record(b, v) OTEL__BY_NUMBER(v, otel_bound_measure)((b), (v))
#else
#define otel_bound_add(b, v) ::otel::bound_measure((b), (v))
#define otel_bound_record(b, v) ::otel::bound_measure((b), (v))
#endif

/* ---- observable instruments -------------------------------------------------------------------------------------- */

/** Where a callback puts what it observes; valid until the callback returns. */
typedef struct otel_observer otel_observer;

/**
 * Called when metrics are read, on the reader's thread, one callback at a time: observes any number of observable
 * instruments through `observer`. It should return soon and must not call otel_unobserve() for another callback, start
 * or stop an SDK, fork, or leave by longjmp. For a counter the observed value is the sum so far.
 */
typedef void (*otel_observe_callback)(void *data, otel_observer *observer);

/** Observes; of the same attributes twice in one reading the last value counts. Not for other kinds of instruments. */
void otel_observe_int(otel_observer *observer, otel_instrument *instrument, int64_t value, otel_attrs attributes);
void otel_observe_double(otel_observer *observer, otel_instrument *instrument, double value, otel_attrs attributes);
static inline void otel_observe_uint(otel_observer *observer, otel_instrument *instrument, uint64_t value,
                                     otel_attrs attributes) {
    otel_observe_int(observer, instrument, otel__signed(value), attributes);
}
static inline void otel_observe_ldouble(otel_observer *observer, otel_instrument *instrument, long double value,
                                        otel_attrs attributes) {
    otel_observe_double(observer, instrument, OTEL__CAST(double, value), attributes);
}
/* otel_observe(observer, instrument, value[, attributes]) */
#define otel_observe(...) OTEL__OBSERVE(__VA_ARGS__, otel__no_attrs(), 0)
#ifndef __cplusplus
#define OTEL__OBSERVE(o, i, v, a, ...) OTEL__BY_NUMBER(v, otel_observe)((o), (i), (v), (a))
#else
#define OTEL__OBSERVE(o, i, v, a, ...) ::otel::observe((o), (i), (v), (a))
#endif

/**
 * Registers a callback until otel_unobserve() gets what this returned: never 0, except when 1,024 are registered
 * already. May be called before an SDK starts, and holds when it stops and starts again.
 */
uint64_t otel_observe_with(otel_observe_callback callback, void *data);
/**
 * After it has returned the callback isn't running and won't be called: a library that is unloaded must do this. Waits
 * for a callback that is running, unless that itself calls. 0 and what is unknown are ignored.
 */
void otel_unobserve(uint64_t registration);

#pragma GCC visibility pop
#ifdef __cplusplus
} /* extern "C" */

namespace otel {
template <class T> struct is_real { static constexpr bool value = false; };
template <> struct is_real<float> { static constexpr bool value = true; };
template <> struct is_real<double> { static constexpr bool value = true; };
template <> struct is_real<long double> { static constexpr bool value = true; };
template <class T> inline void measure(otel_instrument *i, T v, otel_attrs a) {
    if constexpr (is_real<T>::value)
        otel_measure_double(i, static_cast<double>(v), a, nullptr);
    else if constexpr (static_cast<T>(-1) > static_cast<T>(0))
        otel_measure_uint(i, static_cast<uint64_t>(v), a, nullptr);
    else
        otel_measure_int(i, static_cast<int64_t>(v), a, nullptr);
}
template <class T> inline void bound_measure(otel_bound *b, T v) {
    if constexpr (is_real<T>::value)
        otel_bound_measure_double(b, static_cast<double>(v));
    else if constexpr (static_cast<T>(-1) > static_cast<T>(0))
        otel_bound_measure_uint(b, static_cast<uint64_t>(v));
    else
        otel_bound_measure_int(b, static_cast<int64_t>(v));
}
template <class T> inline void observe(otel_observer *o, otel_instrument *i, T v, otel_attrs a) {
    if constexpr (is_real<T>::value)
        otel_observe_double(o, i, static_cast<double>(v), a);
    else if constexpr (static_cast<T>(-1) > static_cast<T>(0))
        otel_observe_uint(o, i, static_cast<uint64_t>(v), a);
    else
        otel_observe_int(o, i, static_cast<int64_t>(v), a);
}
} // namespace otel
#endif
#endif
