/* SPDX-License-Identifier: Apache-2.0 */
/* config_test.c - every environment variable: unset, empty, valid, in another case, invalid, out of range. */
#include "config_table.h"

#include "config_fixture.h"
#include "vectors.h"

/* ---- one variable at a time ------------------------------------------------------------------------------------- */

static void show_list(const struct otel__config_list *list, char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < list->count; i++)
        used += (size_t)snprintf(out + used, size - used, "%d ", list->items[i]);
}

/* What the configuration says where the variable is concerned. */
static void show(const char *variable, char *out, size_t size) {
    if (strcmp(variable, "OTEL_SDK_DISABLED") == 0)
        snprintf(out, size, "%d", config.sdk_disabled);
    else if (strcmp(variable, "OTEL_LOG_LEVEL") == 0)
        snprintf(out, size, "%d", (int)config.log_level);
    else if (strcmp(variable, "OTEL_SERVICE_NAME") == 0)
        snprintf(out, size, "%s", text_or_none(config.service_name));
    else if (strcmp(variable, "OTEL_RESOURCE_ATTRIBUTES") == 0)
        snprintf(out, size, "%s", text_or_none(config.resource_attributes));
    else if (strcmp(variable, "OTEL_C_RESOURCE_DETECTORS") == 0)
        snprintf(out, size, "%s", text_or_none(config.detectors));
    else if (strcmp(variable, "OTEL_ENTITIES") == 0)
        snprintf(out, size, "%s", text_or_none(config.entities));
    else if (strcmp(variable, "OTEL_PROPAGATORS") == 0)
        show_list(&config.propagators, out, size);
    else if (strcmp(variable, "OTEL_TRACES_SAMPLER") == 0)
        snprintf(out, size, "%d", config.sampler);
    else if (strcmp(variable, "OTEL_TRACES_EXPORTER") == 0)
        show_list(&config.exporters, out, size);
    else if (strcmp(variable, "OTEL_BSP_MAX_QUEUE_SIZE") == 0)
        snprintf(out, size, "%d", config.bsp_max_queue_size);
    else if (strcmp(variable, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE") == 0)
        snprintf(out, size, "%d", config.bsp_max_export_batch_size);
    else if (strcmp(variable, "OTEL_BSP_SCHEDULE_DELAY") == 0)
        snprintf(out, size, "%d", config.bsp_schedule_delay_ms);
    else if (strcmp(variable, "OTEL_BSP_EXPORT_TIMEOUT") == 0)
        snprintf(out, size, "%d", config.bsp_export_timeout_ms);
    else if (strcmp(variable, "OTEL_EXPORTER_OTLP_ENDPOINT") == 0)
        snprintf(out, size, "%s", text_or_none(config.otlp_endpoint));
    else if (strcmp(variable, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == 0)
        snprintf(out, size, "%s", text_or_none(config.otlp_signal_endpoint));
    else if (strstr(variable, "HEADERS"))
        snprintf(out, size, "%s", text_or_none(config.otlp_headers));
    else if (strstr(variable, "OTLP") && strstr(variable, "TIMEOUT"))
        snprintf(out, size, "%d", config.otlp_timeout_ms);
    else if (strstr(variable, "PROTOCOL"))
        snprintf(out, size, "%d", config.otlp_protocol);
    else if (strstr(variable, "COMPRESSION"))
        snprintf(out, size, "%d", config.otlp_compression);
    else
        fail_msg("how to show %s?", variable);
}

struct row {
    const char *value;  /* NULL: unset */
    const char *shown;  /* NULL: as when unset */
    const char *report; /* what the one warning says beside variable and value; NULL: there is none */
};

/* The first row is the unset variable. */
static void check(const char *variable, const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char shown[256], quoted[256];
        print_message("    %s=%s\n", variable, rows[i].value ? rows[i].value : "(unset)");
        fake_env_clear();
        fake_env_set(variable, rows[i].value);
        load();
        show(variable, shown, sizeof shown);
        assert_string_equal(shown, rows[i].shown ? rows[i].shown : rows[0].shown);
        assert_int_equal(reports_count(), rows[i].report ? 1 : 0);
        if (rows[i].report) {
            snprintf(quoted, sizeof quoted, "%s=\"%s\"", variable, rows[i].value);
            assert_non_null(strstr(reports_text(0), quoted));
            assert_non_null(strstr(reports_text(0), rows[i].report));
        }
        otel__config_free(&config);
    }
}

/* What follows the unknown name: those that are known. */
#define PROPAGATORS "; it should be a list of tracecontext, baggage, b3, b3multi, jaeger, ottrace, xray, none; "
#define EXPORTERS "; it should be a list of otlp, console, otlp/stdout, otlp_file, zipkin, jaeger, none; "

#define ROWS(variable, rows) check(variable, rows, sizeof(rows) / sizeof *(rows))

static void sdk_disabled(void **state) {
    (void)state;
    static const struct row rows[] = {
        { NULL, "0", NULL },
        { "", NULL, NULL },
        { "true", "1", NULL },
        { "TRUE", "1", NULL },
        { "True", "1", NULL },
        { " true ", "1", NULL },
        { "false", "0", NULL },
        { "False", "0", NULL },
        { "1", "0", "is not true or false; using false" },
        { "yes", "0", "is not true or false; using false" },
        { "tru", "0", "is not true or false; using false" },
    };
    ROWS("OTEL_SDK_DISABLED", rows);
}

static void log_level(void **state) {
    (void)state;
    static const struct row rows[] = {
        { NULL, "3", NULL },
        { "", NULL, NULL },
        { "trace", "1", NULL },
        { "DEBUG", "2", NULL },
        { "Info", "3", NULL },
        { "warn", "4", NULL },
        { "error", "5", NULL },
        { "none", "6", NULL },
        { "verbose", NULL, "is not one of trace, debug, info, warn, error, none; using the default, info" },
        { "3", NULL, "using the default, info" },
        { "info,debug", NULL, "using the default, info" },
    };
    ROWS("OTEL_LOG_LEVEL", rows);
}

static void texts(void **state) {
    (void)state;
    static const struct row rows[] = {
        { NULL, "(none)", NULL },
        { "", NULL, NULL },
        { "shop", "shop", NULL },
        { "Shop 2 ", "Shop 2 ", NULL },
    };
    ROWS("OTEL_SERVICE_NAME", rows);
    ROWS("OTEL_RESOURCE_ATTRIBUTES", rows);
    ROWS("OTEL_C_RESOURCE_DETECTORS", rows);
    ROWS("OTEL_ENTITIES", rows);
    ROWS("OTEL_EXPORTER_OTLP_HEADERS", rows);
    ROWS("OTEL_EXPORTER_OTLP_TRACES_HEADERS", rows);
}

static void propagators(void **state) {
    (void)state;
    static const struct row rows[] = {
        { NULL, "0 1 ", NULL },
        { "", NULL, NULL },
        { " ", NULL, NULL },
        { "tracecontext", "0 ", NULL },
        { "baggage", "1 ", NULL },
        { "TraceContext", "0 ", NULL },
        { "tracecontext,tracecontext", "0 ", ": tracecontext is used once only; using tracecontext" },
        { "none", "", NULL },
        { "None", "", NULL },
        { "tracecontext,baggage", "0 1 ", NULL },
        { "baggage,tracecontext,baggage", "1 0 ", ": baggage is used once only; using baggage,tracecontext" },
        { "b3,b3multi,jaeger,xray,ottrace", "2 3 4 5 6 ", NULL },
        { "ottrace, B3 ,b3", "6 2 ", ": b3 is used once only; using ottrace,b3" },
        { "b3, tracecontext ,w3c", "2 0 ", "w3c is unknown" PROPAGATORS "using b3,tracecontext" },
        { "opentracing", NULL, "opentracing is unknown" PROPAGATORS "using the default, tracecontext,baggage" },
        { "none,tracecontext", "0 ", "none is ignored beside other entries; using tracecontext" },
        { "none,foo", "", "foo is unknown" PROPAGATORS "using none" },
        { "foo", NULL, "foo is unknown" PROPAGATORS "using the default, tracecontext,baggage" },
        { ",", NULL, "is not a list of tracecontext, baggage, b3, b3multi, jaeger, ottrace, xray, none" },
    };
    ROWS("OTEL_PROPAGATORS", rows);
}

static void sampler(void **state) {
    (void)state;
    static const struct row rows[] = {
        { NULL, "0", NULL },
        { "", NULL, NULL },
        { "parentbased_always_on", "0", NULL },
        { "parentbased_always_off", "1", NULL },
        { "parentbased_traceidratio", "2", NULL },
        { "always_on", "3", NULL },
        { "ALWAYS_OFF", "4", NULL },
        { "TraceIdRatio", "5", NULL },
        { "always_on ", "3", NULL },
        { "jaeger_remote", "6", NULL },
        { "parentbased_Jaeger_Remote", "7", NULL },
        { "xray", NULL, ": not available in this version; using the default, parentbased_always_on" },
        { "sometimes", NULL, "is not one of always_on, always_off, traceidratio, parentbased_always_on" },
    };
    ROWS("OTEL_TRACES_SAMPLER", rows);
}

static void exporters(void **state) {
    (void)state;
    static const struct row rows[] = {
        { NULL, "0 ", NULL },
        { "", NULL, NULL },
        { "otlp", "0 ", NULL },
        { "Console", "1 ", NULL },
        { "console,otlp", "1 0 ", NULL },
        { "otlp,otlp", "0 ", ": otlp is used once only; using otlp" },
        { "zipkin,console,ZIPKIN", "4 1 ", "OTEL_TRACES_EXPORTER=\"zipkin,console,ZIPKIN\": zipkin is used once only" },
        { "otlp,jaeger,zipkin,console,otlp_file,otlp/stdout", "0 5 4 1 3 2 ", NULL },
        { "none,none", "", NULL },
        { "otlp,logging,none,otlp", "0 ",
          ": logging is unknown, otlp is used once only, none is ignored beside other entries" EXPORTERS "using otlp" },
        { "otlp/stdout,otlp_file", "2 3 ", NULL },
        { "none", "", NULL },
        { "zipkin", "4 ", NULL },
        { "jaeger", "5 ", NULL },
        { "logging", NULL, "logging is unknown" EXPORTERS "using the default, otlp" },
        { "logging,console", "1 ", "logging is unknown" EXPORTERS "using console" },
        { "none,console", "1 ", "none is ignored beside other entries; using console" },
    };
    ROWS("OTEL_TRACES_EXPORTER", rows);
}

static void batch_sizes(void **state) {
    (void)state;
    static const struct row queue[] = {
        { NULL, "2048", NULL },
        { "", NULL, NULL },
        { "4096", "4096", NULL },
        { "2147483647", "2147483647", NULL },
        { " 600 ", "600", NULL },
        { "0", NULL, "is not a whole number from 1 to 2147483647; using the default, 2048" },
        { "-1", NULL, "using the default, 2048" },
        { "2147483648", NULL, "using the default, 2048" },
        { "99999999999999999999", NULL, "using the default, 2048" },
        { "many", NULL, "using the default, 2048" },
        { "10k", NULL, "using the default, 2048" },
        { "1e3", NULL, "using the default, 2048" },
    };
    ROWS("OTEL_BSP_MAX_QUEUE_SIZE", queue);
    static const struct row batch[] = {
        { NULL, "512", NULL },
        { "", NULL, NULL },
        { "1", "1", NULL },
        { "2048", "2048", NULL },
        { "0", NULL, "using the default, 512" },
        { "-5", NULL, "using the default, 512" },
        { "half", NULL, "using the default, 512" },
    };
    ROWS("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", batch);
}

static void milliseconds(void **state) {
    (void)state;
    static const char *const variables[] = { "OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT",
                                             "OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT" };
    static const char *const defaults[] = { "5000", "30000", "10000", "10000" };
    for (size_t i = 0; i < 4; i++) {
        const struct row rows[] = {
            { NULL, defaults[i], NULL },
            { "", NULL, NULL },
            { "1", "1", NULL },
            { "0", "0", NULL },
            { "2147483647", "2147483647", NULL },
            { "-1", NULL, "is not a whole number of milliseconds from 0 to 2147483647" },
            { "2147483648", NULL, "using the default" },
            { "10ms", NULL, "using the default" },
            { "1.5", NULL, "using the default" },
            { "soon", NULL, "using the default" },
        };
        ROWS(variables[i], rows);
    }
}

static void endpoints(void **state) {
    (void)state;
    static const struct row base[] = {
        { NULL, "http://localhost:4318", NULL },
        { "", NULL, NULL },
        { "http://collector", "http://collector", NULL },
        { " https://Collector:4318/base/ ", "https://Collector:4318/base/", NULL },
        { "HTTP://[::1]:4318", "HTTP://[::1]:4318", NULL },
        { "localhost:4318", NULL, "is not an http://, https:// or unix: URL: it begins with neither" },
        { "ftp://collector", NULL, "using the default, http://localhost:4318" },
        { "http://", NULL, "it has no host; using the default" },
        { "http://c:0", NULL, "using the default" },
        { "http://c:65536", NULL, "using the default" },
        { "http://c:port", NULL, "using the default" },
        { "http://c c", NULL, "using the default" },
        { "http://[gggg]:1", NULL, "its IPv6 address is malformed; using the default" },
        { "http://\xe6\x97\xa5.invalid", NULL, "its host holds a character" },
    };
    ROWS("OTEL_EXPORTER_OTLP_ENDPOINT", base);
    static const struct row traces[] = {
        { NULL, "(none)", NULL },
        { "", NULL, NULL },
        { "https://c/v1/traces/", "https://c/v1/traces/", NULL },
        { "collector", NULL, "is not an http://, https:// or unix: URL" },
    };
    ROWS("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", traces);
}

static void protocol(void **state) {
    (void)state;
    static const struct row rows[] = {
        { NULL, "0", NULL },
        { "", NULL, NULL },
        { "http/protobuf", "0", NULL },
        { "HTTP/Protobuf", "0", NULL },
        { "grpc", "2", NULL },
        { "http/json", "1", NULL },
        { "thrift", NULL, "is not one of http/protobuf, http/json, grpc; using the default, http/protobuf" },
    };
    ROWS("OTEL_EXPORTER_OTLP_PROTOCOL", rows);
    ROWS("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", rows);
}

static void endpoints_of_grpc(void **state) {
    (void)state;
    fake_env_set("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    load();
    assert_string_equal(config.otlp_endpoint, "http://localhost:4317");
    assert_null(config.otlp_signal_endpoint);
    otel__config_free(&config);
    fake_env_set("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317");
    fake_env_set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "unix:/run/c.sock");
    fake_env_set("OTEL_EXPORTER_OTLP_INSECURE", "true");
    load();
    assert_string_equal(config.otlp_endpoint, "collector:4317");
    assert_string_equal(config.otlp_signal_endpoint, "unix:/run/c.sock");
    assert_true(config.otlp_insecure);
    assert_int_equal(reports_count(), 0);
    otel__config_free(&config);
    fake_env_set("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://c");
    fake_env_set("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "yes");
    load();
    assert_string_equal(config.otlp_endpoint, "http://localhost:4317");
    assert_false(config.otlp_insecure);
    assert_true(reports_mention("OTEL_EXPORTER_OTLP_ENDPOINT=\"ftp://c\" is no endpoint of gRPC: ",
                                "; using the default, http://localhost:4317"));
    assert_true(reports_mention("OTEL_EXPORTER_OTLP_TRACES_INSECURE=\"yes\" is not true or false; using false", NULL));
    otel__config_free(&config);
}

static void grpc_changes_no_endpoint_of_others(void **state) {
    (void)state;
    fake_env_set("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    fake_env_set("OTEL_EXPORTER_ZIPKIN_ENDPOINT", "zipkin:9411"); /* which gRPC would take */
    load();
    assert_string_equal(config.zipkin_endpoint, "http://localhost:9411/api/v2/spans");
    assert_string_equal(config.jaeger_endpoint, "http://localhost:14268/api/traces");
    otel__config_free(&config);
    fake_env_set("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
    fake_env_set("OTEL_EXPORTER_JAEGER_PROTOCOL", "grpc");
    load();
    assert_string_equal(config.otlp_endpoint, "http://localhost:4318");
    assert_string_equal(config.jaeger_endpoint, "http://localhost:14250");
    otel__config_free(&config);
}

static void compression(void **state) {
    (void)state;
    static const struct row rows[] = {
        { NULL, "0", NULL },
        { "", NULL, NULL },
        { "none", "0", NULL },
        { "gzip", "1", NULL },
        { "zstd", NULL, "is not one of none, gzip; using the default, none" },
    };
    ROWS("OTEL_EXPORTER_OTLP_COMPRESSION", rows);
    ROWS("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", rows);
}

/* What the environment can set, code can set too. */
static void each_has_its_form_in_code(void **state) {
    (void)state;
    for (int id = 0; id < OTEL__CONFIG_COUNT; id++)
        if (!otel__config_options[id].in_code || !strstr(otel__config_options[id].in_code, "otel_"))
            fail_msg("%s has none", otel__config_options[id].variable);
}

static const char *get_ours(const char *variable) {
    static const char *const others[] = { "OTEL_LOGS_EXPORTER",
                                          "OTEL_BLRP_",
                                          "OTEL_LOGRECORD_",
                                          "OTEL_EXPORTER_OTLP_SPAN_",
                                          "OTEL_EXPORTER_OTLP_METRICS_",
                                          "OTEL_EXPORTER_OTLP_LOGS_",
                                          "OTEL_EXPORTER_ZIPKIN_PROTOCOL" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strncmp(variable, others[i], strlen(others[i])) == 0)
            fail_msg("%s is read", variable);
    return NULL;
}

/* Those of other signals, an old name, and one that is reserved. */
static void variables_that_are_none_of_ours_are_not_read(void **state) {
    (void)state;
    otel__config_load(&config, NULL, get_ours);
    otel__config_report(&config);
    assert_int_equal(reports_count(), 0);
    otel__config_free(&config);
}

/* ---- several variables ------------------------------------------------------------------------------------------ */

static void traces_form_is_stronger(void **state) {
    (void)state;
    fake_env_set("OTEL_EXPORTER_OTLP_TIMEOUT", "1000");
    fake_env_set("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2000");
    fake_env_set("OTEL_EXPORTER_OTLP_HEADERS", "a=1");
    fake_env_set("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "b=2");
    load();
    assert_int_equal(config.otlp_timeout_ms, 2000);
    assert_string_equal(config.otlp_headers, "b=2");
    assert_string_equal(config.source[OTEL__CONFIG_OTLP_HEADERS], "OTEL_EXPORTER_OTLP_TRACES_HEADERS");
    otel__config_free(&config);
}

static void bad_traces_form_leaves_the_general_one(void **state) {
    (void)state;
    fake_env_set("OTEL_EXPORTER_OTLP_TIMEOUT", "1000");
    fake_env_set("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "-2");
    load();
    assert_int_equal(config.otlp_timeout_ms, 1000);
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT=\"-2\"", "; using OTEL_EXPORTER_OTLP_TIMEOUT"));
    otel__config_free(&config);
    fake_env_set("OTEL_EXPORTER_OTLP_TIMEOUT", "also bad");
    load();
    assert_int_equal(config.otlp_timeout_ms, 10000);
    assert_int_equal(reports_count(), 2);
    otel__config_free(&config);
    fake_env_set("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "");
    fake_env_set("OTEL_EXPORTER_OTLP_TIMEOUT", "3000");
    load();
    assert_int_equal(config.otlp_timeout_ms, 3000);
    assert_int_equal(reports_count(), 0);
    otel__config_free(&config);
}

static int number(const json_t *row, const char *member) {
    return (int)json_integer_value(json_object_get(row, member));
}

static void bsp_vector(const json_t *row) {
    const char *name;
    json_t *value;
    fake_env_clear();
    json_object_foreach(json_object_get(row, "env"), name, value) fake_env_set(name, json_string_value(value));
    load();
    assert_int_equal(config.bsp_max_queue_size, number(row, "max_queue_size"));
    assert_int_equal(config.bsp_max_export_batch_size, number(row, "max_export_batch_size"));
    assert_int_equal(config.bsp_schedule_delay_ms, number(row, "schedule_delay_ms"));
    assert_int_equal(config.bsp_export_timeout_ms, number(row, "export_timeout_ms"));
    assert_int_equal(reports_count(), vector_bool(row, "warns"));
    otel__config_free(&config);
}

static void bsp_vectors(void **state) {
    (void)state;
    vectors_each("bsp_env", bsp_vector);
}

static void batch_larger_than_the_queue(void **state) {
    (void)state;
    static const struct {
        const char *queue, *batch;
        int used;
        const char *report;
    } cases[] = {
        { "1000", "2000", 512,
          "OTEL_BSP_MAX_EXPORT_BATCH_SIZE: batches of 2000 spans are more than the queue of 1000" },
        { "100", "600", 100, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE: batches of 600 spans" },
        { "100", NULL, 100,
          "OTEL_BSP_MAX_QUEUE_SIZE: batches of 512 spans are more than the queue of 100 spans holds" },
        { "100", "100", 100, NULL },
        { NULL, "2049", 512, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE: batches of 2049 spans" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("    queue %s, batch %s\n", text_or_none(cases[i].queue), text_or_none(cases[i].batch));
        fake_env_set("OTEL_BSP_MAX_QUEUE_SIZE", cases[i].queue);
        fake_env_set("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", cases[i].batch);
        load();
        assert_int_equal(config.bsp_max_export_batch_size, cases[i].used);
        assert_int_equal(reports_count(), cases[i].report != NULL);
        if (cases[i].report)
            assert_true(reports_mention(cases[i].report, NULL));
        otel__config_free(&config);
    }
}

/* ---- messages --------------------------------------------------------------------------------------------------- */

static void values_in_messages_are_escaped_and_shortened(void **state) {
    (void)state;
    char huge[100000];
    memset(huge, 'x', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    fake_env_set("OTEL_BSP_SCHEDULE_DELAY", "5\n000\x1b[2J\xff");
    fake_env_set("OTEL_BSP_MAX_QUEUE_SIZE", huge);
    fake_env_set("OTEL_PROPAGATORS", huge);
    fake_env_set("OTEL_EXPORTER_OTLP_ENDPOINT", huge);
    load();
    assert_int_equal(reports_count(), 4);
    assert_true(reports_mention("\"5\\n000\\x1b[2J\\xff\"", "using the default, 5000"));
    assert_true(reports_mention("OTEL_BSP_MAX_QUEUE_SIZE=\"xxxx", "xxxx...\" is not"));
    assert_true(reports_mention("OTEL_PROPAGATORS=\"xxxx", "is unknown; it should be"));
    assert_true(reports_mention("OTEL_EXPORTER_OTLP_ENDPOINT=\"xxxx", "using the default"));
    otel__config_free(&config);
}

static void passwords_stay_out_of_messages(void **state) {
    (void)state;
    fake_env_set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:secret@c:99999/");
    load();
    assert_int_equal(reports_count(), 1);
    assert_null(strstr(reports_text(0), "secret"));
    assert_true(reports_mention("OTEL_EXPORTER_OTLP_ENDPOINT=\"@c:99999/\"", "its port is not a number"));
    otel__config_free(&config);
}

static void users_that_no_request_could_carry(void **state) {
    (void)state;
    fake_env_set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:pass@word@127.0.0.1:28023");
    load();
    assert_int_equal(reports_count(), 1);
    assert_null(strstr(reports_text(0), "pass@"));
    assert_null(strstr(reports_text(0), "word@"));
    assert_true(
        reports_mention("OTEL_EXPORTER_OTLP_ENDPOINT=\"@127.0.0.1:28023\"", "written as %40; using the default"));
    assert_string_equal(config.otlp_endpoint, "http://localhost:4318");
    otel__config_free(&config);
    fake_env_set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://us%00er:pw@host");
    load();
    assert_true(reports_mention("OTEL_EXPORTER_OTLP_ENDPOINT=\"@host\"", "holds a %00; using the default"));
    otel__config_free(&config);
}

static void one_message_for_each_variable(void **state) {
    (void)state;
    fake_env_set("OTEL_SDK_DISABLED", "maybe");
    fake_env_set("OTEL_LOG_LEVEL", "loud");
    fake_env_set("OTEL_TRACES_SAMPLER", "sometimes");
    load();
    assert_int_equal(reports_count(), 3);
    otel__config_report(&config); /* the same again, at once, is held back */
    assert_int_equal(reports_count(), 3);
    otel__config_free(&config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(sdk_disabled),
        TEST(log_level),
        TEST(texts),
        TEST(propagators),
        TEST(sampler),
        TEST(exporters),
        TEST(batch_sizes),
        TEST(milliseconds),
        TEST(endpoints),
        TEST(protocol),
        TEST(endpoints_of_grpc),
        TEST(grpc_changes_no_endpoint_of_others),
        TEST(compression),
        TEST(each_has_its_form_in_code),
        TEST(variables_that_are_none_of_ours_are_not_read),
        TEST(traces_form_is_stronger),
        TEST(bad_traces_form_leaves_the_general_one),
        TEST(bsp_vectors),
        TEST(batch_larger_than_the_queue),
        TEST(values_in_messages_are_escaped_and_shortened),
        TEST(passwords_stay_out_of_messages),
        TEST(users_that_no_request_could_carry),
        TEST(one_message_for_each_variable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
