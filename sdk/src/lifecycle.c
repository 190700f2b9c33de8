/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lifecycle.c - the life of the SDK: start, flush, stop, exit (otel/sdk.h).
 *
 * DESIGN. `state` lets one thread at a time start or stop. Others who need the provider (flush, ledger, fork) count
 * themselves in `users` and then look at `visible`; a stop clears `visible` and waits for `users` to become zero
 * before it frees anything. What cannot be freed safely when the time is up, because a call or an exporter has not
 * come back, is `left_over`: the next start frees it if it has come back by then, and refuses to start otherwise.
 * Who needs that (ledger, exit) counts as well, and it is freed in the same order.
 *
 * At exit the handler flushes and ends the workers but frees nothing: leftover threads may be anywhere. It is
 * registered after the libraries that exporters use were initialised, so that it runs before their own handlers pull
 * them from under a worker.
 */
#include "lifecycle.h"

#include "anchor.h"
#include "attributes.h"
#include "base/clock.h"
#include "cancellation.h"
#include "diagnostics.h"
#include "fork.h"
#include "identity.h"
#include "id_generator.h"
#include "ledger.h"
#include "metrics/metrics.h"
#include "options.h"
#include "polling.h"
#include "strict.h"
#include "tracer.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STOPPED, CHANGING, RUNNING, EXITED };
enum {
    DEFAULT_TIMEOUT_MS = 30000,
    EXIT_TIMEOUT_MS = 1000,
    EXIT_CALLS_MS = 100,
    EXIT_REST_MS = 1000,
    EXIT_REST_INSIDE_MS = 50
};

static _Atomic int state;
static _Atomic bool exiting; /* nothing is to be started any more */
static _Atomic(struct otel__provider *) visible;
static _Atomic(struct otel__provider *) left_over;
static bool calls_left_over;
static _Atomic uint64_t abandoned; /* spans that the last stop found unended */

/* In wiped memory. */
struct shared {
    _Atomic uint32_t users;
    otel__lock ledger_lock;
};
static _Atomic(struct shared *) shared;
static _Thread_local uint32_t uses; /* of this thread: what a child's only thread brings along */
static _Thread_local bool changing; /* it is this thread that starts or stops: it cannot wait for itself */

static otel_ledger last_ledger; /* the final one of the last SDK */
/* Of the processors, since the last start: what ledgers point to outlives the SDK. */
static char names[OTEL_MAX_PROCESSORS][sizeof((otel_processor *)0)->name];

/* What stands at `place`: `visible` or `left_over`. */
static struct otel__provider *use(_Atomic(struct otel__provider *) *place) {
    struct shared *s = atomic_load(&shared);
    if (!s)
        return NULL;
    uses++;
    atomic_fetch_add(&s->users, 1);
    struct otel__provider *provider = atomic_load(place);
    if (!provider)
        otel__sdk_unuse();
    return provider;
}

struct otel__provider *otel__sdk_use(void) {
    return use(&visible);
}

void otel__sdk_unuse(void) {
    uses--;
    atomic_fetch_sub(&atomic_load(&shared)->users, 1);
}

/* Only for a thread that has brought `state` to CHANGING. */
static void end_change(int to) {
    changing = false;
    atomic_store(&state, to);
}

/* ---- what is left when no call runs any more --------------------------------------------------------------------- */

struct unended {
    uint64_t count;
    struct otel__identity first;
};

static void note_unended(const struct otel__record *record, void *data) {
    struct unended *unended = data;
    if (otel__strict)
        otel__strict_unended(record);
    if (unended->count++ == 0)
        otel__identify(&unended->first, record);
}

static uint64_t abandon_live(void) {
    struct unended unended = { .count = 0 };
    otel__records_abandon(note_unended, &unended);
    if (unended.count)
        otel_report(OTEL_LOG_WARN, "unended spans", "%llu spans were never ended, among them '%s' of tracer '%s'",
                    (unsigned long long)unended.count, unended.first.name, unended.first.scope);
    return unended.count;
}

