/* SPDX-License-Identifier: Apache-2.0 */
/* carrier.c - a small header set; see carrier.h. */
#include "carrier.h"

#include <string.h>
#include <strings.h>

static bool get(const void *carrier, const char *name, size_t index, otel_str *value) {
    const struct carrier *headers = carrier;
    for (size_t i = 0; i < headers->count; i++) {
        if (strcasecmp(headers->fields[i].name, name) == 0 && index-- == 0) {
            *value = headers->fields[i].value;
            return true;
        }
    }
    return false;
}

static bool key(const void *carrier, size_t index, otel_str *name) {
    const struct carrier *headers = carrier;
    if (index >= headers->count) {
        return false;
    }
    *name = otel_cstr(headers->fields[index].name);
    return true;
}

static void set(void *carrier, const char *name, const char *value, size_t length) {
    struct carrier *headers = carrier;
    const size_t place = headers->writes++ % 4;
    memcpy(headers->written[place], value, length + 1);
    strcpy(headers->names[place], name);
    carrier_add_str(headers, headers->names[place], otel_strn(headers->written[place], length));
}

const otel_getter carrier_getter = { .size = sizeof carrier_getter, .get = get, .key = key };
const otel_getter carrier_getter_small = { .size = offsetof(otel_getter, key), .get = get, .key = key };
const otel_setter carrier_setter = { .size = sizeof carrier_setter, .set = set };

void carrier_add(struct carrier *carrier, const char *name, const char *value) {
    carrier_add_str(carrier, name, otel_cstr(value));
}

void carrier_add_str(struct carrier *carrier, const char *name, otel_str value) {
    if (carrier->count < CARRIER_FIELDS) {
        carrier->fields[carrier->count].name = name;
        carrier->fields[carrier->count++].value = value;
    }
}

const char *carrier_text(const struct carrier *carrier, const char *name) {
    otel_str value;
    return get(carrier, name, 0, &value) ? value.ptr : NULL;
}
