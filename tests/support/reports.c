/* SPDX-License-Identifier: Apache-2.0 */
/* reports.c - see reports.h. */
#include "reports.h"

#include "diagnostics.h"

#include <pthread.h>
#include <stdio.h>

enum { KEPT = 256 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static size_t count;
static struct {
    otel_log_level level;
    char text[OTEL__DIAGNOSTIC_MAX + 2];
} kept[KEPT];

void reports_keep(void *data, otel_log_level level, const char *text) {
    (void)data;
    pthread_mutex_lock(&lock);
    if (count < KEPT) {
        kept[count].level = level;
        snprintf(kept[count].text, sizeof kept[count].text, "%s", text);
        count++;
    }
    pthread_mutex_unlock(&lock);
}

void reports_start(otel_log_level threshold) {
    pthread_mutex_lock(&lock);
    count = 0;
    pthread_mutex_unlock(&lock);
    otel__diagnostics_set(threshold, reports_keep, NULL);
}

void reports_stop(void) { otel__diagnostics_reset(); }

size_t reports_count(void) {
    pthread_mutex_lock(&lock);
    size_t now = count;
    pthread_mutex_unlock(&lock);
    return now;
}

const char *reports_text(size_t index) { return index < reports_count() ? kept[index].text : ""; }

otel_log_level reports_level(size_t index) { return index < reports_count() ? kept[index].level : OTEL_LOG_DEFAULT; }

bool reports_mention(const char *first, const char *second) {
    for (size_t i = 0; i < reports_count(); i++)
        if (strstr(kept[i].text, first) && (!second || strstr(kept[i].text, second)))
            return true;
    return false;
}
