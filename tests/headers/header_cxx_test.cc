/* SPDX-License-Identifier: Apache-2.0 */
/* header_cxx_test.cc - the public headers used from C++17 and C++20, without warnings, and meaning the same as in C. */
#include <otel/baggage.h>
#include <otel/console.h>
#include <otel/context.h>
#include <otel/environment.h>
#include <otel/memory.h>
#include <otel/metrics.h>
#include <otel/metrics_sdk.h>
#include <otel/grpc.h>
#include <otel/otlp.h>
#include <otel/otlp_file.h>
#include <otel/prometheus.h>
#include <otel/propagation.h>
#include <otel/sdk.h>
#include <otel/trace.h>
#include <otel/jaeger_remote.h>
#include <otel/log.h>
#include <otel/zipkin.h>

#include <cstdio>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

OTEL_TRACER(tracer, "header_cxx_test", "1.0");
OTEL_TRACER(tracer_by_name_only, "header_cxx_test");

static int failures;

static void check(bool right, int line) {
    if (!right) {
        std::fprintf(stderr, "line %d\n", line);
        failures++;
    }
}
#define CHECK(condition) check((condition), __LINE__)

static void types_are_picked_as_in_c() {
    const std::string text = "text";
    const std::string_view view = "view";
    char buffer[] = "buffer";
    CHECK(OTEL_VALUE(true).type == OTEL_TYPE_BOOL);
    CHECK(OTEL_VALUE(1).type == OTEL_TYPE_INT);
    CHECK(OTEL_VALUE(-1L).u.i == -1);
    CHECK(OTEL_VALUE(sizeof text).type == OTEL_TYPE_INT);
    CHECK(OTEL_VALUE(std::numeric_limits<unsigned long long>::max()).type == OTEL_TYPE_UINT);
    CHECK(OTEL_VALUE(1.5f).type == OTEL_TYPE_DOUBLE);
    CHECK(OTEL_VALUE("const").len == 5);
    CHECK(OTEL_VALUE(buffer).len == 6);
    CHECK(OTEL_VALUE(text).type == OTEL_TYPE_STRING && OTEL_VALUE(text).len == 4);
    CHECK(OTEL_VALUE(view).u.p == view.data());
    CHECK(OTEL_VALUE(otel_strn("a\0b", 3)).len == 3);
    CHECK(OTEL_VALUE(otel_bytes(buffer, 2)).type == OTEL_TYPE_BYTES);
}

static const otel_value *values_in(const otel_value &list) { return static_cast<const otel_value *>(list.u.p); }
static const otel_attr *entries_in(const otel_value &list) { return static_cast<const otel_attr *>(list.u.p); }

/* Within the statement that they stand in, which is as long as a call needs them. */
static void check_array(const otel_value &array) {
    CHECK(array.type == OTEL_TYPE_ARRAY && array.len == 3);
    CHECK(values_in(array)[0].u.i == 1 && values_in(array)[1].type == OTEL_TYPE_STRING);
    CHECK(values_in(array)[2].type == OTEL_TYPE_ARRAY && values_in(values_in(array)[2])->u.i == 2);
}

static void check_map(const otel_value &map) {
    CHECK(map.type == OTEL_TYPE_MAP && map.len == 2);
    CHECK(std::string_view(entries_in(map)[0].key.ptr) == "a" && entries_in(map)[0].value.u.i == 1);
    CHECK(entries_in(map)[1].value.type == OTEL_TYPE_MAP && entries_in(entries_in(map)[1].value)->value.len == 3);
}

static void values_hold_values() {
    const std::string text = "two";
    check_array(OTEL_ARRAY(OTEL_VALUE(1), OTEL_VALUE(text), OTEL_ARRAY(OTEL_VALUE(2))));
    check_map(OTEL_MAP(OTEL_ATTR("a", 1), OTEL_ATTR("b", OTEL_MAP(OTEL_ATTR("c", text)))));
    CHECK(otel_array(nullptr, 3).len == 0 && otel_map(otel_attrs()).len == 0);
    const otel_span none = otel_span_start(tracer, nullptr);
    otel_set(&none, "key", OTEL_MAP(OTEL_ATTR("list", OTEL_ARRAY(OTEL_VALUE(1)))));
}

