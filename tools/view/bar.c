/* SPDX-License-Identifier: Apache-2.0 */
/* The time bar of a span. UTF-8 has line glyphs for half a column, so bars are laid out in halves. */
#include "bar.h"

static size_t scale(uint64_t offset, uint64_t length, size_t cells) {
    if (length == 0) {
        return 0;
    }
    double place = (double)offset / (double)length * (double)cells;
    return place >= (double)cells ? cells : (size_t)place;
}

static const char *glyph(bool utf8, bool left, bool right) {
    if (!utf8) {
        return left || right ? "=" : " ";
    }
    if (left && right) {
        return "━";
    }
    return left ? "╸" : right ? "╺" : " ";
}

void view_bar_put(FILE *out, const struct view_style *style, size_t columns, struct view_period whole,
                  struct view_period part, const char *color) {
    uint64_t length = whole.end - whole.start;
    size_t halves = 2 * columns;
    size_t from = scale(part.start - whole.start, length, halves);
    size_t to = part.end > part.start ? scale(part.end - whole.start, length, halves) : from;
    from = from < halves ? from : halves - 1;
    to = to > from ? to : from + 1;

    fputs(view_color(style, color), out);
    for (size_t column = 0; 2 * column < to; column++) {
        size_t left = 2 * column;
        fputs(glyph(style->utf8, left >= from && left < to, left + 1 >= from && left + 1 < to), out);
    }
    fputs(view_color(style, VIEW_PLAIN), out);
}
