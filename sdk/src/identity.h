/* SPDX-License-Identifier: Apache-2.0 */
/* identity.h - what messages say of a span. */
#ifndef OTEL_SDK_IDENTITY_H
#define OTEL_SDK_IDENTITY_H

#include "record.h"

/* Cut to fit; `place` is where it was started, "" when that is not known. */
struct otel__identity {
    char name[64], scope[64];
    char place[112];
};

/* Of a record that nobody changes meanwhile. */
void otel__identify(struct otel__identity *to, const struct otel__record *record);

#endif
