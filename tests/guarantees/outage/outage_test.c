/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outage_test.c - offers spans while each fault lasts, for less than an export's bound and for ever, and accounts for
 * every one of them.
 *
 * usage: outage_test [--list | --table]   --list: what must come of each, without trying; --table: as docs/faults.md
 *
 * Each run is a process of its own, and several go on at once, since most of their time is waiting.
 */
#include "outage.h"
#include "sanitizers.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* They mostly wait. Under ThreadSanitizer they also compute: more of them would not come to their fault in time. */
enum { AT_ONCE = UNDER_TSAN ? 6 : 20, RUNS_MOST = 1024 };

struct job {
    const struct protocol *protocol;
    const struct row *row;
    bool for_ever;
    pid_t pid;
    int from; /* the run's end of a pipe */
    bool done;
    struct outcome outcome;
};

static struct job jobs[RUNS_MOST];
static unsigned job_count;

/* ---- what must hold ---------------------------------------------------------------------------------------------- */

static const char *expected_loss(const struct row *row, bool for_ever) {
    if (row->fate == HARMLESS)
        return "none";
    if (row->fate == LOST)
        return for_ever ? "all" : "those of that time";
    return for_ever ? "all" : "none";
}

static bool loses_rightly(const struct job *job) {
    const uint64_t lost = job->outcome.lost;
    if (job->row->fate == HARMLESS || (job->row->fate == WAITED_OUT && !job->for_ever))
        return lost == 0;
    return job->for_ever ? lost == OFFERED : lost >= BATCH && lost <= OFFERED;
}

/* Whether the fault was there at all can only be told where connections come about. */
static bool was_struck(const struct job *job) {
    return job->outcome.strikes > 0 || job->row->fault.act == FAULT_REFUSE || job->row->fault.act == FAULT_DEAF;
}

/* Whether the server takes spans and fails to say so: those are delivered and, for all the client knows, lost. */
static bool hides_deliveries(const struct row *row) {
    return row->fault.takes && row->fault.point >= FAULT_BEFORE_ANSWER && row->fate != HARMLESS;
}

/* NULL: everything holds. */
static const char *complaint(const struct job *job) {
    const struct outcome *o = &job->outcome;
    if (!job->done)
        return "the run did not come to its end";
    if (!was_struck(job))
        return "the fault did not strike";
    if (o->unaccounted > 0)
        return "spans are neither delivered nor counted as lost";
    if (o->exported + o->lost != OFFERED)
        return "spans are neither counted as exported nor as lost";
    if (o->exported > o->delivered)
        return "spans are counted as exported that the server did not take";
    if (o->exported < o->delivered && !hides_deliveries(job->row))
        return "spans are counted as lost that the server took and acknowledged";
    if (!loses_rightly(job))
        return "not as many spans are lost as should be";
    if (o->twice > 0 && (job->row->fate != WAITED_OUT || job->row->fault.point < FAULT_BEFORE_ANSWER))
        return "spans were delivered twice for no reason";
    return NULL;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static void begin(struct job *job) {
    int ends[2];
    if (pipe(ends) != 0 || (job->pid = fork()) < 0)
        abort();
    if (job->pid == 0) {
        const struct outcome outcome = run(job->protocol, job->row, job->for_ever);
        _exit(write(ends[1], &outcome, sizeof outcome) == (ssize_t)sizeof outcome ? 0 : 1);
    }
    close(ends[1]);
    job->from = ends[0];
}

static void finish(struct job *job) {
    int status = -1;
    job->done = read(job->from, &job->outcome, sizeof job->outcome) == (ssize_t)sizeof job->outcome;
    close(job->from);
    job->from = -1;
    job->done = waitpid(job->pid, &status, 0) == job->pid && status == 0 && job->done;
}

/* Ends the jobs from `first` on that have something to say, after waiting for one. */
static unsigned finish_some(unsigned first, unsigned end) {
    struct pollfd fds[RUNS_MOST];
    unsigned finished = 0;
    for (unsigned i = first; i < end; i++)
        fds[i - first] = (struct pollfd){ .fd = jobs[i].from, .events = POLLIN };
    poll(fds, end - first, -1);
    for (unsigned i = first; i < end; i++)
        if (jobs[i].from >= 0 && fds[i - first].revents) {
            finish(&jobs[i]);
            finished++;
        }
    return finished;
}

static void run_all(void) {
    unsigned begun = 0, finished = 0;
    while (finished < job_count) {
        while (begun < job_count && begun - finished < AT_ONCE)
            begin(&jobs[begun++]);
        finished += finish_some(0, begun);
    }
}

static void add_jobs(void) {
    for (unsigned p = 0; p < protocol_count; p++)
        for (unsigned r = 0; r < row_count; r++)
            for (int for_ever = 0; for_ever < 2; for_ever++)
                jobs[job_count++] = (struct job){ .protocol = &protocols[p], .row = &rows[r], .for_ever = for_ever };
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

static void tell_expected(const struct job *brief) {
    printf("| %s | %s | %s | %s |", brief->protocol->name, brief->row->name, expected_loss(brief->row, false),
           expected_loss(brief->row, true));
}

static void tell_numbers(const struct job *job) {
    printf(" %" PRIu64 " / %" PRIu64 " / %" PRIu64 " |", job->outcome.delivered, job->outcome.twice, job->outcome.lost);
}

static void tell_measured(const struct job *job) {
    const struct outcome *o = &job->outcome;
    printf("measured: outage: %s, %s, %s: of %d spans %" PRIu64 " delivered, %" PRIu64 " twice, %" PRIu64
           " counted as lost, in %u ms\n",
           job->protocol->name, job->row->name, job->for_ever ? "for ever" : "0.7 s", (int)OFFERED, o->delivered,
           o->twice, o->lost, o->ms);
}

static unsigned judge_all(void) {
    unsigned wrong = 0;
    for (unsigned i = 0; i < job_count; i++) {
        const char *why = complaint(&jobs[i]);
        if (why)
            fprintf(stderr, "%s, %s, %s: %s\n", jobs[i].protocol->name, jobs[i].row->name,
                    jobs[i].for_ever ? "for ever" : "0.7 s", why);
        wrong += why != NULL;
    }
    return wrong;
}

int main(int argc, char **argv) {
    const bool list = argc > 1 && strcmp(argv[1], "--list") == 0;
    const bool table = argc > 1 && strcmp(argv[1], "--table") == 0;
    static const char *const names[] = { "http_proxy", "all_proxy", "ALL_PROXY", "OTEL_SDK_DISABLED" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    faults_prepare();
    add_jobs();
    if (!list)
        run_all();
    for (unsigned i = 0; i < job_count; i += 2) {
        if (list || table)
            tell_expected(&jobs[i]);
        for (unsigned j = i; j < i + 2 && table; j++)
            tell_numbers(&jobs[j]);
        if (list || table)
            printf("\n");
        for (unsigned j = i; j < i + 2 && !list && !table; j++)
            tell_measured(&jobs[j]);
    }
    return !list && judge_all() > 0 ? 1 : 0;
}
