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

static void remote_argument(void **state) {
    (void)state;
    static const char whole[] = "endpoint=http://j:14250,pollingIntervalMs=5000,initialSamplingRate=0.25";
    static const struct {
        const char *arg, *endpoint;
        int interval;
        double rate;
        const char *why; /* NULL: nothing is wrong */
    } cases[] = {
        { NULL, NULL, 60000, 0.001, NULL },
        { whole, "http://j:14250", 5000, 0.25, NULL },
        { " initialSamplingRate = 1 , endpoint = https://j/sampling?a=b ", "https://j/sampling?a=b", 60000, 1, NULL },
        { "endpoint=dns:///j:5779", "dns:///j:5779", 60000, 0.001, NULL },
        { "pollingIntervalMs=1,pollingIntervalMs=2", NULL, 2, 0.001, NULL },
        { "endpoint=http://a,endpoint=http://b", "http://b", 60000, 0.001, NULL },
        { "endpoint=http://a,endpoint=ftp://u:secret@b/c,pollingIntervalMs=7", "http://a", 7, 0.001,
          "\"endpoint\" \"@b/c\" cannot be used" },
        { "pollingIntervalMs=0", NULL, 60000, 0.001, "\"pollingIntervalMs=0\" is not a whole number of milliseconds" },
        { "pollingIntervalMs=5s", NULL, 60000, 0.001, "\"pollingIntervalMs=5s\" is not a whole number" },
        { "pollingIntervalMs=99999999999", NULL, 60000, 0.001, "is not a whole number" },
        { "initialSamplingRate=1.5", NULL, 60000, 0.001, "\"initialSamplingRate=1.5\" is not a number from 0 to 1" },
        { "initialSamplingRate=NaN,pollingIntervalMs=9", NULL, 9, 0.001, "initialSamplingRate=NaN" },
        { "endpoint=", NULL, 60000, 0.001, "\"endpoint\" has no value" },
        { "0.25", NULL, 60000, 0.001,
          "\"0.25\" is none of endpoint=..., pollingIntervalMs=... and initialSamplingRate=" },
        { "http://j/sampling", NULL, 60000, 0.001, "\"http://j/sampling\" is none of endpoint=..., " },
        { "interval=5,pollingIntervalMs=5", NULL, 5, 0.001, "\"interval\" is none of endpoint, pollingIntervalMs and" },
        { "pollingIntervalMs=5,", NULL, 5, 0.001, "is an empty item" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const why = cases[i].why;
        print_message("    %s\n", text_or_none(cases[i].arg));
        fake_env_set("OTEL_TRACES_SAMPLER", i % 2 ? "jaeger_remote" : "ParentBased_Jaeger_Remote");
        fake_env_set("OTEL_TRACES_SAMPLER_ARG", cases[i].arg);
        load();
        assert_int_equal(config.sampler, i % 2 ? OTEL__SAMPLER_REMOTE : OTEL__SAMPLER_PARENT_REMOTE);
        assert_string_equal(text_or_none(config.remote_endpoint), text_or_none(cases[i].endpoint));
        assert_int_equal(config.remote_interval_ms, cases[i].interval);
        assert_true(config.remote_initial_rate == cases[i].rate);
        assert_int_equal(reports_count(), why != NULL);
        assert_true(!why || reports_mention("OTEL_TRACES_SAMPLER_ARG", why));
        assert_false(reports_mention("secret", NULL));
        otel__config_free(&config);
    }
}

static void each_fault_of_a_variable_is_told_up_to_a_bound(void **state) {
    (void)state;
    fake_env_set("OTEL_TRACES_SAMPLER", "jaeger_remote");
    fake_env_set("OTEL_TRACES_SAMPLER_ARG", "pollingIntervalMs=abc,initialSamplingRate=7");
    load();
    assert_int_equal(reports_count(), 2);
    assert_true(reports_mention("\"pollingIntervalMs=abc\"", NULL));
    assert_true(reports_mention("\"initialSamplingRate=7\"", NULL));
    otel__config_free(&config);
    fake_env_set("OTEL_TRACES_SAMPLER_ARG", "a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1,j=1,k=1,l=1");
    load();
    assert_int_equal(reports_count(), 9);
    otel__config_free(&config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(sampler_argument),
        TEST(argument_of_an_unknown_sampler_is_not_read),
        TEST(remote_argument),
        TEST(each_fault_of_a_variable_is_told_up_to_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
