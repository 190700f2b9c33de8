/* SPDX-License-Identifier: Apache-2.0 */
/* acts.h - what exit-program can do before it exits, by name, and how it exits. */
#ifndef OTEL_TEST_EXIT_ACTS_H
#define OTEL_TEST_EXIT_ACTS_H

#include "report.h"

#include <stdbool.h>
#include <stdio.h>

extern struct report *report;

/* Notes the first condition that does not hold; true when it holds. */
bool note(bool holds, const char *file, int line, const char *condition);
#define EXPECT(condition) note((condition), __FILE__, __LINE__, #condition)

/* An SDK that the environment configures. */
void start_tracing(void);
/* Ends a span of this name. */
void record(const char *name);
/* Just before exit(), or whatever ends the process. */
void note_exit(void);
void pause_ms(long ms);

typedef void act(void);
/* Starts tracing, and leaves threads that record without pause, one export under way. */
act act_load;
/* NULL: there is no such act. */
act *act_named(const char *name);

#endif
