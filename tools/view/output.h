/* SPDX-License-Identifier: Apache-2.0 */
/* Writing to a terminal, pipe or file whose reader may be slow, stopped or gone, without ever waiting for it long. */
#ifndef VIEW_OUTPUT_H
#define VIEW_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct view_output {
    int fd;
    bool stuck;    /* the last text was not taken: don't wait again until something is */
    bool closed;   /* nobody reads any more */
    uint64_t lost; /* texts that were not shown, or not to their end */
};

/* False when the text was lost, whole or in part. */
bool view_output_write(struct view_output *output, const char *text, size_t len);

#endif
