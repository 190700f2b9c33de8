/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health.h - whether a service can do its work: a table of checks, run at once and bounded in time, and the three paths
 * that tell.
 *
 *     /health        200 while healthy or degraded, else 503; the checks one by one as JSON
 *     /health/live   200: the process answers
 *     /health/ready  503 while a check that is critical fails or the service is stopping, else 200
 */
#ifndef KALKI_HEALTH_H
#define KALKI_HEALTH_H

#include "service/http_server.h"
#include "service/measures.h"

#define HEALTH_CHECKS_MAX 8
/** A check that takes longer counts as failed; all run at the same time. */
#define HEALTH_CHECK_MS 1000

/** What a check finds. Zero-initialised, but healthy, before the check runs. */
struct health_report {
    enum measured_health status;
    const char *error;  /**< why not healthy: a fixed text, or NULL */
    struct text fields; /**< more members of its JSON object, such as `"entries":3,"bytes":70`; health.c frees it */
};

/** Looks, within about HEALTH_CHECK_MS, on a thread that belongs to this check. */
typedef void (*health_function)(void *data, struct health_report *report);

struct health_check {
    const char *name;
    bool critical; /**< without it the service is unhealthy, not only degraded */
    health_function run;
    void *data;
};

struct health;

/** Starts a thread for each check; copies the table. NULL when memory is short. */
struct health *health_open(const char *service, const struct health_check *checks, size_t count);
/** From now on the service is not ready. */
void health_stopping(struct health *health);
/** After the last request. A check that hangs is left behind with what it needs. */
void health_close(struct health *health);

/** Handlers of the three paths, for routes that are not traced; `data` is a struct health. */
void health_answer(void *data, const struct http_request *request, struct http_answer *answer);
void health_answer_live(void *data, const struct http_request *request, struct http_answer *answer);
void health_answer_ready(void *data, const struct http_request *request, struct http_answer *answer);

/** Rows of a server's table of routes. */
#define HEALTH_ROUTES(health)                                                                                          \
    { .method = "GET", .path = "/health", .handler = health_answer, .service = (health), .untraced = true },           \
        { .method = "GET",                                                                                             \
          .path = "/health/live",                                                                                      \
          .handler = health_answer_live,                                                                               \
          .service = (health),                                                                                         \
          .untraced = true },                                                                                          \
    {                                                                                                                  \
        .method = "GET", .path = "/health/ready", .handler = health_answer_ready, .service = (health),                 \
        .untraced = true                                                                                               \
    }

/** A check: bytes free on the file system of a folder, whose path `folder` is, and whether a file can be made there. */
void health_check_file_system(void *folder, struct health_report *report);

#endif
