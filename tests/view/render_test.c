/* SPDX-License-Identifier: Apache-2.0 */
/* Whole trees as they appear in the terminal. */
#include "fixture.h"
#include "render.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
/* gcc takes the text that open_memstream() hands out for the variable that it is handed out through. */
#pragma GCC diagnostic ignored "-Wdangling-pointer"
#endif

#define KIND(name) OTEL__OTLP__SPAN__SPAN_KIND__SPAN_KIND_##name

static const struct view_style ascii = { .width = 80 };
static const struct view_style utf8 = { .width = 80, .utf8 = true };
static const struct view_style colored = { .width = 80, .utf8 = true, .color = true };

static char *render(const struct view_style *style, const struct fixture_span *spans, size_t count) {
    struct view_store *store = view_store_new(10, 1 << 26);
    fixture_add(store, spans, count, 0);
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    view_render_trace(out, style, view_store_first(store));
    fclose(out);
    view_store_free(store);
    return text;
}

static const struct fixture_span call[] = {
    { .service = "shop",
      .trace = 0xab,
      .id = 1,
      .name = "POST /buy",
      .kind = KIND(SERVER),
      .duration_us = 1000,
      .attributes = { { .key = "user.name", .text = "Ann Lee" },
                      { .key = "http.request.method", .text = "POST" },
                      { .key = "thread.id", .number = 7 } } },
    { .service = "shop",
      .trace = 0xab,
      .id = 2,
      .parent = 1,
      .name = "POST",
      .kind = KIND(CLIENT),
      .start_us = 250,
      .duration_us = 500,
      .error = "card refused" },
    { .service = "bank",
      .trace = 0xab,
      .id = 3,
      .parent = 2,
      .name = "charge",
      .kind = KIND(SERVER),
      .start_us = 500,
      .duration_us = 125,
      .error = "",
      .events = { { .name = "exception",
                    .at_us = 600,
                    .attributes = { { .key = "exception.type", .text = "Refused" },
                                    { .key = "exception.message", .text = "no\ncover" },
                                    { .key = "exception.stacktrace", .text = "x" } } },
                  { .name = "retry", .at_us = 499, .attributes = { { .key = "count", .number = 2 } } } } },
};

static void test_a_tree_in_ascii(void **state) {
    (void)state;
    char *text = render(&ascii, call, 3);
    assert_string_equal(text,
                        "trace abababababababababababababababab  2023-11-14 22:13:20.000  1.00ms  3 spans  2 errors\n"
                        "shop, bank\n"
                        "service  span                            kind      duration  0      500us 1.00ms\n"
                        "shop     POST /buy                       server      1.00ms  ===================\n"
                        "         |  http.request.method=POST user.name=\"Ann Lee\" +1\n"
                        "shop     `- ! POST                       client       500us      ==========\n"
                        "            |  ERROR: card refused\n"
                        "bank        `- ! charge                  server       125us           ===\n"
                        "                  ERROR\n"
                        "                  * +100us exception Refused: no\\ncover\n"
                        "                  * -1.00us retry count=2\n"
                        "\n");
    free(text);
}

static void test_a_tree_in_utf8(void **state) {
    (void)state;
    char *text = render(&utf8, call, 3);
    assert_string_equal(text,
                        "trace abababababababababababababababab  2023-11-14 22:13:20.000  1.00ms  3 spans  2 errors\n"
                        "shop, bank\n"
                        "service  span                            kind      duration  0      500µs 1.00ms\n"
                        "shop     POST /buy                       server      1.00ms  ━━━━━━━━━━━━━━━━━━━\n"
                        "         │  http.request.method=POST user.name=\"Ann Lee\" +1\n"
                        "shop     └─ ✗ POST                       client       500µs      ╺━━━━━━━━━\n"
                        "            │  ERROR: card refused\n"
                        "bank        └─ ✗ charge                  server       125µs           ╺━╸\n"
                        "                  ERROR\n"
                        "                  • +100µs exception Refused: no\\ncover\n"
                        "                  • -1.00µs retry count=2\n"
                        "\n");
    free(text);
}

/* Colours change nothing but themselves: without their sequences the text is the plain one, and errors are red. */
static void test_colours_only_add(void **state) {
    (void)state;
    char *plain = render(&utf8, call, 3);
    char *text = render(&colored, call, 3);
    assert_non_null(strstr(text, "\033[1;31m✗ POST\033[0m"));
    assert_non_null(strstr(text, "\033[31mERROR: card refused\033[0m\n"));
    assert_non_null(strstr(text, "\033[36mshop\033[0m"));
    assert_non_null(strstr(text, "\033[35mbank\033[0m"));
    assert_null(strchr(plain, '\033'));
    char *to = text;
    for (const char *from = text; (*to = *from); from++) {
        if (*from == '\033') {
            from += strcspn(from, "m");
        } else {
            to++;
        }
    }
    assert_string_equal(text, plain);
    free(text);
    free(plain);
}

