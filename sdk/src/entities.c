/* SPDX-License-Identifier: Apache-2.0 */
/* entities.c - see entities.h. */
#include "entities.h"

#include "base/str.h"
#include "base/utf8.h"
#include "config_pairs.h"
#include "diagnostics.h"
#include "text.h"

#include <string.h>

/* Bounds that only a mistake reaches. */
enum { ENTITIES_MAX = 64, PAIRS_MAX = 128, SHOWN_MAX = 120 };

struct pairs {
    const otel_attr *items;
    size_t count;
};

struct entity {
    otel_str text, type;
    struct pairs ids, descriptions;
    bool replaced; /* by a later one */
};

struct entities {
    struct otel__builder *builder;
    struct entity items[ENTITIES_MAX];
    size_t count;
};

static void tell(const char *kind, otel_str entity, const char *what) {
    otel_report(OTEL_LOG_WARN, kind, "OTEL_ENTITIES: \"%.*s%s\" %s",
                (int)(entity.len < SHOWN_MAX ? entity.len : SHOWN_MAX), entity.ptr, entity.len > SHOWN_MAX ? "..." : "",
                what);
}

/* ---- one entity ------------------------------------------------------------------------------------------------- */

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool begins_with_letter(otel_str text) { return text.len && otel__str_char_in(text.ptr[0], LETTERS); }

/* A type or a key. */
static bool is_name(otel_str text) { return begins_with_letter(text) && otel__str_all_in(text, LETTERS DIGITS "._-"); }

/* An absolute URI: a scheme, and something behind it. */
static bool is_uri(otel_str text) {
    otel_str rest = text, scheme;
    otel__str_next(&rest, ':', &scheme);
    return begins_with_letter(scheme) && otel__str_all_in(scheme, LETTERS DIGITS "+-.") && rest.len &&
           otel__str_all_in(rest, LETTERS DIGITS "-._~:/?#[]@!$&'()*+,;=%");
}

static bool has_reserved(otel_str value) {
    for (size_t i = 0; i < value.len; i++)
        if (otel__str_char_in(value.ptr[i], "{}[]@="))
            return true;
    return false;
}

static const char *objection_to(const struct otel__pair *pair) {
    if (pair->problem)
        return pair->problem;
    otel_str written = pair->item, name;
    otel__str_next(&written, '=', &name);
    if (!is_name(pair->name))
        return "has a key that is none";
    if (has_reserved(written))
        return "has a reserved character in a value";
    return otel__utf8_valid(pair->value.ptr, pair->value.len) ? NULL : "is not UTF-8";
}

/* NULL, or what is wrong. */
static const char *parse_pairs(struct otel__builder *builder, otel_str text, struct pairs *out) {
    char *room = otel__builder_room(builder, text.len);
    otel_attr *items = (otel_attr *)(void *)otel__builder_room(builder, PAIRS_MAX * sizeof *items);
    struct otel__pairs pairs = { .rest = otel_strn(text.ptr, text.len) };
    struct otel__pair pair;
    size_t count = 0;
    if (!room || !items)
        return "is ignored: out of memory";
    while (otel__pairs_next(&pairs, false, &room, &pair)) {
        const char *objection = count == PAIRS_MAX ? "has too many attributes" : objection_to(&pair);
        if (objection)
            return objection;
        items[count++] = (otel_attr){ .key = pair.name, .value = otel_stringn(pair.value.ptr, pair.value.len) };
    }
    *out = (struct pairs){ .items = items, .count = count };
    return NULL;
}

/* Cuts the text between the brackets off the front; false when it is not there. */
static bool bracketed(otel_str *rest, const char brackets[2], otel_str *inside) {
    const char *end = rest->len && rest->ptr[0] == brackets[0] ? memchr(rest->ptr, brackets[1], rest->len) : NULL;
    if (!end)
        return false;
    *inside = otel_strn(rest->ptr + 1, (size_t)(end - rest->ptr) - 1);
    *rest = otel_strn(end + 1, rest->len - inside->len - 2);
    return true;
}

