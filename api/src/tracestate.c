/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracestate.c - the grammar of W3C Trace Context level 2 for `tracestate`, and the functions that make one tracestate
 * out of another. One invalid member makes the whole list void; of two members with one key the left one stays.
 */
#include "tracestate.h"
#include "text.h"

#include <string.h>

enum { KEY_LONGEST = 256, VALUE_LONGEST = 256 };

/* ---- grammar ----------------------------------------------------------------------------------------------------- */

static bool starts_key(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

static bool continues_key(char c) { return starts_key(c) || c == '_' || c == '-' || c == '*' || c == '/' || c == '@'; }

static bool is_key(otel_str key) {
    if (key.ptr == NULL || key.len < 1 || key.len > KEY_LONGEST || !starts_key(key.ptr[0])) {
        return false;
    }
    for (size_t i = 1; i < key.len; i++) {
        if (!continues_key(key.ptr[i])) {
            return false;
        }
    }
    return true;
}

static bool is_value(otel_str value) {
    if (value.ptr == NULL || value.len < 1 || value.len > VALUE_LONGEST || value.ptr[value.len - 1] == ' ') {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c < ' ' || c > '~' || c == ',' || c == '=') {
            return false;
        }
    }
    return true;
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

static const struct otel__member *find(const struct otel__members *list, otel_str key) {
    for (size_t i = 0; i < list->count; i++) {
        if (otel__same_text(list->items[i].key, key)) {
            return &list->items[i];
        }
    }
    return NULL;
}

static bool read_member(struct otel__members *list, otel_str text) {
    const char *equals = memchr(text.ptr, '=', text.len);
    if (equals == NULL || ++list->seen > OTEL__TRACESTATE_MEMBERS) {
        return false;
    }
    size_t key_len = (size_t)(equals - text.ptr);
    struct otel__member member = { { text.ptr, key_len }, { equals + 1, text.len - key_len - 1 } };
    if (!is_key(member.key) || !is_value(member.value)) {
        return false;
    }
    if (find(list, member.key) == NULL) {
        list->items[list->count++] = member;
    }
    return true;
}

bool otel__members_read(struct otel__members *list, otel_str field) {
    if (field.ptr == NULL || field.len == 0) {
        return true;
    }
    if (field.len > OTEL__TRACESTATE_INPUT - list->bytes) {
        return false;
    }
    list->bytes += field.len;
    const char *end = field.ptr + field.len;
    for (const char *at = field.ptr; at <= end;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma != NULL ? comma : end;
        otel_str member = otel__trimmed(otel_strn(at, (size_t)(stop - at)));
        if (member.len > 0 && !read_member(list, member)) {
            return false;
        }
        at = stop + 1;
    }
    return true;
}

static char *put(char *at, otel_str text) {
    memcpy(at, text.ptr, text.len);
    return at + text.len;
}

uint64_t otel__members_store(const struct otel__members *list) {
    size_t length = 0;
    for (size_t i = 0; i < list->count; i++) {
        length += (i > 0) + list->items[i].key.len + 1 + list->items[i].value.len;
    }
    uint64_t state;
    char *at = otel__tracestate_reserve(length, &state);
    if (at == NULL) {
        return 0;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0) {
            *at++ = ',';
        }
        at = put(at, list->items[i].key);
        *at++ = '=';
        at = put(at, list->items[i].value);
    }
    otel__tracestate_publish(state);
    return state;
}

/* ---- public functions -------------------------------------------------------------------------------------------- */

static uint64_t reference(const otel_tracestate *state) { return state != NULL ? state->opaque_[0] : 0; }

static otel_tracestate owned(uint64_t state) { return (otel_tracestate){ { state } }; }

static otel_tracestate again(const otel_tracestate *state) {
    uint64_t same_one = reference(state);
    return owned(otel__tracestate_retain(same_one) ? same_one : 0);
}

/* The members of a stored text, which is valid. */
static void members_of(const otel_tracestate *state, struct otel__members *list) {
    list->count = list->seen = list->bytes = 0;
    otel__members_read(list, otel_tracestate_text(state));
}

otel_tracestate otel_span_tracestate(const otel_span *span) {
    uint64_t state = span != NULL ? span->opaque_[OTEL__W_STATE] : 0;
    return owned(otel__tracestate_retain(state) ? state : 0);
}

otel_tracestate otel_tracestate_parse(otel_str text) {
    struct otel__members list;
    list.count = list.seen = list.bytes = 0;
    return owned(otel__members_read(&list, text) ? otel__members_store(&list) : 0);
}

/* Copies members of `from` behind those of `list`, without the one called `key`, as far as there is room. */
static void append_others(struct otel__members *list, const struct otel__members *from, otel_str key) {
    for (size_t i = 0; i < from->count && list->count < OTEL__TRACESTATE_MEMBERS; i++) {
        if (!otel__same_text(from->items[i].key, key)) {
            list->items[list->count++] = from->items[i];
        }
    }
}

otel_tracestate otel_tracestate_set(const otel_tracestate *state, otel_str key, otel_str value, bool *ok) {
    struct otel__members old, list;
    uint64_t made = 0;
    if (is_key(key) && is_value(value)) {
        members_of(state, &old);
        list.items[0] = (struct otel__member){ key, value };
        list.count = 1;
        append_others(&list, &old, key);
        made = otel__members_store(&list);
    }
    if (ok != NULL) {
        *ok = made != 0;
    }
    return made != 0 ? owned(made) : again(state);
}

otel_tracestate otel_tracestate_remove(const otel_tracestate *state, otel_str key) {
    struct otel__members old, list;
    members_of(state, &old);
    if (!is_key(key) || find(&old, key) == NULL) {
        return again(state);
    }
    list.count = 0;
    append_others(&list, &old, key);
    return owned(otel__members_store(&list));
}

otel_str otel_tracestate_get(const otel_tracestate *state, otel_str key) {
    struct otel__members list;
    members_of(state, &list);
    const struct otel__member *member = is_key(key) ? find(&list, key) : NULL;
    return member != NULL ? member->value : otel_strn(NULL, 0);
}

otel_str otel_tracestate_text(const otel_tracestate *state) { return otel__tracestate_text(reference(state)); }

void otel_tracestate_release(otel_tracestate *state) {
    if (state != NULL) {
        otel__tracestate_drop(state->opaque_[0]);
        state->opaque_[0] = 0;
    }
}
