/* SPDX-License-Identifier: Apache-2.0 */
/* carrier.h - a small header set to inject into and extract from; names ignore ASCII case, as in HTTP. */
#ifndef OTEL_TEST_CARRIER_H
#define OTEL_TEST_CARRIER_H

#include <otel/propagation.h>

enum { CARRIER_FIELDS = 80 };

struct carrier {
    size_t count;
    struct {
        const char *name;
        otel_str value;
    } fields[CARRIER_FIELDS];
    char written[4][20000]; /* what was injected; fields point here */
    char names[4][300];
    size_t writes;
};

extern const otel_getter carrier_getter;
/* Without `key`, and saying so by its size. */
extern const otel_getter carrier_getter_small;
extern const otel_setter carrier_setter;

/* Borrows both. */
void carrier_add(struct carrier *carrier, const char *name, const char *value);
void carrier_add_str(struct carrier *carrier, const char *name, otel_str value);
/* The first value of a field; NULL when there is none. */
const char *carrier_text(const struct carrier *carrier, const char *name);

#endif
