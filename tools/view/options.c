/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of otel-view. */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum option_key {
    KEY_HOST = 256,
    KEY_PORT,
    KEY_MAX_TRACES,
    KEY_MAX_BYTES,
    KEY_SETTLE,
    KEY_PATIENCE,
    KEY_COLOR,
    KEY_QUIET,
    KEY_READY_FILE,
    KEY_HELP
};

static const struct option long_options[] = {
    { "host", required_argument, NULL, KEY_HOST },
    { "port", required_argument, NULL, KEY_PORT },
    { "max-traces", required_argument, NULL, KEY_MAX_TRACES },
    { "max-bytes", required_argument, NULL, KEY_MAX_BYTES },
    { "settle", required_argument, NULL, KEY_SETTLE },
    { "patience", required_argument, NULL, KEY_PATIENCE },
    { "color", required_argument, NULL, KEY_COLOR },
    { "quiet", no_argument, NULL, KEY_QUIET },
    { "ready-file", required_argument, NULL, KEY_READY_FILE },
    { "help", no_argument, NULL, KEY_HELP },
    { NULL, 0, NULL, 0 },
};

static const struct view_options defaults = {
    .host = "127.0.0.1",
    .port = 4318,
    .max_traces = 1000,
    .max_bytes = 64 * 1024 * 1024,
    .settle_ms = 300,
    .patience_ms = 6000,
    .color = VIEW_AUTO,
};

void view_options_help(FILE *out) {
    fputs("otel-view: shows traces in the terminal as they arrive\n"
          "\n"
          "Receives OTLP over HTTP (POST /v1/traces, protobuf or JSON), Zipkin's JSON (POST /api/v2/spans) and\n"
          "Jaeger's Thrift (POST /api/traces, and datagrams to the same port), prints each finished trace as a\n"
          "tree, and serves what it holds as JSON: GET /api/traces, /api/traces/{trace_id}, /api/stats, /health.\n"
          "Metrics (POST /v1/metrics) are taken, so that nobody complains, and thrown away.\n"
          "\n"
          "  --port P           listen on this port (default 4318; 0: any free one, which is printed)\n"
          "  --host ADDRESS     listen on this numeric address (default 127.0.0.1)\n"
          "  --max-traces N     keep at most N traces, the newest (default 1000)\n"
          "  --max-bytes N      keep at most N bytes of traces (default 64M; K, M and G are understood)\n"
          "  --settle MS        a whole trace is finished when this long nothing was added (default 300)\n"
          "  --patience MS      the same for a trace that lacks its root, a parent or the far side of a call\n"
          "                     (default 6000: services send at least every 5000 ms by default)\n"
          "  --color WHEN       auto (default: on a terminal, unless NO_COLOR is set), always or never\n"
          "  --quiet            print no trees\n"
          "  --ready-file FILE  write the port to FILE when ready\n"
          "  --help             print this\n"
          "\n"
          "SIGINT or SIGTERM prints what is unfinished and a summary, and ends.\n",
          out);
}

/* Decimal digits only, optionally a K, M or G. */
static bool parse_number(const char *text, bool suffix_allowed, uint64_t least, uint64_t most, uint64_t *value) {
    if (!isdigit((unsigned char)text[0])) {
        return false;
    }
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    if (errno != 0) {
        return false;
    }
    static const char suffixes[] = "KMG";
    const char *suffix = *end && suffix_allowed ? strchr(suffixes, toupper((unsigned char)*end)) : NULL;
    if (suffix) {
        unsigned shift = 10 * (unsigned)(suffix - suffixes + 1);
        if (*value > UINT64_MAX >> shift) {
            return false;
        }
        *value <<= shift;
        end++;
    }
    return *end == '\0' && *value >= least && *value <= most;
}

static bool parse_when(const char *text, enum view_when *when) {
    static const char *const names[] = { "auto", "always", "never" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *when = (enum view_when)i;
            return true;
        }
    }
    return false;
}

static bool parse_milliseconds(const char *text, int64_t *value) {
    uint64_t number;
    bool valid = parse_number(text, false, 0, INT_MAX, &number);
    *value = valid ? (int64_t)number : *value;
    return valid;
}

static bool parse_size(const char *text, uint64_t least, uint64_t most, size_t *value) {
    uint64_t number;
    bool valid = parse_number(text, true, least, most, &number);
    *value = valid ? (size_t)number : *value;
    return valid;
}

static bool parse_port(const char *text, uint16_t *value) {
    uint64_t number;
    bool valid = parse_number(text, false, 0, UINT16_MAX, &number);
    *value = valid ? (uint16_t)number : *value;
    return valid;
}

/* False when the value is not one for this option. */
static bool apply(struct view_options *options, int key, const char *value) {
    switch (key) {
    case KEY_HOST:
        options->host = value;
        return true;
    case KEY_PORT:
        return parse_port(value, &options->port);
    case KEY_MAX_TRACES:
        return parse_size(value, 1, UINT32_MAX, &options->max_traces);
    case KEY_MAX_BYTES:
        return parse_size(value, 1024, SIZE_MAX / 2, &options->max_bytes);
    case KEY_SETTLE:
        return parse_milliseconds(value, &options->settle_ms);
    case KEY_PATIENCE:
        return parse_milliseconds(value, &options->patience_ms);
    case KEY_COLOR:
        return parse_when(value, &options->color);
    case KEY_READY_FILE:
        options->ready_file = value;
        return true;
    default:
        options->quiet = true;
        return true;
    }
}

enum view_parsed view_options_parse(struct view_options *options, int argc, char **argv, FILE *errors) {
    *options = defaults;
    optind = 0; /* from the start, also when called again */
    opterr = 0;
    int key;
    int index = 0;
    while ((key = getopt_long(argc, argv, ":", long_options, &index)) != -1) {
        if (key == KEY_HELP) {
            return VIEW_HELP;
        }
        if (key == '?' || key == ':') {
            fprintf(errors, "otel-view: %s %s; see --help\n", argv[optind - 1],
                    key == ':' ? "needs a value" : "is not an option");
            return VIEW_USAGE_ERROR;
        }
        if (!apply(options, key, optarg)) {
            fprintf(errors, "otel-view: \"%s\" is no value for --%s; see --help\n", optarg, long_options[index].name);
            return VIEW_USAGE_ERROR;
        }
    }
    if (optind < argc) {
        fprintf(errors, "otel-view: what is \"%s\"? See --help\n", argv[optind]);
        return VIEW_USAGE_ERROR;
    }
    return VIEW_RUN;
}
