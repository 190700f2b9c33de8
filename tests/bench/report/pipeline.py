# SPDX-License-Identifier: Apache-2.0
"""The pipeline under load: what arrives as the offered rate grows, and what storms, bursts and crowds do to it."""
import csv
import os

import figures
import plot
import programs

RATES = [10000, 20000, 50000, 100000, 200000, 300000, 400000, 500000, 600000, 700000, 800000, 1000000, 1300000, 1600000, 2000000]


def offer(receiver, program, rate, seconds):
    """One point of the curve; what is made may be less than what was offered, when the producer cannot keep up."""
    r = receiver.run(program, "--workload", "ten", "--rate", rate, "--seconds", seconds)
    made = r["spans"] / r["seconds"]
    return {"offered": rate, "made": round(made), "exported": round(r["received"] / r["seconds"]),
            "lost_percent": round(100 * (r["spans"] - r["received"]) / r["spans"], 3), "producer_ns": r["producer_ns"],
            "process_ns": r["process_ns"], "spans_a_request": round(r["received"] / max(1, r["requests"]), 1),
            "wakeups_a_second": round(r["wakeups"] / r["seconds"]), "peak_rss_mb": round(r["peak_rss_kib"] / 1024, 1)}


def loss_free_rate(receiver, program, seconds=2):
    """The largest of RATES at which all that is offered is made and arrives, twice."""
    best = 0
    for rate in [rate for rate in RATES if rate >= 100000]:
        points = [offer(receiver, program, rate, seconds) for _ in range(2)]
        if any(p["lost_percent"] or p["made"] < 0.97 * rate for p in points):
            break
        best = rate
    return best


SCENARIOS = [
    ("steady", "100,000 spans/s of ten attributes", ["--workload", "ten", "--rate", 100000, "--seconds", 5]),
    ("flush storm", "the same, and four threads that flush without a pause",
     ["--workload", "ten", "--rate", 100000, "--seconds", 5, "--flushers", 4]),
    ("burst", "1,000,000 spans without a pause", ["--workload", "ten", "--spans", 1000000]),
    ("64 threads", "2,000 spans/s each", ["--workload", "ten", "--rate", 2000, "--threads", 64, "--seconds", 5]),
    ("wide", "1,000 spans/s of 128 attributes of 1 KiB", ["--workload", "wide", "--rate", 1000, "--seconds", 5]),
    ("live", "100,000 spans/s while 10,000 are live", ["--workload", "live", "--rate", 100000, "--seconds", 5]),
]


def scenario(receiver, program, name, what, options, idle):
    r = receiver.run(program, *options, "--idle", idle)
    return {"scenario": name, "what": what, "spans": r["spans"], "received": r["received"], "lost": r["lost"],
            "producer_ns": r["producer_ns"], "process_ns": r["process_ns"], "requests": r["requests"],
            "spans_a_request": round(r["received"] / max(1, r["requests"]), 1), "wakeups": r["wakeups"], "flushes": r["flushes"],
            "peak_rss_mb": round(r["peak_rss_kib"] / 1024, 1), "rss_after_mb": round(r["rss_before_idle_kib"] / 1024, 1),
            "rss_after_idle_mb": round(r["rss_after_idle_kib"] / 1024, 1), "idle_wakeups": r["idle_wakeups"],
            "idle_requests": r["idle_requests"]}


def print_scenarios(rows, idle):
    print(f"{'scenario':<12} {'spans':>8} {'lost':>7} {'producer':>9} {'process':>8} {'requests':>9} {'fill':>6} {'wake-ups':>9} "
          f"{'RSS peak':>9} {'after':>6} {f'{idle} s on':>8}")
    for r in rows:
        print(f"{r['scenario']:<12} {r['spans']:8.0f} {r['lost']:7d} {r['producer_ns']:6.0f} ns {r['process_ns']:5.0f} ns "
              f"{r['requests']:9d} {r['spans_a_request']:6.1f} {r['wakeups']:9d} {r['peak_rss_mb']:6.1f} MB {r['rss_after_mb']:6.1f} "
              f"{r['rss_after_idle_mb']:8.1f}")


def small(args):
    """Of everything a hundredth."""
    args.idle, args.seconds = 2, 0.05
    shrunk = {"--seconds": 0.05, "--spans": 10000}
    return [(name, what, [shrunk.get(before, option) for before, option in zip([None, *options], options)])
            for name, what, options in SCENARIOS]


def run(args):
    program = programs.ours(args.bin)
    scenarios = small(args) if args.small else SCENARIOS
    with programs.Receiver(args.bin) as receiver:
        rows = [scenario(receiver, program, *one, args.idle) for one in scenarios]
        print_scenarios(rows, args.idle)
        curve = [offer(receiver, program, rate, args.seconds) for rate in RATES]
    os.makedirs(args.out, exist_ok=True)
    with open(os.path.join(args.out, "curve.csv"), "w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, curve[0].keys())
        writer.writeheader()
        writer.writerows(curve)
    plot.curve(curve, os.path.join(args.out, "curve.svg"))
    figures.save(args.json, {"scenarios": rows, "curve": curve})
    print(f"The curve is in {args.out}/curve.csv and {args.out}/curve.svg.")
    unaccounted = [r["scenario"] for r in rows if r["received"] + r["lost"] != r["spans"]]
    if unaccounted:
        print(f"spans that neither arrived nor were counted as lost: {', '.join(unaccounted)}")
    return 1 if unaccounted else 0
