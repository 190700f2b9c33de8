/* SPDX-License-Identifier: Apache-2.0 */
/* outage.h - the matrix of faults: what strikes (faults.c), one life of an SDK under it (run.c), what must hold then. */
#ifndef OUTAGE_H
#define OUTAGE_H

#include "counts.h"
#include "fault_server.h"

#include <otel/sdk.h>

enum {
    BATCH = 10,          /* spans of one export */
    OFFERED = 2 * BATCH, /* spans of one run */
    OUTAGE_MS = 700,
    BOUND_MS = 10000,    /* of one export where the outage ends, */
    EVER_BOUND_MS = 1500 /* and where it does not */
};

/* How spans are sent: a row of the matrix runs for each. */
struct protocol {
    const char *name;
    otel_exporter *(*exporter)(int port, int timeout_ms);
    bool (*count)(struct counts *counts, const uint8_t *body, size_t len); /* the spans of one request */
};

/* What becomes of an export that meets the fault. */
enum fate {
    WAITED_OUT, /* it is tried again, or just waits, until the fault is over */
    LOST,       /* at once */
    HARMLESS    /* the spans are delivered all the same */
};

struct row {
    const char *name;
    struct fault fault;
    enum fate fate;
};

extern const struct protocol protocols[];
extern const unsigned protocol_count;
extern const struct row rows[];
extern const unsigned row_count;

/* Makes the answers that are too long to be written down. */
void faults_prepare(void);

/* What came of one run; plain numbers, since they cross a pipe. */
struct outcome {
    uint64_t delivered;   /* different spans that the server took */
    uint64_t twice;       /* spans that it took once more, each time counted */
    uint64_t lost;        /* counted so by the ledger, for whatever reason */
    uint64_t exported;    /* counted so by the ledger */
    uint64_t unaccounted; /* offered, but neither delivered nor counted as lost; or an identity does not hold */
    unsigned strikes, ms;
};

/* In this process, which must have no SDK. `for_ever`: the fault does not end. */
struct outcome run(const struct protocol *protocol, const struct row *row, bool for_ever);

#endif
