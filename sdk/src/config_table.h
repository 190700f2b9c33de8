/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_table.h - the one table of environment variables: what parses them, and what documents them.
 */
#ifndef OTEL_SDK_CONFIG_TABLE_H
#define OTEL_SDK_CONFIG_TABLE_H

#include "config.h"

enum otel__config_type {
    OTEL__CONFIG_TEXT,         /* char *, as written */
    OTEL__CONFIG_URL,          /* char *, http or https; over gRPC, its targets too */
    OTEL__CONFIG_BOOLEAN,      /* bool */
    OTEL__CONFIG_INTEGER,      /* int */
    OTEL__CONFIG_MILLISECONDS, /* int */
    OTEL__CONFIG_TIMEOUT,      /* int, milliseconds; 0 means no limit */
    OTEL__CONFIG_CHOICE,       /* int or an enum */
    OTEL__CONFIG_LIST          /* struct otel__config_list of choices */
};

/* The choice `none` of a list. */
#define OTEL__CONFIG_NONE (-1)

struct otel__config_choice {
    const char *name; /* lowercase; NULL ends the list */
    int value;
    const char *unavailable; /* why a known name cannot be had; NULL: it can */
};

struct otel__config_option {
    const char *group;                        /* heading in the reference */
    const char *variable;                     /* NULL: there are the forms for one signal only */
    const char *specific[OTEL__SIGNAL_COUNT]; /* the form for one signal only, which is stronger; NULL: there is none */
    enum otel__config_type type;
    size_t offset;                  /* of the member of struct otel__config */
    const char *fallback;           /* the default, as one would write it; NULL: none */
    const char *fallback_over_grpc; /* another one of an endpoint, when what sends there is gRPC */
    int min, max;                   /* of numbers */
    const struct otel__config_choice *choices;
    const char *in_code; /* what sets the same in code, and is stronger */
    const char *description;
};

extern const struct otel__config_option otel__config_options[OTEL__CONFIG_COUNT];

/* Whether the option is an endpoint, and gRPC is to send there: its protocol has been loaded. */
bool otel__config_over_grpc(const struct otel__config *config, const struct otel__config_option *option);

/* The choice that `text` names, in any case; NULL: unknown. */
const struct otel__config_choice *otel__config_choice_find(const struct otel__config_option *option, otel_str text);
/* What the variable accepts, such as "a whole number from 1 to 9", into `out`. For messages and the reference. */
void otel__config_expected(const struct otel__config_option *option, char *out, size_t size);

#endif