static const char *parse(struct otel__builder *builder, otel_str text, struct entity *entity) {
    const char *open = memchr(text.ptr, '{', text.len);
    otel_str rest = text, inside;
    *entity = (struct entity){ .text = text };
    if (!open)
        return "has no '{'";
    entity->type = otel_strn(text.ptr, (size_t)(open - text.ptr));
    rest = otel_strn(open, text.len - entity->type.len);
    if (!is_name(entity->type))
        return "has a type that is none";
    if (!bracketed(&rest, "{}", &inside))
        return "has no '}'";
    const char *wrong = parse_pairs(builder, inside, &entity->ids);
    if (!wrong && bracketed(&rest, "[]", &inside))
        wrong = parse_pairs(builder, inside, &entity->descriptions);
    if (wrong)
        return wrong;
    if (rest.len && rest.ptr[0] != '@')
        return "goes on where it should end";
    if (rest.len && !is_uri(otel_strn(rest.ptr + 1, rest.len - 1)))
        tell("OTEL_ENTITIES/schema", text, "has a schema URL that is none; it is ignored");
    return NULL;
}

static void take(struct entities *all, otel_str text) {
    struct entity *entity = &all->items[all->count];
    if (!text.len)
        return;
    const char *wrong = all->count == ENTITIES_MAX ? "is one too many" : parse(all->builder, text, entity);
    if (wrong)
        tell("OTEL_ENTITIES", text, wrong);
    else
        all->count++;
}

/* ---- several ---------------------------------------------------------------------------------------------------- */

static bool same_value(const otel_value *a, const otel_value *b) {
    return otel__same_text(otel_strn(a->u.p, a->len), otel_strn(b->u.p, b->len));
}

static const otel_value *find(const struct pairs *pairs, otel_str key) {
    const otel_value *found = NULL;
    for (size_t i = 0; i < pairs->count; i++)
        if (otel__same_text(pairs->items[i].key, key))
            found = &pairs->items[i].value;
    return found;
}

/* Why the later of two entities of one type replaces the earlier; NULL when both can be. */
static const char *why_replaced(const struct entity *earlier, const struct entity *later) {
    size_t shared = 0;
    if (!otel__same_text(earlier->type, later->type))
        return NULL;
    for (size_t i = 0; i < earlier->ids.count; i++) {
        const otel_value *other = find(&later->ids, earlier->ids.items[i].key);
        if (other && !same_value(other, find(&earlier->ids, earlier->ids.items[i].key)))
            return "is contradicted by a later entity of its type, which counts";
        shared += other != NULL;
    }
    const bool equal = shared == earlier->ids.count && shared == later->ids.count;
    return equal ? "is there twice; the last one counts" : NULL;
}

static void replace(struct entities *all) {
    for (size_t later = 1; later < all->count; later++) {
        for (size_t i = 0; i < later; i++) {
            const char *why = all->items[i].replaced ? NULL : why_replaced(&all->items[i], &all->items[later]);
            if (!why)
                continue;
            all->items[i].replaced = true;
            tell("OTEL_ENTITIES/replaced", all->items[i].text, why);
        }
    }
}

static void add_pairs(struct otel__builder *builder, const struct entity *entity, const struct pairs *pairs) {
    for (size_t i = 0; i < pairs->count; i++) {
        const otel_value *before = otel__builder_find(builder, pairs->items[i].key);
        if (before && !same_value(before, &pairs->items[i].value))
            tell("OTEL_ENTITIES/attribute", entity->text,
                 "has another value for an attribute than before; the last counts");
        otel__builder_add(builder, pairs->items[i]);
    }
}

void otel__entities_add(struct otel__builder *builder, const char *text) {
    struct otel__builder *apart = otel__builder_create(); /* what contradicts is looked for among entities only */
    struct entities all = { .builder = builder, .count = 0 };
    otel_str rest = otel_cstr(text), item;
    while (otel__str_next(&rest, ';', &item))
        take(&all, otel__str_trim(item));
    replace(&all);
    for (size_t i = 0; apart && i < all.count; i++) {
        if (all.items[i].replaced)
            continue;
        add_pairs(apart, &all.items[i], &all.items[i].ids);
        add_pairs(apart, &all.items[i], &all.items[i].descriptions);
    }
    otel_resource *found = apart ? otel__builder_finish(apart) : NULL;
    if (!found)
        otel__builder_fail(builder);
    else if (otel__builder_keep(builder, found))
        otel__builder_add_resource(builder, found);
}
