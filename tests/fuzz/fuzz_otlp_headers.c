/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_otlp_headers.c - hostile lists of headers, as OTEL_EXPORTER_OTLP_HEADERS and otel_otlp_options.headers take them.
 * Whatever it is: an item's parts lie in what they were read from, and code is refused exactly when an item is unusable,
 * with a reason that is one clean line and tells no value.
 */
#include "common/http/http_header.h"
#include "config_pairs.h"
#include "must.h"

#include <otel/otlp.h>

static bool lies_in(otel_str part, const char *from, size_t len) {
    return part.len == 0 || (part.ptr >= from && part.ptr + part.len <= from + len);
}

static bool is_usable(const struct otel__pair *pair) {
    return !pair->problem && !otel__http_header_is_ours(pair->name) &&
           !otel__http_header_problem(pair->name, pair->value);
}

/* Whether every item can be sent; `*told` becomes true when a name, which may be told, holds SECRET. */
static bool check_items(const char *text, size_t len, bool decode_name, bool *told) {
    char *const room = malloc(len + 1);
    char *at = room;
    bool usable = true;
    struct otel__pairs pairs = { .rest = otel_strn(text, len) };
    struct otel__pair pair;
    MUST(room != NULL);
    while (otel__pairs_next(&pairs, decode_name, &at, &pair)) {
        MUST(at >= room && at <= room + len);
        MUST(lies_in(pair.item, text, len));
        MUST(pair.problem || lies_in(pair.value, room, len));
        MUST(pair.problem || lies_in(pair.name, decode_name ? room : text, len));
        *told = *told || (pair.name.len > 0 && memmem(pair.name.ptr, pair.name.len, "SECRET", 6) != NULL);
        usable = usable && (pair.item.len == 0 || is_usable(&pair));
    }
    free(room);
    return usable;
}

/* An item "name=SECRET" must not come back to light. */
static void check_reason(const char *reason, bool told) {
    for (const char *at = reason; *at; at++) {
        MUST((unsigned char)*at >= 0x20 && *at != 0x7f);
    }
    MUST(told || strstr(reason, "SECRET") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *const text = strndup((const char *)data, size);
    MUST(text != NULL);
    const size_t len = strlen(text);
    bool told = false;
    check_items(text, len, true, &told);
    const bool usable = check_items(text, len, false, &told);
    otel_error error = { "" };
    const otel_otlp_options options = {
        .size = sizeof options, .endpoint = "http://127.0.0.1:9", .headers = text, .error = &error
    };
    otel_exporter *const exporter = otel_otlp_exporter(&options);
    MUST((exporter != NULL) == usable);
    MUST(usable || error.text[0] != '\0');
    check_reason(error.text, told);
    otel_exporter_destroy(exporter);
    free(text);
    return 0;
}
