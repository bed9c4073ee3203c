"""The benchmark: parts, each of them rounds of all its contenders in turn, so that a noisy machine hurts them alike.

    scripts/bench                      what `make bench` runs
    scripts/bench --full               what `make bench-full` runs
    scripts/bench --parts hot,reject   some parts;  --list names them
    scripts/bench --report             docs/BENCHMARKS.md and its plots anew, from the results

Owns: the order of things and where results go."""

import argparse
import contextlib
import json
import os
import signal
import sys
import time
import traceback

import document
import parts
import report
from contenders import Check, verify
from measure import percentile, pgbench
from server import ROOT, Server, die, say

RESULTS = ROOT / "bench" / "results"


class Bench:
    def __init__(self, options):
        self.server = Server()
        # By release: those of before that a part has started. None: today's.
        self.servers = {None: self.server}
        self.options = options
        self.results = {}
        self.started = time.time()
        self.file = RESULTS / f"{options.into}.json"

    def rounds(self, name, contenders, rounds, database, dids):
        """Every contender, one after the other, `rounds` times. What is kept of each round: one line of numbers."""
        begun, kept = self.begin(), {}
        with contextlib.ExitStack() as stack:
            sessions = {}
            for number in range(1, rounds + 1):
                for contender in contenders:
                    place, size, _ = contender.place or (database, dids, None)
                    server = self.servers[contender.release]
                    here = (server.state, place)
                    if here not in sessions:
                        sessions[here] = stack.enter_context(server.session(place))
                    if contender.after_checkpoint:
                        sessions[here].ask("checkpoint")
                    check = Check(sessions[here], contender)
                    run = pgbench(
                        server, place, contender.file, contender.clients, self.options.seconds,
                        contender.protocol, contender.options, contender.define(size), contender.log, sessions[here],
                    )  # fmt: skip
                    check.after(run["transactions"])
                    kept.setdefault(contender.name, []).append(line(run))
                say(f"{name}: round {number} of {rounds}, {self.minutes():.1f} minutes")
            for session in sessions.values():
                verify(session, name)
        report.table(name, kept)
        self.keep(name, kept, begun, rounds)

    def note(self, name, measure, rounds, seconds):
        """Results that are no rounds of pgbench: some numbers."""
        begun = self.begin()
        values = measure(self, rounds, seconds)
        say(f"{name}: " + json.dumps(values))
        self.keep(name, values, begun, rounds)

    def begin(self):
        """Watches the machine for a second, while nothing of ours runs."""
        others = report.busy_share()
        return time.time(), report.steal(), others

    def keep(self, name, measured, begun, rounds):
        """Into the file at once: what a long run has measured stays, whatever happens later."""
        started, steal, others = begun
        self.results[name] = {
            "begun": report.when(started),
            "minutes": round((time.time() - started) / 60, 1),
            "rounds": rounds,
            "seconds_each": self.options.seconds,
            "load": round(os.getloadavg()[1], 1),
            "others": round(others, 2),
            "stolen": round(report.steal_share(steal), 3),
            "measured": measured,
            "machine": (machine := report.machine(self.server)),
        }
        result = json.loads(self.file.read_text()) if self.file.exists() else {"parts": {}}
        if not self.options.parts or "machine" not in result:
            result["machine"] = machine
        result["parts"] |= self.results
        RESULTS.mkdir(exist_ok=True)
        self.file.write_text(json.dumps(result, indent=1) + "\n")

    def minutes(self):
        return (time.time() - self.started) / 60


def line(run):
    micro = {f"p{name}_us": percentile(run["latencies"], share) for name, share in
             (("50", 0.5), ("99", 0.99), ("99_9", 0.999))}  # fmt: skip
    return {key: round(run[key], 1) for key in ("tps", "cpu_us", "wal_bytes")} | micro


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.split("\n")[0])
    environment = lambda name, default: int(os.environ.get(name) or default)
    parser.add_argument("--full", action="store_true", help="every part, on every size of data")
    parser.add_argument("--parts", help="only these, by name or its beginning, separated by commas")
    parser.add_argument("--list", action="store_true", help="the parts' names")
    parser.add_argument("--report", action="store_true", help="only write the report from the results that are there")
    parser.add_argument("--rounds", type=int, default=environment("ROUNDS", 0), help="for every part, instead of its own")
    parser.add_argument("--seconds", type=int, default=environment("SECONDS_EACH", 2), help="of one contender in a round")
    parser.add_argument("--into", help="the results' file in bench/results: parts in it are replaced, others stay")
    return parser.parse_args()


def plan(options):
    """Each chosen part with its rounds."""
    wanted = options.parts.split(",") if options.parts else None
    names = [part.name for part in parts.ALL]
    chosen = []
    for name in wanted or []:
        found = [part for part in names if part == name or part.startswith(f"{name}_")]
        if not found:
            die(f"no part is called {name}: scripts/bench --list")
        chosen += found
    for part in parts.ALL:
        rounds = part.full if options.full or wanted else part.quick
        if part.name in chosen or (wanted is None and rounds):
            yield part, options.rounds or rounds


def tell(planned, seconds):
    say("part              rounds  about")
    for part, rounds in planned:
        say(f"{part.name:<20}{rounds:>4}{part.seconds(rounds, seconds):6.0f} s")
    whole = sum(part.seconds(rounds, seconds) for part, rounds in planned)
    say(f"about {whole / 60:.0f} minutes in all on a quiet machine; large data that is there already saves four\n")


def main():
    options = arguments()
    if options.list:
        for part in parts.ALL:
            say(f"{part.name:<16}{'quick' if part.quick else 'full only':<11}{part.about}")
        return
    if options.report:
        document.write(json.loads((RESULTS / f"{options.into or 'full'}.json").read_text()))
        return
    options.into = options.into or ("partial" if options.parts else "full" if options.full else "quick")
    bench, planned = Bench(options), list(plan(options))
    tell(planned, options.seconds)
    if options.full and not options.parts:
        # All of it is of one revision, or not there.
        bench.file.unlink(missing_ok=True)
    # Whoever ends us ends the server too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    failed = []
    try:
        for number, (part, rounds) in enumerate(planned, 1):
            say(f"--- {part.name}, part {number} of {len(planned)}, after {bench.minutes():.1f} minutes")
            try:
                part.run(bench, rounds, options.seconds)
            except SystemExit as error:
                # A wrong answer ends its part; the others may be right.
                if not isinstance(error.code, str):
                    raise
                say(error.code)
                failed.append(f"{part.name}: {error.code}")
            except Exception as error:
                traceback.print_exc()
                failed.append(f"{part.name}: {error!r}")
    finally:
        for server in bench.servers.values():
            server.stop()
    say(f"\nwritten: {bench.file.relative_to(ROOT)}, after {bench.minutes():.1f} minutes\n")
    for target in report.targets(bench.results):
        say(target.line())
    if options.full:
        document.write(json.loads(bench.file.read_text()))
    if failed:
        die("parts FAILED:\n" + "\n".join(failed))


if __name__ == "__main__":
    main()
