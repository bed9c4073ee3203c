"""What the numbers say. Owns: medians, ratios, the targets, and the machine's description."""

import datetime
import os
import platform
import re
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from server import say


def rounds_of(results, part, name):
    return results.get(part, {}).get("measured", {}).get(name)


def column(rounds, key="tps"):
    return [run[key] for run in rounds if run.get(key) is not None]


def median(rounds, key="tps"):
    values = column(rounds, key)
    return statistics.median(values) if values else None


def ratio(results, one, other, key="tps"):
    """The median of the rounds' ratios: the two ran beside each other in each. None when one was not measured."""
    measured = [rounds_of(results, *where) for where in (one, other)]
    if not all(measured):
        return None
    pairs = zip(*(column(rounds, key) for rounds in measured))
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


def when(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def steal():
    """Processor time that the machine below took away, and all of it, in ticks."""
    ticks = [int(value) for value in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
    return ticks[7], sum(ticks[:8])


def steal_share(before):
    now = steal()
    return (now[0] - before[0]) / max(now[1] - before[1], 1)


def busy_share(seconds=1):
    """Of all cores, while we wait."""
    ticks = lambda: [int(value) for value in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    before = ticks()
    time.sleep(seconds)
    spent = [now - then for then, now in zip(before, ticks())]
    return 1 - (spent[3] + spent[4]) / max(sum(spent), 1)


def machine(server):
    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1024 / 1024
    run = lambda *command: subprocess.run(command, capture_output=True, text=True).stdout.strip()
    return {
        "processor": " ".join(model[0].split(":")[1].split()) if model else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory),
        "kernel": ".".join(platform.release().split("-")[0].split(".")[:2]),
        "postgresql": run(server.bin / "postgres", "--version").removeprefix("postgres (PostgreSQL) "),
        "huge_pages": huge_pages(),
        "python": platform.python_version(),
        "revision": revision(run),
        "fsync_ms": flush_milliseconds(server.state),
    }


def huge_pages():
    """Whether the server's shared memory lies in pages of 2 MiB: it asks for them, and gets them where there are any."""
    pages = dict(re.findall(r"^(HugePages_\w+): +(\d+)", Path("/proc/meminfo").read_text(), re.M))
    return int(pages.get("HugePages_Free", 0)) - int(pages.get("HugePages_Rsvd", 0)) < int(pages.get("HugePages_Total", 0))


def revision(run):
    """What is measured: that the results themselves have changed makes no other revision."""
    git = ("git", "-C", str(Path(__file__).parent.parent))
    results = (":!bench/results", ":!docs/BENCHMARKS.md", ":!docs/benchmarks")
    changed = run(*git, "status", "--porcelain", "--untracked-files=no", "--", ".", *results)
    return run(*git, "describe", "--always", "--abbrev=8") + ("-dirty" if changed else "")


def flush_milliseconds(folder):
    """The disk, without PostgreSQL: the median of a hundred flushes of 8 KiB each."""
    taken = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(100):
            file.write(bytes(8192))
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - start) * 1000)
    return round(statistics.median(taken), 2)


@dataclass
class Target:
    text: str
    # Part and contender, twice: one is so many times the other.
    one: tuple
    other: tuple
    wanted: float
    key: str = "tps"
    at_most: bool = False
    is_now: float = None

    @property
    def met(self):
        return self.is_now <= self.wanted if self.at_most else self.is_now >= self.wanted

    @property
    def shown(self):
        return f"{'≤' if self.at_most else '≥'} {self.wanted:g}"

    @property
    def value(self):
        """Two digits, or as many as show that it is missed."""
        for digits in (2, 3, 4):
            shown = f"{self.is_now:.{digits}f}"
            if self.met or float(shown) != self.wanted:
                break
        return shown

    def line(self):
        return f"{self.text:<64}{self.value:>7}  wanted {self.shown:<7}{'' if self.met else 'MISSED'}"


def in_part(part, *names):
    return [(part, name) for name in names]


TARGETS = [
    Target("decision, sample rows, 1 client, × SELECT 1",
           *in_part("decision", "decision_sample/capconduit@1", "select1/limit@1"), 0.40),
    Target("decision, 1M numbers, 1 client, × SELECT 1",
           *in_part("large_decision", "decision/capconduit@1", "select1/limit@1"), 0.30),
    Target("decision, 1M numbers, 16 clients, × SELECT 1",
           *in_part("large_decision", "decision/capconduit@16", "select1/limit@16"), 0.24),
    Target("one link, 16 clients, × one bare row", *in_part("hot", "hot/capconduit@16", "hot/limit@16"), 1.3),
    Target("one link, 16 clients, × early_lock_release off", *in_part("hot", "hot/capconduit@16", "hot/elr_off@16"), 2.0),
    Target("one link, 16 clients, × plpgsql", *in_part("hot", "hot/capconduit@16", "hot/plpgsql@16"), 4.0),
    Target("one link, flush + 2 ms, × one bare row", *in_part("slow_disk", "hot/capconduit@16", "hot/limit@16"), 3.4),
    Target("one link, flush + 2 ms, × bare rows spread", *in_part("slow_disk", "hot/capconduit@16", "spread/limit@16"), 0.45),
    Target("all links, 10M records, × bare rows spread",
           *in_part("large_spread", "spread/capconduit@16", "spread/limit@16"), 0.28),
    Target("all links, 10M records, × plpgsql", *in_part("large_spread", "spread/capconduit@16", "spread/plpgsql@16"), 1.0),
    Target("rejects at a full link, × one bare row", *in_part("reject", "reject/capconduit@16", "hot/limit@16"), 5.0),
    Target("processor time of a cycle, 10M records × 10k",
           *in_part("sizes", "spread/capconduit@1#10M", "spread/capconduit@1#10k"), 1.2, "cpu_us", True),
]  # fmt: skip
for workload, label in dict(decision="decision", route="route alone", spread="all links", hot="one link", reject="reject",
                            failover="failover", turns="round robin").items():  # fmt: skip
    pair = in_part("clients", f"{workload}/capconduit@64", f"{workload}/capconduit@16")
    TARGETS.append(Target(f"{label}: 64 clients × 16 clients", *pair, 0.9))


def targets(results):
    """Those whose both sides were measured."""
    for target in TARGETS:
        is_now = ratio(results, target.one, target.other, target.key)
        if is_now is not None:
            yield replace(target, is_now=is_now)
