/* SPDX-License-Identifier: Apache-2.0 */
#include "report_double.h"

#include "diagnostics.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { REPORTS = 64 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static size_t count;
static otel_log_level levels[REPORTS];
static char texts[REPORTS][OTEL__DIAGNOSTIC_MAX + 1];

static void collect(void *data, otel_log_level level, const char *text) {
    (void)data;
    pthread_mutex_lock(&lock);
    if (count < REPORTS) {
        levels[count] = level;
        snprintf(texts[count], sizeof texts[count], "%s", text);
        count++;
    }
    pthread_mutex_unlock(&lock);
}

void report_double_start(otel_log_level threshold) {
    pthread_mutex_lock(&lock);
    count = 0;
    pthread_mutex_unlock(&lock);
    otel__diagnostics_set(threshold, collect, NULL);
}

void report_double_stop(void) { otel__diagnostics_reset(); }

size_t report_double_count(void) {
    pthread_mutex_lock(&lock);
    size_t value = count;
    pthread_mutex_unlock(&lock);
    return value;
}

const char *report_double_text(size_t index) { return index < report_double_count() ? texts[index] : ""; }
otel_log_level report_double_level(size_t index) {
    return index < report_double_count() ? levels[index] : OTEL_LOG_NONE;
}

bool report_double_has(otel_log_level level, const char *text) {
    for (size_t i = 0; i < report_double_count(); i++)
        if (levels[i] == level && strstr(texts[i], text))
            return true;
    return false;
}
