# SPDX-License-Identifier: Apache-2.0
"""Single operations, in ns and in instructions."""
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile

import figures


def program(bin_dir):
    return os.path.join(bin_dir, "otel-micro")


def less_base(raw):
    """{operation: cost of one} from {operation: (cost of an iteration, line of otel-micro)}."""
    return {name: (cost - (raw[line["base"]][0] if line["base"] else 0)) / line["times"] for name, (cost, line) in raw.items()
            if not line["base"] or line["base"] in raw}


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def in_ns(bin_dir, rounds=200):
    done = subprocess.run([program(bin_dir), "--rounds", str(rounds)], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{program(bin_dir)} ended with status {done.returncode}: see above")
    out = done.stdout
    return less_base({line["operation"]: (line["ns"], line) for line in lines(out)})


def counted(dump):
    """(operation, instructions) of a dump of callgrind."""
    with open(dump, encoding="utf-8") as file:
        content = file.read()
    operation = re.search(r"^desc: Trigger: Client Request: (.*)$", content, re.MULTILINE)
    total = re.search(r"^totals: (\d+)$", content, re.MULTILINE)
    return (operation[1], int(total[1])) if operation and total else (None, 0)


def in_instructions(bin_dir, rounds=4):
    """Those of the thread that does them; operations of several threads differ from run to run. None without Valgrind."""
    if shutil.which("valgrind") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        out = subprocess.run(["valgrind", "--tool=callgrind", "--collect-atstart=no", "--separate-threads=yes",
                              f"--callgrind-out-file={folder}/out", program(bin_dir), "--rounds", str(rounds)],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
        totals = dict(counted(dump) for dump in glob.glob(f"{folder}/out.*-01"))
    raw = {line["operation"]: (totals[line["operation"]] / line["iterations"], line) for line in lines(out)
           if line["threads"] == 1 and line["operation"] in totals}
    return less_base(raw) or None


def cell(value):
    return "-" if value is None else f"{value:.1f}"


def run(args):
    ns = in_ns(args.bin)
    instructions = in_instructions(args.bin)
    print(f"{'operation':<24} {'ns':>9} {'instructions':>13}")
    for name, cost in ns.items():
        print(f"{name:<24} {cell(cost):>9} {cell((instructions or {}).get(name)):>13}")
    if instructions is None:
        print("Instructions were not counted, since there is no Valgrind here.")
    print("ns of the thread that does it; x2, x4 and x8: so many threads at once, in ns of processor time of one of them.")
    figures.save(args.json, {"ns": ns, "instructions": instructions})
    return 0
