/* SPDX-License-Identifier: Apache-2.0 */
/* values.c - the arrays of values (values.h), and the users' own keys and values in them. */
#include "values.h"
#include "cancellation.h"
#include "context.h"

#include <errno.h>
#include <stdlib.h>

/* ---- counting ---------------------------------------------------------------------------------------------------- */

/* True: it was the last one. What other holders did with the object before they gave it back is visible then. */
static bool last_given_back(_Atomic size_t *references) {
    return atomic_fetch_sub_explicit(references, 1, memory_order_acq_rel) == 1;
}

void otel__cell_drop(struct otel__cell *cell) {
    if (cell != NULL && last_given_back(&cell->references)) {
        int saved = errno;
        cell->destroy(cell);
        errno = saved;
    }
}

void otel__values_drop(struct otel__values *values) {
    if (values == NULL || !last_given_back(&values->references)) {
        return;
    }
    for (size_t i = 0; i < values->count; i++) {
        otel__cell_drop(values->entries[i].cell);
    }
    int saved = errno;
    free(values);
    errno = saved;
}

/* ---- arrays ------------------------------------------------------------------------------------------------------ */

struct otel__cell *otel__values_find(const struct otel__values *values, uint64_t key) {
    for (size_t i = 0; values != NULL && i < values->count; i++) {
        if (values->entries[i].key == key) {
            return values->entries[i].cell;
        }
    }
    return NULL;
}

static struct otel__values *values_new(size_t room) {
    int saved = errno;
    struct otel__values *values = malloc(sizeof *values + room * sizeof *values->entries);
    errno = saved;
    if (values != NULL) {
        atomic_init(&values->references, 1);
        values->count = 0;
    }
    return values;
}

/* A copy without `key`, with room for one entry more. */
static struct otel__values *copy_others(const struct otel__values *former, uint64_t key) {
    const size_t before = former != NULL ? former->count : 0;
    struct otel__values *values = values_new(before + 1);
    for (size_t i = 0; values != NULL && i < before; i++) {
        if (former->entries[i].key != key) {
            otel__cell_retain(former->entries[i].cell);
            values->entries[values->count++] = former->entries[i];
        }
    }
    return values;
}

bool otel__values_derive(struct otel__values *former, uint64_t key, struct otel__cell *cell,
                         struct otel__values **made) {
    const bool there = otel__values_find(former, key) != NULL;
    if (cell == NULL && (!there || former->count == 1)) {
        *made = there ? NULL : former;
        otel__values_retain(*made);
        return true;
    }
    struct otel__values *values = copy_others(former, key);
    if (values != NULL && cell != NULL) {
        values->entries[values->count++] = (struct otel__values_entry){ key, cell };
    }
    *made = values;
    return values != NULL;
}

/* ---- in contexts ------------------------------------------------------------------------------------------------- */

otel_context otel__context_with_cell(const otel_context *base, uint64_t key, struct otel__cell *cell) {
    otel_context context = otel_context_retain(base);
    struct otel__values *former = otel__context_values(&context), *made;
    if (otel__values_derive(former, key, cell, &made)) {
        otel__context_put_values(&context, made);
        otel__values_drop(former);
    } else {
        otel__cell_drop(cell);
        otel__tell(OTEL__MISUSE_NO_MEMORY);
    }
    return context;
}

struct otel__cell *otel__context_cell(const otel_context *context, uint64_t key) {
    struct otel__cell *cell = NULL;
    struct otel__call call;
    if (context != NULL) {
        cell = otel__values_find(otel__context_values(context), key);
    } else if (otel__enter(&call)) {
        cell = otel__values_find(otel__context_values(otel__context_top(call.thread)), key);
        otel__leave(&call);
    }
    return cell;
}

/* ---- keys and values of users ------------------------------------------------------------------------------------ */

struct user_value {
    struct otel__cell cell; /* first: a pointer to it is one to the whole */
    void *value;
    void (*release)(void *value);
};

otel_context_key otel_context_key_create(const char *name) {
    static _Atomic uint64_t last = OTEL__KEYS_RESERVED;
    return (otel_context_key){ { atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1 }, name };
}

static bool is_users(otel_context_key key) { return key.opaque_[0] > OTEL__KEYS_RESERVED; }

/* What lies around the value, and the values beside it, are yet to be given back. */
static void release_value(void *value, void (*release)(void *value)) {
    if (value != NULL && release != NULL) {
        const int cancellation = otel__cancellation_hold();
        release(value);
        otel__cancellation_allow(cancellation);
    }
}

static void destroy_user_value(struct otel__cell *cell) {
    struct user_value *user = (struct user_value *)(void *)cell;
    release_value(user->value, user->release);
    free(user);
}

static struct otel__cell *user_value_new(void *value, void (*release)(void *value)) {
    int saved = errno;
    struct user_value *user = malloc(sizeof *user);
    errno = saved;
    if (user == NULL) {
        return NULL;
    }
    *user = (struct user_value){ .cell = { 1, destroy_user_value }, .value = value, .release = release };
    return &user->cell;
}

otel_context otel_context_with_value(const otel_context *base, otel_context_key key, void *value,
                                     void (*release)(void *value)) {
    struct otel__cell *cell = is_users(key) && value != NULL ? user_value_new(value, release) : NULL;
    if (is_users(key) && (value == NULL || cell != NULL)) {
        return otel__context_with_cell(base, key.opaque_[0], cell);
    }
    otel_context same = otel_context_retain(base);
    int saved = errno;
    release_value(value, release);
    errno = saved;
    if (is_users(key)) {
        otel__tell(OTEL__MISUSE_NO_MEMORY);
    }
    return same;
}

void *otel_context_value(const otel_context *context, otel_context_key key) {
    const struct otel__cell *cell = is_users(key) ? otel__context_cell(context, key.opaque_[0]) : NULL;
    return cell != NULL ? ((const struct user_value *)(const void *)cell)->value : NULL;
}
