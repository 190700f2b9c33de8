/* SPDX-License-Identifier: Apache-2.0 */
/* sdk_plugin.h - what a plug-in that brings the SDK along offers, under the name `sdk_plugin`. */
#ifndef OTEL_TEST_SDK_PLUGIN_H
#define OTEL_TEST_SDK_PLUGIN_H

enum { TO_MEMORY, TO_STDOUT, TO_ITSELF };

struct sdk_plugin {
    /* Both give an otel_status; stop() -1 when the ledger does not balance afterwards. */
    int (*start)(int exporter);
    int (*stop)(void);
    void (*work)(unsigned spans);
    /* From the ledger of the first processor, after a flush. */
    unsigned (*exported)(void);
    const char *(*processor)(void);
    /* A line of diagnostics, to whoever gets them. */
    void (*complain)(void);
};

#endif
