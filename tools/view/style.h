/* SPDX-License-Identifier: Apache-2.0 */
/* What the output can take, and the colours used on it. */
#ifndef VIEW_STYLE_H
#define VIEW_STYLE_H

#include <stdbool.h>
#include <stddef.h>

struct view_style {
    size_t width; /* columns of a line */
    bool color;
    bool utf8;
};

#define VIEW_BOLD "\033[1m"
#define VIEW_DIM "\033[2m"
#define VIEW_RED "\033[31m"
#define VIEW_BOLD_RED "\033[1;31m"
#define VIEW_PLAIN "\033[0m"

/* The sequence when colours are on, nothing otherwise. */
static inline const char *view_color(const struct view_style *style, const char *sequence) {
    return style->color ? sequence : "";
}

#endif
