/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collection.c - see collection.h.
 *
 * DESIGN. Documents are only ever added, so a snapshot shares them with all later ones and needs no copy of their texts. The
 * lock guards the list and which snapshot is current; it is held neither while an index is built nor while one is searched.
 * A snapshot is freed by the last of its users, of whom the collection is one as long as it is the current one.
 *
 * One thread loads and builds. After a document came it waits a moment for more, and at least as long as the last build
 * took, so that however many come, building takes half of one processor and not more.
 */
#include "query/collection.h"

#include "service/machine.h"
#include "service/measures.h"
#include "service/moment.h"
#include "service/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENTS_MAX 500000
#define BYTES_MAX ((size_t)512 << 20)
#define MEMORY_SHARE 4 /* of the memory that there may be, texts take at most one part of so many */
#define GATHER_MS 50
#define RETRY_FIRST_MS 250
#define RETRY_MOST_MS 10000

OTEL_TRACER(tracer, "kalki.query", "1.0.0");

struct collection {
    struct database *database;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct document **documents;
    size_t count, capacity, bytes, bytes_max;
    struct snapshot *current;
    bool loaded, closing;
    bool cut; /* the last of the documents that were to be loaded did not fit */
};

/* ---- the list, with the lock held or while nobody else knows of it ---- */

static struct document *new_document(int64_t id, const char *title, const char *text) {
    size_t title_size = strlen(title) + 1, text_size = strlen(text) + 1;
    struct document *document = malloc(sizeof *document + title_size + text_size);
    if (!document)
        return NULL;
    char *texts = (char *)(document + 1);
    memcpy(texts, title, title_size);
    memcpy(texts + title_size, text, text_size);
    *document = (struct document){ .id = id, .title = texts, .text = texts + title_size };
    return document;
}

static bool reserve(struct collection *collection) {
    if (collection->count < collection->capacity)
        return true;
    size_t capacity = collection->capacity ? 2 * collection->capacity : 64;
    struct document **documents = realloc(collection->documents, capacity * sizeof(struct document *));
    if (!documents)
        return false;
    collection->documents = documents;
    collection->capacity = capacity;
    return true;
}

static bool has_room(const struct collection *collection, size_t count, size_t bytes) {
    return collection->count + count <= DOCUMENTS_MAX && collection->bytes + bytes <= collection->bytes_max;
}

static bool append(struct collection *collection, int64_t id, const char *title, const char *text) {
    struct document *document = reserve(collection) ? new_document(id, title, text) : NULL;
    if (!document)
        return false;
    collection->documents[collection->count++] = document;
    collection->bytes += strlen(title) + strlen(text);
    return true;
}

static void forget_all(struct collection *collection) {
    for (size_t i = 0; i < collection->count; i++)
        free(collection->documents[i]);
    collection->count = collection->bytes = 0;
}

/* ---- snapshots ---- */

/* With the lock held; the caller frees the snapshot when it gets one back. */
static struct snapshot *leave(struct snapshot *snapshot) {
    return snapshot && --snapshot->users == 0 ? snapshot : NULL;
}

static void snapshot_free(struct snapshot *snapshot) {
    if (!snapshot)
        return;
    search_index_free(snapshot->index);
    free(snapshot);
}

static void publish(struct collection *collection, struct snapshot *snapshot) {
    pthread_mutex_lock(&collection->lock);
    struct snapshot *unused = leave(collection->current);
    collection->current = snapshot;
    collection->loaded = true;
    pthread_mutex_unlock(&collection->lock);
    snapshot_free(unused);
    measure_index(search_index_documents(snapshot->index), search_index_terms(snapshot->index));
    measure_index_rebuilt();
}

struct snapshot *collection_take(struct collection *collection) {
    pthread_mutex_lock(&collection->lock);
    struct snapshot *snapshot = collection->current;
    if (snapshot)
        snapshot->users++;
    pthread_mutex_unlock(&collection->lock);
    return snapshot;
}

void collection_give_back(struct collection *collection, struct snapshot *snapshot) {
    pthread_mutex_lock(&collection->lock);
    struct snapshot *unused = leave(snapshot);
    pthread_mutex_unlock(&collection->lock);
    snapshot_free(unused);
}

/* The list as it is now; the documents stay where they are. */
static const struct document **copy_list(struct collection *collection, size_t *count) {
    pthread_mutex_lock(&collection->lock);
    *count = collection->count;
    const struct document **list = malloc((*count + 1) * sizeof(struct document *));
    for (size_t i = 0; i < *count && list; i++)
        list[i] = collection->documents[i];
    pthread_mutex_unlock(&collection->lock);
    return list;
}

static struct snapshot *make_snapshot(struct collection *collection, otel_span built_by) {
    size_t count;
    const struct document **list = copy_list(collection, &count);
    struct snapshot *snapshot = malloc(sizeof *snapshot);
    struct search_index *index = list && snapshot ? search_index_build(list, count) : NULL;
    free(list);
    if (!index) {
        free(snapshot);
        return NULL;
    }
    *snapshot = (struct snapshot){ .index = index, .built_by = built_by, .users = 1 };
    return snapshot;
}

/* Inside of the span that builds it. */
static bool build(struct collection *collection, const otel_span *span) {
    struct snapshot *snapshot = make_snapshot(collection, *span);
    if (!snapshot) {
        otel_span_fail(span, "out_of_memory", "the index does not fit into memory");
        return false;
    }
    otel_set(span, "kalki.index.documents", search_index_documents(snapshot->index));
    otel_set(span, "kalki.index.terms", search_index_terms(snapshot->index));
    publish(collection, snapshot);
    return true;
}

