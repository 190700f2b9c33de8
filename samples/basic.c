/* SPDX-License-Identifier: Apache-2.0 */
/*
 * basic.c - a first trace: a span, a span inside it, attributes, an event and an error.
 *
 *     OTEL_TRACES_EXPORTER=console basic     shows the spans here
 *     basic                                  sends them to a collector or Jaeger at localhost:4318
 */
#include <otel/sdk.h>
#include <stdio.h>

OTEL_TRACER(tracer, "shop.checkout", "1.0.0");

static bool charge(double amount) {
    OTEL_SPAN(span, tracer, "charge card", .kind = OTEL_CLIENT); /* its parent is the span that is current here */
    otel_set(&span, "payment.amount", amount);
    otel_event(&span, "card declined", .attributes = OTEL_ATTRS(OTEL_ATTR("payment.attempt", 1)));
    otel_span_fail(&span, "card_declined", "the bank refused the card");
    return false; /* the span ends here, and whichever way the function is left */
}

static void check_out(const char *cart, int items) {
    OTEL_SPAN(span, tracer, "check out");
    otel_set(&span, "cart.id", cart);
    otel_set(&span, "cart.items", items);
    otel_set(&span, "order.paid", otel_bool(charge(49.90)));
}

int main(void) {
    otel_sdk_start(OTEL_SDK(.service_name = "shop"));
    check_out("c-17", 3);
    otel_status sent = otel_sdk_stop(3000);
    printf("sending the trace: %s\n", otel_status_text(sent));
}