/* Values, trivially copyable and of one size in both languages. */
static_assert(sizeof(otel_span) == 48 && std::is_trivially_copyable<otel_span>::value, "ABI 1");
static_assert(sizeof(otel_context) == 64 && std::is_trivially_copyable<otel_context>::value, "ABI 1");
static_assert(sizeof(otel_scope) == 24 && sizeof(otel_tracestate) == 8, "ABI 1");
static_assert(sizeof(otel_baggage) == 8 && sizeof(otel_context_key) == 16, "ABI 1");
static_assert(std::is_standard_layout<otel_span_options>::value, "filled by C and C++ alike");

static bool get(const void *carrier, const char *key, size_t index, otel_str *value) {
    const bool found = index == 0 && std::string_view(key) == "traceparent";
    if (found) {
        *value = otel_cstr(static_cast<const char *>(carrier));
    }
    return found;
}

static void set(void *carrier, const char *key, const char *value, size_t length) {
    if (std::string_view(key) == "traceparent") {
        static_cast<std::string *>(carrier)->assign(value, length);
    }
}

static void spans_pass_through_without_an_sdk() {
    const char *const parent = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
    const otel_getter getter = { sizeof(otel_getter), get, nullptr };
    const otel_setter setter = { sizeof(otel_setter), set };
    const otel_propagator *const propagators[] = { &otel_propagator_tracecontext };
    otel_propagators_set(propagators, 1);
    otel_environment environment = otel_environment_inject(nullptr, nullptr);
    otel_environment_release(&environment);
    otel_context remote = otel_extract(nullptr, &getter, parent);
    std::string injected;
    {
        otel_scope scope = otel_context_attach(&remote);
        OTEL_SPAN(span, tracer, "work");
        CHECK(otel_span_valid(&span) && otel_span_sampled(&span) && !otel_span_recording(&span));
        otel_set(&span, "key", injected);
        otel_event(&span, "event");
        otel_exception(&span, "Type");
        otel_span_fail(&span, "type", "text");
        otel_inject(nullptr, &setter, &injected);
        otel_scope_close(&scope);
    }
    otel_context_release(&remote);
    CHECK(injected == parent);
    const otel_span none = otel_span_start(tracer_by_name_only, nullptr);
    CHECK(!otel_span_valid(&none));
}

static void contexts_carry_values_and_baggage() {
    const otel_context_key key = otel_context_key_create("key");
    int value = 0;
    otel_context context = otel_context_with_value(nullptr, key, &value, nullptr);
    {
        OTEL_ATTACH(scope, &context);
        OTEL_BAGGAGE(one, "tenant", "blue");
        OTEL_BAGGAGE(two, "shard", std::string("7"));
        OTEL_BAGGAGE(three, "city", std::string_view("Bergen"));
        OTEL_BAGGAGE(four, "nothing", otel_cstr(nullptr));
        CHECK(otel_context_value(nullptr, key) == &value);
        CHECK(std::string_view(otel_context_baggage_value(nullptr, "tenant").ptr) == "blue");
        CHECK(std::string_view(otel_context_baggage_value(nullptr, "shard").ptr) == "7");
        otel_baggage baggage = otel_context_baggage(nullptr);
        CHECK(otel_baggage_count(&baggage) == 3 && otel_baggage_get(&baggage, otel_cstr("city")).len == 6);
        otel_baggage_release(&baggage);
    }
    otel_context_release(&context);
    CHECK(otel_context_value(nullptr, key) == nullptr);
}

