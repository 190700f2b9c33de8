# SPDX-License-Identifier: Apache-2.0
"""The workloads, side by side: all programs in turn, again and again, so that what the machine does meets them alike."""
import os
import re
import subprocess

import budgets
import figures
import pipeline
import programs

WORKLOADS = ["noop", "unsampled", "spec", "ten", "server"]


def measure(receiver, todo, args):
    results = []
    for _ in range(args.runs):
        for workload in args.workloads:
            for name, program in todo.items():
                result = receiver.run(program, "--workload", workload, "--rate", args.rate, "--seconds", args.seconds)
                results.append({"program": name, **result})
    return results


def measure_rest(receiver, program, args):
    """What only we are measured for: two producers, doing nothing, and what libcurl weighs alone."""
    results = []
    for _ in range(args.runs):
        results += [receiver.run(program, "--workload", "ten", "--threads", 2, "--rate", args.rate, "--seconds", args.seconds),
                    receiver.run(program, "--curl")]
        idle = receiver.run(program, "--workload", "ten", "--rate", 1000, "--seconds", 0.1, "--idle", 14)
        results.append({**idle, "workload": "idle"})
    return [{"program": "otel-c", "threads": 1, **result} for result in results]


def measure_allocations(bin_dir):
    """What the test counts that replaces malloc(); None where that cannot be."""
    test = os.path.join(bin_dir, os.pardir, "tests", "allocation_test")
    if not os.path.exists(test):
        return None
    out = subprocess.run([test], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    exports = re.findall(r"(\d+) allocations of our own in \d+ exports, \d+ of libcurl's; the recording thread's: (\d+)", out)
    return {"worker": sum(int(w) for w, _ in exports), "producer": sum(int(p) for _, p in exports)} if exports else None


def print_results(results, todo, args):
    f = budgets.Figures(results)
    print(f"{'workload':<10} {'SDK':<7} {'producer ns':>12} {'process ns':>11} {'peak RSS':>10} {'spans':>9} {'lost':>7} {'requests':>9}")
    for workload in args.workloads:
        for name in todo:
            lost = "-"
            if workload not in ("noop", "unsampled"):
                lost = f"{f.of(workload, 'spans', name) - f.of(workload, 'received', name):.0f}"
            print(f"{workload:<10} {name:<7} {f.of(workload, 'producer_ns', name):12.1f} {f.of(workload, 'process_ns', name):11.0f} "
                  f"{f.of(workload, 'peak_rss_kib', name) / 1024:7.1f} MB {f.of(workload, 'spans', name):9.0f} {lost:>7} "
                  f"{f.of(workload, 'requests', name):9.0f}")
    print(f"Medians of {args.runs} runs of {args.seconds:g} s at {args.rate} spans/s; ns a span. Compare within one run only.")
    process = f.of("ten", "process_ns")
    if process:
        print(f"{1e9 / process:.0f} spans of ten attributes are made and exported in a second of one core's time")


def lost(results):
    """Workloads of which something that was recorded did not arrive."""
    return sorted({r["workload"] for r in results if r["program"] == "otel-c" and r.get("exported", 0) + r.get("lost", 0) > r["received"]})


def run(args):
    todo = {"otel-c": programs.ours(args.bin)}
    if args.peers:
        todo.update(programs.build_peers(args.build))
    with programs.Receiver(args.bin) as receiver:
        results = measure(receiver, todo, args)
        print_results(results, todo, args)
        rest = [] if args.quick else measure_rest(receiver, todo["otel-c"], args)
        loss_free = None if args.quick else pipeline.loss_free_rate(receiver, todo["otel-c"])
    rows = budgets.budgets(results + rest, loss_free, None if args.quick else measure_allocations(args.bin))
    budgets.print_budgets(rows)
    figures.save(args.json, {"rate": args.rate, "seconds": args.seconds, "results": results + rest, "loss_free_rate": loss_free,
                             "budgets": budgets.as_json(rows)})
    complaints = [f"spans were lost in {workload}" for workload in lost(results)]
    complaints += [f"missed: {what}" for what in budgets.missed_counts(rows)]
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0
