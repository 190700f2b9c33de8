# SPDX-License-Identifier: Apache-2.0
"""Measures what a span costs: `./dev bench`.

Absolute times vary from machine to machine and from minute to minute, so nothing here passes or fails by them: it fails
when a span is lost, or a program does not run. The budgets are ratios within one run.
"""
import argparse
import os
import sys

import baseline
import compare
import cost
import micro
import pipeline
import workloads


def parse():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True, help="folder of the programs of the benchmark")
    parser.add_argument("--build", default="build", help="where other SDKs and revisions are built")
    parser.add_argument("--json", default="build/bench.json", help="where to write the figures")
    parser.add_argument("--rate", type=int, help="spans a second (100000)")
    parser.add_argument("--seconds", type=float, help="each run (3)")
    parser.add_argument("--runs", type=int, help="of each measurement (3)")
    parser.add_argument("--quick", action="store_true", help="the workloads only")
    parser.add_argument("--idle", type=int, default=70, help="with --pipeline: seconds of doing nothing after each scenario")
    parser.add_argument("--out", default="docs/performance", help="with --pipeline: folder of the curve")
    parser.add_argument("--compiler", default="gcc", help="with --baseline: what built the programs")
    parser.add_argument("--small", action="store_true", help="with --pipeline: a hundredth of everything, to see that it works")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--peers", action="store_true", help="the SDKs of Rust and Go beside ours")
    kind.add_argument("--micro", action="store_true", help="single operations")
    kind.add_argument("--compare", metavar="REV", help="single operations, now and at that revision")
    kind.add_argument("--pipeline", action="store_true", help="storms and bursts, and the curve of throughput and loss")
    kind.add_argument("--cost", action="store_true", help="CPU and memory at 10,000 spans/s for 15 s, batch and simple")
    kind.add_argument("--baseline", choices=["check", "write"], help="instructions against the agreed ones")
    parser.add_argument("workloads", nargs="*", help=f"of {', '.join(workloads.WORKLOADS)}")
    return parser.parse_args()


def main():
    args = parse()
    args.workloads = args.workloads or workloads.WORKLOADS
    args.rate = args.rate or (10000 if args.cost else 100000)
    args.seconds = args.seconds or (15 if args.cost else 3)
    args.runs = args.runs or (10 if args.cost else 5 if args.compare else 3)
    os.makedirs(os.path.dirname(os.path.abspath(args.json)), exist_ok=True)
    for wanted, kind in ((args.micro, micro), (args.compare, compare), (args.pipeline, pipeline), (args.cost, cost),
                         (args.baseline, baseline)):
        if wanted:
            return kind.run(args)
    return workloads.run(args)


if __name__ == "__main__":
    sys.exit(main())
