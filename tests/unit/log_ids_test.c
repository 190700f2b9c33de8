/* SPDX-License-Identifier: Apache-2.0 */
/* log_ids_test.c - the ids of spans in the forms of logs, with no SDK, from signal handlers too. */
#include "log_fixture.h"

#include <errno.h>
#include <otel/trace.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"

static otel_span span_with_flags(uint8_t flags) {
    return otel_span_wrap(&(otel_span_context){
        .size = sizeof(otel_span_context),
        .trace_id = { 0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c },
        .span_id = { 0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31 },
        .flags = flags,
    });
}

static char ids[OTEL_IDS_SIZE];

static const char *ids_of(const otel_span *span, otel_ids_form form) {
    const size_t len = otel_log_ids(span, form, ids, sizeof ids);
    assert_int_equal(len, strlen(ids));
    return ids;
}

static void plain_text_and_ltsv_have_pairs(void **state) {
    (void)state;
    const otel_span span = span_with_flags(1);
    assert_string_equal(ids_of(&span, OTEL_IDS_TEXT), "trace_id=" TRACE " span_id=" SPAN " trace_flags=01");
    assert_string_equal(ids_of(&span, OTEL_IDS_LTSV), "trace_id:" TRACE "\tspan_id:" SPAN "\ttrace_flags:01");
}

static void json_has_members(void **state) {
    (void)state;
    const otel_span span = span_with_flags(0);
    char object[OTEL_IDS_SIZE + 2];
    snprintf(object, sizeof object, "{%s}", ids_of(&span, OTEL_IDS_JSON));
    json_t *parsed = parse_line(object, strlen(object));
    assert_string_equal(text_of(parsed, "trace_id"), TRACE);
    assert_string_equal(text_of(parsed, "span_id"), SPAN);
    assert_string_equal(text_of(parsed, "trace_flags"), "00");
    assert_int_equal(json_object_size(parsed), 3);
    json_decref(parsed);
}

static void syslog_has_one_structured_data_element(void **state) {
    (void)state;
    const otel_span span = span_with_flags(3);
    assert_string_equal(ids_of(&span, OTEL_IDS_SYSLOG),
                        "[opentelemetry trace_id=\"" TRACE "\" span_id=\"" SPAN "\" trace_flags=\"03\"]");
}

static void the_ids_are_those_of_the_current_span(void **state) {
    (void)state;
    assert_string_equal(ids_of(NULL, OTEL_IDS_TEXT), "");
    const otel_span span = span_with_flags(1);
    otel_scope scope = otel_span_attach(&span, false);
    assert_string_equal(ids_of(NULL, OTEL_IDS_TEXT), "trace_id=" TRACE " span_id=" SPAN " trace_flags=01");
    otel_scope_close(&scope);
    assert_string_equal(ids_of(NULL, OTEL_IDS_SYSLOG), "");
}

static void nothing_is_written_without_ids_or_room(void **state) {
    (void)state;
    const otel_span none = { { 0 } }, span = span_with_flags(1);
    assert_string_equal(ids_of(&none, OTEL_IDS_JSON), "");
    assert_string_equal(ids_of(&span, (otel_ids_form)99), "");
    const size_t len = strlen(ids_of(&span, OTEL_IDS_TEXT));
    memset(ids, 'x', sizeof ids);
    assert_int_equal(otel_log_ids(&span, OTEL_IDS_TEXT, ids, len), 0);
    assert_string_equal(ids, "");
    assert_int_equal(ids[1], 'x');
    assert_int_equal(otel_log_ids(&span, OTEL_IDS_TEXT, ids, len + 1), len);
    assert_int_equal(otel_log_ids(&span, OTEL_IDS_TEXT, ids, 0), 0);
    assert_int_equal(otel_log_ids(&span, OTEL_IDS_TEXT, NULL, 8), 0);
}

/* ---- signal handlers --------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t handled, torn;

static void check_ids(int number) {
    static const char expected[] = "trace_id=" TRACE " span_id=" SPAN " trace_flags=01";
    char text[OTEL_IDS_SIZE];
    const size_t len = otel_log_ids(NULL, OTEL_IDS_TEXT, text, sizeof text);
    (void)number;
    handled = handled + 1;
    if (len != 0 && strcmp(text, expected) != 0) {
        torn = torn + 1;
    }
}

struct bombardment {
    pthread_t target;
    _Atomic bool over;
};

static void *bombard(void *data) {
    struct bombardment *bombardment = data;
    while (!bombardment->over) {
        pthread_kill(bombardment->target, SIGUSR1);
        usleep(50);
    }
    return NULL;
}

/* Scopes are opened and closed meanwhile; deep enough for the stack of scopes to grow. */
static void a_handler_finds_whole_ids_whatever_it_interrupts(void **state) {
    (void)state;
    const otel_span span = span_with_flags(1);
    struct bombardment bombardment = { .target = pthread_self() };
    pthread_t sender;
    signal(SIGUSR1, check_ids);
    pthread_create(&sender, NULL, bombard, &bombardment);
    while (handled < 1000) {
        otel_scope scopes[40];
        for (int i = 0; i < 40; i++) {
            scopes[i] = otel_span_attach(&span, false);
        }
        otel_scope_close(&scopes[0]);
    }
    bombardment.over = true;
    pthread_join(sender, NULL);
    signal(SIGUSR1, SIG_DFL);
    assert_int_equal(torn, 0);
}

static void errno_stays(void **state) {
    (void)state;
    const otel_span span = span_with_flags(1);
    errno = 77;
    otel_log_ids(&span, OTEL_IDS_SYSLOG, ids, sizeof ids);
    assert_int_equal(errno, 77);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_and_ltsv_have_pairs),
        cmocka_unit_test(json_has_members),
        cmocka_unit_test(syslog_has_one_structured_data_element),
        cmocka_unit_test(the_ids_are_those_of_the_current_span),
        cmocka_unit_test(nothing_is_written_without_ids_or_room),
        cmocka_unit_test(a_handler_finds_whole_ids_whatever_it_interrupts),
        cmocka_unit_test(errno_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
