/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_user.c - see load_user.h.
 */
#include "load/load_user.h"

#include "service/moment.h"
#include "service/text.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 30000L
#define SESSION_REQUESTS 20u /* then the user begins another session */
#define KNOWN_MAX 5u
#define NAP_MS 100u /* after which a user looks whether the load has ended */

static const char *const words[] = { "wind",  "sail",  "harbour", "storm", "anchor", "valley", "tide",   "squall",
                                     "cloud", "shore", "mast",    "fog",   "rope",   "river",  "lantern" };
#define WORDS (sizeof words / sizeof *words)

/* What a user is in the middle of. */
struct doing {
    struct load_user *user;
    CURL *handle;
    uint64_t random;
    unsigned long requests;
    unsigned long known[KNOWN_MAX]; /* ids of documents that the last search found */
    size_t known_count;
};

/* ---- chance, the same for the same seed ---- */

static unsigned chance(struct doing *doing, unsigned below) {
    doing->random ^= doing->random << 13;
    doing->random ^= doing->random >> 7;
    doing->random ^= doing->random << 17;
    return (unsigned)(doing->random >> 33) % below;
}

static const char *some_word(struct doing *doing) { return words[chance(doing, WORDS)]; }

bool load_mix_read(const char *text, unsigned mix[LOAD_ENDPOINTS]) {
    static const char *const names[] = { "search", "summary", "ingest", "document", "sessions" };
    bool any = false;
    memset(mix, 0, LOAD_ENDPOINTS * sizeof *mix);
    while (*text) {
        size_t length = strcspn(text, "="), which = 0;
        while (which < LOAD_ENDPOINTS && (strlen(names[which]) != length || memcmp(names[which], text, length) != 0))
            which++;
        if (which == LOAD_ENDPOINTS || text[length] != '=')
            return false;
        char *end = NULL;
        unsigned long weight = strtoul(text + length + 1, &end, 10);
        if (end == text + length + 1 || (*end != ',' && *end != '\0') || weight > 1000)
            return false;
        mix[which] = (unsigned)weight;
        text = *end ? end + 1 : end;
    }
    for (size_t i = 0; i < LOAD_ENDPOINTS; i++)
        any = any || mix[i] > 0; /* at last, since a later weight of the same name wins */
    return any;
}

static enum load_endpoint choose(struct doing *doing) {
    const unsigned *mix = doing->user->plan->mix;
    unsigned total = 0, endpoint = 0;
    for (size_t i = 0; i < LOAD_ENDPOINTS; i++)
        total += mix[i];
    unsigned chosen = chance(doing, total);
    while (chosen >= mix[endpoint])
        chosen -= mix[endpoint++];
    if (endpoint == LOAD_DOCUMENT && doing->known_count == 0)
        return LOAD_SEARCH; /* there is nothing to look at yet */
    return (enum load_endpoint)endpoint;
}

/* ---- what is asked ---- */

static void write_documents(struct doing *doing, struct text *body) {
    long batch = doing->user->plan->batch;
    for (long i = 0; i < batch; i++) {
        text_addf(body, "%s{\"title\":\"%s and %s\",\"text\":\"", i == 0 ? "[" : ",", some_word(doing),
                  some_word(doing));
        for (unsigned word = 0; word < 20; word++)
            text_addf(body, "%s ", some_word(doing));
        text_addf(body, "\"}");
    }
    text_addf(body, "]");
}

static void write_url(struct doing *doing, enum load_endpoint endpoint, struct text *url) {
    text_addf(url, "%s", doing->user->plan->url);
    switch (endpoint) {
    case LOAD_SEARCH:
        text_addf(url, "/search?q=%s+%s", some_word(doing), some_word(doing));
        break;
    case LOAD_SUMMARY:
        text_addf(url, "/search?q=%s&summary=1", some_word(doing));
        break;
    case LOAD_DOCUMENT:
        text_addf(url, "/documents/%lu", doing->known[chance(doing, (unsigned)doing->known_count)]);
        break;
    case LOAD_SESSIONS:
        text_addf(url, "/sessions");
        break;
    default:
        text_addf(url, "/documents");
    }
}

/* ---- asking ---- */

static size_t take_body(char *bytes, size_t size, size_t count, void *body) {
    return text_add(body, bytes, size * count) ? size * count : 0;
}

static struct curl_slist *write_headers(const struct doing *doing, bool has_body) {
    char session[80];
    snprintf(session, sizeof session, "X-Session-Id: load-%ld-%ld-%lu", doing->user->plan->seed, doing->user->number,
             doing->requests / SESSION_REQUESTS);
    struct curl_slist *headers = curl_slist_append(NULL, session);
    if (has_body) {
        headers = curl_slist_append(headers, "Content-Type: application/json");
        headers = curl_slist_append(headers, "Expect:");
    }
    return headers;
}

