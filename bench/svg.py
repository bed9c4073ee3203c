"""Plots as SVG, without any library. Owns: axes, ticks, colours and legends; no number is changed here."""

import math
from html import escape

COLOURS = ("#0b6e99", "#d1495b", "#2e8b57", "#b8860b", "#6a4c93", "#555555", "#8c564b")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 420, 86, 210, 56, 62
FONT = 'font-family="Helvetica, Arial, sans-serif"'


def text(x, y, words, size=13, anchor="start", more="", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
            f'{FONT} fill="#222" {more}>{escape(str(words))}</text>')  # fmt: skip


def shown(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:g}"


def nice(highest, count=5):
    """Steps of 1, 2 or 5 that reach the highest value."""
    step = 10 ** math.floor(math.log10(highest / count))
    step *= next(factor for factor in (1, 2, 5, 10) if step * factor * count >= highest)
    ticks = [0]
    while ticks[-1] < highest:
        ticks.append(ticks[-1] + step)
    return ticks


def decades(lowest, highest):
    ticks = [10 ** power for power in range(math.floor(math.log10(lowest)), math.ceil(math.log10(highest)) + 1)]
    if len(ticks) <= 3:
        ticks = sorted({tick * factor for tick in ticks[:-1] for factor in (1, 2, 5)} | {ticks[-1]})
    return [tick for i, tick in enumerate(ticks) if i + 1 == len(ticks) or ticks[i + 1] > lowest or tick >= lowest]


class Frame:
    def __init__(self, title, x_label, y_label, ticks, log):
        self.ticks, self.log = ticks, log
        self.parts = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>', text(LEFT, 26, title, 16, weight="bold")]
        self.right, self.bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        for tick in ticks:
            y = self.y(tick)
            self.parts.append(f'<line x1="{LEFT}" x2="{self.right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
            self.parts.append(text(LEFT - 8, y + 4, shown(tick), 12, "end"))
        self.parts.append(f'<path d="M{LEFT} {TOP}V{self.bottom}H{self.right}" fill="none" stroke="#222"/>')
        self.parts.append(text((LEFT + self.right) / 2, HEIGHT - 16, x_label, 13, "middle"))
        middle = (TOP + self.bottom) / 2
        self.parts.append(text(20, middle, y_label, 13, "middle", f'transform="rotate(-90 20 {middle:.0f})"'))

    def y(self, value):
        low, high = self.ticks[0], self.ticks[-1]
        share = math.log(value / low) / math.log(high / low) if self.log else (value - low) / (high - low)
        return self.bottom - share * (self.bottom - TOP)

    def legend(self, names):
        for i, (colour, name) in enumerate(names):
            y = TOP + 10 + 22 * i
            self.parts.append(f'<rect x="{self.right + 16}" y="{y - 9}" width="14" height="10" fill="{colour}"/>')
            self.parts.append(text(self.right + 36, y, name, 12))

    def svg(self):
        size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n' + "\n".join(self.parts) + "\n</svg>\n"


def lines(title, x_label, y_label, places, series, log=False):
    """`places`: (position, label) along the axis. `series`: (name, values), one value for each place; None where there is
    none; the first gets the first colour. The legend follows the lines' ends, from the top."""
    series = sorted(zip(COLOURS, series), key=lambda one: -(one[1][1][-1] or 0))
    y_label = f"{y_label} (logarithmic)" if log else y_label
    values = [value for _, (_, line) in series for value in line if value is not None]
    frame = Frame(title, x_label, y_label, decades(min(values), max(values)) if log else nice(max(values)), log)
    low, high = places[0][0], places[-1][0]
    at = [LEFT + 30 + (frame.right - LEFT - 60) * (position - low) / (high - low) for position, _ in places]
    for x, (_, label) in zip(at, places):
        frame.parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{frame.bottom}" y2="{frame.bottom + 5}" stroke="#222"/>')
        frame.parts.append(text(x, frame.bottom + 20, label, 12, "middle"))
    for colour, (_, line) in series:
        points = [(x, frame.y(value)) for x, value in zip(at, line) if value is not None]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        frame.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        frame.parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in points]
    frame.legend([(colour, name) for colour, (name, _) in series])
    return frame.svg()


def stacks(title, y_label, bars, parts):
    """`bars`: a list of (name, values), one value for each of `parts`, from the bottom up."""
    frame = Frame(title, "", y_label, nice(max(sum(values) for _, values in bars)), False)
    step = (frame.right - LEFT) / len(bars)
    for i, (name, values) in enumerate(bars):
        x, below = LEFT + step * (i + 0.2), 0
        for j, value in enumerate(values):
            top, height = frame.y(below + value), frame.y(below) - frame.y(below + value)
            frame.parts.append(f'<rect x="{x:.1f}" y="{top:.1f}" width="{step * 0.6:.1f}" height="{height:.1f}" fill="{COLOURS[j]}"/>')
            if height > 14:
                white = 'style="fill:#fff"'
                frame.parts.append(text(x + step * 0.3, top + height / 2 + 4, f"{value:.0f}", 12, "middle", white))
            below += value
        frame.parts.append(text(x + step * 0.3, frame.bottom + 20, name, 12, "middle"))
        frame.parts.append(text(x + step * 0.3, frame.y(below) - 6, f"{below:.0f}", 12, "middle", weight="bold"))
    frame.legend(list(zip(COLOURS, parts))[::-1])
    return frame.svg()
