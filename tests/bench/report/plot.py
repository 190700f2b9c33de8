# SPDX-License-Identifier: Apache-2.0
"""Throughput and loss over the offered rate, as an SVG picture."""

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 420, 70, 70, 40, 60


def label(rate):
    return f"{rate / 1e6:g} M" if rate >= 1e6 else f"{rate / 1e3:g} k"


def line(points, colour, dashes=""):
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    marks = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"/>{marks}'


def text(x, y, words, anchor="middle", colour="#333"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


def curve(rows, path):
    most = max(row["offered"] for row in rows)
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(rate):
        return LEFT + width * rate / most

    def y(rate):
        return TOP + height * (1 - rate / most)

    def percent(value):
        return TOP + height * (1 - value / 100)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
             '<rect width="100%" height="100%" fill="white"/>']
    for i in range(6):
        rate = most * i / 5
        parts += [f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(rate):.1f}" y2="{y(rate):.1f}" stroke="#ddd"/>',
                  text(LEFT - 8, y(rate) + 4, label(rate), "end"), text(WIDTH - RIGHT + 8, y(rate) + 4, f"{20 * i} %", "start", "#b03a2e"),
                  text(x(rate), HEIGHT - BOTTOM + 18, label(rate))]
    parts += [f'<line x1="{x(0)}" y1="{y(0)}" x2="{x(most)}" y2="{y(most)}" stroke="#999" stroke-dasharray="4 4"/>',
              line([(x(r["offered"]), y(r["made"])) for r in rows], "#2e86c1"),
              line([(x(r["offered"]), y(r["exported"])) for r in rows], "#1e8449"),
              line([(x(r["offered"]), percent(r["lost_percent"])) for r in rows], "#b03a2e", "2 3"),
              text(WIDTH / 2, HEIGHT - 16, "spans a second, offered"),
              text(LEFT, 22, "made", "start", "#2e86c1"), text(LEFT + 50, 22, "exported, spans a second", "start", "#1e8449"),
              text(WIDTH - RIGHT, 22, "lost", "end", "#b03a2e"), "</svg>\n"]
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n".join(parts))
