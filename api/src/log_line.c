/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_line.c - see log_line.h. Called in signal handlers too: no function here waits or allocates, and only
 * log_number.c, for doubles, calls one of the C library's that might not be called there.
 */
#include "log_line.h"

#include "log_number.h"
#include "options.h"
#include "utf8_char.h"

enum {
    NAME_MOST = 128,  /* bytes of a logger's name and of a key, with quotes and escapes */
    TEXT_MOST = 1024, /* of a message and of a string, so that one does not take the room of all others */
    FIELDS_MOST = 128,
    DEPTH_MOST = 8,
    PIECE_MOST = 8
};

static const char cut_mark[] = " [cut]", cut_member[] = ",\"cut\":true";

/* ---- text -------------------------------------------------------------------------------------------------------- */

/* All or nothing. */
static bool put(struct otel__log_line *line, const char *text, size_t len) {
    if (len > line->limit - line->len) {
        return false;
    }
    memcpy(line->text + line->len, text, len);
    line->len += len;
    return true;
}

static bool put_text(struct otel__log_line *line, const char *text) { return put(line, text, strlen(text)); }

static const char digits[] = "0123456789abcdef";

static size_t escape_point(unsigned point, char piece[PIECE_MOST]) {
    const char letter = point == '\n' ? 'n' : point == '\t' ? 't' : point == '\r' ? 'r' : 'u';
    piece[0] = '\\';
    piece[1] = letter;
    if (letter != 'u') {
        return 2;
    }
    for (unsigned i = 0; i < 4; i++) {
        piece[2 + i] = digits[point >> (12 - 4 * i) & 15u];
    }
    return 6;
}

/* A byte that is not UTF-8 becomes the text \xff, so that it can be told what it was. */
static size_t escape_byte(unsigned byte, char piece[PIECE_MOST]) {
    piece[0] = '\\';
    piece[1] = '\\';
    piece[2] = 'x';
    piece[3] = digits[byte >> 4];
    piece[4] = digits[byte & 15u];
    return 5;
}

/* The code point of a well-formed character; those of four bytes, none of which matters here, are 0x10000. */
static unsigned point_of(const unsigned char *b, size_t size) {
    switch (size) {
    case 1:
        return b[0];
    case 2:
        return (b[0] & 0x1fu) << 6 | (b[1] & 0x3fu);
    case 3:
        return (b[0] & 0xfu) << 12 | (b[1] & 0x3fu) << 6 | (b[2] & 0x3fu);
    default:
        return 0x10000;
    }
}

/* What moves the cursor of a terminal, breaks the line of a reader or turns the direction of its text. */
static bool is_control(unsigned point) {
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || (point >= 0x2028 && point <= 0x202e) ||
           (point >= 0x2066 && point <= 0x2069);
}

/* One character of `text` as it stands between quotes: its bytes in `piece`, and how many of `text` it stands for. */
static size_t escape_step(otel_str text, char piece[PIECE_MOST], size_t *used) {
    const unsigned char *bytes = (const unsigned char *)text.ptr;
    const size_t size = otel__utf8_char(text.ptr, text.len);
    *used = size != 0 ? size : 1;
    if (size == 0) {
        return escape_byte(bytes[0], piece);
    }
    const unsigned point = point_of(bytes, size);
    if (is_control(point)) {
        return escape_point(point, piece);
    }
    const bool quoted = point == '"' || point == '\\';
    piece[0] = '\\';
    memcpy(piece + quoted, bytes, size);
    return size + quoted;
}

static size_t base64_step(otel_str bytes, char piece[PIECE_MOST], size_t *used) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t group = 0;
    *used = bytes.len < 3 ? bytes.len : 3;
    for (size_t i = 0; i < 3; i++) {
        group = group << 8 | (i < *used ? (unsigned char)bytes.ptr[i] : 0u);
    }
    for (unsigned i = 0; i < 4; i++) {
        piece[i] = i <= *used ? letters[group >> (18 - 6 * i) & 63u] : '=';
    }
    return 4;
}

typedef size_t (*step)(otel_str text, char piece[PIECE_MOST], size_t *used);

