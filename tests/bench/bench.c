/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.c - makes spans of one workload and prints what they cost, as one line of JSON.
 *
 *     otel-bench --workload ten --rate 100000 --seconds 5 [--threads 2] [--processor simple] [--flushers 2] [--idle 60]
 *     otel-bench --workload ten --spans 1000000
 *
 * Each producer makes RATE/1000 spans, sleeps to the next millisecond, and repeats; with --spans it makes so many
 * without a pause. Two figures, in ns a span: `producer`, the median over all ticks of the time that a tick's spans took
 * in the producing thread, and `process`, user and system time of the whole process, exporting included, over all
 * spans. With --idle it then does nothing for so many seconds, and prints what happened in the second half of these.
 * Spans go where OTEL_EXPORTER_OTLP_ENDPOINT says.
 */
#include "process.h"
#include "producer.h"

#include <curl/curl.h>
#include <otel/otlp.h>
#include <otel/sdk.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
    struct load load;
    bool simple;   /* processor, instead of the batch one */
    unsigned idle; /* seconds */
};

static bool parse_number(const char *name, const char *text, struct options *options) {
    const unsigned number = (unsigned)strtoul(text, NULL, 10);
    if (strcmp(name, "--rate") == 0)
        options->load.rate = number;
    else if (strcmp(name, "--threads") == 0)
        options->load.threads = number;
    else if (strcmp(name, "--spans") == 0)
        options->load.spans = number;
    else if (strcmp(name, "--flushers") == 0)
        options->load.flushers = number;
    else if (strcmp(name, "--idle") == 0)
        options->idle = number;
    else if (strcmp(name, "--seconds") == 0)
        options->load.seconds = strtod(text, NULL);
    else
        return false;
    return true;
}

static bool parse(int argc, char **argv, struct options *options) {
    struct load *load = &options->load;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--workload") == 0)
            load->workload = workload_find(argv[i + 1]);
        else if (strcmp(argv[i], "--processor") == 0 && strcmp(argv[i + 1], "simple") == 0)
            options->simple = true;
        else if (strcmp(argv[i], "--processor") == 0 && strcmp(argv[i + 1], "batch") == 0)
            options->simple = false;
        else if (!parse_number(argv[i], argv[i + 1], options))
            return false;
    }
    if (load->spans)
        load->rate = 0;
    return argc % 2 == 1 && load->workload && (load->spans >= 1000 || load->rate >= 1000) && load->seconds >= 0.01 &&
           load->threads >= 1 && load->threads <= PRODUCERS_MAX && load->flushers <= PRODUCERS_MAX;
}

/* The resource of the specification's performance guideline: two texts of 10 characters and a UUID. */
static otel_status start(const struct options *options, otel_error *why) {
    const otel_attrs resource = OTEL_ATTRS(OTEL_ATTR("service.version", "1.0.0-perf"),
                                           OTEL_ATTR("service.instance.id", "627cc493-f310-47de-96bd-71410b7dec09"));
    otel_sampler *sampler = options->load.workload->sampled ? NULL : otel_sampler_always_off();
    otel_processor *simple = NULL;
    otel_processors processors = { NULL, 0 };
    if (options->simple) {
        simple = otel_simple_processor(otel_otlp_exporter(NULL));
        processors = (otel_processors){ &simple, 1 };
    }
    return otel_sdk_start(OTEL_SDK(.service_name = "otel-bench", .resource = resource, .sampler = sampler,
                                   .processors = processors, .error = why));
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

static otel_ledger_processor ledger_now(void) {
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    return ledger.processors[0];
}

static void print_load(const struct load *load, const struct produced *produced) {
    printf("\"workload\": \"%s\", \"threads\": %u, \"rate\": %u, \"spans\": %.0f, \"seconds\": %.3f, "
           "\"producer_ns\": %.1f, \"flushes\": %.0f",
           load->workload->name, load->threads, load->rate, produced->spans, produced->seconds, produced->producer_ns,
           produced->flushes);
}

static void print_ledger(void) {
    const otel_ledger_processor p = ledger_now();
    printf(", \"exported\": %llu, \"lost\": %llu, \"requests\": %llu", (unsigned long long)p.exported,
           (unsigned long long)(p.ended - p.exported), (unsigned long long)p.exports);
}

static void print_idle(unsigned seconds) {
    const long rss = process_rss_kib();
    sleep(seconds - seconds / 2);
    const unsigned long long exports = ledger_now().exports;
    unsigned long long sleeps = process_worker_sleeps();
    sleep(seconds / 2);
    sleeps = process_worker_sleeps() - sleeps;
    printf(", \"idle_s\": %u, \"idle_wakeups\": %llu, \"idle_requests\": %llu, "
           "\"rss_before_idle_kib\": %ld, \"rss_after_idle_kib\": %ld",
           seconds, sleeps, (unsigned long long)ledger_now().exports - exports, rss, process_rss_kib());
}

static otel_status measure(const struct options *options) {
    const double cpu = process_cpu_ns();
    const unsigned long long sleeps = process_worker_sleeps();
    const struct produced produced = produce(&options->load);
    const otel_status status = otel_sdk_flush(10000);
    const double used = process_cpu_ns() - cpu;
    printf("{");
    print_load(&options->load, &produced);
    printf(", \"process_ns\": %.1f, \"peak_rss_kib\": %ld, \"wakeups\": %llu", used / produced.spans,
           process_peak_rss_kib(), process_worker_sleeps() - sleeps);
    print_ledger();
    if (options->idle)
        print_idle(options->idle);
    printf("}\n");
    return status;
}

/* What a process weighs that has only initialised libcurl. */
static int print_curl(void) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    printf("{\"workload\": \"curl\", \"peak_rss_kib\": %ld}\n", process_peak_rss_kib());
    curl_global_cleanup();
    return 0;
}

int main(int argc, char **argv) {
    struct options options = { .load = { .rate = 100000, .threads = 1, .seconds = 5 } };
    otel_error why;
    if (argc == 2 && strcmp(argv[1], "--curl") == 0)
        return print_curl();
    if (!parse(argc, argv, &options)) {
        fprintf(stderr,
                "usage: otel-bench --workload noop|unsampled|spec|ten|server|wide|live [--rate R>=1000 | "
                "--spans N>=1000] [--seconds S]\n                  [--threads N<=64] [--processor batch|simple] "
                "[--flushers N<=64] [--idle S]\n       otel-bench --curl\n");
        return 2;
    }
    if (options.load.workload->sdk && start(&options, &why) != OTEL_OK) {
        fprintf(stderr, "otel-bench: %s\n", why.text);
        return 1;
    }
    const otel_status status = measure(&options);
    otel_sdk_stop(5000);
    return status != OTEL_OK;
}
