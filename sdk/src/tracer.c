/* SPDX-License-Identifier: Apache-2.0 */
/* tracer.c - see tracer.h. */
#include "tracer.h"

#include "base/slab.h"
#include "base/sync.h"
#include "cancellation.h"
#include "options.h"
#include "text.h"
#include "value_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SCOPES_MAX = 4096, SCOPE_BYTES_MAX = 64 * 1024 };

/* In wiped memory, since a fork may happen while another thread holds it. */
static otel__lock *lock;
static _Atomic uint64_t epoch; /* 0: no SDK runs */
static uint64_t last_epoch;
static struct otel__scope *scopes; /* under `lock` */
static size_t scope_count;
/* For tracers beyond the bound or without memory. */
static const struct otel__scope nameless;
/* Change only while no call is running. */
static otel_tracer_config (*configure)(void *data, const otel_scope_data *scope);
static void *configure_data;

bool otel__scopes_begin(void) {
    if (!lock)
        lock = otel__wiped_map(sizeof *lock);
    atomic_store(&epoch, lock ? ++last_epoch : 0);
    return lock != NULL;
}

void otel__scopes_end(void) {
    atomic_store(&epoch, 0);
    /* Taken off first: a child forked in the middle of this must not find what is freed already. */
    struct otel__scope *list = scopes;
    scopes = NULL;
    scope_count = 0;
    while (list) {
        struct otel__scope *next = list->next;
        free(list);
        list = next;
    }
}

void otel__scopes_configure(otel_tracer_config (*config)(void *data, const otel_scope_data *scope), void *data) {
    configure = config;
    configure_data = data;
}

/* ---- making scopes ----------------------------------------------------------------------------------------------- */

/* One block holds the scope and all that it points to. */
struct otel__scope *otel__scope_copy(const otel_scope_data *from) {
    if (from->attributes.items && from->attributes.count > OTEL__LIST_MAX)
        return NULL;
    const size_t size = otel__str_copy_size(from->name) + otel__str_copy_size(from->version) +
                        otel__str_copy_size(from->schema_url) + otel__attrs_copy_size(from->attributes);
    struct otel__scope *scope = size <= SCOPE_BYTES_MAX ? calloc(1, sizeof *scope + size) : NULL;
    if (!scope)
        return NULL;
    char *room = (char *)(scope + 1);
    scope->data.attributes = otel__attrs_copy(from->attributes, &room);
    scope->data.dropped_attributes = otel__attrs_copy_drops(from->attributes);
    scope->data.name = otel__str_copy(from->name, &room);
    scope->data.version = otel__str_copy(from->version, &room);
    scope->data.schema_url = otel__str_copy(from->schema_url, &room);
    return scope;
}

/* Both are copies: text that is not UTF-8 differs from its copy, but equal text has equal ones. */
bool otel__same_scope(const otel_scope_data *a, const otel_scope_data *b) {
    return otel__same_text(a->name, b->name) && otel__same_text(a->version, b->version) &&
           otel__same_text(a->schema_url, b->schema_url) && otel__attrs_equal(a->attributes, b->attributes);
}

static const struct otel__scope *find(const otel_scope_data *wanted) {
    const struct otel__scope *scope = scopes;
    while (scope && !otel__same_scope(&scope->data, wanted))
        scope = scope->next;
    return scope;
}

/* The scope that is equal to `made`, which is it now unless there was one. NULL: there is no room. */
static const struct otel__scope *find_or_add(struct otel__scope *made) {
    otel__lock_acquire(lock);
    const struct otel__scope *found = find(&made->data);
    const bool added = !found && scope_count < SCOPES_MAX;
    if (added) {
        made->next = scopes;
        scopes = made;
        scope_count++;
    }
    otel__lock_release(lock);
    return added ? made : found;
}

static bool is_known(const otel_scope_data *wanted) {
    otel__lock_acquire(lock);
    const bool known = find(wanted) != NULL;
    otel__lock_release(lock);
    return known;
}

static const struct otel__scope *find_or_make(const otel_scope_data *wanted) {
    struct otel__scope *made = otel__scope_copy(wanted);
    if (!made)
        return NULL;
    /* Under no lock, since this is the user's. */
    if (configure && !is_known(&made->data)) {
        const int cancellation = otel__cancellation_hold();
        made->disabled = configure(configure_data, &made->data).disabled;
        otel__cancellation_allow(cancellation);
    }
    const struct otel__scope *scope = find_or_add(made);
    if (scope != made)
        free(made);
    return scope;
}

/* ---- binding ----------------------------------------------------------------------------------------------------- */

static _Atomic uint64_t *word(otel_tracer *tracer, unsigned index) {
    return (_Atomic uint64_t *)&tracer->opaque_[index];
}

static const struct otel__scope *bind(otel_tracer *tracer, uint64_t now) {
    if (!tracer->name || !*tracer->name)
        otel_report(OTEL_LOG_WARN, "tracer name", "a tracer has the name '%s': its spans get the empty scope name",
                    tracer->name ? tracer->name : "(null)");
    const otel_scope_data wanted = { .name = otel_cstr(tracer->name),
                                     .version = otel_cstr(tracer->version),
                                     .schema_url = otel_cstr(tracer->schema_url),
                                     .attributes = tracer->attributes };
    const int saved = errno;
    const struct otel__scope *scope = find_or_make(&wanted);
    errno = saved;
    if (!scope) {
        scope = &nameless;
        otel_report(OTEL_LOG_WARN, "scopes",
                    "no room for tracer '%s' (at most %d distinct ones of %d bytes each): its spans have no scope",
                    tracer->name ? tracer->name : "", (int)SCOPES_MAX, (int)SCOPE_BYTES_MAX);
    }
    atomic_store_explicit(word(tracer, 1), (uint64_t)(uintptr_t)scope, memory_order_relaxed);
    atomic_store_explicit(word(tracer, 0), now, memory_order_release);
    return scope;
}

const struct otel__scope *otel__tracer_scope(otel_tracer *tracer) {
    const uint64_t now = atomic_load_explicit(&epoch, memory_order_relaxed);
    if (__builtin_expect(atomic_load_explicit(word(tracer, 0), memory_order_acquire) != now, 0))
        return bind(tracer, now);
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): the tracer's opaque words are integers in the ABI */
    return (const struct otel__scope *)(uintptr_t)atomic_load_explicit(word(tracer, 1), memory_order_relaxed);
}
