// SPDX-License-Identifier: Apache-2.0
//! The benchmark's workloads with the OpenTelemetry SDK of Rust: what otel-bench does, with the same options and result.

use opentelemetry::trace::{Span, SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{global, Context, KeyValue};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_otlp::{Protocol, WithExportConfig};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use opentelemetry_sdk::Resource;
use std::collections::HashMap;
use std::time::{Duration, Instant};

struct Options {
    workload: String,
    rate: u64,
    threads: usize,
    seconds: f64,
}

fn options() -> Options {
    let mut options = Options { workload: String::new(), rate: 100_000, threads: 1, seconds: 5.0 };
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    for pair in arguments.chunks(2) {
        match (pair[0].as_str(), pair.get(1)) {
            ("--workload", Some(name)) => options.workload = name.clone(),
            ("--rate", Some(rate)) => options.rate = rate.parse().expect("--rate is a number"),
            ("--threads", Some(threads)) => options.threads = threads.parse().expect("--threads is a number"),
            ("--seconds", Some(seconds)) => options.seconds = seconds.parse().expect("--seconds is a number"),
            (other, _) => panic!("unknown option {other}"),
        }
    }
    assert!(options.rate >= 1000, "--rate is at least 1000");
    options
}

// ---- workloads --------------------------------------------------------------------------------------------------------
// Values of attributes are made at run time, as those of a service are: a value that is a constant would not be copied.

fn spec<T: Tracer>(tracer: &T) {
    let mut span = tracer.start("benchmark");
    span.set_attribute(KeyValue::new("attribute", 17));
    span.add_event("event", Vec::new());
    span.end();
}

fn ten<T: Tracer>(tracer: &T) {
    let mut span = tracer.start("benchmark");
    span.set_attribute(KeyValue::new("benchmark.attribute0", "value-0-of-20-chars!".to_string()));
    span.set_attribute(KeyValue::new("benchmark.attribute1", "value-1-of-20-chars!".to_string()));
    span.set_attribute(KeyValue::new("benchmark.attribute2", "value-2-of-20-chars!".to_string()));
    span.set_attribute(KeyValue::new("benchmark.attribute3", "value-3-of-20-chars!".to_string()));
    span.set_attribute(KeyValue::new("benchmark.attribute4", "value-4-of-20-chars!".to_string()));
    span.set_attribute(KeyValue::new("benchmark.attribute5", "value-5-of-20-chars!".to_string()));
    span.set_attribute(KeyValue::new("benchmark.attribute6", "value-6-of-20-chars!".to_string()));
    span.set_attribute(KeyValue::new("benchmark.attribute7", "value-7-of-20-chars!".to_string()));
    span.set_attribute(KeyValue::new("benchmark.attribute8", "value-8-of-20-chars!".to_string()));
    span.set_attribute(KeyValue::new("benchmark.attribute9", "value-9-of-20-chars!".to_string()));
    span.end();
}

fn server<T: Tracer>(tracer: &T, propagator: &TraceContextPropagator, incoming: &HashMap<String, String>)
where
    T::Span: Send + Sync + 'static,
{
    let remote = propagator.extract_with_context(&Context::new(), incoming);
    let mut span = tracer.span_builder("GET /cart/{id}").with_kind(SpanKind::Server).start_with_context(tracer, &remote);
    span.set_attribute(KeyValue::new("http.request.method", "GET".to_string()));
    span.set_attribute(KeyValue::new("url.path", "/cart/4711".to_string()));
    span.set_attribute(KeyValue::new("url.scheme", "https".to_string()));
    span.set_attribute(KeyValue::new("http.route", "/cart/{id}".to_string()));
    span.set_attribute(KeyValue::new("server.address", "shop.example".to_string()));
    span.set_attribute(KeyValue::new("server.port", 443));
    span.set_attribute(KeyValue::new("network.protocol.version", "1.1".to_string()));
    span.set_attribute(KeyValue::new("http.response.status_code", 200));
    span.set_status(Status::Ok);
    let context = Context::new().with_span(span);
    let mut outgoing = HashMap::new();
    propagator.inject_context(&context, &mut outgoing);
    context.span().end();
}

fn incoming() -> HashMap<String, String> {
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    HashMap::from([("traceparent".to_string(), parent.to_string())])
}

/// Makes one span of the workload; `noop` by the global tracer, for which no SDK is installed.
fn maker(options: &Options, provider: Option<&SdkTracerProvider>) -> Box<dyn Fn() + Send> {
    let Some(provider) = provider else {
        let tracer = global::tracer("otel.bench");
        return Box::new(move || ten(&tracer));
    };
    let tracer = provider.tracer("otel.bench");
    match options.workload.as_str() {
        "spec" => Box::new(move || spec(&tracer)),
        "ten" | "unsampled" => Box::new(move || ten(&tracer)),
        "server" => {
            let (propagator, incoming) = (TraceContextPropagator::new(), incoming());
            Box::new(move || server(&tracer, &propagator, &incoming))
        }
        other => panic!("unknown workload {other}"),
    }
}

// ---- measuring --------------------------------------------------------------------------------------------------------

fn usage() -> libc::rusage {
    // SAFETY: the kernel fills the structure, of which all zero is a valid value.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    }
}

/// Not ru_maxrss, in which the process that started this one counts.
fn peak_rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc is there");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("VmHWM is there");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("VmHWM is a number")
}

