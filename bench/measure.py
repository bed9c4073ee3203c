"""One run of pgbench. Owns: what is taken from it: rate, latencies, processor time and WAL of a transaction.

pgbench reports each second, and at each report the server's processes and the WAL's position are read. What came before
the first counted report, while connections warm up, is left out."""

import os
import re
import subprocess
import tempfile
import time
from collections import namedtuple
from pathlib import Path

from server import ROOT, die

# Seconds before the first counted report. A backend's first call loads the library and plans: some 25 ms of processor
# time each, and what is written in plpgsql is planned several times before its plan is kept.
WARM_UP = {1: 1, 4: 1, 16: 1, 64: 3}
PROGRESS = re.compile(r"^progress: ([0-9.]+) s, ([0-9.]+) tps")
RUN = int(time.time())


Point = namedtuple("Point", "at tps cpu processes wal clock")


class TooShort(Exception):
    """Connecting took so long that nothing was left to measure."""

    def __init__(self, transactions):
        super().__init__(transactions)
        self.transactions = transactions


def length(clients, seconds):
    """Of a run, in seconds. The last report may come when connections have ended: with fewer than two there may be none
    that counts."""
    return WARM_UP[clients] + max(seconds, 2)


def pgbench(server, database, script, clients, seconds, *rest, **options):
    """A run, and a longer one where a busy machine made it too short; what they did counts together."""
    done = 0
    for longer in (0, 5, 15):
        try:
            run = run_once(server, database, script, clients, seconds + longer, *rest, **options)
            return run | {"transactions": run["transactions"] + done}
        except TooShort as short:
            done += short.transactions
    die(f"{script}: {clients} clients do not come to work within {length(clients, seconds) + 15} s")


def run_once(server, database, script, clients, seconds, protocol="prepared", options="", define=None, log=1.0, watch=None):
    """`log`: the share of transactions whose latency is kept. `watch`: a session to read the WAL's position with."""
    global RUN
    RUN += 1
    warm = WARM_UP[clients]
    variables = dict(run=RUN, call=0) | (define or {})
    # Settings of the extension exist once its library is loaded.
    options = f"{options} -c session_preload_libraries=capconduit" if "capconduit." in options else options
    one_core = clients == 1
    with tempfile.TemporaryDirectory() as folder:
        command = [server.bin / "pgbench", "--no-vacuum", f"--protocol={protocol}", f"--client={clients}", "--jobs=1"]
        command += [f"--time={length(clients, seconds)}", "--progress=1", f"--file={ROOT}/bench/sql/{script}.sql"]
        command += ["--log", f"--log-prefix={folder}/log", f"--sampling-rate={log}"]
        command += [f"--define={name}={value}" for name, value in variables.items()]
        if one_core:
            # SELECT 1 with one client depends on where the two processes are put: both on one core.
            server.pin({0})
            command = ["taskset", "--cpu-list", "0", *command]
        try:
            pipe = subprocess.PIPE
            env = server.env(database, options)
            running = subprocess.Popen(command, env=env, stdout=pipe, stderr=pipe, text=True, cwd=folder)
            points, errors = [], []
            for line in running.stderr:
                report = PROGRESS.match(line)
                if report:
                    wal = watch.numbers("select pg_current_wal_insert_lsn() - '0/0'")[0] if watch else 0
                    points.append(Point(*map(float, report.groups()), *server.processor_seconds(), wal, time.time()))
                elif not line.startswith("pgbench: "):
                    errors.append(line)
                elif "error" in line or "aborted" in line:
                    errors.append(line)
            summary = running.stdout.read()
            if running.wait() != 0 or errors:
                die(f"pgbench failed on {script}: {''.join(errors)[-2000:]}")
        finally:
            if one_core:
                server.pin(range(os.cpu_count()))
        return summarize(summary, points, warm, Path(folder))


def summarize(summary, points, warm, folder):
    number = lambda pattern: float(re.search(pattern, summary, re.M).group(1))
    transactions = int(number(r"^number of transactions actually processed: (\d+)"))
    connecting = number(r"^initial connection time = ([0-9.]+)") / 1000
    end = connecting + transactions / number(r"^tps = ([0-9.]+)")
    if int(number(r"^number of failed transactions: (\d+)")):
        die(f"transactions failed:\n{summary}")
    # Each point tells the rate since the one before. The last may come when connections have ended.
    starts = [0, *(point.at for point in points)]
    counted = [point.tps * (point.at - before) for point, before in zip(points, starts)]
    if len(points) < 2:
        raise TooShort(transactions)
    first = next((i for i, point in enumerate(points[:-1]) if point.at >= warm - 0.2), len(points) - 2)
    last = max(i for i, point in enumerate(points) if point.processes == points[first].processes)
    if last == first:
        raise TooShort(transactions)
    until, between = points[first], sum(counted[first + 1 : last + 1]) or 1
    latencies = []
    for file in folder.glob("log.*"):
        for line in file.read_text().splitlines():
            _, _, latency, _, second, micro = line.split()[:6]
            if float(second) + float(micro) / 1e6 >= until.clock:
                latencies.append(int(latency))
    return {
        "transactions": transactions,
        "tps": (transactions - sum(counted[: first + 1])) / (end - until.at),
        "cpu_us": (points[last].cpu - until.cpu) * 1e6 / between,
        "wal_bytes": (points[last].wal - until.wal) / between,
        "latencies": sorted(latencies),
    }


def percentile(values, share):
    return values[min(int(len(values) * share), len(values) - 1)] if values else None