/* ---- loading ---- */

static bool take_loaded(void *data, int64_t id, const char *title, const char *text) {
    struct collection *collection = data;
    pthread_mutex_lock(&collection->lock);
    bool taken = has_room(collection, 1, strlen(title) + strlen(text)) && append(collection, id, title, text);
    collection->cut = !taken;
    pthread_mutex_unlock(&collection->lock);
    return taken;
}

/* Until it succeeds nothing is added, so that a failed attempt can begin anew. */
static bool load(struct collection *collection) {
    OTEL_SPAN(span, tracer, "build index");
    pthread_mutex_lock(&collection->lock);
    forget_all(collection);
    pthread_mutex_unlock(&collection->lock);
    enum database_result result = database_prepare(collection->database);
    if (result == DATABASE_OK)
        result = database_load(collection->database, take_loaded, collection);
    if (result == DATABASE_OK && collection->cut)
        say(stderr, "kalki-query: there is room for %zu documents only: searches do not find the others",
            collection->count);
    if (result == DATABASE_OK)
        return build(collection, &span);
    measure_error("database");
    otel_span_fail(&span, database_result_word(result), "the documents cannot be loaded");
    return false;
}

static void rebuild(struct collection *collection) {
    OTEL_SPAN(span, tracer, "build index");
    build(collection, &span);
}

/* ---- the thread ---- */

/* With the lock held; false when the collection is closing. */
static bool pause_for(struct collection *collection, long milliseconds) {
    struct timespec until = moment_in(milliseconds);
    while (!collection->closing && pthread_cond_timedwait(&collection->changed, &collection->lock, &until) == 0)
        continue;
    return !collection->closing;
}

static bool is_behind(const struct collection *collection) {
    return search_index_documents(collection->current->index) < collection->count;
}

static void load_at_last(struct collection *collection) {
    long pause = RETRY_FIRST_MS;
    while (!collection->loaded && pause_for(collection, pause)) {
        pthread_mutex_unlock(&collection->lock);
        load(collection);
        pthread_mutex_lock(&collection->lock);
        pause = 2 * pause < RETRY_MOST_MS ? 2 * pause : RETRY_MOST_MS;
    }
}

static void *follow(void *data) {
    struct collection *collection = data;
    long took_ms = 0;
    pthread_mutex_lock(&collection->lock);
    load_at_last(collection);
    while (!collection->closing) {
        if (!is_behind(collection)) {
            pthread_cond_wait(&collection->changed, &collection->lock);
            continue;
        }
        if (!pause_for(collection, took_ms > GATHER_MS ? took_ms : GATHER_MS))
            break;
        pthread_mutex_unlock(&collection->lock);
        struct timespec begin = moment_now();
        rebuild(collection);
        took_ms = (long)(moment_seconds_since(&begin) * 1e3);
        pthread_mutex_lock(&collection->lock);
    }
    pthread_mutex_unlock(&collection->lock);
    return NULL;
}

static size_t most_bytes(void) {
    uint64_t share = machine_memory_limit() / MEMORY_SHARE;
    return share > 0 && share < BYTES_MAX ? (size_t)share : BYTES_MAX;
}

struct collection *collection_open(struct database *database) {
    struct collection *collection = calloc(1, sizeof *collection);
    if (!collection)
        return NULL;
    collection->database = database;
    collection->bytes_max = most_bytes();
    pthread_mutex_init(&collection->lock, NULL);
    moment_condition(&collection->changed);
    if (!load(collection))
        say(stderr, "kalki-query: the documents cannot be loaded from %s yet; trying on",
            database_place_text(database));
    if (pthread_create(&collection->thread, NULL, follow, collection) == 0)
        return collection;
    collection->closing = true;
    collection_close(collection);
    return NULL;
}

void collection_close(struct collection *collection) {
    pthread_mutex_lock(&collection->lock);
    bool has_thread = !collection->closing;
    collection->closing = true;
    pthread_cond_signal(&collection->changed);
    pthread_mutex_unlock(&collection->lock);
    if (has_thread)
        pthread_join(collection->thread, NULL);
    snapshot_free(leave(collection->current));
    forget_all(collection);
    free(collection->documents);
    pthread_cond_destroy(&collection->changed);
    pthread_mutex_destroy(&collection->lock);
    free(collection);
}

/* ---- adding and looking ---- */

bool collection_has_room(struct collection *collection, size_t count, size_t bytes) {
    pthread_mutex_lock(&collection->lock);
    bool room = has_room(collection, count, bytes);
    pthread_mutex_unlock(&collection->lock);
    return room;
}

bool collection_add(struct collection *collection, const struct new_document *documents, const int64_t *ids,
                    size_t count) {
    bool added = true;
    pthread_mutex_lock(&collection->lock);
    for (size_t i = 0; i < count && added; i++)
        added = append(collection, ids[i], documents[i].title, documents[i].text);
    pthread_cond_signal(&collection->changed);
    pthread_mutex_unlock(&collection->lock);
    return added;
}

struct collection_state collection_look(struct collection *collection) {
    struct collection_state state = { .loaded = false };
    pthread_mutex_lock(&collection->lock);
    state.loaded = collection->loaded;
    state.documents = collection->count;
    if (collection->current) {
        state.searchable = search_index_documents(collection->current->index);
        state.terms = search_index_terms(collection->current->index);
    }
    pthread_mutex_unlock(&collection->lock);
    return state;
}
