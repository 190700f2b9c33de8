/* SPDX-License-Identifier: Apache-2.0 */
/* config_sampler_test.c - the sampler's argument, which only some samplers take. */
#include "config_fixture.h"

/* An argument that the sampler does not take is told of: else who wants a tenth of all traces finds out by the bill. */
static void sampler_argument(void **state) {
    (void)state;
    static const char no_number[] = "is not a number from 0 to 1; using the default, 1";
    static const struct {
        const char *sampler, *arg;
        double ratio;
        const char *why; /* NULL: nothing is wrong */
    } cases[] = {
        { "traceidratio", NULL, 1, NULL },
        { "traceidratio", "", 1, NULL },
        { "traceidratio", "0.25", 0.25, NULL },
        { "traceidratio", " 0.25 ", 0.25, NULL },
        { "parentbased_traceidratio", "1e-3", 0.001, NULL },
        { "traceidratio", "0", 0, NULL },
        { "traceidratio", "1", 1, NULL },
        { "traceidratio", "1.5", 1, no_number },
        { "traceidratio", "-1", 1, no_number },
        { "traceidratio", "abc", 1, no_number },
        { "traceidratio", "NaN", 1, no_number },
        { "traceidratio", "0,5", 1, no_number },
        { "traceidratio", "50%", 1, no_number },
        { "Always_on", "0.25", 1, "ignored: the sampler always_on takes no argument; traceidratio does" },
        { "parentbased_always_on", "abc", 1, "parentbased_always_on takes no argument; parentbased_traceidratio does" },
        { "always_off", "0.25", 1, "ignored: the sampler always_off takes no argument" },
        { "parentbased_always_off", "1", 1, "ignored: the sampler parentbased_always_off takes no argument" },
        { "always_on", "", 1, NULL },
        { NULL, "0.25", 1, "ignored: OTEL_TRACES_SAMPLER is not set; parentbased_traceidratio takes it" },
        { NULL, "abc", 1, "ignored: OTEL_TRACES_SAMPLER is not set" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char quoted[64];
        const char *const why = cases[i].why;
        print_message("    %s %s\n", text_or_none(cases[i].sampler), text_or_none(cases[i].arg));
        fake_env_set("OTEL_TRACES_SAMPLER", cases[i].sampler);
        fake_env_set("OTEL_TRACES_SAMPLER_ARG", cases[i].arg);
        load();
        assert_true(config.sampler_ratio == cases[i].ratio);
        assert_int_equal(reports_count(), why != NULL);
        snprintf(quoted, sizeof quoted, "OTEL_TRACES_SAMPLER_ARG=\"%s\"", text_or_none(cases[i].arg));
        assert_true(!why || reports_mention(quoted, why));
        assert_int_equal(reports_mention("traceidratio does", NULL), why && strstr(why, "does"));
        if (!cases[i].sampler)
            assert_null(config.sampler_arg);
        otel__config_free(&config);
    }
}

static void argument_of_an_unknown_sampler_is_not_read(void **state) {
    (void)state;
    fake_env_set("OTEL_TRACES_SAMPLER", "traceidratio2");
    fake_env_set("OTEL_TRACES_SAMPLER_ARG", "abc");
    load();
    assert_int_equal(config.sampler, OTEL__SAMPLER_PARENT_ALWAYS_ON);
    assert_null(config.sampler_arg);
    assert_int_equal(reports_count(), 1);
    otel__config_free(&config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(sampler_argument),
        TEST(argument_of_an_unknown_sampler_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