/* Returns the status; 0: there was no answer. */
static unsigned perform(const struct doing *doing, const char *url, const struct text *body, struct text *answer) {
    struct curl_slist *headers = write_headers(doing, body->length > 0);
    curl_easy_reset(doing->handle); /* keeps the connection */
    curl_easy_setopt(doing->handle, CURLOPT_URL, url);
    if (body->length > 0) {
        curl_easy_setopt(doing->handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->length);
        curl_easy_setopt(doing->handle, CURLOPT_POSTFIELDS, body->bytes);
    }
    curl_easy_setopt(doing->handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(doing->handle, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(doing->handle, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(doing->handle, CURLOPT_USERAGENT, "kalki-load/1.0.0");
    curl_easy_setopt(doing->handle, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    curl_easy_setopt(doing->handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(doing->handle, CURLOPT_NOPROXY, "*");
    long status = 0;
    if (curl_easy_perform(doing->handle) == CURLE_OK)
        curl_easy_getinfo(doing->handle, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    return (unsigned)status;
}

/* The ids of an answer's results. */
static void learn(struct doing *doing, const struct text *answer) {
    static const char name[] = "\"id\":";
    doing->known_count = 0;
    for (const char *at = answer->bytes; at && (at = strstr(at, name)) && doing->known_count < KNOWN_MAX;) {
        at += strlen(name);
        doing->known[doing->known_count++] = strtoul(at, NULL, 10);
    }
}

static bool went_wrong(enum load_endpoint endpoint, unsigned status, const struct text *answer) {
    if (status < 200 || status >= 300)
        return true;
    return endpoint == LOAD_SUMMARY && (!answer->bytes || !strstr(answer->bytes, "\"summary\":"));
}

static void ask(struct doing *doing, enum load_endpoint endpoint) {
    struct load_plan *plan = doing->user->plan;
    struct text url = { 0 }, body = { 0 }, answer = { 0 };
    write_url(doing, endpoint, &url);
    if (endpoint == LOAD_INGEST)
        write_documents(doing, &body);
    uint64_t began = steady_ns();
    unsigned status = perform(doing, url.bytes, &body, &answer);
    double seconds = seconds_since(began);
    bool failed = went_wrong(endpoint, status, &answer);
    load_samples_add(&doing->user->samples, (struct load_sample){ .began_s = (float)(began - plan->began_ns) / 1e9f,
                                                                  .seconds = (float)seconds,
                                                                  .status = (uint16_t)status,
                                                                  .endpoint = (uint8_t)endpoint,
                                                                  .failed = failed });
    if (endpoint == LOAD_SEARCH && !failed)
        learn(doing, &answer);
    if (endpoint == LOAD_INGEST && !failed)
        atomic_fetch_add(&plan->ingested, (unsigned long)plan->batch);
    text_free(&url);
    text_free(&body);
    text_free(&answer);
}

/* ---- a user's life ---- */

static bool goes_on(struct load_plan *plan) {
    return !atomic_load(&plan->ended) && seconds_since(plan->began_ns) < (double)plan->seconds;
}

static void think(struct load_plan *plan, uint64_t milliseconds) {
    uint64_t until = steady_ms() + milliseconds;
    for (uint64_t now = steady_ms(); now < until && goes_on(plan); now = steady_ms()) {
        uint64_t nap = until - now < NAP_MS ? until - now : NAP_MS;
        nanosleep(&(struct timespec){ .tv_nsec = (long)nap * 1000000L }, NULL);
    }
}

static bool may_ask(struct load_plan *plan) {
    return goes_on(plan) && (plan->requests == 0 || atomic_fetch_add(&plan->asked, 1) < (unsigned long)plan->requests);
}

void *load_user_run(void *data) {
    struct load_user *user = data;
    struct load_plan *plan = user->plan;
    struct doing doing = { .user = user,
                           .handle = curl_easy_init(),
                           .random =
                               (uint64_t)(plan->seed * 1000003 + user->number + 1) * UINT64_C(0x9E3779B97F4A7C15) };
    unsigned think_ms = (unsigned)plan->think_ms;
    chance(&doing, 2);                         /* whose first numbers are much alike */
    think(plan, chance(&doing, think_ms + 1)); /* so that not all begin at once */
    while (doing.handle && may_ask(plan)) {
        ask(&doing, choose(&doing));
        doing.requests++;
        think(plan, think_ms / 2 + chance(&doing, think_ms + 1));
    }
    curl_easy_cleanup(doing.handle);
    return NULL;
}