static void tell_unended(const struct otel__record *record, void *data) {
    (void)data;
    otel__strict_unended(record);
}

static void read_ledger(otel_ledger *ledger, const struct otel__provider *provider) {
    otel__ledger_read(ledger, provider, atomic_load(&abandoned));
    for (size_t i = 0; i < ledger->processor_count; i++)
        ledger->processors[i].name = names[i];
}

static void keep_ledger(const struct otel__provider *provider) {
    otel__lock *lock = &atomic_load(&shared)->ledger_lock;
    otel_ledger ledger;
    read_ledger(&ledger, provider);
    otel__lock_acquire(lock);
    last_ledger = ledger;
    otel__lock_release(lock);
}

static void keep_names(const struct otel__provider *provider) {
    for (size_t i = 0; i < provider->pipeline.processor_count; i++)
        memcpy(names[i], provider->pipeline.processors[i]->name, sizeof names[i]);
}

/* ---- start ------------------------------------------------------------------------------------------------------- */

static otel_status fail(otel_error *error, otel_status status, const char *why) {
    if (error && why)
        snprintf(error->text, sizeof error->text, "%s", why);
    return status;
}

/* What is made once and never given back: it may be in use by late calls at any time. */
static bool prepare_process(void) {
    static bool ready;
    if (!atomic_load(&shared))
        atomic_store(&shared, otel__wiped_map(sizeof(struct shared)));
    if (!ready)
        ready = atomic_load(&shared) && otel__locals_init() && otel__records_init() && otel__lanes_init() &&
                otel__polling_init() && otel__anchors_init() && otel__fork_handlers_register();
    return ready;
}

static bool is_done(struct otel__provider *provider) {
    for (size_t i = 0; i < provider->pipeline.processor_count; i++)
        if (atomic_load(&provider->pipeline.processors[i]->lane->draining) != OTEL__CONSUMED_BY_NONE)
            return false;
    return otel__metrics_at_end(provider->metrics) && atomic_load(&atomic_load(&shared)->users) == 0;
}

/*
 * What calls left that outlasted the stop: spans that had not ended, which point to scopes that will be freed, and
 * spans that ended when nobody exported any more. Counted only: who listened to the diagnostics then may be gone.
 */
static void clear_up_after_calls(const struct otel__provider *provider) {
    struct unended unended = { .count = 0 };
    for (size_t i = 0; i < provider->pipeline.processor_count; i++)
        otel__worker_drop(provider->pipeline.processors[i]);
    otel__records_abandon(note_unended, &unended);
    atomic_fetch_add(&abandoned, unended.count);
}

/* Ends what an earlier stop had to leave; false when it is still in use. */
static bool end_left_over(struct otel__provider *provider) {
    bool stuck = false;
    if ((calls_left_over && !otel__backend_remove(0)) || !is_done(provider))
        return false;
    otel__provider_stop(provider, otel__clock_monotonic(), &stuck);
    if (stuck)
        return false;
    if (calls_left_over)
        clear_up_after_calls(provider);
    calls_left_over = false;
    return true;
}

/* Frees it then. */
static bool free_left_over(void) {
    struct otel__provider *provider = atomic_load(&left_over);
    if (!provider)
        return true;
    /* While an exporter hangs it stays in sight, so that an exit at this moment calls that back. */
    if (!is_done(provider))
        return false;
    /* Taken out of sight before it is decided, so that nobody begins to use it who is not counted. */
    atomic_store(&left_over, NULL);
    if (!end_left_over(provider)) {
        atomic_store(&left_over, provider);
        return false;
    }
    keep_ledger(provider);
    otel__provider = NULL;
    otel__scopes_end();
    otel__provider_free(provider);
    return true;
}

/*
 * An SDK's settings do not outlast it, but an exporter that is left over may: until it has been freed nothing is
 * reported at all, since its program may have wanted nothing on stderr.
 */
static void reset_diagnostics(void) {
    if (atomic_load(&left_over))
        otel__diagnostics_set(OTEL_LOG_NONE, NULL, NULL);
    else
        otel__diagnostics_reset();
}

