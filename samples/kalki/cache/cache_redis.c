/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache_redis.c - the cache in Redis, shared by all gateways. Every exchange is a CLIENT span by OpenTelemetry's
 * semantic conventions for Redis, unless nobody's request makes it.
 *
 * An answer is a string that expires. The sessions are one sorted set, by the moment in which they were last seen, and
 * for each a counter that expires; whoever adds to the set removes what is over from it.
 */
#include "cache/cache_backend.h"
#include "cache/redis_pool.h"

#include <otel/trace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS "kalki:sessions"
#define SESSION_PREFIX "kalki:session:"
#define ANSWER_PREFIX "kalki:answer:"
#define PARTS_MAX 256u
#define SESSIONS_LISTED_MAX ((size_t)(PARTS_MAX - 1))
#define BATCH_MAX 4u

OTEL_TRACER(tracer, "kalki.gateway", "1.0.0");

struct redis_cache {
    struct cache base;
    struct redis_pool pool;
    long port;
    struct cache *own; /* the sessions that this process has seen: better than none, while Redis is away */
};

/* ---- commands ---- */

/* One exchange: up to BATCH_MAX commands, and as many replies, which are there if it went well. */
struct exchange {
    const char *operation; /* the only command's name, or PIPELINE */
    bool aside;            /* nobody's request: no span, and whatever happened before */
    struct text commands;
    size_t count;
    redisReply *replies[BATCH_MAX];
};

struct parts {
    const char *bytes[PARTS_MAX];
    size_t lengths[PARTS_MAX];
    int count;
};

static void add_bytes(struct parts *parts, const char *bytes, size_t length) {
    parts->bytes[parts->count] = bytes;
    parts->lengths[parts->count++] = length;
}

static void add_word(struct parts *parts, const char *word) { add_bytes(parts, word, strlen(word)); }

/* Writes one more command. Without memory it is missing, and with it the reply: the exchange then fails as a whole. */
static void add_command(struct exchange *exchange, const struct parts *parts) {
    char *command = NULL;
    int length = redisFormatCommandArgv(&command, parts->count, (const char **)parts->bytes, parts->lengths);
    if (length < 0)
        exchange->commands.failed = true;
    else
        text_add(&exchange->commands, command, (size_t)length);
    redisFreeCommand(command);
    exchange->count++;
}

/* One command of words. */
static void add_words(struct exchange *exchange, const char *const *words) {
    struct parts parts = { .count = 0 };
    for (; *words; words++)
        add_word(&parts, *words);
    add_command(exchange, &parts);
}
#define ADD_WORDS(exchange, ...) add_words(exchange, (const char *const[]){ __VA_ARGS__, NULL })

/* ---- exchanging ---- */

static void end_exchange(struct exchange *exchange) {
    for (size_t i = 0; i < exchange->count; i++) {
        if (exchange->replies[i])
            freeReplyObject(exchange->replies[i]);
        exchange->replies[i] = NULL;
    }
    text_free(&exchange->commands);
}

static const char *send_exchange(struct redis_cache *redis, struct exchange *exchange) {
    if (exchange->commands.failed)
        return "too_large";
    return redis_pool_exchange(&redis->pool, exchange->commands.bytes, exchange->commands.length, exchange->replies,
                               exchange->count, exchange->aside);
}

/* The first reply that says what went wrong; its first word is Redis's kind of error, such as WRONGTYPE. */
static const redisReply *find_refusal(const struct exchange *exchange) {
    for (size_t i = 0; i < exchange->count; i++) {
        if (exchange->replies[i]->type == REDIS_REPLY_ERROR)
            return exchange->replies[i];
    }
    return NULL;
}

static void set_refused(const otel_span *span, const redisReply *refusal) {
    char kind[32];
    snprintf(kind, sizeof kind, "%.*s", (int)strcspn(refusal->str, " "), refusal->str);
    otel_set(span, "db.response.status_code", kind);
    otel_span_fail(span, kind, refusal->str);
}

