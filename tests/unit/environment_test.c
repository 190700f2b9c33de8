/* SPDX-License-Identifier: Apache-2.0 */
/* environment_test.c - contexts in environment variables (PROP-ENV-01 to PROP-ENV-08). */
#include "failing_allocator.h"
#include "propagator_fixture.h"

#include <errno.h>
#include <otel/environment.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#define PARENT "00-" TRACE_ID "-" SPAN_ID "-01"

static const otel_getter *const getter = &otel_environment_getter;
static const otel_setter *const setter = &otel_environment_setter;

/* The value of a variable, by its exact name; fails the test when it is there twice. */
static const char *value_of(const otel_environment *environment, const char *name) {
    const char *found = NULL;
    const size_t length = strlen(name);
    for (char **at = environment->envp; *at != NULL; at++) {
        if (strncmp(*at, name, length) == 0 && (*at)[length] == '=') {
            assert_null(found);
            found = *at + length + 1;
        }
    }
    return found;
}

static size_t count_in(const otel_environment *environment) {
    size_t count = 0;
    while (environment->envp[count] != NULL) {
        count++;
    }
    return count;
}

static otel_context traced(void) { return extract_field(&otel_propagator_tracecontext, "traceparent", PARENT); }

static void use(const otel_propagator *first, const otel_propagator *second) {
    const otel_propagator *const list[] = { first, second };
    otel_propagators_set(list, 2);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static void check_name(const json_t *row) {
    const char *key = vector_str(row, "key").ptr, *name = vector_str(row, "normalized").ptr;
    otel_environment environment = otel_environment_copy(NULL);
    setter->set(&environment, key, "a value", 7);
    assert_int_equal(count_in(&environment), 1);
    const char *value = value_of(&environment, name);
    assert_non_null(value);
    assert_string_equal(value, "a value");
    otel_str found = { NULL, 0 };
    assert_true(getter->get(environment.envp, key, 0, &found));
    assert_ptr_equal(found.ptr, value);
    assert_true(getter->key(environment.envp, 0, &found));
    assert_int_equal(found.len, strlen(name));
    assert_memory_equal(found.ptr, name, found.len);
    assert_int_equal(strcmp(key, name) == 0, vector_bool(row, "already_normalized"));
    otel_environment_release(&environment);
}

static void name_vectors(void **state) {
    (void)state;
    vectors_each("env_keys", check_name);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static char *received[] = { "traceparent=lower",
                            "x-b3-traceid=dashes",
                            "=x",
                            "NO_VALUE",
                            "9A=1",
                            "A-B=1",
                            "A b=1",
                            "TRACEPARENT=" PARENT,
                            "TRACEPARENT=second",
                            "X_B3_TRACEID=",
                            "_=/bin/true",
                            "lower=1",
                            "TRACESTATE=  a=1 \001\xff",
                            NULL };

static void only_the_normalised_name_is_read(void **state) {
    (void)state;
    otel_str value = { NULL, 0 };
    assert_true(getter->get(received, "traceparent", 0, &value));
    assert_string_equal(value.ptr, PARENT);
    assert_true(getter->get(received, "TraceParent", 0, &value));
    assert_string_equal(value.ptr, PARENT);
    assert_false(getter->get(received, "traceparent", 1, &value));
    assert_true(getter->get(received, "x-b3-traceid", 0, &value));
    assert_int_equal(value.len, 0);
    assert_false(getter->get(received, "lower", 0, &value));
    assert_false(getter->get(received, "no_value", 0, &value));
    assert_false(getter->get(received, "trace", 0, &value));
    assert_false(getter->get(NULL, "traceparent", 0, &value));
}

static void values_are_opaque(void **state) {
    (void)state;
    otel_str value = { NULL, 0 };
    assert_true(getter->get(received, "tracestate", 0, &value));
    assert_string_equal(value.ptr, "  a=1 \001\xff");
    static char huge[70000];
    memset(huge, 'h', sizeof huge - 1);
    otel_environment environment = otel_environment_copy(NULL);
    setter->set(&environment, "baggage", huge, sizeof huge - 1);
    assert_string_equal(value_of(&environment, "BAGGAGE"), huge);
    otel_environment_release(&environment);
}

static void only_proper_names_are_listed(void **state) {
    (void)state;
    static const char *const expected[] = { "TRACEPARENT", "TRACEPARENT", "X_B3_TRACEID", "_", "TRACESTATE" };
    otel_str name = { NULL, 0 };
    for (size_t i = 0; i < 5; i++) {
        assert_true(getter->key(received, i, &name));
        assert_int_equal(name.len, strlen(expected[i]));
        assert_memory_equal(name.ptr, expected[i], name.len);
    }
    assert_false(getter->key(received, 5, &name));
    assert_false(getter->key(NULL, 0, &name));
}

static void a_context_is_extracted(void **state) {
    (void)state;
    static char *envp[] = { "B3=" TRACE_ID "-" SPAN_ID "-d", "BAGGAGE=tenant=blue", NULL };
    use(&otel_propagator_b3, &otel_propagator_baggage);
    otel_context context = otel_extract(&no_context, getter, envp);
    assert_span(&context, TRACE_ID, SPAN_ID, 1);
    assert_string_equal(otel_context_baggage_value(&context, "tenant").ptr, "blue");
    otel_context_release(&context);
    otel_propagators_set(NULL, 0);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void a_copy_gets_the_context_and_the_original_stays(void **state) {
    (void)state;
    static char *envp[] = {
        "PATH=/bin", "TRACEPARENT=stale", "TRACESTATE=stale", "BAGGAGE=stale", "TRACEPARENT=x", "traceparent=kept", NULL
    };
    char *before[sizeof envp / sizeof envp[0]];
    memcpy(before, envp, sizeof envp);
    otel_context context = traced();
    use(&otel_propagator_tracecontext, &otel_propagator_baggage);
    otel_environment child = otel_environment_inject(&context, envp);
    assert_memory_equal(envp, before, sizeof envp);
    assert_int_equal(count_in(&child), 3);
    assert_string_equal(value_of(&child, "PATH"), "/bin");
    assert_ptr_not_equal(child.envp[0], envp[0]);
    assert_string_equal(value_of(&child, "TRACEPARENT"), PARENT);
    assert_string_equal(value_of(&child, "traceparent"), "kept");
    otel_environment_release(&child);
    assert_int_equal(count_in(&(otel_environment){ .envp = child.envp }), 0);
    otel_environment_release(&child);
    otel_environment_release(NULL);
    otel_context_release(&context);
    otel_propagators_set(NULL, 0);
}

static void without_propagators_the_environment_passes_through(void **state) {
    (void)state;
    otel_context context = traced();
    otel_environment child = otel_environment_inject(&context, received);
    for (size_t i = 0; received[i] != NULL; i++) {
        assert_string_equal(child.envp[i], received[i]);
    }
    assert_int_equal(count_in(&child), sizeof received / sizeof received[0] - 1);
    otel_environment_release(&child);
    otel_context_release(&context);
}

static void an_empty_environment_can_be_filled(void **state) {
    (void)state;
    static char *const none[] = { NULL };
    otel_context context = traced();
    use(&otel_propagator_tracecontext, NULL);
    otel_environment child = otel_environment_inject(&context, NULL), other = otel_environment_inject(&context, none);
    assert_int_equal(count_in(&child), 1);
    assert_int_equal(count_in(&other), 1);
    assert_string_equal(value_of(&other, "TRACEPARENT"), PARENT);
    otel_environment_release(&child);
    otel_environment_release(&other);
    child = otel_environment_inject(&no_context, NULL);
    assert_int_equal(count_in(&child), 0);
    otel_environment_release(&child);
    otel_context_release(&context);
    otel_propagators_set(NULL, 0);
}

static void many_variables_fit(void **state) {
    (void)state;
    otel_environment environment = otel_environment_copy(received);
    for (int i = 0; i < 500; i++) {
        char name[32];
        snprintf(name, sizeof name, "v-%d", i % 300);
        setter->set(&environment, name, name, strlen(name));
    }
    assert_int_equal(count_in(&environment), sizeof received / sizeof received[0] - 1 + 300);
    assert_string_equal(value_of(&environment, "V_299"), "v-299");
    otel_environment_release(&environment);
}

/* A child whose environment is just this, and which finds it there. */
static void a_child_gets_it(void **state) {
    (void)state;
    char *const arguments[] = { "sh", "-c", "test \"$TRACEPARENT\" = " PARENT " && test -z \"$TRACESTATE\"", NULL };
    otel_context context = traced();
    use(&otel_propagator_tracecontext, NULL);
    otel_environment child = otel_environment_inject(&context, (char *[]){ "TRACESTATE=stale=1", NULL });
    pid_t pid;
    int status = -1;
    assert_int_equal(posix_spawn(&pid, "/bin/sh", NULL, NULL, arguments, child.envp), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_null(getenv("TRACEPARENT"));
    otel_environment_release(&child);
    otel_context_release(&context);
    otel_propagators_set(NULL, 0);
}

/* ---- short of memory --------------------------------------------------------------------------------------------- */

static void without_memory_the_environment_is_the_one_given(void **state) {
    (void)state;
    if (!failing_allocator_works()) {
        print_message("SKIPPED: allocations cannot be made to fail here\n");
        skip();
    }
    otel_context context = traced();
    use(&otel_propagator_tracecontext, NULL);
    unsigned failures = 1;
    for (unsigned nth = 1; failures > 0; nth++) {
        errno = 4711;
        failing_allocator_fail(nth, false);
        otel_environment child = otel_environment_inject(&context, received);
        failures = failing_allocator_failures();
        failing_allocator_fail(0, false);
        assert_int_equal(errno, 4711);
        assert_int_equal(fake.misuses[OTEL__MISUSE_NO_MEMORY], failures > 0 ? nth : nth - 1);
        const bool whole = child.envp != received;
        assert_string_equal(value_of(&child, "_"), "/bin/true");
        if (!whole) {
            setter->set(&child, "a", "1", 1);
            assert_ptr_equal(child.envp, received);
            fake.misuses[OTEL__MISUSE_NO_MEMORY]--;
        }
        otel_environment_release(&child);
    }
    otel_context_release(&context);
    otel_propagators_set(NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(name_vectors),
        TEST(only_the_normalised_name_is_read),
        TEST(values_are_opaque),
        TEST(only_proper_names_are_listed),
        TEST(a_context_is_extracted),
        TEST(a_copy_gets_the_context_and_the_original_stays),
        TEST(without_propagators_the_environment_passes_through),
        TEST(an_empty_environment_can_be_filled),
        TEST(many_variables_fit),
        TEST(a_child_gets_it),
        TEST(without_memory_the_environment_is_the_one_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
