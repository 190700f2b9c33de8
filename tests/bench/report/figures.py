# SPDX-License-Identifier: Apache-2.0
"""What is done with figures wherever they come from."""
import json
import statistics

middle = statistics.median_high


def save(path, figures):
    with open(path, "w", encoding="utf-8") as out:
        json.dump(figures, out, indent=2)
        out.write("\n")