static bool exchange_traced(struct redis_cache *redis, struct exchange *exchange) {
    OTEL_SPAN(span, tracer, exchange->operation, .kind = OTEL_CLIENT,
              .attributes =
                  OTEL_ATTRS(OTEL_ATTR("db.system.name", "redis"), OTEL_ATTR("db.namespace", "0"),
                             OTEL_ATTR("db.operation.name", exchange->operation),
                             OTEL_ATTR("server.address", redis->pool.host), OTEL_ATTR("server.port", redis->port)));
    if (exchange->count > 1)
        otel_set(&span, "db.operation.batch.size", exchange->count);
    const char *error = send_exchange(redis, exchange);
    if (error) {
        otel_span_fail(&span, error, NULL);
        return false;
    }
    const redisReply *refusal = find_refusal(exchange);
    if (refusal)
        set_refused(&span, refusal);
    return !refusal;
}

/* Whether every command was carried out. The caller ends the exchange in either case. */
static bool carry_out(struct redis_cache *redis, struct exchange *exchange) {
    if (exchange->aside)
        return !send_exchange(redis, exchange) && !find_refusal(exchange);
    return exchange_traced(redis, exchange);
}

/* ---- answers ---- */

static void add_key(struct parts *parts, struct text *name, struct cache_bytes key) {
    text_addf(name, ANSWER_PREFIX);
    text_add(name, key.bytes, key.length);
    add_bytes(parts, name->bytes ? name->bytes : "", name->length);
}

static enum cache_result get(struct cache *cache, struct cache_bytes key, struct text *value) {
    struct exchange exchange = { .operation = "GET" };
    struct parts parts = { .count = 0 };
    struct text name = { 0 };
    add_word(&parts, "GET");
    add_key(&parts, &name, key);
    add_command(&exchange, &parts);
    enum cache_result result = CACHE_FAILED;
    if (carry_out((struct redis_cache *)cache, &exchange)) {
        const redisReply *reply = exchange.replies[0];
        if (reply->type == REDIS_REPLY_NIL)
            result = CACHE_NOTHING;
        else if (reply->type == REDIS_REPLY_STRING && text_add(value, reply->str, (size_t)reply->len))
            result = CACHE_FOUND;
    }
    end_exchange(&exchange);
    text_free(&name);
    return result;
}

static bool set(struct cache *cache, struct cache_bytes key, struct cache_bytes value, unsigned seconds) {
    struct exchange exchange = { .operation = "SET" };
    struct parts parts = { .count = 0 };
    struct text name = { 0 };
    char expiry[16];
    snprintf(expiry, sizeof expiry, "%u", seconds);
    add_word(&parts, "SET");
    add_key(&parts, &name, key);
    add_bytes(&parts, value.bytes, value.length);
    add_word(&parts, "EX");
    add_word(&parts, expiry);
    add_command(&exchange, &parts);
    bool done = carry_out((struct redis_cache *)cache, &exchange);
    end_exchange(&exchange);
    text_free(&name);
    return done;
}

static bool remove_one(struct cache *cache, struct cache_bytes key) {
    struct exchange exchange = { .operation = "DEL" };
    struct parts parts = { .count = 0 };
    struct text name = { 0 };
    add_word(&parts, "DEL");
    add_key(&parts, &name, key);
    add_command(&exchange, &parts);
    bool done = carry_out((struct redis_cache *)cache, &exchange);
    end_exchange(&exchange);
    text_free(&name);
    return done;
}

/* ---- sessions ---- */

struct moment {
    char text[24];
};

static struct moment moment_of(int64_t ms) {
    struct moment moment;
    snprintf(moment.text, sizeof moment.text, "%lld", (long long)ms);
    return moment;
}

/* Sessions last seen up to here are over. */
static struct moment over_at(int64_t now_ms) { return moment_of(now_ms - (int64_t)CACHE_SESSION_SECONDS * 1000); }

