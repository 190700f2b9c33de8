/* SPDX-License-Identifier: Apache-2.0 */
/* kalki_documents_json_test.c - what is taken for documents, and what is said of the rest. */
#include "query/documents_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void one_document_and_an_array_are_read(void **state) {
    struct sent_documents sent;
    char why[256];
    const char *one = "{\"title\":\"a\",\"text\":\"\\u00e9 \\\"b\\\"\"}",
               *two = "[{\"title\":\"a\",\"text\":\"b\"},"
                      "{\"text\":\"d\",\"title\":\"c\",\"more\":1}]";
    (void)state;
    assert_true(documents_json_read(&sent, one, strlen(one), why, sizeof why));
    assert_int_equal(sent.count, 1);
    assert_string_equal(sent.items[0].text, "\xc3\xa9 \"b\"");
    assert_int_equal(sent.bytes, 7);
    documents_json_free(&sent);
    assert_true(documents_json_read(&sent, two, strlen(two), why, sizeof why));
    assert_int_equal(sent.count, 2);
    assert_string_equal(sent.items[1].title, "c");
    documents_json_free(&sent);
}

static void assert_wrong(const char *body, size_t length, const char *reason) {
    struct sent_documents sent;
    char why[256] = "";
    assert_false(documents_json_read(&sent, body, length, why, sizeof why));
    documents_json_free(&sent);
    if (!strstr(why, reason))
        fail_msg("\"%s\" does not say \"%s\"", why, reason);
}

static void mistakes_are_named(void **state) {
    static const char *const cases[][2] = {
        { "", "no JSON" },
        { "3", "no JSON" },
        { "{\"title\":\"a\",", "line 1, column" },
        { "{\"title\":\"a\",\"text\":\"b\"} x", "no JSON" },
        { "{\"title\":\"a\",\"title\":\"b\",\"text\":\"c\"}", "duplicate" },
        { "{\"title\":\"a\",\"text\":\"\xff\"}", "no JSON" },
        { "{\"title\":\"a\\u0000\",\"text\":\"b\"}", "no JSON" },
        { "{}", "title is missing" },
        { "{\"title\":\"a\"}", "text is missing" },
        { "{\"title\":null,\"text\":\"b\"}", "title is not a string" },
        { "{\"title\":\"a\",\"text\":\"\"}", "text is empty" },
        { "[]", "1 to 1000 documents, and not 0" },
        { "[{\"title\":\"a\",\"text\":\"b\"},[]]", "document 1: it is not an object" },
        { "[{\"title\":\"a\",\"text\":\"b\"},{\"title\":\"a\",\"text\":7}]", "document 1: text is not a string" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_wrong(cases[i][0], strlen(cases[i][0]), cases[i][1]);
    assert_wrong(NULL, 0, "no body");
}

/* A document whose title and text have these lengths. */
static char *document_of(size_t title, size_t text) {
    char *body = malloc(title + text + 32), *end = body;
    assert_non_null(body);
    end += sprintf(end, "{\"title\":\"");
    memset(end, 't', title);
    end += title;
    end += sprintf(end, "\",\"text\":\"");
    memset(end, 'x', text);
    strcpy(end + text, "\"}");
    return body;
}

static void lengths_are_bounded(void **state) {
    struct sent_documents sent;
    char why[256];
    (void)state;
    char *longest = document_of(DOCUMENT_TITLE_MAX, DOCUMENT_TEXT_MAX);
    assert_true(documents_json_read(&sent, longest, strlen(longest), why, sizeof why));
    documents_json_free(&sent);
    char *title = document_of(DOCUMENT_TITLE_MAX + 1, 1), *text = document_of(1, DOCUMENT_TEXT_MAX + 1);
    assert_wrong(title, strlen(title), "title is longer than 500 bytes");
    assert_wrong(text, strlen(text), "text is longer than 65536 bytes");
    free(longest);
    free(title);
    free(text);
}

static void deep_nesting_is_refused(void **state) {
    static char body[1 << 20];
    (void)state;
    memset(body, '[', sizeof body);
    assert_wrong(body, sizeof body, "no JSON");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_document_and_an_array_are_read),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(lengths_are_bounded),
        cmocka_unit_test(deep_nesting_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
