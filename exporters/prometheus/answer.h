/* SPDX-License-Identifier: Apache-2.0 */
/* answer.h - what the server says to a request. On the server's thread. */
#ifndef OTEL_PROMETHEUS_ANSWER_H
#define OTEL_PROMETHEUS_ANSWER_H

#include "prometheus/server.h"

#include <microhttpd.h>

struct otel__answerer {
    struct otel__server_settings settings;
    char *path;
    char *not_found;     /* the text that names the path */
    size_t bytes_in_use; /* of answers that are being sent */
};

/* False: memory is short. */
bool otel__answerer_init(struct otel__answerer *answerer, const struct otel__server_settings *settings);
/* After the daemon has stopped. */
void otel__answerer_free(struct otel__answerer *answerer);

enum MHD_Result otel__answer(struct otel__answerer *answerer, struct MHD_Connection *connection, const char *url,
                             const char *method);

#endif