static struct cache *own_of(struct cache *cache) { return ((struct redis_cache *)cache)->own; }

static bool session_touch(struct cache *cache, const char *id, int64_t now_ms) {
    struct cache *own = own_of(cache);
    own->backend->session_touch(own, id, now_ms);
    struct exchange exchange = { .operation = "PIPELINE" };
    char counter[sizeof SESSION_PREFIX + CACHE_SESSION_ID_MAX], seconds[16];
    snprintf(counter, sizeof counter, SESSION_PREFIX "%s", id);
    snprintf(seconds, sizeof seconds, "%d", CACHE_SESSION_SECONDS);
    ADD_WORDS(&exchange, "ZADD", SESSIONS, moment_of(now_ms).text, id);
    ADD_WORDS(&exchange, "INCR", counter);
    ADD_WORDS(&exchange, "EXPIRE", counter, seconds);
    ADD_WORDS(&exchange, "ZREMRANGEBYSCORE", SESSIONS, "-inf", over_at(now_ms).text);
    bool done = carry_out((struct redis_cache *)cache, &exchange);
    end_exchange(&exchange);
    return done;
}

/* Ids and scores in turn. */
static size_t take_seen(const redisReply *reply, struct cache_session *sessions, size_t most) {
    size_t count = 0;
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements && count < most; i += 2) {
        const redisReply *id = reply->element[i], *score = reply->element[i + 1];
        if (id->type != REDIS_REPLY_STRING || score->type != REDIS_REPLY_STRING)
            continue;
        struct cache_session *session = &sessions[count++];
        snprintf(session->id, sizeof session->id, "%s", id->str);
        session->last_seen_ms = (int64_t)strtod(score->str, NULL);
        session->requests = 0;
    }
    return count;
}

static bool count_requests(struct redis_cache *redis, struct cache_session *sessions, size_t count) {
    struct exchange exchange = { .operation = "MGET" };
    struct parts parts = { .count = 0 };
    char(*counters)[sizeof SESSION_PREFIX + CACHE_SESSION_ID_MAX] = malloc(count * sizeof *counters);
    if (!counters)
        return false;
    add_word(&parts, "MGET");
    for (size_t i = 0; i < count; i++) {
        snprintf(counters[i], sizeof counters[i], SESSION_PREFIX "%s", sessions[i].id);
        add_word(&parts, counters[i]);
    }
    add_command(&exchange, &parts);
    bool done = carry_out(redis, &exchange);
    for (size_t i = 0; done && i < count && i < exchange.replies[0]->elements; i++) {
        const redisReply *number = exchange.replies[0]->element[i];
        sessions[i].requests = number->type == REDIS_REPLY_STRING ? strtoull(number->str, NULL, 10) : 0;
    }
    end_exchange(&exchange);
    free(counters);
    return done;
}

static bool list_shared(struct redis_cache *redis, int64_t now_ms, struct cache_session *sessions, size_t most,
                        size_t *count) {
    struct exchange exchange = { .operation = "ZREVRANGEBYSCORE" };
    char after[32], limit[24];
    snprintf(after, sizeof after, "(%s", over_at(now_ms).text);
    snprintf(limit, sizeof limit, "%zu", most);
    ADD_WORDS(&exchange, "ZREVRANGEBYSCORE", SESSIONS, "+inf", after, "WITHSCORES", "LIMIT", "0", limit);
    bool done = carry_out(redis, &exchange);
    *count = done ? take_seen(exchange.replies[0], sessions, most) : 0;
    end_exchange(&exchange);
    return done && (*count == 0 || count_requests(redis, sessions, *count));
}

static bool session_list(struct cache *cache, int64_t now_ms, struct cache_session *sessions, size_t most,
                         size_t *count) {
    most = most < SESSIONS_LISTED_MAX ? most : SESSIONS_LISTED_MAX;
    if (list_shared((struct redis_cache *)cache, now_ms, sessions, most, count))
        return true;
    struct cache *own = own_of(cache);
    own->backend->session_list(own, now_ms, sessions, most, count);
    return false;
}

