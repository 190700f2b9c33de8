/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: any bytes as a request, in the format that its first byte speaks for; what is kept of it is shown and written
 * as JSON. */
#include "decode.h"
#include "jaeger.h"
#include "json_api.h"
#include "otlp_json.h"
#include "render.h"
#include "zipkin.h"

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

static void decode(const uint8_t *bytes, size_t len, struct view_store *store) {
    switch (len > 0 ? bytes[0] : 0) {
    case '{':
        view_decode_otlp_json(bytes, len, store, 0);
        break;
    case '[':
        view_decode_zipkin(bytes, len, store, 0);
        break;
    case 0x0c: /* a struct of Thrift: its first field is one */
        view_decode_jaeger(bytes, len, store, 0);
        break;
    case 0x80: /* messages by the binary protocol and the compact one */
    case 0x82:
        view_decode_jaeger_message(bytes, len, store, 0);
        break;
    default:
        view_decode(bytes, len, store, 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct view_store *store = view_store_new(8, 1 << 20);
    if (!store) {
        return 0;
    }
    decode(bytes, len, store);
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
