/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: any bytes as a request; what is kept of it is shown and written as JSON. */
#include "decode.h"
#include "json_api.h"
#include "render.h"

#include <locale.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    setlocale(LC_CTYPE, "C.UTF-8");
    return 0;
}

static void show(const struct view_trace *trace) {
    const struct view_style style = { .width = 100, .color = true, .utf8 = true };
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out) {
        view_render_trace(out, &style, trace);
        fclose(out);
        free(text);
    }
    text = view_json_trace(trace, &len);
    if (!text) {
        abort();
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct view_store *store = view_store_new(8, 1 << 20);
    if (!store) {
        return 0;
    }
    view_decode(bytes, len, store, 0);
    for (const struct view_trace *trace = view_store_first(store); trace; trace = view_store_next(store, trace)) {
        show(trace);
    }
    size_t list_len = 0;
    char *list = view_json_traces(store, &list_len);
    if (!list) {
        abort();
    }
    free(list);
    view_store_free(store);
    return 0;
}
