/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_parse.c - see config_parse.h.
 */
#include "config_parse.h"

#include "base/grpc_target.h"
#include "base/str.h"
#include "base/url.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

_Static_assert(sizeof(otel_log_level) == sizeof(int), "a choice is stored as an int");

static void *member_of(struct otel__config *config, const struct otel__config_option *option) {
    return (char *)config + option->offset;
}

static void append(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void append(char *out, size_t size, const char *format, ...) {
    size_t used = strlen(out);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(out + used, size - used, format, arguments);
    va_end(arguments);
}

static void unusable(const struct otel__config_option *option, struct otel__config_verdict *verdict) {
    char expected[512];
    otel__config_expected(option, expected, sizeof expected);
    snprintf(verdict->why, sizeof verdict->why, " is not %s", expected);
}

static void parse_text(struct otel__config *config, const struct otel__config_option *option, otel_str value,
                       struct otel__config_verdict *verdict) {
    char **member = member_of(config, option);
    char *copy = malloc(value.len + 1);
    if (!copy) {
        config->out_of_memory = true;
        return;
    }
    memcpy(copy, value.ptr, value.len);
    copy[value.len] = '\0';
    *member = copy;
    verdict->usable = true;
}

/* NULL: what is to send there can. */
static const char *endpoint_problem(bool over_grpc, const char *endpoint) {
    struct otel__url url;
    struct otel__grpc_target target;
    return over_grpc ? otel__grpc_target(endpoint, OTEL__GRPC_OTLP_PORT, false, &target)
                     : otel__url_parse(endpoint, &url);
}

static void parse_url(struct otel__config *config, const struct otel__config_option *option, otel_str value,
                      struct otel__config_verdict *verdict) {
    parse_text(config, option, value, verdict);
    if (!verdict->usable)
        return;
    char **member = member_of(config, option);
    const bool over_grpc = otel__config_over_grpc(config, option);
    const char *problem = endpoint_problem(over_grpc, *member);
    if (!problem)
        return;
    free(*member);
    *member = NULL;
    verdict->usable = false;
    if (over_grpc)
        append(verdict->why, sizeof verdict->why, " is no endpoint of gRPC");
    else
        unusable(option, verdict);
    append(verdict->why, sizeof verdict->why, ": %s", problem);
}

static void parse_boolean(struct otel__config *config, const struct otel__config_option *option, otel_str value,
                          struct otel__config_verdict *verdict) {
    bool *member = member_of(config, option);
    *member = otel__str_is(value, "true");
    verdict->usable = true;
    if (!*member && !otel__str_is(value, "false")) {
        unusable(option, verdict);
        snprintf(verdict->used, sizeof verdict->used, "false");
    }
}

static void parse_number(struct otel__config *config, const struct otel__config_option *option, otel_str value,
                         struct otel__config_verdict *verdict) {
    int64_t number;
    if (!otel__str_to_int(value, &number) || number < option->min || number > option->max) {
        unusable(option, verdict);
        return;
    }
    *(int *)member_of(config, option) = (int)number;
    verdict->usable = true;
}

static void parse_choice(struct otel__config *config, const struct otel__config_option *option, otel_str value,
                         struct otel__config_verdict *verdict) {
    const struct otel__config_choice *choice = otel__config_choice_find(option, value);
    if (!choice) {
        unusable(option, verdict);
    } else if (choice->unavailable) {
        snprintf(verdict->why, sizeof verdict->why, ": %s", choice->unavailable);
    } else {
        memcpy(member_of(config, option), &choice->value, sizeof choice->value);
        verdict->usable = true;
    }
}

/* ---- lists ------------------------------------------------------------------------------------------------------ */

static void complain(struct otel__config_verdict *verdict, otel_str item, const char *why) {
    append(verdict->why, sizeof verdict->why, "%s %.*s is %s", verdict->why[0] ? "," : ":",
           (int)(item.len < 64 ? item.len : 64), item.ptr, why);
}

/* Whoever wrote a name that is unknown wants to read those that are not. */
static void list_known(const struct otel__config_option *option, struct otel__config_verdict *verdict) {
    char expected[512];
    otel__config_expected(option, expected, sizeof expected);
    append(verdict->why, sizeof verdict->why, "; it should be %s", expected);
}

static bool holds(const struct otel__config_list *list, int value) {
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i] == value)
            return true;
    return false;
}

/* Each once; the list has room for all there are. */
static void add_choice(struct otel__config_list *list, const struct otel__config_choice *choice,
                       struct otel__config_verdict *verdict) {
    if (holds(list, choice->value)) {
        complain(verdict, otel_cstr(choice->name), "used once only");
    } else if (list->count < sizeof list->items / sizeof list->items[0]) {
        list->items[list->count++] = choice->value;
        append(verdict->used, sizeof verdict->used, "%s%s", verdict->used[0] ? "," : "", choice->name);
    }
}

/* Entries that cannot be had are left out; `none` is the empty list, and gives way to any other entry. */
static void parse_list(struct otel__config *config, const struct otel__config_option *option, otel_str value,
                       struct otel__config_verdict *verdict) {
    struct otel__config_list list = { .count = 0 };
    bool none = false, unknown = false;
    otel_str item;
    while (otel__str_next(&value, ',', &item)) {
        item = otel__str_trim(item);
        if (!item.len)
            continue;
        const struct otel__config_choice *choice = otel__config_choice_find(option, item);
        unknown = unknown || !choice;
        if (!choice)
            complain(verdict, item, "unknown");
        else if (choice->unavailable)
            complain(verdict, item, choice->unavailable);
        else if (choice->value == OTEL__CONFIG_NONE)
            none = true;
        else
            add_choice(&list, choice, verdict);
    }
    verdict->usable = none || list.count;
    if (none && list.count)
        complain(verdict, otel_cstr("none"), "ignored beside other entries");
    else if (none)
        snprintf(verdict->used, sizeof verdict->used, "none");
    else if (!list.count && !verdict->why[0])
        unusable(option, verdict);
    if (unknown)
        list_known(option, verdict);
    if (verdict->usable)
        *(struct otel__config_list *)member_of(config, option) = list;
}

void otel__config_parse(struct otel__config *config, const struct otel__config_option *option, otel_str value,
                        struct otel__config_verdict *verdict) {
    *verdict = (struct otel__config_verdict){ .empty = false };
    if (option->type != OTEL__CONFIG_TEXT)
        value = otel__str_trim(value);
    verdict->empty = !value.len;
    if (verdict->empty)
        return;
    switch (option->type) {
    case OTEL__CONFIG_TEXT:
        parse_text(config, option, value, verdict);
        break;
    case OTEL__CONFIG_URL:
        parse_url(config, option, value, verdict);
        break;
    case OTEL__CONFIG_BOOLEAN:
        parse_boolean(config, option, value, verdict);
        break;
    case OTEL__CONFIG_INTEGER:
    case OTEL__CONFIG_MILLISECONDS:
    case OTEL__CONFIG_TIMEOUT:
        parse_number(config, option, value, verdict);
        break;
    case OTEL__CONFIG_CHOICE:
        parse_choice(config, option, value, verdict);
        break;
    case OTEL__CONFIG_LIST:
        parse_list(config, option, value, verdict);
        break;
    }
}
