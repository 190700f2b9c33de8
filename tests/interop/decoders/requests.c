/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requests.c - random spans with every feature, exported by http/protobuf, by http/json and to a file: what
 * arrived.
 *
 *     otlp_requests SEED FOLDER
 *
 * The n-th request is FOLDER/protobuf-<n> or FOLDER/json-<n>, as it came, the n-th line of the file FOLDER/line-<n>;
 * with .txt behind it the same as protobuf-c decodes it, in the form of canonical.h. The output tells how many spans
 * there are.
 */
#include "canonical.h"

#include "http_double.h"
#include "otlp_json_read.h"
#include "roundtrip_run.h"
#include "trace_request.pb-c.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <otel/otlp.h>
#include <otel/otlp_file.h>
#include <otel/sdk.h>

/* Batches of different sizes: what is said of a span does not depend on its company. */
enum {
    ROUNDS = 4,
    SPANS_IN_ROUND = 400,
    HEAVY_SPANS = 40,
    PROTOBUF_BATCH = 100,
    JSON_BATCH = 64,
    FILE_BATCH = 81,
    STOP_MS = 60000
};

static void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

/* ---- the spans --------------------------------------------------------------------------------------------------- */

static otel_processor *batches_to(http_double *server, int protocol, int most) {
    otel_batch_options batch = { .size = sizeof batch, .max_batch_size = most };
    otel_otlp_options options = { .size = sizeof options,
                                  .traces_endpoint = http_double_url(server, "/v1/traces"),
                                  .protocol = protocol };
    return otel_batch_processor(&batch, otel_otlp_exporter(&options));
}

static otel_processor *batches_into(const char *path) {
    otel_batch_options batch = { .size = sizeof batch, .max_batch_size = FILE_BATCH };
    otel_otlp_file_options options = { .size = sizeof options, .path = path };
    return otel_batch_processor(&batch, otel_otlp_file_exporter(&options));
}

static void start(struct roundtrip_source *source, http_double *protobuf, http_double *json, const char *file) {
    otel_error error;
    otel_status status = otel_sdk_start(
        OTEL_SDK(.service_name = "requests \xff", .resource = roundtrip_sound_attributes(source, 8),
                 .resource_schema_url = "https://example.test/resource",
                 .processors = OTEL_PROCESSORS(batches_to(protobuf, OTEL_OTLP_HTTP_PROTOBUF, PROTOBUF_BATCH),
                                               batches_to(json, OTEL_OTLP_HTTP_JSON, JSON_BATCH), batches_into(file)),
                 .error = &error));
    if (status != OTEL_OK)
        die("the SDK does not start: %s", error.text);
}

static void make_spans(struct roundtrip_source *source, struct roundtrip_tracer *tracers, size_t count) {
    struct roundtrip_pool pool = { NULL }, *before = source->pool;
    source->pool = &pool;
    struct roundtrip_plan plan = roundtrip_make_plan(source, tracers, count);
    roundtrip_run(&plan);
    if (otel_sdk_flush(STOP_MS) != OTEL_OK)
        die("the spans could not be flushed");
    source->pool = before;
    roundtrip_pool_free(&pool);
}

/* Both servers and the file must have got every span that ended. */
static uint64_t stop(void) {
    if (otel_sdk_stop(STOP_MS) != OTEL_OK)
        die("the SDK could not be stopped in order");
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    for (size_t i = 0; i < 3; i++)
        if (ledger.processors[i].exported != ledger.ended)
            die("%" PRIu64 " of %" PRIu64 " spans were exported by %s", ledger.processors[i].exported, ledger.ended,
                ledger.processors[i].name);
    return ledger.ended;
}

static uint64_t export_to(http_double *protobuf, http_double *json, const char *file, uint64_t seed) {
    struct roundtrip_pool pool = { NULL };
    struct roundtrip_source source = { .state = seed, .pool = &pool };
    struct roundtrip_tracer tracers[ROUNDTRIP_TRACERS];
    roundtrip_make_tracers(&source, tracers);
    roundtrip_states_hold();
    start(&source, protobuf, json, file);
    for (int i = 0; i < ROUNDS; i++)
        make_spans(&source, tracers, SPANS_IN_ROUND);
    source.heavy = true;
    make_spans(&source, tracers, HEAVY_SPANS);
    uint64_t spans = stop();
    roundtrip_states_release();
    roundtrip_pool_free(&pool);
    return spans;
}

/* ---- what arrived ------------------------------------------------------------------------------------------------ */

static FILE *create(const char *folder, const char *form, size_t number, const char *suffix) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s-%zu%s", folder, form, number, suffix);
    FILE *file = fopen(path, "wb");
    if (!file)
        die("%s cannot be written", path);
    return file;
}

static void close_file(FILE *file) {
    if (fclose(file) != 0)
        die("the disk is full");
}

static void write_decoded(FILE *out, const uint8_t *bytes, size_t len) {
    Otel__Otlp__ExportTraceServiceRequest *request = otel__otlp__export_trace_service_request__unpack(NULL, len, bytes);
    if (!request)
        die("protobuf-c refuses a request of %zu bytes", len);
    canonical_write(out, &request->base);
    otel__otlp__export_trace_service_request__free_unpacked(request, NULL);
}

static void write_json_decoded(FILE *out, const uint8_t *text, size_t len) {
    uint8_t *bytes;
    size_t size;
    char problem[256] = "";
    if (!otlp_json_read((const char *)text, len, &bytes, &size, problem))
        die("a request in JSON is refused: %s", problem);
    write_decoded(out, bytes, size);
    free(bytes);
}

typedef void decoder(FILE *out, const uint8_t *bytes, size_t len);

static void write_request(const char *folder, const char *form, size_t number, const uint8_t *body, size_t len,
                          decoder *decode) {
    FILE *as_it_came = create(folder, form, number, ""), *decoded = create(folder, form, number, ".txt");
    fwrite(body, 1, len, as_it_came);
    close_file(as_it_came);
    decode(decoded, body, len);
    close_file(decoded);
}

static void write_requests(http_double *server, const char *folder, const char *form, decoder *decode) {
    for (size_t i = 0; i < http_double_requests(server); i++) {
        size_t len;
        const uint8_t *body = http_double_body(server, i, &len);
        write_request(folder, form, i, body, len, decode);
    }
}

static void write_lines(const char *path, const char *folder) {
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    FILE *file = fopen(path, "rb");
    if (!file)
        die("there is no file of spans");
    for (size_t i = 0; (len = getline(&line, &room, file)) > 0; i++) {
        if (line[len - 1] != '\n')
            die("the last line does not end");
        write_request(folder, "line", i, (const uint8_t *)line, (size_t)len - 1, write_json_decoded);
    }
    free(line);
    fclose(file);
}

int main(int argc, char **argv) {
    static const struct http_step success = { .status = 200 };
    char file[4096];
    if (argc != 3)
        die("usage: otlp_requests SEED FOLDER");
    snprintf(file, sizeof file, "%s/spans.jsonl", argv[2]);
    http_double *protobuf = http_double_start(&success, 1), *json = http_double_start(&success, 1);
    uint64_t spans = export_to(protobuf, json, file, strtoull(argv[1], NULL, 0));
    write_requests(protobuf, argv[2], "protobuf", write_decoded);
    write_requests(json, argv[2], "json", write_json_decoded);
    write_lines(file, argv[2]);
    http_double_stop(protobuf);
    http_double_stop(json);
    printf("%" PRIu64 "\n", spans);
}
