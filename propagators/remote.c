/* SPDX-License-Identifier: Apache-2.0 */
/* remote.c - see remote.h. */
#include "remote.h"

#include "context.h"
#include "ids.h"

#include <errno.h>
#include <otel/trace.h>
#include <stdlib.h>

/* Under OTEL__KEY_DECISION. */
struct remembered {
    struct otel__cell cell; /* first: a pointer to it is one to the whole */
    uint64_t trace_id[2];
    uint64_t span_id;
    enum otel__decision decision;
};

static void destroy(struct otel__cell *cell) { free(cell); }

static struct otel__cell *remember(const otel_span *span, enum otel__decision decision) {
    int saved = errno;
    struct remembered *made = malloc(sizeof *made);
    errno = saved;
    if (made == NULL) {
        otel__tell(OTEL__MISUSE_NO_MEMORY);
        return NULL;
    }
    *made = (struct remembered){ .cell = { 1, destroy }, .decision = decision };
    memcpy(made->trace_id, &span->opaque_[OTEL__W_TRACE], sizeof made->trace_id);
    made->span_id = span->opaque_[OTEL__W_SPAN];
    return &made->cell;
}

enum otel__decision otel__remote_decision(const otel_context *context, const otel_span *span) {
    const struct remembered *said = (const void *)otel__context_cell(context, OTEL__KEY_DECISION);
    if (said == NULL || memcmp(said->trace_id, &span->opaque_[OTEL__W_TRACE], sizeof said->trace_id) != 0) {
        return OTEL__DECISION_FLAG;
    }
    const bool decided = said->span_id != span->opaque_[OTEL__W_SPAN] || otel_span_sampled(span);
    return said->decision == OTEL__DECISION_DEFERRED && decided ? OTEL__DECISION_FLAG : said->decision;
}

bool otel__remote_valid(const struct otel__remote *remote) {
    static const uint8_t zero[16];
    return memcmp(remote->trace_id, zero, 16) != 0 && memcmp(remote->span_id, zero, 8) != 0;
}

bool otel__remote_ids(struct otel__remote *remote, otel_str trace_id, otel_str span_id) {
    return (trace_id.len == 16 || trace_id.len == 32) && otel__id_read(remote->trace_id, 16, trace_id) &&
           span_id.len == 16 && otel__id_read(remote->span_id, 8, span_id) && otel__remote_valid(remote);
}

otel_context otel__remote_into(const otel_context *base, const struct otel__remote *remote) {
    otel_span_context read = { .size = sizeof read, .flags = remote->sampled ? OTEL_FLAG_SAMPLED : 0, .remote = true };
    memcpy(read.trace_id, remote->trace_id, sizeof read.trace_id);
    memcpy(read.span_id, remote->span_id, sizeof read.span_id);
    const otel_span span = otel_span_wrap(&read);
    const bool more = remote->decision != OTEL__DECISION_FLAG;
    struct otel__cell *cell = more ? remember(&span, remote->decision) : NULL;
    otel_context with_decision = otel__context_with_cell(base, OTEL__KEY_DECISION, cell);
    otel_context context = otel_context_with_span(&with_decision, &span);
    otel_context_release(&with_decision);
    return context;
}
