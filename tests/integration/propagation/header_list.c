/* SPDX-License-Identifier: Apache-2.0 */
/* header_list.c - see header_list.h. */
#include "header_list.h"

#include <string.h>
#include <strings.h>

bool header_list_is_token(otel_str text) {
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\0' || strchr(allowed, text.ptr[i]) == NULL) {
            return false;
        }
    }
    return text.len > 0;
}

bool header_list_is_value(otel_str text) {
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];
        const bool space = c == ' ' || c == '\t';
        if ((c <= ' ' && !space) || c > '~' || (space && (i == 0 || i == text.len - 1))) {
            return false;
        }
    }
    return true;
}

static otel_str keep(struct header_list *list, otel_str text) {
    char *copy = list->text + list->used;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    list->used += text.len + 1;
    return otel_strn(copy, text.len);
}

static bool get(const void *carrier, const char *key, size_t index, otel_str *value) {
    const struct header_list *list = carrier;
    for (size_t i = 0; i < list->count; i++) {
        if (strcasecmp(list->fields[i].name.ptr, key) == 0 && index-- == 0) {
            *value = list->fields[i].value;
            return true;
        }
    }
    return false;
}

static bool name_at(const void *carrier, size_t index, otel_str *key) {
    const struct header_list *list = carrier;
    if (index < list->count) {
        *key = list->fields[index].name;
    }
    return index < list->count;
}

static void set(void *carrier, const char *key, const char *value, size_t length) {
    struct header_list *list = carrier;
    const otel_str name = otel_cstr(key), text = otel_strn(value, length);
    const bool room = list->count < HEADER_LIST_MOST && list->used + name.len + length + 2 <= HEADER_LIST_BYTES;
    list->proper = list->proper && room && header_list_is_token(name) && header_list_is_value(text);
    if (room) {
        list->fields[list->count].name = keep(list, name);
        list->fields[list->count++].value = keep(list, text);
    }
}

const otel_getter header_list_getter = { .size = sizeof header_list_getter, .get = get, .key = name_at };
const otel_setter header_list_setter = { .size = sizeof header_list_setter, .set = set };

void header_list_clear(struct header_list *list) {
    list->count = list->used = 0;
    list->proper = true;
}

void header_list_shout(struct header_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        char *name = list->text + (list->fields[i].name.ptr - list->text);
        for (; *name != '\0'; name++) {
            *name = (char)(*name >= 'a' && *name <= 'z' ? *name & ~0x20 : *name);
        }
    }
}

bool header_list_equal(const struct header_list *a, const struct header_list *b) {
    return a->count == b->count && a->used == b->used && memcmp(a->text, b->text, a->used) == 0;
}
