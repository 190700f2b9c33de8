/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_main.c - kalki-load: many users at once, and how long they wait.
 */
#include "load/load_plot.h"
#include "load/load_report.h"
#include "load/load_user.h"
#include "service/moment.h"
#include "service/options.h"

#include <curl/curl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define USERS_MAX 10000

static struct load_plan plan = {
    .url = "http://127.0.0.1:8080", .users = 50, .seconds = 30, .think_ms = 1000, .batch = 5, .seed = 1
};

static void end_early(int signal_number) {
    (void)signal_number;
    atomic_store(&plan.ended, true);
}

static void end_early_by(int signal_number) {
    struct sigaction action = { .sa_handler = end_early };
    sigaction(signal_number, &action, NULL);
}

/* How many of them run. */
static long start_users(struct load_user *users) {
    for (long i = 0; i < plan.users; i++) {
        users[i] = (struct load_user){ .plan = &plan, .number = i };
        if (pthread_create(&users[i].thread, NULL, load_user_run, &users[i]) != 0)
            return i;
    }
    return plan.users;
}

static void gather(struct load_user *users, long count, struct load_outcome *outcome) {
    for (long i = 0; i < count; i++) {
        pthread_join(users[i].thread, NULL);
        load_samples_join(&outcome->samples, &users[i].samples);
    }
    load_samples_sort(&outcome->samples);
    for (size_t i = 0; i < outcome->samples.count; i++) {
        double ended = (double)outcome->samples.items[i].began_s + (double)outcome->samples.items[i].seconds;
        if (ended > outcome->seconds)
            outcome->seconds = ended;
    }
    outcome->ingested = atomic_load(&plan.ingested);
}

static bool load(struct load_outcome *outcome) {
    struct load_user *users = calloc((size_t)plan.users, sizeof *users);
    if (!users)
        return false;
    plan.began_ns = steady_ns();
    long count = start_users(users);
    if (count < plan.users)
        fprintf(stderr, "kalki-load: only %ld threads are to be had\n", count);
    gather(users, count, outcome);
    free(users);
    return count > 0;
}

static bool report(const struct load_outcome *outcome, const char *csv, const char *svg, bool strict) {
    unsigned missed = load_report_print(outcome, stdout);
    bool written = true;
    if (csv && !load_report_csv(outcome, csv)) {
        perror(csv);
        written = false;
    }
    if (svg && !load_plot_write(outcome, svg)) {
        perror(svg);
        written = false;
    }
    return written && !(strict && missed > 0);
}

/* --strict stands alone, where the rest of the options have values. */
static bool take_strict(int *argc, char **argv) {
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], "--strict") != 0)
            argv[kept++] = argv[i];
    }
    bool strict = kept < *argc;
    *argc = kept;
    return strict;
}

int main(int argc, char **argv) {
    const char *mix = "search=60,summary=10,ingest=10,document=15,sessions=5", *csv = NULL, *svg = NULL;
    const struct option_entry options[] = {
        { .name = "url", .help = "of kalki-gateway; default http://127.0.0.1:8080", .text = &plan.url },
        { .name = "users", .help = "at once; default 50", .number = &plan.users, .number_max = USERS_MAX },
        { .name = "seconds", .help = "how long; default 30", .number = &plan.seconds, .number_max = 86400 },
        { .name = "requests",
          .help = "how many at most; default 0: any",
          .number = &plan.requests,
          .number_max = INT_MAX },
        { .name = "think-ms",
          .help = "between requests; default 1000",
          .number = &plan.think_ms,
          .number_max = 600000 },
        { .name = "mix",
          .help = "weights; default search=60,summary=10,ingest=10,document=15,sessions=5",
          .text = &mix },
        { .name = "batch", .help = "documents in each POST; default 5", .number = &plan.batch, .number_max = 1000 },
        { .name = "seed", .help = "of what the users ask; default 1", .number = &plan.seed, .number_max = INT_MAX },
        { .name = "csv", .help = "a file for all requests", .text = &csv },
        { .name = "svg", .help = "a file for a picture; and --strict: fail if a target is missed", .text = &svg },
    };
    bool strict = take_strict(&argc, argv);
    if (!options_parse(argc, argv, options, sizeof options / sizeof *options))
        return EXIT_FAILURE;
    if (!load_mix_read(mix, plan.mix) || plan.users == 0 || plan.batch == 0) {
        fprintf(stderr, "kalki-load: cannot use --mix %s, --users %ld, --batch %ld\n", mix, plan.users, plan.batch);
        return EXIT_FAILURE;
    }
    end_early_by(SIGINT);
    end_early_by(SIGTERM);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct load_outcome outcome = { .seconds = 0 };
    bool good = load(&outcome) && report(&outcome, csv, svg, strict);
    load_samples_free(&outcome.samples);
    curl_global_cleanup();
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
