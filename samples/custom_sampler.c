/* SPDX-License-Identifier: Apache-2.0 */
/*
 * custom_sampler.c - writing a sampler: no health checks, all orders of important customers, and each tenth of the
 * others.
 */
#include <otel/sdk.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Static, since what a sampler returns must stay valid until the span has started. */
static const char *const reasons[] = { "important customer", "one of ten" };
static otel_attr notes[2];
static atomic_uint orders;

static bool is(otel_str text, const char *wanted) {
    return text.len == strlen(wanted) && memcmp(text.ptr, wanted, text.len) == 0;
}

static bool is_important(otel_attrs attributes) {
    for (size_t i = 0; i < attributes.count; i++) {
        const otel_attr *attr = &attributes.items[i];
        if (is(attr->key, "customer.important") && attr->value.type == OTEL_TYPE_BOOL)
            return attr->value.u.i != 0;
    }
    return false;
}

/* Several threads may be in here, so what they share is atomic. The result says OTEL_DROP unless it is changed. */
static void should_sample(void *self, const otel_sampling_input *input, otel_sampling_result *result) {
    (void)self;
    if (is(input->name, "GET /health"))
        return;
    const bool important = is_important(input->attributes);
    if (!important && atomic_fetch_add(&orders, 1) % 10 != 0)
        return;
    result->decision = OTEL_RECORD_AND_SAMPLE;
    result->attributes = (otel_attrs){ &notes[important ? 0 : 1], 1 };
}

static const otel_sampler_ops sampler_ops = { .size = sizeof sampler_ops, .should_sample = should_sample };

OTEL_TRACER(tracer, "sample.custom_sampler", "1.0.0");

static void serve(const char *name, bool important) {
    /* What a sampler is to decide by is given at the start. */
    OTEL_SPAN(span, tracer, name, .kind = OTEL_SERVER,
              .attributes = OTEL_ATTRS(OTEL_ATTR("customer.important", otel_bool(important))));
    OTEL_SPAN(query, tracer, "SELECT orders", .kind = OTEL_CLIENT);
}

int main(void) {
    for (int i = 0; i < 2; i++)
        notes[i] = OTEL_ATTR("sampling.reason", reasons[i]);
    /* As the root of a parent-based sampler it decides about whole traces: the rest of each follows its first span. */
    otel_sampler *sampler = otel_sampler_parent_based_root(otel_sampler_create(&sampler_ops, NULL));
    otel_error why;
    if (otel_sdk_start(OTEL_SDK(.service_name = "shop", .sampler = sampler, .error = &why)) != OTEL_OK)
        fprintf(stderr, "tracing is off: %s\n", why.text);
    for (int i = 0; i < 100; i++) {
        serve("GET /health", false);
        serve("GET /orders", i % 50 == 0);
    }
    printf("sending the traces: %s\n", otel_status_text(otel_sdk_stop(3000)));
}
