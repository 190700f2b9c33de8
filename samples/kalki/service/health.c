/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health.c - see health.h.
 *
 * DESIGN. Each check has a thread of its own, which sleeps until somebody asks. An answer must rest on a run that began after
 * it was asked for; those who ask while none has begun yet share one. A check that hangs keeps its thread and nothing else:
 * whoever asks waits HEALTH_CHECK_MS, once for all checks, and counts it as failed. All is guarded by one lock, but for a
 * report that is being made, which is the thread's alone.
 *
 * The last of health_close() and the threads frees the memory, so that a hanging check may outlive the service.
 */
#include "service/health.h"

#include "service/moment.h"
#include "service/say.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define VERSION "1.0.0"

struct watched {
    struct health_check check;
    struct health *health;
    unsigned long wanted, begun, done; /* numbers of runs: asked for, started, finished */
    struct health_report report;       /* of the last that finished */
    double milliseconds;               /* that it took */
};

struct health {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    const char *service;
    struct watched checks[HEALTH_CHECKS_MAX];
    size_t count;
    size_t users; /* health_close() and the threads */
    bool stopping, closing;
};

/* ---- the threads ---- */

static void destroy(struct health *health) {
    for (size_t i = 0; i < health->count; i++)
        text_free(&health->checks[i].report.fields);
    pthread_cond_destroy(&health->changed);
    pthread_mutex_destroy(&health->lock);
    free(health);
}

/* Gives up one use, with the lock held, and the lock. */
static void leave(struct health *health) {
    bool last = --health->users == 0;
    pthread_cond_broadcast(&health->changed);
    pthread_mutex_unlock(&health->lock);
    if (last)
        destroy(health);
}

static void run_check(struct watched *watched) {
    struct health *health = watched->health;
    unsigned long number = ++watched->begun;
    struct health_report report = { .status = MEASURED_HEALTHY };
    pthread_mutex_unlock(&health->lock);
    struct timespec begin = moment_now();
    watched->check.run(watched->check.data, &report);
    double took = moment_seconds_since(&begin) * 1e3;
    pthread_mutex_lock(&health->lock);
    text_free(&watched->report.fields);
    watched->report = report;
    watched->milliseconds = took;
    watched->done = number;
    pthread_cond_broadcast(&health->changed);
}

static void *watch(void *data) {
    struct watched *watched = data;
    struct health *health = watched->health;
    pthread_mutex_lock(&health->lock);
    while (!health->closing) {
        if (watched->wanted > watched->begun)
            run_check(watched);
        else
            pthread_cond_wait(&health->changed, &health->lock);
    }
    leave(health);
    return NULL;
}

static bool start_thread(struct watched *watched) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, watch, watched) != 0)
        return false;
    pthread_detach(thread);
    return true;
}

static struct health *refuse(const char *service, struct health *health) {
    free(health);
    say(stderr, "%s: out of memory", service);
    return NULL;
}

struct health *health_open(const char *service, const struct health_check *checks, size_t count) {
    struct health *health = calloc(1, sizeof *health);
    if (!health || count > HEALTH_CHECKS_MAX)
        return refuse(service, health);
    moment_condition(&health->changed);
    pthread_mutex_init(&health->lock, NULL);
    health->service = service;
    health->users = 1;
    pthread_mutex_lock(&health->lock);
    for (bool started = true; started && health->count < count; health->count += started) {
        struct watched *watched = &health->checks[health->count];
        *watched = (struct watched){ .check = checks[health->count], .health = health };
        started = start_thread(watched);
        health->users += started;
    }
    bool all = health->count == count;
    pthread_mutex_unlock(&health->lock);
    if (all)
        return health;
    health_close(health);
    return refuse(service, NULL);
}

void health_stopping(struct health *health) {
    pthread_mutex_lock(&health->lock);
    health->stopping = true;
    pthread_mutex_unlock(&health->lock);
}

void health_close(struct health *health) {
    if (!health)
        return;
    struct timespec deadline = moment_in(HEALTH_CHECK_MS);
    pthread_mutex_lock(&health->lock);
    health->closing = true;
    pthread_cond_broadcast(&health->changed);
    while (health->users > 1 && pthread_cond_timedwait(&health->changed, &health->lock, &deadline) == 0)
        continue;
    leave(health);
}

/* ---- asking ---- */

/* Has every check run, or hang for HEALTH_CHECK_MS. With the lock held. */
static void run_all(struct health *health, unsigned long numbers[HEALTH_CHECKS_MAX]) {
    struct timespec deadline = moment_in(HEALTH_CHECK_MS);
    for (size_t i = 0; i < health->count; i++) {
        numbers[i] = health->checks[i].begun + 1;
        health->checks[i].wanted = numbers[i];
    }
    pthread_cond_broadcast(&health->changed);
    bool in_time = true;
    for (size_t i = 0; i < health->count && in_time; i++) {
        while (health->checks[i].done < numbers[i] && in_time)
            in_time = pthread_cond_timedwait(&health->changed, &health->lock, &deadline) != ETIMEDOUT;
    }
}

