/* SPDX-License-Identifier: Apache-2.0 */
/* config_fixture.h - the configuration that a made-up environment gives, and what is reported about it. */
#ifndef CONFIG_FIXTURE_H
#define CONFIG_FIXTURE_H

#include "config.h"

#include "fake_env.h"
#include "reports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct otel__config config;

static int set_up(void **state) {
    (void)state;
    fake_env_clear();
    reports_start(OTEL_LOG_WARN);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    reports_stop();
    return 0;
}

static void load(void) {
    reports_start(OTEL_LOG_WARN);
    otel__config_load(&config, NULL, fake_env_get);
    assert_int_equal(reports_count(), 0); /* loading itself is silent */
    otel__config_report(&config);
}

static const char *text_or_none(const char *text) { return text ? text : "(none)"; }

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
