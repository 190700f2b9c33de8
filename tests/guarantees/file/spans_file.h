/* SPDX-License-Identifier: Apache-2.0 */
/* spans_file.h - a file of spans in a folder of its own, and what processes tell each other of what they wrote to it. */
#ifndef SPANS_FILE_H
#define SPANS_FILE_H

#include "otlp_lines.h"

#include <otel/otlp_file.h>
#include <stdatomic.h>
#include <stdint.h>

/* The path of the file, which is not there yet, in a new folder of fake_root.h. */
const char *spans_file_path(void);
/* What the file and those that it replaced hold. */
struct otlp_lines spans_file_read(void);

/* A counter that forked processes share, for the whole life of the test. */
_Atomic uint64_t *shared_counter(void);

#endif