static void set_propagators(const struct otel__pipeline *pipeline) {
    otel_propagators_set(pipeline->propagators, pipeline->propagator_count);
}

static otel_status publish(struct otel__provider *provider, otel_error *error) {
    if (!otel__scopes_begin())
        return fail(error, OTEL_ERR_MEMORY, "out of memory");
    otel__ids_come_from(provider->pipeline.id_generator);
    otel__scopes_configure(provider->pipeline.tracer_config, provider->pipeline.tracer_config_data);
    otel__ledger_reset();
    keep_names(provider);
    atomic_store(&abandoned, 0);
    otel__locals_each(otel__record_cache_flush); /* of threads that ended while no SDK ran */
    otel__provider = provider;
    otel__metrics_begin(provider->metrics);
    if (!otel__strict_set(provider->pipeline.strict))
        otel_report(OTEL_LOG_WARN, "strict mode", "out of memory: strict mode is off");
    otel__exit_handler_register();
    if (!otel__backend_install(provider->extras ? &otel__span_backend_with_extras : &otel__span_backend)) {
        otel__provider = NULL;
        return fail(error, OTEL_ERR_STATE,
                    "another SDK is installed in this process, or its version differs from the API's");
    }
    atomic_store(&visible, provider);
    return OTEL_OK;
}

static otel_status start(const otel_sdk_options *options, otel_error *error) {
    struct otel__provider *provider;
    const otel_status status = otel__provider_create(options, &provider, error);
    if (status != OTEL_OK)
        return status;
    set_propagators(&provider->pipeline);
    if (provider->pipeline.disabled) {
        otel__provider_free(provider);
        return OTEL_OK;
    }
    const otel_status published = publish(provider, error);
    if (published != OTEL_OK) {
        otel__provider_free(provider);
        return published;
    }
    if (options->start_worker)
        otel__provider_start_workers(provider);
    otel__polling_start(provider, options->start_worker);
    otel__metrics_start_readers(provider->metrics, options->start_worker);
    return OTEL_OK;
}

/* In a state that this thread alone may change. */
static otel_status start_alone(const otel_sdk_options *options, otel_error *error) {
    if (!prepare_process()) {
        otel__options_consume(options);
        return fail(error, OTEL_ERR_MEMORY, "cannot reserve address space");
    }
    if (!free_left_over()) {
        otel__options_consume(options);
        return fail(error, OTEL_ERR_STATE,
                    "the SDK that ran before has not come to an end yet: a call or its exporter hangs");
    }
    return start(options, error);
}

static otel_status start_or_refuse(const otel_sdk_options *given, otel_error *error) {
    int expected = STOPPED;
    if (atomic_load(&exiting) || !atomic_compare_exchange_strong(&state, &expected, CHANGING)) {
        otel__options_consume(given);
        return fail(error, OTEL_ERR_STATE,
                    atomic_load(&exiting) ? "the process is exiting"
                                          : "an SDK is running already, or being started or stopped");
    }
    changing = true;
    const otel_status status = start_alone(given, error);
    if (status != OTEL_OK)
        reset_diagnostics();
    end_change(status == OTEL_OK ? RUNNING : STOPPED);
    return status;
}

otel_status otel_sdk_start(const otel_sdk_options *options) {
    static const otel_sdk_options none = { .size = sizeof none };
    otel_sdk_options known;
    otel_error ignored;
    const otel_sdk_options *given = options ? otel__options_fit(options, sizeof known, &known) : &none;
    otel_error *error = given->error ? given->error : &ignored;
    error->text[0] = '\0';
    const int cancellation = otel__cancellation_hold(); /* or nobody else could start or stop any more */
    const otel_status status = start_or_refuse(given, error);
    otel__cancellation_allow(cancellation);
    return status;
}

/* ---- flush ------------------------------------------------------------------------------------------------------- */

static otel_status flush(uint64_t deadline) {
    struct otel__provider *provider = otel__sdk_use();
    if (!provider)
        return OTEL_OK;
    const otel_status status = otel__provider_flush(provider, deadline);
    otel__sdk_unuse();
    return status;
}

