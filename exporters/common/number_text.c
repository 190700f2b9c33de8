/* SPDX-License-Identifier: Apache-2.0 */
/* number_text.c - see number_text.h. */
#include "common/number_text.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whatever the locale puts between the digits, of one byte or several, becomes a point. */
static void repair_point(char *text) {
    char *out = text;
    for (const char *in = text; *in; in++) {
        bool number = strchr("0123456789+-e", *in) != NULL;
        if (number)
            *out++ = *in;
        else if (out == text || out[-1] != '.')
            *out++ = '.';
    }
    *out = '\0';
}

void otel__number_text(double value, char out[OTEL__NUMBER_TEXT]) {
    if (!isfinite(value)) {
        snprintf(out, OTEL__NUMBER_TEXT, "%s", isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, OTEL__NUMBER_TEXT, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    repair_point(out);
    const size_t len = strlen(out);
    if (!strpbrk(out, ".e"))
        snprintf(out + len, OTEL__NUMBER_TEXT - len, ".0");
}
