"""The parts of the benchmark. Owns: which contenders run beside each other, on which data and which disk."""

import dataclasses

import contenders as c
import extra
import http_part as http
import measure

CLIENTS = (1, 4, 16, 64)
SMALL = dict(dids=1_000, campaigns=100, logs=10_000)
LARGE = dict(dids=1_000_000, campaigns=100_000, logs=10_000_000)
ALL = []


def part(quick=True):
    def register(function):
        function.name, function.quick = function.__name__, quick
        ALL.append(function)
        return function

    return register


def small(bench, delay=0):
    """A server with a fresh small database."""
    bench.server.stop()
    bench.server.start(delay)
    bench.server.database("bench_small", **SMALL)


@part()
def decision(bench):
    """Read-only decision, beside SELECT 1 and the same join in SQL."""
    small(bench)
    rows = [c.decision_sample(1), c.decision_sample(16)]
    for clients in (1, 16, 64):
        rows += [c.select1(clients), c.decision("capconduit", clients), c.decision("plpgsql", clients)]
    bench.rounds("decision", rows)


@part()
def spread(bench):
    """Full cycle over all campaigns, beside the bare limit and the peers."""
    small(bench)
    peers = ["limit", "limit4", "capconduit", "elr_off", "plpgsql", "advisory", "dialplan"]
    rows = [c.spread(peer) for peer in peers]
    bench.rounds("spread", [*rows, c.spread("capconduit", 64), c.spread("limit", 64)])


@part()
def hot(bench):
    """Full cycle on one link, beside the bare limit on one row and the peers."""
    small(bench)
    peers = ["limit", "limit4", "capconduit", "elr_off", "plpgsql", "advisory", "dialplan"]
    rows = [c.spread("limit"), c.spread("limit4"), *(c.hot(peer) for peer in peers)]
    bench.rounds("hot", [*rows, c.hot("capconduit", 64), c.hot("limit", 64)])


@part()
def reject(bench):
    """Calls to a campaign that is full: by concurrency, and by total."""
    small(bench)
    limits = [c.select1(), c.hot("limit"), c.hot("limit4")]
    rows = [c.reject("capconduit"), c.reject("plpgsql"), c.reject_total("capconduit"), c.reject_total("plpgsql")]
    bench.rounds("reject", [*limits, *rows, c.reject("capconduit", 64), c.reject_total("capconduit", 64)])


def large(bench):
    """A server with the large database: made once (some minutes), kept in the state folder."""
    bench.server.stop()
    bench.server.start()
    bench.server.database("bench_large", **LARGE, cached=True)
    warm(bench, "bench_large", LARGE["dids"])


def warm(bench, database, dids):
    """What a platform that has run for an hour has in memory."""
    looks = c.decision("capconduit")
    measure.pgbench(bench.server, database, looks.file, 16, 15, define=looks.define(dids), log=0.001)


@part(quick=False)
def large_decision(bench):
    """Read-only decision among a million numbers."""
    large(bench)
    rows = []
    for clients in (1, 16, 64):
        rows += [c.select1(clients), c.decision("capconduit", clients), c.decision("plpgsql", clients)]
    bench.rounds("large_decision", rows, "bench_large", LARGE["dids"])


@part(quick=False)
def large_spread(bench):
    """Full cycle over a hundred thousand campaigns, with ten million records behind it."""
    large(bench)
    rows = [c.spread(peer) for peer in ("limit", "limit4", "capconduit", "plpgsql", "advisory")]
    rows += [c.spread("capconduit", 1), c.spread("limit", 1), c.spread("capconduit", 64), c.hot("limit"), c.hot("capconduit")]
    bench.rounds("large_spread", rows, "bench_large", LARGE["dids"])


@part()
def slow_disk(bench):
    """One link on a disk that takes 2 ms longer for each flush."""
    small(bench, delay=2000)
    rows = [c.spread("limit"), c.hot("limit"), c.hot("limit4")]
    bench.rounds("slow_disk", [*rows, *(c.hot(peer) for peer in ("capconduit", "elr_off", "plpgsql", "advisory", "dialplan"))])


@part()
def chains(bench):
    """Failover over two links, and a round robin campaign of eight."""
    small(bench)
    bench.rounds("chains", [c.spread("limit"), c.failover(16), c.failover(64), c.turns(16), c.turns(64)])


@part()
def split(bench):
    """Where the processor time of one call goes: one client, step by step."""
    small(bench)
    rows = [c.select1(1), c.decision("capconduit", 1), c.route("capconduit", 1), c.spread("capconduit", 1)]
    bench.rounds("split", [*rows, c.decision("plpgsql", 1), c.route("plpgsql", 1), c.spread("plpgsql", 1), c.spread("limit", 1)])


@part()
def tight(bench):
    """Sixteen callers for eight slots: who goes beyond the cap, and who forgets a slot."""
    small(bench)
    bench.note("tight", extra.tight)


@part()
def upkeep(bench):
    """Heartbeats with 5,000 live calls, 50,000 expired leases, settings changed during calls."""
    small(bench)
    bench.note("heartbeat", extra.heartbeat)
    bench.note("expired", extra.expired)
    bench.note("changes", extra.changes)


@part(quick=False)
def replay(bench):
    """100,000 spooled records, handed over by the agent."""
    small(bench)
    bench.note("replay", extra.replay)


@part()
def rest(bench):
    """The REST service: what HTTP adds to a call, pages, CSV, logins."""
    small(bench)
    bench.note("rest", http.measure)


@part(quick=False)
def clients(bench):
    """One to 64 connections, prepared and simple protocol, every workload."""
    small(bench)
    makers = [c.select1, lambda *a: c.spread("limit", *a), lambda *a: c.hot("limit", *a), lambda *a: c.decision("capconduit", *a)]
    makers += [lambda *a: c.route("capconduit", *a), lambda *a: c.spread("capconduit", *a)]
    makers += [lambda *a: c.spread("plpgsql", *a), lambda *a: c.hot("capconduit", *a), lambda *a: c.hot("plpgsql", *a)]
    makers += [lambda *a: c.reject("capconduit", *a), c.failover, c.turns]
    bench.rounds("clients", [make(number, "prepared") for make in makers for number in CLIENTS])
    small(bench)
    bench.rounds("simple", [make(16, "simple") for make in makers])


@part(quick=False)
def disks(bench):
    """One link and all links on disks from quick to slow."""
    for delay in (0, 1000, 2000, 5000):
        small(bench, delay)
        rows = [c.spread("limit"), c.hot("limit"), c.spread("capconduit")]
        rows += [c.hot(peer) for peer in ("capconduit", "elr_off", "plpgsql")]
        bench.rounds(f"disks_{delay}", rows)


@part(quick=False)
def sizes(bench):
    """One client on four sizes of data, in turn: what a call costs as the platform grows."""
    bench.server.stop()
    bench.server.start()
    rows = []
    for name, factor in (("10k", 1000), ("100k", 100), ("1M", 10), ("10M", 1)):
        size = {key: value // factor for key, value in LARGE.items()}
        database = "bench_large" if factor == 1 else f"bench_{name.lower()}"
        bench.server.database(database, **size, cached=True)
        warm(bench, database, size["dids"])
        here = [c.select1(1), c.decision("capconduit", 1), c.spread("capconduit", 1), c.spread("plpgsql", 1), c.spread("limit", 1)]
        rows += [dataclasses.replace(row, place=(database, size["dids"], name)) for row in here]
    bench.rounds("sizes", rows)
