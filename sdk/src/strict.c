/* SPDX-License-Identifier: Apache-2.0 */
/* strict.c - see strict.h. */
#include "strict.h"

#include "attributes.h"
#include "backend.h"
#include "tracer.h"

#include <stdio.h>
#include <string.h>

bool otel__strict;

enum { NAME_MAX_ = 63, PLACE_MAX = 111 };

/* What a report says of a span. */
struct identity {
    uint64_t birth; /* 0: none */
    char name[NAME_MAX_ + 1], scope[NAME_MAX_ + 1];
    char place[PLACE_MAX + 1]; /* "": unknown */
};

/* In wiped memory. */
struct ended {
    otel__lock lock;
    struct identity ring[OTEL__STRICT_ENDED];
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

static void copy_head(char *to, size_t size, otel_str text) {
    snprintf(to, size, "%.*s", (int)(text.len < size ? text.len : size - 1), text.ptr ? text.ptr : "");
}

/* The end of a path says more than its beginning. */
static void copy_tail(char *to, size_t size, otel_str text) {
    const size_t skipped = text.len < size ? 0 : text.len - size + 1;
    copy_head(to, size, otel_strn(text.ptr + (text.ptr ? skipped : 0), text.len - skipped));
}

static void identify(struct identity *to, const struct otel__record *record) {
    copy_head(to->name, sizeof to->name, otel__text_str(record->name));
    copy_head(to->scope, sizeof to->scope, record->scope->data.name);
    copy_tail(to->place, sizeof to->place, otel__text_str(record->place));
}

void otel__strict_note_end(const struct otel__record *record) {
    const uint64_t birth = record->span.opaque_[OTEL__W_BIRTH];
    struct identity *place = &ended->ring[birth % OTEL__STRICT_ENDED];
    otel__lock_acquire(&ended->lock);
    place->birth = birth;
    identify(place, record);
    otel__lock_release(&ended->lock);
}

static bool find_ended(uint64_t birth, struct identity *out) {
    const struct identity *place = &ended->ring[birth % OTEL__STRICT_ENDED];
    otel__lock_acquire(&ended->lock);
    const bool found = place->birth == birth;
    if (found)
        *out = *place;
    otel__lock_release(&ended->lock);
    return found;
}

static bool find_live(const otel_span *span, struct identity *out) {
    struct otel__record *record = otel__record_lock(span);
    if (!record)
        return false;
    identify(out, record);
    otel__record_unlock(record);
    return true;
}

/* One line per place and kind of misuse. */
static void tell(const struct identity *who, const char *what) {
    char kind[PLACE_MAX + 64];
    const bool known = who->place[0] != '\0';
    snprintf(kind, sizeof kind, "%s %.32s", known ? who->place : who->name, what);
    otel_report(OTEL_LOG_ERROR, kind, "strict: span '%s' of tracer '%s', started %s%s, %s", who->name, who->scope,
                known ? "at " : "without OTEL_START()", who->place, what);
}

void otel__strict_late(const otel_span *span, const char *done) {
    struct identity who;
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
    struct identity who;
    identify(&who, record);
    tell(&who, "was never ended");
}

void otel__strict_scope(const otel_span *span, const char *text) {
    struct identity who;
    const bool named = span && span->opaque_[OTEL__W_BIRTH] != 0;
    if (named && (find_live(span, &who) || find_ended(span->opaque_[OTEL__W_BIRTH], &who)))
        tell(&who, text);
    else
        otel_report(OTEL_LOG_ERROR, text, "strict: %s", text);
}
