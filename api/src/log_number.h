/* SPDX-License-Identifier: Apache-2.0 */
/* log_number.h - numbers and times as text, for JSON: lengths are returned, and no NUL is written. */
#ifndef OTEL_API_LOG_NUMBER_H
#define OTEL_API_LOG_NUMBER_H

#include <stddef.h>
#include <stdint.h>

enum { OTEL__LOG_NUMBER = 64, OTEL__LOG_TIME = 32 };

#pragma GCC visibility push(hidden)
size_t otel__log_uint(char out[OTEL__LOG_NUMBER], uint64_t number);
/* With as many digits as it takes to read the same number back; what is not finite is a string. */
size_t otel__log_double(char out[OTEL__LOG_NUMBER], double number);
/* RFC 3339, in UTC, with microseconds. */
size_t otel__log_time(char out[OTEL__LOG_TIME], uint64_t ns);
#pragma GCC visibility pop

#endif