/* In quotes, in at most `most` bytes; false: not even the mark that it was cut has room. */
static bool put_quoted(struct otel__log_line *line, otel_str text, step next, size_t most) {
    const size_t begin = line->len, room = line->limit - begin, tail = sizeof cut_mark - 1;
    const size_t end = begin + (room < most ? room : most);
    if (end - begin < tail + 2) {
        return false;
    }
    size_t whole = begin + 1; /* what stays when the rest is cut */
    line->text[line->len++] = '"';
    while (text.len > 0) {
        char piece[PIECE_MOST];
        size_t used;
        const size_t len = next(text, piece, &used);
        if (line->len + len + 1 > end) {
            memcpy(line->text + whole, cut_mark, tail);
            line->len = whole + tail;
            line->cut = true;
            break;
        }
        memcpy(line->text + line->len, piece, len);
        line->len += len;
        whole = line->len + tail + 1 <= end ? line->len : whole;
        text = otel_strn(text.ptr + used, text.len - used);
    }
    line->text[line->len++] = '"';
    return true;
}

static bool put_string(struct otel__log_line *line, otel_str text, size_t most) {
    return put_quoted(line, text, escape_step, most);
}

static bool put_uint(struct otel__log_line *line, uint64_t number) {
    char text[OTEL__LOG_NUMBER];
    return put(line, text, otel__log_uint(text, number));
}

static bool put_int(struct otel__log_line *line, int64_t number) {
    const uint64_t size = number < 0 ? -(uint64_t)number : (uint64_t)number;
    const size_t before = line->len;
    if ((number >= 0 || put(line, "-", 1)) && put_uint(line, size)) {
        return true;
    }
    line->len = before;
    return false;
}

