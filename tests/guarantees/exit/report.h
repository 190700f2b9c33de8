/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - what exit-program and the tests that run it tell each other, in memory that both see: descriptor
 * REPORT_FD of the program.
 */
#ifndef OTEL_TEST_EXIT_REPORT_H
#define OTEL_TEST_EXIT_REPORT_H

#include <otel/sdk.h>
#include <stdatomic.h>
#include <stdint.h>

enum { REPORT_FD = 100, EXIT_CODE = 7, LOAD_THREADS = 3 };

struct report {
    _Atomic bool go;           /* the test's: the program may exit now */
    _Atomic uint64_t ended;    /* spans that the program has ended */
    _Atomic uint64_t before;   /* those of them that had ended when exit() was called */
    _Atomic uint64_t exits_at; /* CLOCK_MONOTONIC, ns; 0: not yet */
    _Atomic bool judged;       /* an exit handler that runs after the SDK's filled in the ledger */
    otel_ledger ledger;
    _Atomic uint64_t done; /* how often an act came to its end */
    char failed[200];      /* the first condition of an act that did not hold, and where */
};

#endif