static bool session_count(struct cache *cache, int64_t now_ms, size_t *count) {
    struct exchange exchange = { .operation = "ZCOUNT", .aside = true };
    char after[32];
    snprintf(after, sizeof after, "(%s", over_at(now_ms).text);
    ADD_WORDS(&exchange, "ZCOUNT", SESSIONS, after, "+inf");
    bool done = carry_out((struct redis_cache *)cache, &exchange) && exchange.replies[0]->type == REDIS_REPLY_INTEGER;
    *count = done ? (size_t)exchange.replies[0]->integer : 0;
    end_exchange(&exchange);
    return done;
}

/* ---- the whole ---- */

static uint64_t used_memory(const redisReply *information) {
    static const char line[] = "used_memory:";
    const char *found = information->type == REDIS_REPLY_STRING ? strstr(information->str, line) : NULL;
    return found ? strtoull(found + strlen(line), NULL, 10) : 0;
}

static bool measure(struct cache *cache, struct cache_size *size) {
    struct exchange exchange = { .operation = "PIPELINE", .aside = true };
    ADD_WORDS(&exchange, "INFO", "memory");
    ADD_WORDS(&exchange, "DBSIZE");
    bool done = carry_out((struct redis_cache *)cache, &exchange) && exchange.replies[1]->type == REDIS_REPLY_INTEGER;
    if (done)
        *size = (struct cache_size){ used_memory(exchange.replies[0]), (uint64_t)exchange.replies[1]->integer };
    end_exchange(&exchange);
    return done;
}

static bool ping(struct cache *cache) {
    struct exchange exchange = { .operation = "PING", .aside = true };
    ADD_WORDS(&exchange, "PING");
    bool done = carry_out((struct redis_cache *)cache, &exchange);
    end_exchange(&exchange);
    return done;
}

static void close_redis(struct cache *cache) {
    cache_close(own_of(cache));
    redis_pool_close(&((struct redis_cache *)cache)->pool);
    free(cache);
}

static const struct cache_backend redis_backend = {
    .name = "redis",
    .get = get,
    .set = set,
    .remove = remove_one,
    .session_touch = session_touch,
    .session_list = session_list,
    .session_count = session_count,
    .measure = measure,
    .ping = ping,
    .close = close_redis,
};

/* The port, if `place` is "host:port" or "[address]:port", with a slash at its end or without. */
static long read_place(const char *place, struct cache_bytes *host) {
    const char *colon = strrchr(place, ':');
    if (!colon || strchr(place, '@'))
        return 0;
    *host = (struct cache_bytes){ place, (size_t)(colon - place) };
    if (host->length > 2 && place[0] == '[' && colon[-1] == ']')
        *host = (struct cache_bytes){ place + 1, host->length - 2 };
    char *end = NULL;
    long port = strtol(colon + 1, &end, 10);
    bool ended = end != colon + 1 && (*end == '\0' || strcmp(end, "/") == 0);
    return ended && host->length > 0 && port <= 65535 ? port : 0;
}

struct cache *cache_redis_open(const char *place, struct text *why) {
    struct cache_bytes host;
    long port = read_place(place, &host);
    if (port <= 0) {
        text_addf(why, "not redis://host:port");
        return NULL;
    }
    struct redis_cache *redis = calloc(1, sizeof *redis);
    struct cache *own = cache_memory_open();
    char *name = strndup(host.bytes, host.length), *service = NULL;
    if (!redis || !own || !name || asprintf(&service, "%ld", port) < 0) {
        cache_close(own);
        free(name);
        free(redis);
        return NULL;
    }
    *redis = (struct redis_cache){ .base.backend = &redis_backend, .port = port, .own = own };
    redis_pool_open(&redis->pool, name, service);
    return &redis->base;
}
