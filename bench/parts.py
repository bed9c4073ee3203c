"""The parts of the benchmark. Owns: which contenders run beside each other, on which data and which disk."""

import contenders as c

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
