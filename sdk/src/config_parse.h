/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_parse.h - reads one variable's value by its line of the table.
 */
#ifndef OTEL_SDK_CONFIG_PARSE_H
#define OTEL_SDK_CONFIG_PARSE_H

#include "config_table.h"

struct otel__config_verdict {
    bool empty;     /* counts as not set */
    bool usable;    /* the member was set, though something may have been wrong */
    char why[640];  /* what is wrong, to follow the value in a message; "" when nothing is */
    char used[160]; /* what stands now, when usable and something is wrong */
};

/* Sets the member of `config` that `option` is about, which was not set before, when `value` is usable. */
void otel__config_parse(struct otel__config *config, const struct otel__config_option *option, otel_str value,
                        struct otel__config_verdict *verdict);
/* Keeps what is to be told of a variable. */
void otel__config_problem(struct otel__config *config, const char *variable, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Reads the sampler's argument. `named`: the variable of the sampler says something, of use or not. */
void otel__config_settle_sampler(struct otel__config *config, bool named);

#endif