static bool put_double(struct otel__log_line *line, double number) {
    char text[OTEL__LOG_NUMBER];
    return put(line, text, otel__log_double(text, number));
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static bool put_value(struct otel__log_line *line, const otel_value *value, unsigned depth);

/* Opens what `close` closes, and keeps room for that. */
static bool open_bracket(struct otel__log_line *line, const char *open) {
    if (line->limit - line->len < strlen(open) + 1) {
        return false;
    }
    put_text(line, open);
    line->limit--;
    return true;
}

static void close_bracket(struct otel__log_line *line, char close) {
    line->limit++;
    line->text[line->len++] = close;
}

static const void *items_of(const otel_value *list) { return list->len <= OTEL__LIST_MAX ? list->u.p : NULL; }

static otel_value element(const otel_value *list, size_t i) {
    switch (list->type) {
    case OTEL_TYPE_STRINGS: {
        const otel_str *text = (const otel_str *)list->u.p + i;
        return text->ptr != NULL ? otel_stringn(text->ptr, text->len) : otel_none();
    }
    case OTEL_TYPE_BOOLS:
        return otel_bool(((const bool *)list->u.p)[i]);
    case OTEL_TYPE_INTS:
        return otel_int(((const int64_t *)list->u.p)[i]);
    case OTEL_TYPE_DOUBLES:
        return otel_double(((const double *)list->u.p)[i]);
    default:
        return ((const otel_value *)list->u.p)[i];
    }
}

/* Elements that have no room are left out. */
static bool put_array(struct otel__log_line *line, const otel_value *list, unsigned depth) {
    if (!open_bracket(line, "[")) {
        return false;
    }
    const size_t count = items_of(list) != NULL ? list->len : 0;
    for (size_t i = 0; i < count; i++) {
        const size_t before = line->len;
        const otel_value value = element(list, i);
        if ((i > 0 && !put(line, ",", 1)) || !put_value(line, &value, depth)) {
            line->len = before;
            line->cut = true;
            break;
        }
    }
    close_bracket(line, ']');
    return true;
}

static bool has_same_key(const otel_attr *a, const otel_attr *b) {
    return a->key.len == b->key.len && memcmp(a->key.ptr, b->key.ptr, a->key.len) == 0;
}

/* Whether the entry is left out: it has no key, or one that comes again. */
static bool is_void(const otel_attr *items, size_t count, size_t i) {
    if (items[i].key.ptr == NULL || items[i].key.len == 0) {
        return true;
    }
    for (size_t later = i + 1; later < count; later++) {
        if (items[later].key.ptr != NULL && has_same_key(&items[i], &items[later])) {
            return true;
        }
    }
    return false;
}

static bool put_member(struct otel__log_line *line, const otel_attr *entry, bool first, unsigned depth) {
    return (first || put(line, ",", 1)) && put_string(line, entry->key, NAME_MOST) && put(line, ":", 1) &&
           put_value(line, &entry->value, depth);
}

static bool put_map(struct otel__log_line *line, const char *open, const otel_attr *items, size_t count,
                    unsigned depth) {
    if (!open_bracket(line, open)) {
        return false;
    }
    bool first = true;
    line->cut = line->cut || count > FIELDS_MOST;
    count = count < FIELDS_MOST ? count : FIELDS_MOST;
    for (size_t i = 0; i < count; i++) {
        const size_t before = line->len;
        if (is_void(items, count, i)) {
            continue;
        }
        if (!put_member(line, &items[i], first, depth)) {
            line->len = before;
            line->cut = true;
            break;
        }
        first = false;
    }
    close_bracket(line, '}');
    return true;
}

static bool put_list(struct otel__log_line *line, const otel_value *value, unsigned depth) {
    if (depth >= DEPTH_MOST) {
        line->cut = true;
        return put_text(line, "\"[cut]\"");
    }
    if (value->type == OTEL_TYPE_MAP) {
        const otel_attr *items = items_of(value);
        return put_map(line, "{", items, items != NULL ? value->len : 0, depth + 1);
    }
    return put_array(line, value, depth + 1);
}

static bool put_value(struct otel__log_line *line, const otel_value *value, unsigned depth) {
    switch (value->type) {
    case OTEL_TYPE_STRING:
        return put_string(line, otel_strn(value->u.p, value->len), TEXT_MOST);
    case OTEL_TYPE_BYTES:
        return put_quoted(line, otel_strn(value->u.p, value->len), base64_step, TEXT_MOST);
    case OTEL_TYPE_BOOL:
        return put_text(line, value->u.i != 0 ? "true" : "false");
    case OTEL_TYPE_INT:
        return put_int(line, value->u.i);
    case OTEL_TYPE_UINT:
        return put_uint(line, (uint64_t)value->u.i);
    case OTEL_TYPE_DOUBLE:
        return put_double(line, value->u.d);
    case OTEL_TYPE_STRINGS:
    case OTEL_TYPE_BOOLS:
    case OTEL_TYPE_INTS:
    case OTEL_TYPE_DOUBLES:
    case OTEL_TYPE_ARRAY:
    case OTEL_TYPE_MAP:
        return put_list(line, value, depth);
    default:
        return put_text(line, "null");
    }
}

/* ---- the line ---------------------------------------------------------------------------------------------------- */

static const char *level_name(otel_severity severity) {
    return severity < OTEL_SEVERITY_INFO       ? "DEBUG"
           : severity < OTEL_SEVERITY_WARNING  ? "INFO"
           : severity < OTEL_SEVERITY_ERROR    ? "WARNING"
           : severity < OTEL_SEVERITY_CRITICAL ? "ERROR"
                                               : "CRITICAL";
}

static void put_ids(struct otel__log_line *line, const otel_span *span) {
    char ids[OTEL_IDS_SIZE];
    /* An invalid span would be taken for the current one's ids by no means: it has none. */
    if (otel_log_ids(span, OTEL_IDS_JSON, ids, sizeof ids) > 0) {
        put_text(line, ",");
        put_text(line, ids);
    }
}

static void put_count(struct otel__log_line *line, const char *key, uint64_t count) {
    if (count > 0) {
        put_text(line, key);
        put_uint(line, count);
    }
}

/* All of it fits, whatever it says. */
static void put_head(struct otel__log_line *line, const struct otel__log_head *head) {
    char time[OTEL__LOG_TIME];
    put_text(line, "{\"time\":\"");
    put(line, time, otel__log_time(time, head->time));
    put_text(line, "\",\"level\":\"");
    put_text(line, level_name(head->severity));
    put_text(line, "\",\"logger\":");
    put_string(line, head->logger, NAME_MOST);
    put_text(line, ",\"message\":");
    put_string(line, head->message, TEXT_MOST);
    put_ids(line, &head->span);
    put_count(line, ",\"suppressed\":", head->suppressed);
    put_count(line, ",\"dropped\":", head->dropped);
}

void otel__log_compose(struct otel__log_line *line, const struct otel__log_head *head, otel_attrs fields) {
    enum { END = 1 /* } */ + 1 /* newline */ };
    line->len = 0;
    line->cut = false;
    line->limit = OTEL__LOG_LINE_MAX - END - (sizeof cut_member - 1);
    put_head(line, head);
    if (fields.items != NULL && fields.count > 0 && fields.count <= OTEL__LIST_MAX) {
        put_map(line, ",\"fields\":{", fields.items, fields.count, 0);
    }
    line->limit = OTEL__LOG_LINE_MAX - 1;
    if (line->cut) {
        put(line, cut_member, sizeof cut_member - 1);
    }
    put(line, "}", 1);
    line->text[line->len] = '\0';
}
