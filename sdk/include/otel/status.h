/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/status.h - results of set-up functions, and the levels of diagnostics.
 */
#ifndef OTEL_STATUS_H
#define OTEL_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* X(name, text): the one list that the codes and their texts come from. */
#define OTEL_STATUS_LIST(X)                                                                                            \
    X(OTEL_OK, "success")                                                                                              \
    X(OTEL_ERR_CONFIG, "invalid configuration")                                                                        \
    X(OTEL_ERR_MEMORY, "out of memory")                                                                                \
    X(OTEL_ERR_TIMEOUT, "timed out")                                                                                   \
    X(OTEL_ERR_STATE, "not possible in this state")                                                                    \
    X(OTEL_ERR_EXPORT, "export failed")                                                                                \
    X(OTEL_ERR_CANCELLED, "cancelled")

typedef enum otel_status {
#define OTEL__STATUS_NAME(name, text) name,
    OTEL_STATUS_LIST(OTEL__STATUS_NAME)
#undef OTEL__STATUS_NAME
} otel_status;

/** The text of a status, never NULL; static. */
const char *otel_status_text(otel_status status);

/** Room for the reason of a failure; always NUL-terminated. */
typedef struct otel_error {
    char text[256];
} otel_error;

/** Levels of diagnostics, as OTEL_LOG_LEVEL names them: trace, debug, info, warn, error, none. */
typedef enum otel_log_level {
    OTEL_LOG_DEFAULT, /**< in options: take the environment's, or info */
    OTEL_LOG_TRACE,
    OTEL_LOG_DEBUG,
    OTEL_LOG_INFO,
    OTEL_LOG_WARN,
    OTEL_LOG_ERROR,
    OTEL_LOG_NONE
} otel_log_level;

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
