# SPDX-License-Identifier: Apache-2.0
"""Two revisions: which operations cost something else now, by more than their noise."""
import os
import subprocess

import figures
import micro

# Instructions are repeatable but for how often the worker has to be woken and places have to be fetched.
INSTRUCTIONS_NOISE = 0.01


def git(*arguments):
    return subprocess.run(["git", *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def build_other(revision, build_dir):
    """The folder of the programs of `revision`, built in a folder of its own."""
    commit = git("rev-parse", "--verify", f"{revision}^{{commit}}")
    tree = os.path.abspath(os.path.join(build_dir, "compare", commit[:12]))
    if not os.path.exists(tree):
        os.makedirs(tree)
        archive = subprocess.run(["git", "archive", commit], stdout=subprocess.PIPE, check=True).stdout
        subprocess.run(["tar", "-x", "-C", tree], input=archive, check=True)
    if not os.path.exists(os.path.join(tree, "tests", "bench", "micro.c")):
        raise SystemExit(f"{revision} has no otel-micro to compare with")
    quiet = {"stdout": subprocess.DEVNULL, "check": True, "cwd": tree}
    subprocess.run(["cmake", "--preset", "release"], **quiet)
    subprocess.run(["cmake", "--build", "build/release", "--target", "otel-micro"], **quiet)
    return os.path.join(tree, "build", "release", "bin")


def spread(values):
    """The middle half's width: what a figure may be off by without meaning anything."""
    ordered = sorted(values)
    return ordered[(3 * len(ordered)) // 4] - ordered[len(ordered) // 4]


def alternately(here, there, runs):
    """[{operation: ns}] of both, taken in turns."""
    pairs = [(micro.in_ns(there), micro.in_ns(here)) for _ in range(runs)]
    return [before for before, _ in pairs], [now for _, now in pairs]


def changed_ns(before, now):
    noise = 2 * max(spread(before), spread(now), 0.02 * figures.middle(before), 0.2)
    return abs(figures.middle(now) - figures.middle(before)) > noise


def changed_instructions(before, now):
    return abs(now - before) > max(1, INSTRUCTIONS_NOISE * before)


def percent(before, now):
    return f"{100 * (now - before) / before:+.1f} %" if before > 1 else ""


def rows(before_ns, now_ns, before_instructions, now_instructions):
    for name in now_ns[0]:
        if name not in before_ns[0]:
            continue
        before, now = [r[name] for r in before_ns], [r[name] for r in now_ns]
        counts = (before_instructions or {}).get(name), (now_instructions or {}).get(name)
        both = None not in counts
        yield {"operation": name, "ns_before": figures.middle(before), "ns": figures.middle(now), "ns_changed": changed_ns(before, now),
               "instructions_before": counts[0], "instructions": counts[1],
               "instructions_changed": both and changed_instructions(*counts)}


def print_row(row):
    marks = " ".join(word for word, key in (("time", "ns_changed"), ("instructions", "instructions_changed")) if row[key])
    counts = "" if row["instructions"] is None or row["instructions_before"] is None else (
        f"{row['instructions_before']:9.1f} -> {row['instructions']:9.1f} {percent(row['instructions_before'], row['instructions']):>9}")
    print(f"{row['operation']:<24} {row['ns_before']:8.1f} -> {row['ns']:8.1f} ns {percent(row['ns_before'], row['ns']):>9}  {counts:<33} "
          f"{'changed: ' + marks if marks else ''}")


def run(args):
    there = build_other(args.compare, args.build)
    before_ns, now_ns = alternately(args.bin, there, args.runs)
    table = list(rows(before_ns, now_ns, micro.in_instructions(there), micro.in_instructions(args.bin)))
    print(f"{'operation':<24} {args.compare} -> the work tree, medians of {args.runs} runs in turns")
    for row in table:
        print_row(row)
    changed = [row["operation"] for row in table if row["ns_changed"] or row["instructions_changed"]]
    print(f"Changed by more than their noise: {', '.join(changed) or 'none'}.")
    figures.save(args.json, {"revision": args.compare, "operations": table})
    return 0
