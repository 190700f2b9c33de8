/* SPDX-License-Identifier: Apache-2.0 */
/* watcher.h - an exporter that follows every pointer of every span, and notes those that lead into a plug-in. */
#ifndef OTEL_TEST_WATCHER_H
#define OTEL_TEST_WATCHER_H

#include <otel/exporter.h>
#include <stdatomic.h>

enum { WATCHER_SCOPES = 16 };

struct watcher {
    _Atomic unsigned spans, pointers, dangling;
    /* The different scopes, by address. */
    const otel_scope_data *scopes[WATCHER_SCOPES];
    _Atomic unsigned scope_count;
};

/* `watcher` must outlive the exporter. */
otel_exporter *watcher_exporter(struct watcher *watcher);

#endif
