"""What the numbers say. Owns: medians, ratios, the targets, and the machine's description."""

import datetime
import os
import platform
import statistics
import subprocess
from pathlib import Path

from server import say


def column(rounds, key="tps"):
    return [run[key] for run in rounds if run.get(key) is not None]


def median(rounds, key="tps"):
    values = column(rounds, key)
    return statistics.median(values) if values else None


def ratio(part, one, other, key="tps"):
    """The median of the rounds' ratios: the two ran beside each other in each."""
    pairs = zip(column(part[one], key), column(part[other], key))
    return statistics.median(a / b for a, b in pairs if b)


def spread_of(rounds):
    values = column(rounds)
    return (max(values) - min(values)) / statistics.median(values)


def table(part, kept):
    say(f"\n{part:<34}{'per second':>11}{'±':>6}{'CPU µs':>9}{'WAL B':>8}{'p50 ms':>9}{'p99':>9}{'p99.9':>9}")
    for name, rounds in kept.items():
        ms = [median(rounds, key) for key in ("p50_us", "p99_us", "p99_9_us")]
        shown = "".join(f"{value / 1000:9.2f}" if value is not None else f"{'':9}" for value in ms)
        say(f"{name:<34}{median(rounds):11,.0f}{spread_of(rounds):6.0%}{median(rounds, 'cpu_us'):9.1f}"
            f"{median(rounds, 'wal_bytes'):8.0f}{shown}")  # fmt: skip
    say("")


def machine(server):
    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1024 / 1024
    run = lambda *command: subprocess.run(command, capture_output=True, text=True).stdout.strip()
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": model[0].split(":")[1].strip() if model else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory),
        "kernel": platform.release().split("-")[0],
        "postgresql": run(server.bin / "postgres", "--version"),
        "revision": run("git", "-C", Path(__file__).parent, "describe", "--always", "--dirty"),
        "load_before": round(os.getloadavg()[0], 2),
    }


def noise(bench):
    select1 = [spread_of(rounds) for part in bench.results.values() if isinstance(part, dict)
               for name, rounds in part.items() if name.startswith("select1/")]  # fmt: skip
    return {
        "minutes": round(bench.minutes(), 1),
        "rounds": bench.options.rounds,
        "seconds_each": bench.options.seconds,
        "select1_spread": round(max(select1), 2) if select1 else None,
    }


# What is wanted: the part, one contender, the other (or none), and how many times it.
TARGETS = [
    ("decision", "decision_sample/capconduit@1", "select1/limit@1", 0.40, "read-only decision, sample rows, 1 client, × SELECT 1"),
    ("hot", "hot/capconduit@16", "hot/limit@16", 1.3, "one link, 16 clients, × bare row"),
    ("hot", "hot/capconduit@16", "hot/elr_off@16", 2.0, "one link, 16 clients, × early_lock_release off"),
    ("hot", "hot/capconduit@16", "hot/plpgsql@16", 4.0, "one link, 16 clients, × plpgsql twin"),
    ("reject", "reject/capconduit@16", "hot/limit@16", 5.0, "rejects, 16 clients, × bare row"),
]


def targets(results):
    for part, one, other, wanted, text in TARGETS:
        if {one, other} <= set(results.get(part, {})):
            is_now = ratio(results[part], one, other)
            say(f"{text:<60}{is_now:7.2f}  wanted {wanted:5.2f}  {'' if is_now >= wanted else 'MISSED'}")


def write():
    pass
