# SPDX-License-Identifier: Apache-2.0
"""CPU and memory at a steady rate, several times, as the specification's performance benchmark wants them."""
import figures
import programs


def spread(values, form):
    return " / ".join(format(x, form) for x in (min(values), figures.middle(values), max(values)))


def run(args):
    results = []
    with programs.Receiver(args.bin) as receiver:
        for processor in ("batch", "simple"):
            runs = [receiver.run(programs.ours(args.bin), "--workload", "ten", "--rate", args.rate, "--seconds", args.seconds,
                                 "--processor", processor) for _ in range(args.runs)]
            results += [{"processor": processor, **one} for one in runs]
            core = [one["process_ns"] * one["rate"] / 1e7 for one in runs]
            print(f"{processor:<7} {args.runs} runs of {args.seconds:g} s at {args.rate} spans/s, least / median / most: "
                  f"{spread(core, '.2f')} % of a core, {spread([one['peak_rss_kib'] / 1024 for one in runs], '.1f')} MB")
    figures.save(args.json, {"rate": args.rate, "seconds": args.seconds, "results": results})
    return 1 if any(one["lost"] for one in results) else 0
