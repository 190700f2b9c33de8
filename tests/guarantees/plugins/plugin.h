/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.h - what each plug-in offers, under the name `plugin`. Its text and tracers lie in its own memory. */
#ifndef OTEL_TEST_PLUGIN_H
#define OTEL_TEST_PLUGIN_H

#include <otel/trace.h>

struct plugin {
    const char *name;
    /* A span around `inner`, which may be NULL. */
    void (*nest)(void (*inner)(void *data), void *data);
    /* Two spans, one in the other, with all that spans can hold. */
    void (*record)(void);
    /* A span that the caller ends. */
    otel_span (*begin)(void);
    /* A span that ends with its scope, which the caller closes. */
    otel_scope (*enter)(void);
    /* Where it finds libotel-api. */
    void *(*api)(void);
};

#endif
