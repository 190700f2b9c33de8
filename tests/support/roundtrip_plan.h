/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roundtrip_plan.h - spans as a random program makes them: what it passes to each call, and in which order. From one
 * plan roundtrip_run.c makes the calls, and roundtrip_expect.c, which knows the specification but no record of the
 * library's, what has to arrive.
 */
#ifndef ROUNDTRIP_PLAN_H
#define ROUNDTRIP_PLAN_H

#include "roundtrip_values.h"

struct roundtrip_span;

/*
 * A tracestate, and what a child inherits of it: a sampling threshold that does not hold is erased. A root has it of a
 * context without a trace id, with the threshold of its own sampler.
 */
struct roundtrip_state {
    const char *text;
    const char *inherited;           /* when the parent is sampled */
    const char *inherited_unsampled; /* when it is not; also by a root that is not */
    const char *of_root;             /* that is sampled as all are: a threshold becomes 0 */
    const char *of_half;             /* that is sampled as one half is, by the trace id whatever `rv` says */
};
enum { ROUNDTRIP_STATES = 6 };
extern const struct roundtrip_state roundtrip_states[ROUNDTRIP_STATES];

/* The context of a span that another process, or another library, has made. */
struct roundtrip_context {
    uint8_t trace_id[16], span_id[8];
    uint8_t flags;
    bool remote;
    const struct roundtrip_state *state; /* NULL: none */
    bool briefly;                        /* the program gives its tracestate back as soon as the call returns */
};

struct roundtrip_link {
    const struct roundtrip_span *to; /* one of the plan's that has been started; NULL: `context` */
    struct roundtrip_context context;
    otel_attrs attributes;
};

/* A moment that lies between two readings of the steady clock, in ns. */
struct roundtrip_when {
    uint64_t before, after;
};

enum roundtrip_action {
    ROUNDTRIP_SET,
    ROUNDTRIP_EVENT,
    ROUNDTRIP_EXCEPTION,
    ROUNDTRIP_LINK,
    ROUNDTRIP_NAME,
    ROUNDTRIP_STATUS,
    ROUNDTRIP_FAIL,
    ROUNDTRIP_END,
    ROUNDTRIP_HAND_OVER /* another thread makes all further calls */
};

struct roundtrip_step {
    enum roundtrip_action action;
    otel_str text;          /* a name; the text of a status or failure */
    otel_str type;          /* of a failure */
    const char *strings[3]; /* an event's name; an exception's type, message and stack trace */
    otel_attrs attributes;  /* SET: one */
    struct roundtrip_link link;
    int code;
    uint64_t time;              /* 0: the library's to find out */
    bool otherwise;             /* through the other of the two functions that do the same */
    struct roundtrip_when when; /* filled by the run */
};

enum roundtrip_parent {
    ROUNDTRIP_NO_PARENT,
    ROUNDTRIP_OWN,    /* `parent` */
    ROUNDTRIP_FOREIGN /* `context` */
};

struct roundtrip_span {
    /* how it starts */
    struct roundtrip_tracer *tracer;
    otel_str name;
    bool name_is_string; /* without a length */
    int kind;
    enum roundtrip_parent parent_is;
    const struct roundtrip_span *parent;
    struct roundtrip_context context;
    bool root;     /* a new trace in spite of the parent */
    bool attached; /* the parent is the current context, else it is passed */
    uint64_t start_time;
    otel_attrs attributes;
    struct roundtrip_link *links;
    size_t link_count;
    /* and goes on */
    struct roundtrip_step *steps;
    size_t step_count;

    /* Filled by the run. */
    otel_span handle;
    uint8_t trace_id[16], span_id[8]; /* read right after the start */
    uint8_t flags;
    bool recording;
    struct roundtrip_when when;
    size_t done;       /* steps */
    unsigned ended_by; /* number of the thread */
    size_t end_order;  /* among those ended by it */
    /* Filled by the check. */
    bool received;
};

/* Spans that one thread makes, in the order in which they start, parents first. */
struct roundtrip_family {
    struct roundtrip_span *spans;
    size_t count;
    uint16_t *schedule; /* of each turn, whose it is: a span starts with its first, and each later one is a step */
    size_t turns;
};

struct roundtrip_plan {
    struct roundtrip_family *families;
    size_t count;
    size_t spans; /* together */
};

/* About `spans` spans in families. The tracers must live as long as the plan's memory. */
struct roundtrip_plan roundtrip_make_plan(struct roundtrip_source *source, struct roundtrip_tracer *tracers,
                                          size_t spans);

#endif