fn cpu_ns() -> f64 {
    let usage = usage();
    (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) as f64 * 1e9
        + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) as f64 * 1e3
}

/// The cost of a span in each tick, in ns.
fn produce(span: &dyn Fn(), rate: u64, seconds: f64) -> Vec<f64> {
    let per_tick = rate / 1000;
    let ticks = (seconds * 1000.0) as usize;
    let mut costs = Vec::with_capacity(ticks);
    let mut next = Instant::now();
    for _ in 0..ticks {
        let begin = Instant::now();
        for _ in 0..per_tick {
            span();
        }
        costs.push(begin.elapsed().as_nanos() as f64 / per_tick as f64);
        next += Duration::from_millis(1);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    costs
}

fn produce_all(options: &Options, provider: Option<&SdkTracerProvider>) -> Vec<f64> {
    let threads: Vec<_> = (0..options.threads)
        .map(|_| {
            let (span, rate, seconds) = (maker(options, provider), options.rate, options.seconds);
            std::thread::spawn(move || produce(&*span, rate, seconds))
        })
        .collect();
    threads.into_iter().flat_map(|thread| thread.join().expect("the producer ends")).collect()
}

fn provider(options: &Options) -> Option<SdkTracerProvider> {
    let sampler = match options.workload.as_str() {
        "noop" => return None,
        "unsampled" => Sampler::AlwaysOff,
        _ => Sampler::ParentBased(Box::new(Sampler::AlwaysOn)),
    };
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .build()
        .expect("the exporter starts");
    let resource = Resource::builder()
        .with_service_name("rust-bench")
        .with_attribute(KeyValue::new("service.version", "1.0.0-perf"))
        .with_attribute(KeyValue::new("service.instance.id", "627cc493-f310-47de-96bd-71410b7dec09"))
        .build();
    Some(SdkTracerProvider::builder().with_sampler(sampler).with_resource(resource).with_batch_exporter(exporter).build())
}

fn main() {
    let options = options();
    let provider = provider(&options);
    let before = cpu_ns();
    let mut costs = produce_all(&options, provider.as_ref());
    if let Some(provider) = &provider {
        provider.force_flush().expect("the flush succeeds");
    }
    let cpu = cpu_ns() - before;
    let spans = costs.len() as u64 * (options.rate / 1000);
    costs.sort_by(f64::total_cmp);
    println!(
        "{{\"workload\": \"{}\", \"threads\": {}, \"rate\": {}, \"spans\": {}, \"producer_ns\": {:.1}, \"process_ns\": {:.1}, \
         \"peak_rss_kib\": {}}}",
        options.workload,
        options.threads,
        options.rate,
        spans,
        costs[costs.len() / 2],
        cpu / spans as f64,
        peak_rss_kib()
    );
    if let Some(provider) = provider {
        let _ = provider.shutdown();
    }
}