otel_status otel_sdk_flush(int timeout_ms) {
    if (otel__thread_busy())
        return OTEL_ERR_STATE;
    const int cancellation = otel__cancellation_hold(); /* or the SDK would stay in use */
    const otel_status status = flush(otel__deadline_in(timeout_ms, DEFAULT_TIMEOUT_MS));
    otel__cancellation_allow(cancellation);
    return status;
}

/* ---- stop -------------------------------------------------------------------------------------------------------- */

static bool wait_for_users(uint64_t deadline) {
    while (atomic_load(&atomic_load(&shared)->users) != 0) {
        if (otel__deadline_left_ms(deadline) == 0)
            return false;
        otel__sleep_ms(1);
    }
    return true;
}

static otel_status stop(struct otel__provider *provider, uint64_t deadline) {
    bool stuck = false;
    const bool quiet = otel__backend_remove(deadline);
    /* Where no span has started them: this thread could not leave an exporter that it calls itself. */
    otel__provider_start_workers(provider);
    const otel_status status = otel__provider_stop(provider, deadline, &stuck);
    atomic_store(&abandoned, quiet ? abandon_live() : 0);
    keep_ledger(provider);
    atomic_store(&visible, NULL);
    if (quiet && !stuck && wait_for_users(deadline)) {
        otel__provider = NULL;
        otel__scopes_end();
        otel__provider_free(provider);
        return status;
    }
    calls_left_over = !quiet;
    atomic_store(&left_over, provider);
    return OTEL_ERR_TIMEOUT;
}

/* No SDK runs, but an earlier stop may have had to leave something. */
static otel_status stop_again(uint64_t deadline) {
    int expected = STOPPED;
    if (!atomic_load(&left_over))
        return OTEL_OK;
    if (!atomic_compare_exchange_strong(&state, &expected, CHANGING))
        return OTEL_ERR_TIMEOUT;
    changing = true;
    bool freed = free_left_over();
    for (; !freed && otel__deadline_left_ms(deadline) > 0; freed = free_left_over())
        otel__sleep_ms(1);
    reset_diagnostics();
    end_change(STOPPED);
    return freed ? OTEL_OK : OTEL_ERR_TIMEOUT;
}

/* Waits for another thread's start or stop to end. */
static bool enter_change(uint64_t deadline) {
    for (;;) {
        int expected = RUNNING;
        if (atomic_compare_exchange_strong(&state, &expected, CHANGING))
            return true;
        if (expected != CHANGING || otel__deadline_left_ms(deadline) == 0)
            return false;
        otel__sleep_ms(1);
    }
}

static otel_status stop_running(uint64_t deadline) {
    if (!enter_change(deadline))
        return atomic_load(&state) == CHANGING ? OTEL_ERR_TIMEOUT : stop_again(deadline);
    changing = true;
    struct otel__provider *provider = atomic_load(&visible);
    const otel_status status = provider ? stop(provider, deadline) : OTEL_OK;
    reset_diagnostics();
    end_change(STOPPED);
    return status;
}

otel_status otel_sdk_stop(int timeout_ms) {
    if (otel__thread_busy() || changing)
        return OTEL_ERR_STATE;
    const int cancellation = otel__cancellation_hold(); /* as in otel_sdk_start() */
    const otel_status status = stop_running(otel__deadline_in(timeout_ms, DEFAULT_TIMEOUT_MS));
    otel__cancellation_allow(cancellation);
    return status;
}

/* ---- exit and fork ----------------------------------------------------------------------------------------------- */

/*
 * As enter_change(), also beside a thread that starts and stops over and over: nothing starts from here on, so that it
 * comes to rest. False as well when nothing runs.
 */
static bool enter_exit(uint64_t deadline) {
    atomic_store(&exiting, true);
    for (;;) {
        if (enter_change(deadline))
            return true;
        int expected = STOPPED;
        if (atomic_compare_exchange_strong(&state, &expected, EXITED) || expected == EXITED ||
            otel__deadline_left_ms(deadline) == 0)
            return false;
    }
}

