/* SPDX-License-Identifier: Apache-2.0 */
/* request_id.c - carries the field `x-request-id` of service meshes on, from what comes in to what goes out. */
#include <otel/propagation.h>

#include "context.h"
#include "fields.h"
#include "options.h"

#include <errno.h>
#include <stdlib.h>

static const char REQUEST_ID[] = "x-request-id";

enum { LONGEST = 256 };

/* Under OTEL__KEY_REQUEST_ID. */
struct request_id {
    struct otel__cell cell; /* first: a pointer to it is one to the whole */
    size_t length;
    char text[];
};

static const char *field(size_t index) { return index == 0 ? REQUEST_ID : NULL; }

static void inject(const otel_context *context, const otel_setter *setter, void *carrier) {
    const struct request_id *id = (const void *)otel__context_cell(context, OTEL__KEY_REQUEST_ID);
    if (id != NULL && setter != NULL && OTEL__HAS(setter, set)) {
        setter->set(carrier, REQUEST_ID, id->text, id->length);
    }
}

static bool is_id(otel_str text) {
    for (size_t i = 0; i < text.len && text.len <= LONGEST; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~') {
            return false;
        }
    }
    return text.len > 0 && text.len <= LONGEST;
}

static void destroy(struct otel__cell *cell) { free(cell); }

static struct otel__cell *copy(otel_str text) {
    int saved = errno;
    struct request_id *made = malloc(sizeof *made + text.len + 1);
    errno = saved;
    if (made == NULL) {
        return NULL;
    }
    made->cell.destroy = destroy;
    atomic_init(&made->cell.references, 1);
    made->length = text.len;
    memcpy(made->text, text.ptr, text.len);
    made->text[text.len] = '\0';
    return &made->cell;
}

static otel_context extract(const otel_context *base, const otel_getter *getter, const void *carrier) {
    otel_str value;
    if (getter == NULL || !OTEL__HAS(getter, get) || !otel__field_first(getter, carrier, REQUEST_ID, &value) ||
        !is_id(value)) {
        return otel_context_retain(base);
    }
    struct otel__cell *cell = copy(value);
    if (cell == NULL) {
        otel__tell(OTEL__MISUSE_NO_MEMORY);
        return otel_context_retain(base);
    }
    return otel__context_with_cell(base, OTEL__KEY_REQUEST_ID, cell);
}

const otel_propagator otel_propagator_request_id = {
    .size = sizeof otel_propagator_request_id,
    .name = "request-id",
    .field = field,
    .inject = inject,
    .extract = extract,
};
