/* SPDX-License-Identifier: Apache-2.0 */
/* resource_fork_test.c - what a forked child exports as its own process: pid, parent, id of the instance. */
#include "in_child.h"
#include "resource_fixture.h"

#include <otel/memory.h>
#include <otel/sdk.h>

#include <stdio.h>
#include <unistd.h>

enum { LONG_MS = 20000, UUID_LEN = 36 };

OTEL_TRACER(lib, "lib");

static otel_memory *memory;

/* What the last span was exported with. */
struct identity {
    int64_t pid, parent_pid;
    char instance[UUID_LEN + 1], team[8];
};

static const otel_value *find(const otel_resource_data *resource, const char *key) {
    for (size_t i = 0; i < resource->attributes.count; i++) {
        const otel_attr *attr = &resource->attributes.items[i];
        if (attr->key.len == strlen(key) && memcmp(attr->key.ptr, key, attr->key.len) == 0)
            return &attr->value;
    }
    return NULL;
}

static void copy_text(const otel_value *value, char *out, size_t size) {
    snprintf(out, size, "%.*s", value ? (int)value->len : 0, value ? (const char *)value->u.p : "");
}

static struct identity export_one(void) {
    struct identity identity = { .pid = -1, .parent_pid = -1 };
    otel_memory_clear(memory);
    const otel_span span = otel_span_start(lib, OTEL_START("one"));
    otel_span_end(&span);
    otel_sdk_flush(LONG_MS);
    otel_memory_spans *spans = otel_memory_snapshot(memory);
    if (otel_memory_spans_count(spans) == 1) {
        const otel_resource_data *resource = otel_memory_spans_at(spans, 0)->resource;
        const otel_value *pid = find(resource, "process.pid"), *parent = find(resource, "process.parent_pid");
        identity.pid = pid ? pid->u.i : 0;
        identity.parent_pid = parent ? parent->u.i : 0;
        copy_text(find(resource, "service.instance.id"), identity.instance, sizeof identity.instance);
        copy_text(find(resource, "team"), identity.team, sizeof identity.team);
    }
    otel_memory_spans_release(spans);
    return identity;
}

static otel_status start(const otel_resource *whole, otel_attrs given) {
    memory = otel_memory_create(16);
    return otel_sdk_start(OTEL_SDK(.service_name = "test", .resource = given, .whole_resource = whole,
                                   .detectors = "process,service", .log_level = OTEL_LOG_NONE,
                                   .processors = OTEL_PROCESSORS(otel_simple_processor(otel_memory_exporter(memory)))));
}

static int stop(void **state) {
    (void)state;
    otel_sdk_stop(LONG_MS);
    otel_memory_release(memory);
    memory = NULL;
    return 0;
}

/* ---- children --------------------------------------------------------------------------------------------------- */

static int exports_its_own(void *argument) {
    const struct identity *parent = argument;
    const struct identity mine = export_one();
    STEP(mine.pid == getpid());
    STEP(mine.parent_pid == getppid());
    STEP(strlen(mine.instance) == UUID_LEN);
    STEP(strcmp(mine.instance, parent->instance) != 0);
    STEP(strcmp(mine.team, "core") == 0);
    return 0;
}

static int exports_its_own_and_so_does_its_child(void *argument) {
    int result = exports_its_own(argument);
    struct identity mine = export_one();
    return result ? result : in_child(exports_its_own, &mine);
}

static void a_child_has_ids_of_its_own(void **state) {
    (void)state;
    assert_int_equal(start(NULL, OTEL_ATTRS(OTEL_ATTR("team", "core"))), OTEL_OK);
    struct identity before = export_one();
    assert_int_equal(before.pid, getpid());
    assert_int_equal(in_child(exports_its_own_and_so_does_its_child, &before), 0);
    const struct identity after = export_one();
    assert_int_equal(after.pid, getpid());
    assert_int_equal(after.parent_pid, getppid());
    assert_string_equal(after.instance, before.instance);
}

static int exports_what_was_given(void *argument) {
    (void)argument;
    const struct identity mine = export_one();
    STEP(mine.pid == 7);
    STEP(strcmp(mine.instance, "given") == 0);
    STEP(mine.parent_pid == getppid());
    return 0;
}

static void what_the_program_gave_stays(void **state) {
    (void)state;
    const otel_attr given[] = { OTEL_ATTR("process.pid", 7), OTEL_ATTR("service.instance.id", "given") };
    assert_int_equal(start(NULL, (otel_attrs){ given, 2 }), OTEL_OK);
    assert_int_equal(export_one().pid, 7);
    assert_int_equal(in_child(exports_what_was_given, NULL), 0);
}

static int starts_with_the_parents_resource(void *argument) {
    struct identity parent = { .pid = getppid() };
    copy_text(otel_resource_get(argument, "service.instance.id"), parent.instance, sizeof parent.instance);
    STEP(start(argument, OTEL_ATTRS(OTEL_ATTR("team", "core"))) == OTEL_OK);
    return exports_its_own(&parent);
}

static void a_resource_from_before_the_fork_is_renewed(void **state) {
    (void)state;
    otel_resource *detected = otel_resource_detect("process,service");
    assert_int_equal(in_child(starts_with_the_parents_resource, detected), 0);
    assert_int_equal(otel_resource_get(detected, "process.pid")->u.i, getpid());
    otel_resource_release(detected);
}

static void a_resource_that_the_program_holds_never_changes(void **state) {
    (void)state;
    otel_resource *detected = otel_resource_detect("process,service");
    assert_int_equal(start(detected, (otel_attrs){ .count = 0 }), OTEL_OK);
    const struct identity exported = export_one();
    assert_attribute(detected, "service.instance.id", exported.instance);
    otel_resource_release(detected);
    assert_string_equal(export_one().instance, exported.instance);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_child_has_ids_of_its_own, stop),
        cmocka_unit_test_teardown(what_the_program_gave_stays, stop),
        cmocka_unit_test_teardown(a_resource_from_before_the_fork_is_renewed, stop),
        cmocka_unit_test_teardown(a_resource_that_the_program_holds_never_changes, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