/*
 * Calls of other threads come to their ends, so that the last spans are exported and the ledger is exact. One that hangs
 * must not take all the time.
 */
static bool end_calls(uint64_t deadline) {
    const uint64_t soon = otel__deadline_in(EXIT_CALLS_MS, 0);
    return otel__backend_remove(soon < deadline ? soon : deadline);
}

/*
 * When exit() was called from a callback of ours, its thread may be the very one that would have to come back: then
 * nobody is waited for, but exports are cancelled all the same, and others' get a moment to leave foreign code.
 */
static void at_exit(void) {
    const bool inside = otel__thread_busy() || changing;
    const uint64_t deadline = inside ? otel__clock_monotonic() : otel__deadline_in(EXIT_TIMEOUT_MS, 0);
    const bool running = enter_exit(deadline);
    /* Another thread's stop may wait to free what is left over. It never will: this use does not end. */
    struct otel__provider *provider = running ? atomic_load(&visible) : use(&left_over);
    bool stuck = false;
    const bool quiet = end_calls(deadline);
    if (quiet && running && otel__strict)
        otel__records_visit(tell_unended, NULL);
    if (provider) {
        otel__provider_stop(provider, deadline, &stuck);
    } else {
        provider = otel__sdk_use(); /* of another thread's stop, which has not ended */
        stuck = provider != NULL;
    }
    /*
     * The libraries that an export is still in clean up next. It computes there, since it does not wait for the network,
     * and takes long only where it gets no processor, or writes to a stream that somebody else holds.
     */
    if (stuck)
        otel__foreign_code_rests(provider, inside ? EXIT_REST_INSIDE_MS : EXIT_REST_MS);
    if (running)
        atomic_store(&state, EXITED);
}

/* A thread that is cancelled in here would end instead of the process. */
static void at_exit_uncancelled(void) {
    const int cancellation = otel__cancellation_hold();
    at_exit();
    otel__cancellation_allow(cancellation);
}

void otel__exit_handler_register(void) {
    static unsigned registered; /* foreign libraries that were initialised when we last did, plus one */
    const unsigned foreign = otel__foreign_libraries() + 1;
    if (registered < foreign && atexit(at_exit_uncancelled) == 0)
        registered = foreign;
}

void otel__sdk_after_fork(void) {
    /* What an earlier stop left is another thread's, and stays where it is: there is nobody to be kept quiet. */
    if (atomic_exchange(&left_over, NULL))
        otel__diagnostics_reset();
    calls_left_over = false;
    if (atomic_load(&shared))
        atomic_store(&atomic_load(&shared)->users, uses);
    if (atomic_load(&state) != CHANGING)
        return;
    /* Another thread was starting or stopping: it does not exist here, and its work is abandoned. */
    otel__backend_remove(0);
    atomic_store(&visible, NULL);
    otel__provider = NULL;
    atomic_store(&state, STOPPED);
}

/* ---- ledger ------------------------------------------------------------------------------------------------------ */

static void copy_last_ledger(otel_ledger *ledger) {
    struct shared *s = atomic_load(&shared);
    *ledger = (otel_ledger){ .size = sizeof *ledger };
    if (!s)
        return;
    otel__lock_acquire(&s->ledger_lock);
    *ledger = last_ledger;
    otel__lock_release(&s->ledger_lock);
}

void otel_sdk_ledger(otel_ledger *ledger) {
    if (!ledger || ledger->size < sizeof ledger->size)
        return;
    otel_ledger now;
    struct otel__provider *provider = use(&visible);
    if (!provider)
        provider = use(&left_over);
    if (provider) {
        read_ledger(&now, provider);
        otel__sdk_unuse();
    } else {
        copy_last_ledger(&now);
    }
    const size_t size = ledger->size < sizeof now ? ledger->size : sizeof now;
    memcpy(ledger, &now, size);
    ledger->size = size;
}
