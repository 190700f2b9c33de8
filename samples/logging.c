/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logging.c - lines of a log that lead to traces: JSON lines of otel/log.h, and the ids of the current span in loggers
 * that a program has already.
 *
 *     OTEL_TRACES_EXPORTER=console logging   shows the spans beside the lines, which go to stderr
 *     OTEL_C_LOG_LEVEL=debug logging         shows the lines of all levels
 */
#include <otel/log.h>
#include <otel/sdk.h>
#include <stdio.h>
#include <syslog.h>

OTEL_TRACER(tracer, "shop.cart", "1.0.0");
OTEL_LOGGER(logger, "shop.cart");

/* A logger of the program's own: one call gives its lines the ids; "" where no span is current. */
static void log_own(const char *text) {
    char ids[OTEL_IDS_SIZE];
    otel_log_ids(NULL, OTEL_IDS_TEXT, ids, sizeof ids);
    fprintf(stderr, "shop: %s %s\n", text, ids);
}

/* Structured data, as RFC 5424 has it, in front of the message. */
static void log_to_syslog(const char *text) {
    char ids[OTEL_IDS_SIZE];
    otel_log_ids(NULL, OTEL_IDS_SYSLOG, ids, sizeof ids);
    syslog(LOG_WARNING, "%s %s", ids, text);
}

static void pay(const char *bank, int attempt) {
    OTEL_SPAN(span, tracer, "pay");
    otel_log_debug(logger, "asking the bank", OTEL_ATTR("bank", bank)); /* not evaluated unless it is written */
    otel_log_warning(logger, "card declined", OTEL_ATTR("bank", bank), OTEL_ATTR("attempt", attempt));
    log_own("card declined");
    log_to_syslog("card declined");
}

int main(void) {
    openlog("shop", LOG_PID, LOG_USER);
    /* What the SDK itself has to say becomes lines of the same log. */
    otel_sdk_start(OTEL_SDK(.service_name = "shop", .diagnostic = otel_diagnostic_log));
    otel_log_info(logger, "open for business");
    pay("north", 3);
    for (int i = 0; i < 1000; i++)
        otel_log_error(logger, "the printer is out of paper", OTEL_ATTR("i", i)); /* 100 of them are written */
    printf("sending the trace: %s\n", otel_status_text(otel_sdk_stop(3000)));
    otel_log_counts counts = otel_log_count();
    printf("%llu lines written, %llu suppressed, %llu dropped\n", (unsigned long long)counts.written,
           (unsigned long long)counts.suppressed, (unsigned long long)counts.dropped);
}
