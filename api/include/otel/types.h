/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/types.h - strings, attribute values and the opaque value types that the whole API shares.
 *
 * Every type here is a plain value: nothing in this file allocates, and all functions are inline. Pointers inside a
 * value are borrowed from the caller for the duration of the call that the value is passed to; the callee copies what
 * it keeps.
 */
#ifndef OTEL_TYPES_H
#define OTEL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
#define OTEL__CAST(type, x) static_cast<type>(x)
/* A default member initialiser keeps a struct an aggregate and silences -Wmissing-field-initializers in users' code. */
#define OTEL__INIT(x) = x
extern "C" {
#else
#define OTEL__CAST(type, x) ((type)(x))
#define OTEL__INIT(x)
#endif
#define OTEL__OWNED __attribute__((warn_unused_result))
#pragma GCC visibility push(default)

/* ---- strings and attribute values -------------------------------------------------------------------------------- */

/**
 * A string with an explicit length in bytes. It may hold NUL bytes; it need not be NUL-terminated. `ptr` NULL means
 * empty.
 */
typedef struct otel_str {
    const char *ptr;
    size_t len;
} otel_str;

/** The type of an attribute value (specification: common, AnyValue). */
typedef enum otel_type {
    OTEL_TYPE_NONE,    /**< the empty value: sent as a value without content */
    OTEL_TYPE_STRING,  /**< `u.p` points to `len` bytes, UTF-8; other bytes are sent as OTEL_TYPE_BYTES */
    OTEL_TYPE_BOOL,    /**< `u.i` is 0 or 1 */
    OTEL_TYPE_INT,     /**< `u.i` */
    OTEL_TYPE_UINT,    /**< `u.i` holds the bits of a uint64_t above INT64_MAX; sent as decimal text */
    OTEL_TYPE_DOUBLE,  /**< `u.d` */
    OTEL_TYPE_BYTES,   /**< `u.p` points to `len` bytes */
    OTEL_TYPE_STRINGS, /**< `u.p` points to `len` elements of otel_str */
    OTEL_TYPE_BOOLS,   /**< `u.p` points to `len` elements of bool */
    OTEL_TYPE_INTS,    /**< `u.p` points to `len` elements of int64_t */
    OTEL_TYPE_DOUBLES, /**< `u.p` points to `len` elements of double */
    OTEL_TYPE_ARRAY,   /**< `u.p` points to `len` elements of otel_value, of any types */
    OTEL_TYPE_MAP /**< `u.p` points to `len` elements of otel_attr; of equal keys the last counts, an empty one is left out */
} otel_type;

/** An attribute value. Make one with otel_int(), otel_string(), OTEL_VALUE(), ... rather than by hand. */
typedef struct otel_value {
    otel_type type;
    uint32_t reserved;
    size_t len;
    union {
        int64_t i;
        double d;
        const void *p;
    } u;
} otel_value;

/** A key and its value. Keys are non-empty and case-sensitive. */
typedef struct otel_attr {
    otel_str key;
    otel_value value;
} otel_attr;

/**
 * A borrowed list of attributes: OTEL_ATTRS(...), or `{ items, count }` where it is put together at run time.
 * Zero-initialised: empty. More than 65,536 items, here and in other lists, are taken for a wrong count: none is read.
 */
typedef struct otel_attrs {
    const otel_attr *items OTEL__INIT(nullptr);
    size_t count OTEL__INIT(0);
} otel_attrs;

static inline otel_str otel_strn(const char *ptr, size_t len) {
    otel_str s;
    s.ptr = ptr;
    s.len = ptr ? len : 0;
    return s;
}
/** The bytes up to the NUL; NULL gives the empty string. */
static inline otel_str otel_cstr(const char *ptr) { return otel_strn(ptr, ptr ? strlen(ptr) : 0); }

static inline otel_value otel__scalar(otel_type type, int64_t i) {
    otel_value v;
    v.type = type;
    v.reserved = 0;
    v.len = 0;
    v.u.i = i;
    return v;
}
static inline otel_value otel__pointed(otel_type type, const void *p, size_t len) {
    otel_value v;
    v.type = type;
    v.reserved = 0;
    v.len = p ? len : 0;
    v.u.p = p;
    return v;
}
static inline otel_value otel_none(void) { return otel__scalar(OTEL_TYPE_NONE, 0); }
static inline otel_value otel_int(int64_t i) { return otel__scalar(OTEL_TYPE_INT, i); }
/** Above INT64_MAX the value is recorded as decimal text, since the protocols carry signed integers only. */
static inline otel_value otel_uint(uint64_t u) {
    return otel__scalar(u <= INT64_MAX ? OTEL_TYPE_INT : OTEL_TYPE_UINT, OTEL__CAST(int64_t, u));
}
/** In C11 `true` and `a > b` have type int: say otel_bool(a > b) to record a boolean. */
static inline otel_value otel_bool(bool b) { return otel__scalar(OTEL_TYPE_BOOL, b ? 1 : 0); }
static inline otel_value otel_double(double d) {
    otel_value v = otel__scalar(OTEL_TYPE_DOUBLE, 0);
    v.u.d = d;
    return v;
}
/** A NUL-terminated string; NULL is recorded as the empty string. */
static inline otel_value otel_string(const char *p) { return otel__pointed(OTEL_TYPE_STRING, p, p ? strlen(p) : 0); }
static inline otel_value otel_stringn(const char *p, size_t len) { return otel__pointed(OTEL_TYPE_STRING, p, len); }
static inline otel_value otel_bytes(const void *p, size_t len) { return otel__pointed(OTEL_TYPE_BYTES, p, len); }
/*
 * Homogeneous arrays: `count` elements are copied when the value is recorded. They cost more than scalars. A string whose
 * `ptr` is NULL is a null element.
 */
static inline otel_value otel_strings(const otel_str *p, size_t count) {
    return otel__pointed(OTEL_TYPE_STRINGS, p, count);
}
static inline otel_value otel_bools(const bool *p, size_t count) { return otel__pointed(OTEL_TYPE_BOOLS, p, count); }
static inline otel_value otel_ints(const int64_t *p, size_t count) { return otel__pointed(OTEL_TYPE_INTS, p, count); }
static inline otel_value otel_doubles(const double *p, size_t count) {
    return otel__pointed(OTEL_TYPE_DOUBLES, p, count);
}
/*
 * Arrays of values of any types, and maps, in each other as deep as otel_limits allows: OTEL_ARRAY() and OTEL_MAP() where
 * the elements are known.
 */
static inline otel_value otel_array(const otel_value *p, size_t count) {
    return otel__pointed(OTEL_TYPE_ARRAY, p, count);
}
static inline otel_value otel_map(otel_attrs attrs) { return otel__pointed(OTEL_TYPE_MAP, attrs.items, attrs.count); }
static inline otel_value otel__float(float f) { return otel_double(OTEL__CAST(double, f)); }
static inline otel_value otel__ldouble(long double f) { return otel_double(OTEL__CAST(double, f)); }
static inline otel_value otel__str(otel_str s) { return otel_stringn(s.ptr, s.len); }
static inline otel_value otel__same(otel_value v) { return v; }
static inline otel_attr otel__attr(const char *key, otel_value value) {
    otel_attr a;
    a.key = otel_cstr(key);
    a.value = value;
    return a;
}

/*
 * OTEL_VALUE(v) picks the type. There is no default branch on purpose: NULL, char and foreign pointers must not
 * compile. Neither do bit-fields with gcc, for which they are types of their own: cast them.
 */
#ifndef __cplusplus
/* clang-format off */
#define OTEL_VALUE(v)                                                                                                  \
    _Generic((v), bool: otel_bool, signed char: otel_int, unsigned char: otel_uint, short: otel_int,                   \
        unsigned short: otel_uint, int: otel_int, unsigned: otel_uint, long: otel_int, unsigned long: otel_uint,       \
        long long: otel_int, unsigned long long: otel_uint, float: otel__float, double: otel_double,                   \
        long double: otel__ldouble, char *: otel_string, const char *: otel_string, otel_str: otel__str,               \
        otel_value: otel__same)(v)
#define OTEL_ATTRS(...)                                                                                                \
    ((otel_attrs){ (const otel_attr[]){ __VA_ARGS__ }, sizeof((const otel_attr[]){ __VA_ARGS__ }) / sizeof(otel_attr) })
#define OTEL_ARRAY(...)                                                                                                \
    otel_array((const otel_value[]){ __VA_ARGS__ }, sizeof((const otel_value[]){ __VA_ARGS__ }) / sizeof(otel_value))
#define OTEL_MAP(...) otel_map(OTEL_ATTRS(__VA_ARGS__))
#define OTEL_LINKS(...)                                                                                                \
    ((otel_links){ (const otel_link[]){ __VA_ARGS__ }, sizeof((const otel_link[]){ __VA_ARGS__ }) / sizeof(otel_link) })
/* clang-format on */
#define OTEL__REF(type, ...) (&(type){ __VA_ARGS__ })
#else
#define OTEL_VALUE(v) ::otel::value(v)
#define OTEL_ATTRS(...) ::otel::attrs({ __VA_ARGS__ })
#define OTEL_ARRAY(...) ::otel::array({ __VA_ARGS__ })
#define OTEL_MAP(...) otel_map(OTEL_ATTRS(__VA_ARGS__))
#define OTEL_LINKS(...) ::otel::links({ __VA_ARGS__ })
#define OTEL__REF(type, ...) ::otel::ref(type{ __VA_ARGS__ })
#endif
/*
 * OTEL_ARRAY(OTEL_VALUE(1), OTEL_VALUE("two")) and OTEL_MAP(OTEL_ATTR("a", 1), OTEL_ATTR("b", OTEL_ARRAY(...))) are values
 * that hold values; like OTEL_ATTRS() they live until the end of the block, in C++ of the statement.
 */
/** One attribute for OTEL_ATTRS() and OTEL_MAP(): OTEL_ATTR("http.request.method", "GET"). */
#define OTEL_ATTR(key, v) otel__attr((key), OTEL_VALUE(v))

/* ---- opaque values ----------------------------------------------------------------------------------------------- */

/**
 * A span: a value without ownership. Copy it, store it, use it from any thread, use it after its end (a safe no-op). It
 * carries its span context (ids, flags, tracestate) for ever. Zero-initialised: the invalid span.
 */
typedef struct otel_span {
    uint64_t opaque_[6];
} otel_span;

/**
 * A context: the current span and what travels with it. Immutable. It owns references: make copies with
 * otel_context_retain(), give each back with otel_context_release(). Zero-initialised: the empty context.
 */
typedef struct otel_context {
    uint64_t opaque_[8];
} otel_context;

/** The token of an attached context; holds no pointer to other frames. Zero-initialised: never opened. */
typedef struct otel_scope {
    uint64_t opaque_[3];
} otel_scope;

/** A W3C tracestate: an immutable list of key=value members; owns one reference. Zero-initialised: empty. */
typedef struct otel_tracestate {
    uint64_t opaque_[1];
} otel_tracestate;

/** Baggage: an immutable set of named values; owns one reference. Zero-initialised: empty. */
typedef struct otel_baggage {
    uint64_t opaque_[1];
} otel_baggage;

#pragma GCC visibility pop
#ifdef __cplusplus
} /* extern "C" */

