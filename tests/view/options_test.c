/* SPDX-License-Identifier: Apache-2.0 */
/* The command line. */
#include "options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Parses one line of words; what was said about it ends up in `said`. */
static enum view_parsed parse(struct view_options *options, const char *line, char *said, size_t said_size) {
    static char words[256];
    char *argv[16] = { (char *)(uintptr_t) "otel-view" };
    int argc = 1;
    snprintf(words, sizeof words, "%s", line);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    memset(said, 0, said_size);
    FILE *errors = fmemopen(said, said_size, "w");
    enum view_parsed parsed = view_options_parse(options, argc, argv, errors);
    fclose(errors);
    return parsed;
}

static void test_defaults(void **state) {
    (void)state;
    struct view_options options;
    char said[256];
    assert_int_equal(parse(&options, "", said, sizeof said), VIEW_RUN);
    assert_string_equal(options.host, "127.0.0.1");
    assert_int_equal(options.port, 4318);
    assert_int_equal(options.settle_ms, 300);
    assert_int_equal(options.color, VIEW_AUTO);
    assert_false(options.quiet);
    assert_null(options.ready_file);
}

static void test_all_options(void **state) {
    (void)state;
    struct view_options options;
    char said[256];
    const char *line = "--port 0 --host=::1 --max-traces 5 --max-bytes 2m --settle 10 --patience=20 --color always "
                       "--quiet --ready-file f";
    assert_int_equal(parse(&options, line, said, sizeof said), VIEW_RUN);
    assert_int_equal(options.port, 0);
    assert_string_equal(options.host, "::1");
    assert_int_equal(options.max_traces, 5);
    assert_int_equal(options.max_bytes, 2 << 20);
    assert_int_equal(options.settle_ms, 10);
    assert_int_equal(options.patience_ms, 20);
    assert_int_equal(options.color, VIEW_ALWAYS);
    assert_true(options.quiet);
    assert_string_equal(options.ready_file, "f");
    assert_int_equal(parse(&options, "--help", said, sizeof said), VIEW_HELP);
}

static void test_mistakes_are_told(void **state) {
    static const char *const mistakes[][2] = {
        { "--port 65536", "\"65536\" is no value for --port" },
        { "--port -1", "\"-1\" is no value for --port" },
        { "--port 1k", "--port" },
        { "--max-traces 0", "--max-traces" },
        { "--max-bytes 99999999999999999999", "--max-bytes" },
        { "--max-bytes 1x", "--max-bytes" },
        { "--max-bytes 99999999999G", "--max-bytes" },
        { "--settle x", "--settle" },
        { "--color blue", "\"blue\" is no value for --color" },
        { "--port", "--port needs a value" },
        { "--nonsense", "--nonsense is not an option" },
        { "-x", "is not an option" },
        { "extra", "\"extra\"" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        struct view_options options;
        char said[256];
        assert_int_equal(parse(&options, mistakes[i][0], said, sizeof said), VIEW_USAGE_ERROR);
        assert_non_null(strstr(said, mistakes[i][1]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_all_options),
        cmocka_unit_test(test_mistakes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
