/* SPDX-License-Identifier: Apache-2.0 */
/* strict.c - see strict.h. */
#include "strict.h"

#include "backend.h"
#include "identity.h"

#include <stdio.h>
#include <string.h>

bool otel__strict;

/* In wiped memory. */
struct ended {
    otel__lock lock;
    struct entry {
        uint64_t birth; /* 0: none */
        struct otel__identity who;
    } ring[OTEL__STRICT_ENDED];
};
static struct ended *ended;

bool otel__strict_set(bool on) {
    if (on && !ended)
        ended = otel__wiped_map(sizeof *ended);
    if (on && !ended)
        return false;
    if (on)
        memset(ended, 0, sizeof *ended);
    otel__strict = on;
    return true;
}

void otel__strict_note_end(const struct otel__record *record) {
    const uint64_t birth = record->span.opaque_[OTEL__W_BIRTH];
    struct entry *entry = &ended->ring[birth % OTEL__STRICT_ENDED];
    otel__lock_acquire(&ended->lock);
    entry->birth = birth;
    otel__identify(&entry->who, record);
    otel__lock_release(&ended->lock);
}

static bool find_ended(uint64_t birth, struct otel__identity *out) {
    const struct entry *entry = &ended->ring[birth % OTEL__STRICT_ENDED];
    otel__lock_acquire(&ended->lock);
    const bool found = entry->birth == birth;
    if (found)
        *out = entry->who;
    otel__lock_release(&ended->lock);
    return found;
}

static bool find_live(const otel_span *span, struct otel__identity *out) {
    struct otel__record *record = otel__record_lock(span);
    if (!record)
        return false;
    otel__identify(out, record);
    otel__record_unlock(record);
    return true;
}

/* One line per place and kind of misuse. */
static void tell(const struct otel__identity *who, const char *what) {
    char kind[sizeof who->place + 64];
    const bool known = who->place[0] != '\0';
    snprintf(kind, sizeof kind, "%s %.32s", known ? who->place : who->name, what);
    otel_report(OTEL_LOG_ERROR, kind, "strict: span '%s' of tracer '%s', started %s%s, %s", who->name, who->scope,
                known ? "at " : "without OTEL_START()", who->place, what);
}

void otel__strict_late(const otel_span *span, const char *done) {
    struct otel__identity who;
    char what[64];
    if (!otel__strict) {
        otel_report(OTEL_LOG_DEBUG, "late call", "a span was %s after its end: ignored (strict mode tells which)",
                    done);
    } else if (find_ended(span->opaque_[OTEL__W_BIRTH], &who)) {
        snprintf(what, sizeof what, "was %s after its end: ignored", done);
        tell(&who, what);
    }
}

void otel__strict_unended(const struct otel__record *record) {
    struct otel__identity who;
    otel__identify(&who, record);
    tell(&who, "was never ended");
}

void otel__strict_scope(const otel_span *span, const char *text) {
    struct otel__identity who;
    const bool named = span && span->opaque_[OTEL__W_BIRTH] != 0;
    if (named && (find_live(span, &who) || find_ended(span->opaque_[OTEL__W_BIRTH], &who)))
        tell(&who, text);
    else
        otel_report(OTEL_LOG_ERROR, text, "strict: %s", text);
}
