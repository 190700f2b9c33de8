// SPDX-License-Identifier: Apache-2.0

// The propagators of OpenTelemetry's Go SDK for exchange_test.py, which describes the questions and answers.
package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"

	"go.opentelemetry.io/contrib/propagators/b3"
	"go.opentelemetry.io/contrib/propagators/jaeger"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

var propagators = map[string]propagation.TextMapPropagator{
	"tracecontext": propagation.TraceContext{},
	"baggage":      propagation.Baggage{},
	"b3":           b3.New(b3.WithInjectEncoding(b3.B3SingleHeader)),
	"b3multi":      b3.New(b3.WithInjectEncoding(b3.B3MultipleHeader)),
	"jaeger":       jaeger.Jaeger{},
}

type said struct {
	TraceID    string      `json:"trace_id"`
	SpanID     string      `json:"span_id"`
	Flags      int         `json:"flags"`
	Remote     bool        `json:"remote"`
	TraceState string      `json:"tracestate"`
	Baggage    [][3]string `json:"baggage"`
}

type question struct {
	Format  string
	Inject  *said
	Extract headers
}

type answer struct {
	Context said    `json:"context"`
	Headers headers `json:"headers"`
}

// headers is a carrier: name and value of each field.
type headers [][2]string

func (h *headers) Get(key string) string {
	for _, field := range *h {
		if strings.EqualFold(field[0], key) {
			return field[1]
		}
	}
	return ""
}

func (h *headers) Set(key, value string) { *h = append(*h, [2]string{key, value}) }

func (h *headers) Keys() []string {
	names := []string{}
	for _, field := range *h {
		names = append(names, field[0])
	}
	return names
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func properties(metadata string) []baggage.Property {
	all := []baggage.Property{}
	for _, property := range strings.Split(metadata, ";") {
		key, value, found := strings.Cut(property, "=")
		if found {
			all = append(all, must(baggage.NewKeyValuePropertyRaw(key, value)))
		} else if key != "" {
			all = append(all, must(baggage.NewKeyProperty(key)))
		}
	}
	return all
}

func (s said) context() context.Context {
	members := []baggage.Member{}
	for _, entry := range s.Baggage {
		members = append(members, must(baggage.NewMemberRaw(entry[0], entry[1], properties(entry[2])...)))
	}
	ctx := baggage.ContextWithBaggage(context.Background(), must(baggage.New(members...)))
	if s.TraceID == "" {
		return ctx
	}
	state, _ := trace.ParseTraceState(s.TraceState) // empty if it is not level 1
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID:    must(trace.TraceIDFromHex(s.TraceID)),
		SpanID:     must(trace.SpanIDFromHex(s.SpanID)),
		TraceFlags: trace.TraceFlags(s.Flags),
		TraceState: state,
	}))
}

func say(ctx context.Context) said {
	span := trace.SpanContextFromContext(ctx)
	s := said{Flags: int(span.TraceFlags()), Remote: span.IsRemote(), TraceState: span.TraceState().String()}
	if span.IsValid() {
		s.TraceID, s.SpanID = span.TraceID().String(), span.SpanID().String()
	}
	s.Baggage = [][3]string{}
	for _, member := range baggage.FromContext(ctx).Members() {
		metadata := []string{}
		for _, property := range member.Properties() {
			metadata = append(metadata, property.String())
		}
		s.Baggage = append(s.Baggage, [3]string{member.Key(), member.Value(), strings.Join(metadata, ";")})
	}
	return s
}

func (q *question) answer() answer {
	var ctx context.Context
	sent := headers{}
	if q.Inject != nil {
		ctx = q.Inject.context()
	} else {
		ctx = propagators[q.Format].Extract(context.Background(), &q.Extract)
	}
	propagators[q.Format].Inject(ctx, &sent)
	return answer{say(ctx), sent}
}

func main() {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var q question
		if err := in.Decode(&q); err == io.EOF {
			return
		} else if err != nil {
			panic(err)
		}
		if err := out.Encode(q.answer()); err != nil {
			panic(err)
		}
	}
}
