/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tags.h - what OpenTelemetry says about a span, as keys and values, for formats that know no more than those
 * (specification: common/mapping-to-non-otlp.md).
 *
 * A format asks for the tags of a span, an event or a link, adds what it says in its own way, and walks through them:
 *
 *     struct otel__tags tags;
 *     otel__tags_of_span(&tags, span, OTEL__TAGS_WITH_DESCRIPTION);
 *     otel__tags_add(&tags, "span.kind", otel_string("client"));
 *     for (const otel_attr *tag; (tag = otel__tags_previous(&tags)) != NULL;)
 *         ...
 *
 * It walks from the last to the first, as a writer from the end wants it. Each key comes once: of two equal ones the
 * stronger counts, first what the format added, then what is said by a key of OpenTelemetry's own, then the attributes
 * of the span, of its scope, and what the format put behind them. Nothing is copied or allocated: texts are those of
 * the span.
 */
#ifndef OTEL_EXPORTERS_TAGS_H
#define OTEL_EXPORTERS_TAGS_H

#include <otel/exporter.h>

enum {
    OTEL__TAGS_ADDED = 6,   /* that a format may add */
    OTEL__TAGS_GENERIC = 9, /* scope, library, status and dropped counts */
    OTEL__TAGS_LISTS = 4    /* attributes of the span, of the scope, and two lists more */
};

/* Whether the text of a status is a tag, or the format has another place for it. */
enum otel__tags_status { OTEL__TAGS_WITH_DESCRIPTION, OTEL__TAGS_WITHOUT_DESCRIPTION };

struct otel__tags {
    otel_attr added[OTEL__TAGS_ADDED], generic[OTEL__TAGS_GENERIC];
    otel_attrs lists[2 + OTEL__TAGS_LISTS]; /* strongest first: those two, then the attributes */
    size_t list_count;
    size_t list, index; /* where the walk is: what lies before it is still to come */
};

/* Keys and values of a span; values are those of its attributes, strings, or integers for what was dropped. */
void otel__tags_of_span(struct otel__tags *tags, const otel_span_data *span, enum otel__tags_status status);
/* Those of an event or a link. */
void otel__tags_of_attributes(struct otel__tags *tags, otel_attrs attributes, uint32_t dropped);

/*
 * Before the walk: a tag of the format's own, and a list that is weaker than those before it. Beyond OTEL__TAGS_ADDED
 * and OTEL__TAGS_LISTS they are left out.
 */
void otel__tags_add(struct otel__tags *tags, const char *key, otel_value value);
void otel__tags_add_list(struct otel__tags *tags, otel_attrs attributes);

/* The next tag on the way from the last to the first; NULL: there is none left, and the walk is at its start again. */
const otel_attr *otel__tags_previous(struct otel__tags *tags);

#endif