static void options_default_as_in_c() {
    const otel_span_options defaults;
    CHECK(defaults.size == sizeof defaults && defaults.kind == OTEL_INTERNAL && defaults.parent == nullptr);
    const otel_attrs attributes = OTEL_ATTRS(OTEL_ATTR("a", 1), OTEL_ATTR("b", "two"));
    CHECK(attributes.count == 2);
#if __cplusplus >= 202002L
    OTEL_SPAN(span, tracer, "work", .kind = OTEL_CLIENT, .attributes = OTEL_ATTRS(OTEL_ATTR("a", 1)));
    otel_event(&span, "event", .attributes = OTEL_ATTRS(OTEL_ATTR("a", 1)), .time = 1);
    otel_exception(&span, "Type", .message = "text");
    CHECK(!otel_span_recording(&span));
    CHECK(OTEL_LINKS({ .span = span }, { .span = span, .attributes = attributes }).count == 2);
#else
    otel_span_options options;
    options.name = "work";
    options.kind = OTEL_CLIENT;
    OTEL_SPAN_WITH(span, tracer, &options);
    CHECK(!otel_span_recording(&span));
#endif
}

static void sdk_options_default_as_in_c() {
    const otel_sdk_options defaults;
    CHECK(defaults.size == sizeof defaults && defaults.processors.count == 0 && !defaults.disabled);
    const otel_otlp_options otlp;
    const otel_otlp_file_options otlp_file;
    CHECK(otlp_file.size == sizeof otlp_file && otlp_file.path == nullptr && otlp_file.stream == nullptr);
    CHECK(otlp.size == sizeof otlp && otlp.endpoint == nullptr && otlp.timeout_ms == 0);
    otel_processor *const second = nullptr;
    CHECK(OTEL_PROCESSORS(nullptr, second).count == 2);
    CHECK(OTEL_NO_PROCESSORS.count == 0 && OTEL_NO_PROCESSORS.items != nullptr);
#if __cplusplus >= 202002L
    CHECK(OTEL_SDK(.service_name = "cart", .processors = OTEL_PROCESSORS(second))->processors.count == 1);
#endif
}

static void sampler_tables_default_as_in_c() {
    const otel_sampler_ops ops;
    CHECK(ops.size == sizeof ops && ops.should_sample == nullptr && ops.destroy == nullptr);
    const otel_composable_ops composable;
    CHECK(composable.size == sizeof composable && composable.sampling_intent == nullptr);
    const otel_sampling_rule rule;
    CHECK(rule.name == nullptr && rule.matches == nullptr && rule.then == nullptr);
    CHECK(OTEL_NO_THRESHOLD == UINT64_C(0x100000000000000));
    /* Not evaluated, since of the SDK only the headers are here. */
    static_assert(std::is_same<decltype(OTEL_COMPOSABLE_RULES(rule, rule)), otel_composable *>::value, "two rules");
#if __cplusplus >= 202002L
    static_assert(std::is_same<decltype(OTEL_COMPOSABLE_RULES({ .name = "all" })), otel_composable *>::value, "one");
#endif
}

OTEL_METER(meter, "header_cxx_test", "1.0");
OTEL_METER(meter_by_name_only, "header_cxx_test");
static const double bounds[] = { 1, 2 };
OTEL_COUNTER(counter, meter, "counter");
OTEL_COUNTER_DOUBLE(doubles, meter, "doubles", "By");
OTEL_UP_DOWN_COUNTER(up_down, meter, "up_down", "1", "Both ways.");
OTEL_GAUGE(gauge, meter_by_name_only, "gauge");
OTEL_HISTOGRAM(histogram, meter, "histogram", "s");
OTEL_HISTOGRAM_BOUNDS(bounded, meter, bounds, "bounded", "s", "With bounds.");
OTEL_OBSERVABLE_GAUGE_DOUBLE(observed, meter, "observed");

static void observe(void *, otel_observer *observer) {
    otel_observe(observer, observed, 1.5);
    otel_observe(observer, observed, 2, OTEL_ATTRS(OTEL_ATTR("a", 1)));
}

