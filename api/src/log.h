/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - what tests of the log need to know. */
#ifndef OTEL_API_LOG_H
#define OTEL_API_LOG_H

#include <stdint.h>
#include <time.h>

#pragma GCC visibility push(hidden)
/* Tests set this to run against a clock of their own; NULL: the system's. */
extern uint64_t (*otel__log_clock_for_tests)(clockid_t id);
#pragma GCC visibility pop

#endif
