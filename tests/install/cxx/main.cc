/* SPDX-License-Identifier: Apache-2.0 */
/* main.cc - a user's program in C++17: makes a span, finds it printed and in the ledger. Each failure has a code. */
#include <otel/console.h>
#include <otel/sdk.h>

#include <cstdio>
#include <string>

OTEL_TRACER(tracer, "consumer", "1.0");

static void work() {
    otel_span_options options;
    options.name = "work";
    options.kind = OTEL_SERVER;
    OTEL_SPAN_WITH(span, tracer, &options);
    otel_set(&span, "answer", std::string("forty-two"));
}

static bool start(std::FILE *output) {
    otel_processor *const processors[] = { otel_batch_processor(nullptr, otel_console_exporter(output)) };
    otel_error why;
    otel_sdk_options options;
    options.service_name = "consumer";
    options.processors.items = processors;
    options.processors.count = 1;
    options.error = &why;
    const bool started = otel_sdk_start(&options) == OTEL_OK;
    if (!started) {
        std::fprintf(stderr, "%s\n", why.text);
    }
    return started;
}

static bool is_printed(std::FILE *output) {
    char line[4096] = "";
    std::rewind(output);
    if (!std::fgets(line, sizeof line, output)) {
        return false;
    }
    const std::string text = line;
    return text.find("\"work\"") != std::string::npos && text.find("forty-two") != std::string::npos;
}

int main() {
    std::FILE *output = std::tmpfile();
    if (!output || !start(output)) {
        return 1;
    }
    work();
    if (otel_sdk_stop(1000) != OTEL_OK) {
        return 2;
    }
    if (!is_printed(output)) {
        return 3;
    }
    std::fclose(output);
    otel_ledger ledger = {};
    ledger.size = sizeof ledger;
    otel_sdk_ledger(&ledger);
    std::printf("started %d, exported %d\n", int(ledger.started), int(ledger.processors[0].exported));
    return ledger.started == 1 && ledger.ended == 1 && ledger.processors[0].exported == 1 ? 0 : 4;
}