static void test_orphans_rings_and_links(void **state) {
    (void)state;
    const struct fixture_span spans[] = {
        { .service = "a",
          .trace = 1,
          .id = 1,
          .parent = 0x77,
          .name = "orphan",
          .kind = KIND(CONSUMER),
          .duration_us = 8,
          .link_trace = 2 },
        { .service = "a", .trace = 1, .id = 2, .parent = 3, .name = "hen", .kind = KIND(INTERNAL), .duration_us = 8 },
        { .service = "a", .trace = 1, .id = 3, .parent = 2, .name = "egg", .kind = 9, .start_us = 8, .duration_us = 8 },
    };
    char *text = render(&ascii, spans, 3);
    assert_non_null(strstr(text, "         (parent 0000000000000077 not received)\n"
                                 "a        `- orphan                       consumer    8.00us  ==========\n"
                                 "               > linked to span 0000000000000001 of trace 02020202020202020202..\n"
                                 "         (parent 0000000000000003 is a descendant)\n"
                                 "a        hen                             internal    8.00us  ==========\n"
                                 "a        `- egg                          9           8.00us           ==========\n"
                                 "\n"));
    free(text);
}

static void test_no_received_byte_drives_the_terminal(void **state) {
    (void)state;
    const char *evil = "\033[2J\r\n\x9b"
                       "5m\xe2\x80\xae\a";
    const struct fixture_span span = {
        .service = evil,
        .trace = 1,
        .id = 1,
        .name = evil,
        .error = evil,
        .attributes = { { .key = evil, .text = evil } },
        .events = { { .name = evil, .attributes = { { .key = evil, .text = evil } } },
                    { .name = "exception", .attributes = { { .key = "exception.message", .text = evil } } } },
    };
    char *text = render(&utf8, &span, 1);
    for (const char *c = text; *c; c++) {
        assert_true((unsigned char)*c >= 0x20 || *c == '\n');
    }
    assert_null(strstr(text, "\xe2\x80\xae"));
    assert_non_null(strstr(text, "\\x1b[2J\\r\\n"));
    free(text);
}

static size_t longest_line(const char *text) {
    size_t longest = 0;
    for (; *text; text += strcspn(text, "\n") + 1) {
        size_t len = strcspn(text, "\n");
        longest = len > longest ? len : longest;
    }
    return longest;
}

static void test_rows_keep_to_the_width(void **state) {
    (void)state;
    const size_t widths[] = { 80, 100, 131, 240 };
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        const struct view_style style = { .width = widths[i] };
        char *text = render(&style, fixture_search, fixture_search_count);
        char *rows = strstr(text, "\nservice"); /* below the headline, which is never cut */
        assert_true(longest_line(rows + 1) <= widths[i]);
        assert_true(longest_line(rows + 1) > widths[i] - 12);
        free(text);
    }
}

static void test_deep_trees_stop_moving_right(void **state) {
    (void)state;
    enum { COUNT = 60 };
    struct fixture_span spans[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        spans[i] = (struct fixture_span){ .service = "a",
                                          .trace = 1,
                                          .id = i + 1,
                                          .parent = i,
                                          .name = "s",
                                          .kind = KIND(INTERNAL),
                                          .start_us = i,
                                          .duration_us = COUNT - i };
    }
    char *text = render(&ascii, spans, COUNT);
    assert_true(longest_line(strstr(text, "\nservice") + 1) <= 80);
    assert_non_null(strstr(text, "(+53) "));
    free(text);
}

static void test_long_traces_are_cut_and_counted(void **state) {
    (void)state;
    enum { COUNT = 300 };
    struct fixture_span spans[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        spans[i] = (struct fixture_span){ .service = "a",
                                          .trace = 1,
                                          .id = i + 1,
                                          .parent = i == 0 ? 0 : 1,
                                          .name = "s",
                                          .start_us = i,
                                          .duration_us = 1,
                                          .error = i == 299 ? "" : NULL };
    }
    char *text = render(&ascii, spans, COUNT);
    assert_non_null(strstr(text, "and 100 more spans, 1 of them with errors: GET /api/traces/0101"));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_tree_in_ascii),
        cmocka_unit_test(test_a_tree_in_utf8),
        cmocka_unit_test(test_colours_only_add),
        cmocka_unit_test(test_orphans_rings_and_links),
        cmocka_unit_test(test_no_received_byte_drives_the_terminal),
        cmocka_unit_test(test_rows_keep_to_the_width),
        cmocka_unit_test(test_deep_trees_stop_moving_right),
        cmocka_unit_test(test_long_traces_are_cut_and_counted),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    setenv("TZ", "UTC", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
