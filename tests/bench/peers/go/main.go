// SPDX-License-Identifier: Apache-2.0

// The benchmark's workloads with the OpenTelemetry SDK of Go: what otel-bench does, with the same options and result.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

type options struct {
	workload string
	rate     int
	threads  int
	seconds  float64
}

type result struct {
	Workload   string  `json:"workload"`
	Threads    int     `json:"threads"`
	Rate       int     `json:"rate"`
	Spans      int     `json:"spans"`
	ProducerNs float64 `json:"producer_ns"`
	ProcessNs  float64 `json:"process_ns"`
	PeakRssKib int64   `json:"peak_rss_kib"`
}

// ---- workloads ------------------------------------------------------------------------------------------------------

func spec(tracer trace.Tracer) {
	_, span := tracer.Start(context.Background(), "benchmark")
	span.SetAttributes(attribute.Int("attribute", 17))
	span.AddEvent("event")
	span.End()
}

func ten(tracer trace.Tracer) {
	_, span := tracer.Start(context.Background(), "benchmark")
	span.SetAttributes(attribute.String("benchmark.attribute0", "value-0-of-20-chars!"))
	span.SetAttributes(attribute.String("benchmark.attribute1", "value-1-of-20-chars!"))
	span.SetAttributes(attribute.String("benchmark.attribute2", "value-2-of-20-chars!"))
	span.SetAttributes(attribute.String("benchmark.attribute3", "value-3-of-20-chars!"))
	span.SetAttributes(attribute.String("benchmark.attribute4", "value-4-of-20-chars!"))
	span.SetAttributes(attribute.String("benchmark.attribute5", "value-5-of-20-chars!"))
	span.SetAttributes(attribute.String("benchmark.attribute6", "value-6-of-20-chars!"))
	span.SetAttributes(attribute.String("benchmark.attribute7", "value-7-of-20-chars!"))
	span.SetAttributes(attribute.String("benchmark.attribute8", "value-8-of-20-chars!"))
	span.SetAttributes(attribute.String("benchmark.attribute9", "value-9-of-20-chars!"))
	span.End()
}

var (
	traceContext = propagation.TraceContext{}
	incoming     = propagation.MapCarrier{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
)

func server(tracer trace.Tracer) {
	remote := traceContext.Extract(context.Background(), incoming)
	ctx, span := tracer.Start(remote, "GET /cart/{id}", trace.WithSpanKind(trace.SpanKindServer))
	span.SetAttributes(attribute.String("http.request.method", "GET"))
	span.SetAttributes(attribute.String("url.path", "/cart/4711"))
	span.SetAttributes(attribute.String("url.scheme", "https"))
	span.SetAttributes(attribute.String("http.route", "/cart/{id}"))
	span.SetAttributes(attribute.String("server.address", "shop.example"))
	span.SetAttributes(attribute.Int("server.port", 443))
	span.SetAttributes(attribute.String("network.protocol.version", "1.1"))
	span.SetAttributes(attribute.Int("http.response.status_code", 200))
	span.SetStatus(codes.Ok, "")
	traceContext.Inject(ctx, propagation.MapCarrier{})
	span.End()
}

var workloads = map[string]func(trace.Tracer){"noop": ten, "unsampled": ten, "spec": spec, "ten": ten, "server": server}

// ---- measuring ------------------------------------------------------------------------------------------------------

func usage() syscall.Rusage {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return usage
}

// Not Maxrss, in which the process that started this one counts.
func peakRssKib() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		log.Fatal(err)
	}
	var kib int64
	for line := range strings.Lines(string(status)) {
		fmt.Sscanf(line, "VmHWM: %d", &kib)
	}
	return kib
}

func cpuNs() float64 {
	usage := usage()
	return float64(usage.Utime.Nano() + usage.Stime.Nano())
}

// The cost of a span in each tick, in ns.
func produce(span func(trace.Tracer), tracer trace.Tracer, o options) []float64 {
	spans := o.rate / 1000
	costs := make([]float64, int(o.seconds*1000))
	next := time.Now()
	for tick := range costs {
		begin := time.Now()
		for range spans {
			span(tracer)
		}
		costs[tick] = float64(time.Since(begin).Nanoseconds()) / float64(spans)
		next = next.Add(time.Millisecond)
		time.Sleep(time.Until(next))
	}
	return costs
}

func produceAll(tracer trace.Tracer, o options) []float64 {
	all := make([][]float64, o.threads)
	var group sync.WaitGroup
	for i := range all {
		group.Add(1)
		go func() {
			defer group.Done()
			all[i] = produce(workloads[o.workload], tracer, o)
		}()
	}
	group.Wait()
	return slices.Concat(all...)
}

// nil: no SDK is installed.
func provider(workload string) *sdktrace.TracerProvider {
	sampler := sdktrace.ParentBased(sdktrace.AlwaysSample())
	switch workload {
	case "noop":
		return nil
	case "unsampled":
		sampler = sdktrace.NeverSample()
	}
	exporter, err := otlptracehttp.New(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	res := resource.NewSchemaless(attribute.String("service.name", "go-bench"), attribute.String("service.version", "1.0.0-perf"),
		attribute.String("service.instance.id", "627cc493-f310-47de-96bd-71410b7dec09"))
	return sdktrace.NewTracerProvider(sdktrace.WithSampler(sampler), sdktrace.WithResource(res), sdktrace.WithBatcher(exporter))
}

func main() {
	var o options
	flag.StringVar(&o.workload, "workload", "", "noop, unsampled, spec, ten or server")
	flag.IntVar(&o.rate, "rate", 100000, "spans a second, each thread")
	flag.IntVar(&o.threads, "threads", 1, "producers")
	flag.Float64Var(&o.seconds, "seconds", 5, "how long")
	flag.Parse()
	if o.rate < 1000 {
		log.Fatal("--rate is at least 1000")
	}
	if workloads[o.workload] == nil {
		log.Fatalf("unknown workload %q", o.workload)
	}
	sdk := provider(o.workload)
	if sdk != nil {
		otel.SetTracerProvider(sdk)
	}
	tracer := otel.Tracer("otel.bench")
	before := cpuNs()
	costs := produceAll(tracer, o)
	if sdk != nil {
		if err := sdk.ForceFlush(context.Background()); err != nil {
			log.Fatal(err)
		}
	}
	cpu := cpuNs() - before
	slices.Sort(costs)
	spans := len(costs) * (o.rate / 1000)
	rss := peakRssKib()
	json.NewEncoder(os.Stdout).Encode(result{o.workload, o.threads, o.rate, spans, costs[len(costs)/2], cpu / float64(spans), rss})
	if sdk != nil {
		sdk.Shutdown(context.Background())
	}
}
