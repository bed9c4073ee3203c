"""The benchmark: parts, each of them rounds of all its contenders in turn, so that a noisy machine hurts them alike.

    scripts/bench                      what `make bench` runs
    scripts/bench --full               what `make bench-full` runs
    scripts/bench --parts hot,reject   some parts;  --list names them
    scripts/bench --report             docs/BENCHMARKS.md and its plots anew, from the results

Owns: the order of things and where results go."""

import argparse
import json
import os
import time

import parts
import report
from contenders import Check, verify
from measure import percentile, pgbench
from server import ROOT, Server, die, say

RESULTS = ROOT / "bench" / "results"


class Bench:
    def __init__(self, options):
        self.server = Server()
        self.options = options
        self.results = {}
        self.started = time.time()

    def rounds(self, part, contenders, database="bench_small", dids=1000):
        """Every contender, one after the other, `rounds` times. What is kept of each round: one line of numbers."""
        kept = self.results.setdefault(part, {})
        with self.server.session(database) as session:
            for number in range(1, self.options.rounds + 1):
                for contender in contenders:
                    check = Check(session, contender)
                    run = pgbench(
                        self.server, database, contender.file, contender.clients, self.options.seconds,
                        contender.protocol, contender.options, contender.define(dids), contender.log, session,
                    )  # fmt: skip
                    check.after(run["transactions"])
                    kept.setdefault(contender.name, []).append(line(run))
                say(f"{part}: round {number} of {self.options.rounds}, {self.minutes():.1f} minutes")
            verify(session, part)
        report.table(part, kept)

    def note(self, part, values):
        """Results that are no rounds of pgbench."""
        self.results[part] = values
        say(f"{part}: " + json.dumps(values))

    def minutes(self):
        return (time.time() - self.started) / 60


def line(run):
    micro = {f"p{name}_us": percentile(run["latencies"], share) for name, share in
             (("50", 0.5), ("99", 0.99), ("99_9", 0.999))}  # fmt: skip
    kept = {key: round(run[key], 1) for key in ("tps", "cpu_us", "wal_bytes")}
    return kept | micro | {"transactions": run["transactions"]}


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.split("\n")[0])
    environment = lambda name, default: int(os.environ.get(name) or default)
    parser.add_argument("--full", action="store_true", help="every part, on every size of data")
    parser.add_argument("--parts", help="only these, by name, separated by commas")
    parser.add_argument("--list", action="store_true", help="the parts' names")
    parser.add_argument("--report", action="store_true", help="only write the report from the results that are there")
    parser.add_argument("--rounds", type=int, default=environment("ROUNDS", 5))
    parser.add_argument("--seconds", type=int, default=environment("SECONDS_EACH", 2), help="of one contender in a round")
    parser.add_argument("--into", help="name of the results' file in bench/results")
    return parser.parse_args()


def main():
    options = arguments()
    if options.list:
        for part in parts.ALL:
            say(f"{part.name:<14}{'quick' if part.quick else 'full only':<11}{part.__doc__}")
        return
    if options.report:
        report.write()
        return
    wanted = options.parts.split(",") if options.parts else None
    unknown = set(wanted or []) - {part.name for part in parts.ALL}
    if unknown:
        die(f"no part is called {', '.join(unknown)}: scripts/bench --list")
    chosen = [part for part in parts.ALL if (part.name in wanted if wanted else options.full or part.quick)]
    bench = Bench(options)
    machine = report.machine(bench.server)
    try:
        for part in chosen:
            part(bench)
    finally:
        bench.server.stop()
    name = options.into or ("partial" if wanted else "full" if options.full else "quick")
    RESULTS.mkdir(exist_ok=True)
    result = {"machine": machine | report.noise(bench), "parts": bench.results}
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    say(f"\nwritten: bench/results/{name}.json, after {bench.minutes():.1f} minutes")
    report.targets(bench.results)


if __name__ == "__main__":
    main()