static void measurements_are_made_as_in_c() {
    CHECK(counter->kind == OTEL_INSTRUMENT_COUNTER && !counter->doubles && counter->unit == nullptr);
    CHECK(doubles->doubles && std::string(doubles->unit) == "By" && std::string(up_down->description) == "Both ways.");
    CHECK(bounded->bound_count == 2 && histogram->bounds == nullptr && histogram->doubles);
    otel_add(counter, 1);
    otel_add(counter, 1u, OTEL_ATTRS(OTEL_ATTR("a", 1), OTEL_ATTR("b", "c")));
    otel_add(doubles, 1.5f);
    otel_add(up_down, -1LL);
    otel_record(gauge, true);
    otel_record(histogram, 0.5);
    otel_bound bound = otel_bind(counter, OTEL_ATTRS(OTEL_ATTR("a", 1)));
    otel_bound_add(&bound, 1);
    otel_bound_record(&bound, 1.5L);
    CHECK(!otel_instrument_enabled(counter));
    const uint64_t registration = otel_observe_with(observe, nullptr);
    CHECK(registration != 0);
    otel_unobserve(registration);
}

static void metrics_options_default_as_in_c() {
    const otel_metrics_options defaults;
    CHECK(defaults.readers.items == nullptr && defaults.views.count == 0 && defaults.cardinality_limit == 0);
    const otel_periodic_options periodic;
    CHECK(periodic.size == sizeof periodic && periodic.interval_ms == 0);
    otel_metric_reader *const reader = nullptr;
    CHECK(OTEL_READERS(reader, reader).count == 2);
    CHECK(OTEL_NO_READERS.count == 0 && OTEL_NO_READERS.items != nullptr);
    otel_view view;
    view.instrument = "http.*";
    CHECK(OTEL_VIEWS(view, view).count == 2 && !view.drop);
    CHECK(std::string(OTEL_VIEW("http.*").instrument) == "http.*");
#if __cplusplus >= 202002L
    CHECK(OTEL_VIEW("http.*", .drop = true).drop);
    CHECK(
        OTEL_SDK(.service_name = "cart", .metrics = OTEL_METRICS(.cardinality_limit = 5))->metrics.cardinality_limit ==
        5);
#endif
}

OTEL_LOGGER(logger, "header_cxx_test");

static std::string logged;
static void keep_line(void *data, otel_severity severity, const char *line, size_t len) {
    CHECK(data == &logged && severity == OTEL_SEVERITY_ERROR);
    logged.assign(line, len);
}

static void logs_take_fields_as_in_c() {
    otel_log_options options = {};
    CHECK(options.size == sizeof options && options.severity == OTEL_SEVERITY_DEFAULT && options.sink == nullptr);
    options.sink = keep_line;
    options.sink_data = &logged;
    otel_log_configure(&options);
    const std::string text = "text";
    const otel_span none = {};
    otel_log_debug(logger, "not this one");
    otel_log_error(logger, "message");
    CHECK(logged.find("\"logger\":\"header_cxx_test\",\"message\":\"message\"}") != std::string::npos);
    otel_log_span(&none, logger, OTEL_SEVERITY_ERROR, "message", OTEL_ATTR("s", text), OTEL_ATTR("n", 1.5));
    CHECK(logged.find("\"fields\":{\"s\":\"text\",\"n\":1.5}") != std::string::npos);
    otel_log_line line = {};
    line.message = "third";
    otel_log_write(logger, OTEL_SEVERITY_ERROR, &line);
    CHECK(logged.find("third") != std::string::npos && otel_log_count().written == 3);
#if __cplusplus >= 202002L
    otel_log_write(logger, OTEL_SEVERITY_ERROR, OTEL_LOG_LINE("fourth", .message_len = 2));
    CHECK(logged.find("\"fo\"") != std::string::npos);
#endif
    otel_log_configure(nullptr);
}

int main() {
    measurements_are_made_as_in_c();
    metrics_options_default_as_in_c();
    logs_take_fields_as_in_c();
    types_are_picked_as_in_c();
    values_hold_values();
    spans_pass_through_without_an_sdk();
    contexts_carry_values_and_baggage();
    options_default_as_in_c();
    sdk_options_default_as_in_c();
    sampler_tables_default_as_in_c();
    return failures != 0;
}
