/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.h - writes whole texts, of one or more lines each, to a stdio stream without waiting for ever.
 *
 * A pipe or terminal may be full for as long as its reader likes. Texts are written past stdio, as far as there is
 * room: what stdio holds cannot be taken back, and libc would wait for the reader once more at exit.
 */
#ifndef OTEL_EXPORTERS_STREAM_H
#define OTEL_EXPORTERS_STREAM_H

#include "common/write_bound.h"

#include <stdbool.h>
#include <stdio.h>

struct otel__stream {
    FILE *file;
    bool shared; /* other processes write to the pipe or file too: texts of theirs must not mix with ours */
    bool torn;   /* the last text was begun and given up */
};

/* The descriptor behind the stream if that may keep a writer waiting; -1: a file, or a stream without a descriptor. */
int otel__stream_waiting_descriptor(const struct otel__stream *stream);

/*
 * Writes `text` to `fd`, which is the stream's, under the stream's lock, after what stdio holds for it; and before it the
 * end of a line that was given up. OTEL_ERR_EXPORT: errno says why; OTEL_ERR_TIMEOUT, OTEL_ERR_CANCELLED. Once it has
 * failed the text is missing, in whole or in part. The caller guards against SIGPIPE (base/sigpipe.h).
 */
otel_status otel__stream_write(struct otel__stream *stream, int fd, const void *text, size_t len,
                               const struct otel__write_bound *bound);

#endif