namespace otel {
inline otel_value value(bool v) { return otel_bool(v); }
inline otel_value value(signed char v) { return otel_int(v); }
inline otel_value value(unsigned char v) { return otel_uint(v); }
inline otel_value value(short v) { return otel_int(v); }
inline otel_value value(unsigned short v) { return otel_uint(v); }
inline otel_value value(int v) { return otel_int(v); }
inline otel_value value(unsigned v) { return otel_uint(v); }
inline otel_value value(long v) { return otel_int(v); }
inline otel_value value(unsigned long v) { return otel_uint(v); }
inline otel_value value(long long v) { return otel_int(v); }
inline otel_value value(unsigned long long v) { return otel_uint(v); }
inline otel_value value(float v) { return otel_double(static_cast<double>(v)); }
inline otel_value value(double v) { return otel_double(v); }
inline otel_value value(long double v) { return otel_double(static_cast<double>(v)); }
inline otel_value value(const char *v) { return otel_string(v); }
inline otel_value value(otel_str v) { return otel__str(v); }
inline otel_value value(otel_value v) { return v; }
template <class T> auto value(const T &s) -> decltype(otel_stringn(s.data(), s.size())) {
    return otel_stringn(s.data(), s.size());
}
otel_value value(char) = delete;
/* Or any pointer would become bool. */
otel_value value(const volatile void *) = delete;
otel_value value(decltype(nullptr)) = delete;
template <class R, class... A> otel_value value(R (*)(A...)) = delete;
template <class M, class C> otel_value value(M C::*) = delete;
template <size_t N> inline otel_attrs attrs(const otel_attr (&a)[N]) { return otel_attrs{ a, N }; }
template <size_t N> inline otel_value array(const otel_value (&a)[N]) { return otel_array(a, N); }
template <class T> inline const T *ref(const T &t) { return &t; }
} // namespace otel
#endif
#endif