/* What is known of a check after the run with this number, or without it. */
static struct health_report outcome(const struct watched *watched, unsigned long number) {
    if (watched->done >= number)
        return watched->report;
    return (struct health_report){ .status = MEASURED_UNHEALTHY, .error = "no answer in time" };
}

static enum measured_health overall(const struct health *health, const unsigned long *numbers) {
    enum measured_health worst = MEASURED_HEALTHY;
    for (size_t i = 0; i < health->count; i++) {
        enum measured_health status = outcome(&health->checks[i], numbers[i]).status;
        if (status == MEASURED_UNHEALTHY && !health->checks[i].check.critical)
            status = MEASURED_DEGRADED;
        if (status < worst)
            worst = status;
    }
    return worst;
}

/* ---- telling ---- */

static const char *word_of(enum measured_health status) {
    return status == MEASURED_HEALTHY ? "healthy" : status == MEASURED_DEGRADED ? "degraded" : "unhealthy";
}

static void add_time(struct text *body) {
    struct timespec time;
    struct tm utc;
    char date[32];
    clock_gettime(CLOCK_REALTIME, &time);
    gmtime_r(&time.tv_sec, &utc);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    text_addf(body, "\"timestamp\":\"%s.%03ldZ\"", date, time.tv_nsec / 1000000);
}

static void add_check(struct text *body, const struct watched *watched, unsigned long number) {
    struct health_report report = outcome(watched, number);
    double took = watched->done >= number ? watched->milliseconds : HEALTH_CHECK_MS;
    text_addf(body, "\"%s\":{\"status\":\"%s\",\"response_ms\":%.3f", watched->check.name, word_of(report.status),
              took);
    if (report.error) {
        text_addf(body, ",\"error\":");
        text_add_json(body, report.error, strlen(report.error));
    }
    if (report.fields.length > 0)
        text_addf(body, ",%s", report.fields.bytes);
    text_addf(body, "}");
}

static void add_head(struct text *body, const char *service, const char *status) {
    text_addf(body, "{\"status\":\"%s\",\"version\":\"" VERSION "\",", status);
    add_time(body);
    text_addf(body, ",\"service\":\"%s\"", service);
}

void health_answer(void *data, const struct http_request *request, struct http_answer *answer) {
    struct health *health = data;
    unsigned long numbers[HEALTH_CHECKS_MAX] = { 0 };
    (void)request;
    pthread_mutex_lock(&health->lock);
    run_all(health, numbers);
    enum measured_health status = overall(health, numbers);
    add_head(&answer->body, health->service, word_of(status));
    text_addf(&answer->body, ",\"checks\":{");
    for (size_t i = 0; i < health->count; i++) {
        text_addf(&answer->body, "%s", i == 0 ? "" : ",");
        add_check(&answer->body, &health->checks[i], numbers[i]);
    }
    pthread_mutex_unlock(&health->lock);
    text_addf(&answer->body, "}}\n");
    answer->status = status == MEASURED_UNHEALTHY ? 503 : 200;
    measure_health(status);
}

void health_answer_live(void *data, const struct http_request *request, struct http_answer *answer) {
    struct health *health = data;
    (void)request;
    add_head(&answer->body, health->service, "alive");
    text_addf(&answer->body, "}\n");
    answer->status = 200;
}

void health_answer_ready(void *data, const struct http_request *request, struct http_answer *answer) {
    struct health *health = data;
    unsigned long numbers[HEALTH_CHECKS_MAX] = { 0 };
    (void)request;
    pthread_mutex_lock(&health->lock);
    bool stopping = health->stopping, ready = false;
    if (!stopping) {
        run_all(health, numbers);
        enum measured_health status = overall(health, numbers);
        ready = status != MEASURED_UNHEALTHY;
        measure_health(status); /* here too: this is what probes ask, and maybe nobody asks /health */
    }
    pthread_mutex_unlock(&health->lock);
    add_head(&answer->body, health->service, stopping ? "stopping" : ready ? "ready" : "not ready");
    text_addf(&answer->body, "}\n");
    answer->status = ready ? 200 : 503;
}

/* ---- the file system ---- */

static bool can_write(const char *folder) {
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/kalki-health-XXXXXX", folder) >= sizeof path)
        return false;
    int file = mkstemp(path);
    if (file < 0)
        return false;
    bool written = write(file, "ok\n", 3) == 3;
    close(file);
    return unlink(path) == 0 && written;
}

void health_check_file_system(void *folder, struct health_report *report) {
    struct statvfs system;
    bool writable = can_write(folder);
    bool known = statvfs(folder, &system) == 0;
    uint64_t available = known ? (uint64_t)system.f_bavail * system.f_frsize : 0;
    if (!writable || !known) {
        report->status = MEASURED_UNHEALTHY;
        report->error = writable ? "the file system cannot be asked" : "no file can be written";
    }
    text_addf(&report->fields, "\"free_bytes\":%" PRIu64 ",\"writable\":%s", available, writable ? "true" : "false");
}
