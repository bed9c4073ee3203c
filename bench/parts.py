"""The parts of the benchmark. Owns: which contenders run beside each other, on which data and which disk, how often, and
about how long that takes."""

import dataclasses
from dataclasses import dataclass

import asterisk_part as asterisk
import realtime_part as realtime
import contenders as c
import extra
import http_part as http
import measure
import release
from release import Release

SMALL = dict(dids=1_000, campaigns=100, logs=10_000)
CAPPED = dict(dids=10_000, campaigns=1_000, logs=10_000)
LARGE = dict(dids=1_000_000, campaigns=100_000, logs=10_000_000)
SIZES = {"10k": 1000, "100k": 100, "1M": 10, "10M": 1}


def small(bench, delay=0):
    """A server with a fresh small database."""
    bench.server.stop()
    bench.server.start(delay)
    bench.server.database("bench_small", **SMALL)


# Three levels of every call: its campaign, its seller, of which there are ten, and its client, of which there are two hundred.
CAPS = [
    "insert into caps (campaign_id, counts, span, set_by, max_calls) select id, 'answered', 'day', 'seller', 1000000000 from campaigns",
    "insert into caps (user_id, counts, span, set_by, max_calls) "
    "select distinct user_id, 'offered', 'hour', 'platform', 1000000000 from campaigns",
    "insert into caps (client_id, counts, span, set_by, max_calls) select id, 'qualified', 'month', 'platform', 1000000000 from clients",
]


BEFORE = "0.2.0"


def beside_before(bench):
    """The same small data on today's server and on one of the release before."""
    small(bench)
    before = bench.servers[BEFORE] = Release(bench.server, BEFORE)
    before.stop()
    before.start()
    before.database("bench_small", **SMALL)


def capped(bench):
    """The same data twice, once with caps at three levels."""
    bench.server.stop()
    bench.server.start()
    for name in ("bench_uncapped", "bench_capped"):
        bench.server.database(name, **CAPPED)
    bench.server.psql("bench_capped", *(f"--command={sql}" for sql in CAPS), quiet=True)


def large(bench):
    """A server with the large database: made once (some minutes), kept in the state folder."""
    bench.server.stop()
    bench.server.start()
    bench.server.database("bench_large", **LARGE, cached=True)
    warm(bench, "bench_large", LARGE["dids"])


# All that calls touch, but for the old records themselves.
TOUCHED = """select sum(pg_prewarm(c.oid)) from pg_class c where c.relnamespace = 'capconduit'::regnamespace
                 and c.relkind in ('r', 'i') and c.relname <> 'call_logs'"""


def warm(bench, database, dids, seconds=20):
    """What a platform that has run for a while is like: what calls touch is in memory, and most of it has been written
    since the last checkpoint. How it is right after one is the part `checkpoint`."""
    bench.server.psql(database, "--command=create extension if not exists pg_prewarm", f"--command={TOUCHED}", quiet=True)
    calls = c.spread("capconduit")
    measure.pgbench(bench.server, database, calls.file, 16, seconds, define=calls.define(dids), log=0.001)


def all_sizes(bench):
    bench.server.stop()
    bench.server.start()
    for name, factor in SIZES.items():
        size = size_of(factor)
        bench.server.database(database_of(name), **size, cached=True)
        warm(bench, database_of(name), size["dids"], 20 if factor <= 10 else 2)


def size_of(factor):
    return {key: value // factor for key, value in LARGE.items()}


def database_of(name):
    return "bench_large" if SIZES[name] == 1 else f"bench_{name.lower()}"


@dataclass
class Rounds:
    """Contenders in turn, round after round."""

    name: str
    about: str
    rows: list
    # How many rounds `make bench` and `make bench-full` make; none: not in it.
    quick: int
    full: int
    prepare: callable = small
    # The database, and how many numbers it has.
    place: tuple = ("bench_small", 1000)
    # Seconds until the first run begins.
    before: int = 5

    def run(self, bench, rounds, _seconds):
        self.prepare(bench)
        bench.rounds(self.name, self.rows, rounds, *self.place)

    def seconds(self, rounds, seconds):
        # And connections, and the checks between two runs.
        return self.before + rounds * sum(measure.length(row.clients, seconds) + 0.3 for row in self.rows)


@dataclass
class Beside(Rounds):
    """Rounds, and then what changes of settings cost."""

    def run(self, bench, rounds, seconds):
        super().run(bench, rounds, seconds)
        bench.note("release_changes", release.changes, rounds, seconds)
        # The parts that follow have the machine to themselves.
        bench.servers.pop(BEFORE).stop()


@dataclass
class Notes:
    """Measurements that are no rounds of pgbench, each with a result of its own."""

    name: str
    about: str
    actions: dict
    quick: int
    full: int
    # Seconds in all, and those of each round.
    before: int
    each: int = 0

    def run(self, bench, rounds, seconds):
        small(bench)
        for name, action in self.actions.items():
            bench.note(name, action, rounds, seconds)

    def seconds(self, rounds, seconds):
        return self.before + rounds * self.each * seconds


def peers(workload, *names):
    return [workload(name) for name in names]


def by_clients(*numbers, protocol="prepared"):
    """Every workload, with so many clients each."""
    makers = [c.select1, c.row]
    makers += [lambda *a, w=w, p=p: w(p, *a) for w, p in (
        (c.spread, "limit"), (c.hot, "limit"), (c.decision, "capconduit"), (c.route, "capconduit"), (c.spread, "capconduit"),
        (c.spread, "plpgsql"), (c.hot, "capconduit"), (c.hot, "plpgsql"), (c.reject, "capconduit"))]  # fmt: skip
    makers += [c.failover, c.turns]
    return [make(number, protocol) for make in makers for number in numbers]


def decisions(*clients):
    makers = [c.select1, c.row, lambda n: c.decision("capconduit", n), c.explain, lambda n: c.decision("plpgsql", n)]
    return [make(number) for number in clients for make in makers]


def on_disk(delay):
    rows = [c.hot("limit"), c.spread("limit"), *peers(c.hot, "capconduit", "elr_off", "plpgsql")]
    about = f"The same on a disk that takes {delay // 1000} ms longer."
    return Rounds(f"disks_{delay}", about, rows, 0, 2, lambda bench: small(bench, delay))


def at_sizes():
    rows = [c.select1(1), c.decision("capconduit", 1), c.spread("capconduit", 1), c.spread("plpgsql", 1), c.spread("limit", 1)]
    return [dataclasses.replace(row, place=(database_of(name), size_of(factor)["dids"], name))
            for name, factor in SIZES.items() for row in rows]  # fmt: skip


def with_caps(*clients):
    places = [("bench_uncapped", CAPPED["dids"], "without"), ("bench_capped", CAPPED["dids"], "three levels")]
    makers = [lambda n: c.spread("capconduit", n), lambda n: c.decision("capconduit", n), c.explain]
    rows = [make(number) for number in clients for make in makers] + [c.hot("capconduit", number) for number in clients]
    return [dataclasses.replace(row, place=place) for row in rows for place in places]


def by_release(*clients):
    makers = [lambda n: c.decision("capconduit", n), lambda n: c.reject("capconduit", n), lambda n: c.hot("limit", n),
              lambda n: c.spread("capconduit", n), lambda n: c.hot("capconduit", n), c.turns, c.failover]  # fmt: skip
    rows = [make(number) for number in clients for make in makers]
    rows += [dataclasses.replace(c.spread("capconduit", number), workload="after a checkpoint", after_checkpoint=True) for number in clients]
    return [dataclasses.replace(row, release=release) for row in rows for release in (None, BEFORE)]


PEERS = ("limit", "limit4", "capconduit", "elr_off", "plpgsql", "advisory", "dialplan")
MILLION = ("bench_large", LARGE["dids"])
# What matters most comes first: whoever stops early has it.
ALL = [
    Rounds("decision", "Read-only decision, beside SELECT 1 and the same join in SQL.",
           [c.decision_sample(1), c.decision_sample(16), *decisions(1, 16, 64)], 2, 2),
    Rounds("spread", "Full cycle over all campaigns, beside the bare limit and the peers.", peers(c.spread, *PEERS), 3, 2),
    Rounds("hot", "Full cycle on one link, beside the bare limit on one row and the peers.",
           [*peers(c.spread, "limit", "limit4"), *peers(c.hot, *PEERS)], 3, 3),
    Rounds("reject", "Calls to a campaign that is full: by concurrency, and by total.",
           [c.select1(), *peers(c.hot, "limit", "limit4"), *peers(c.reject, "capconduit", "plpgsql"),
            *peers(c.reject_total, "capconduit", "plpgsql")], 3, 2),
    Rounds("caps", "Full cycle, decision and explain without caps, and with caps at three levels of every call.",
           with_caps(16), 0, 2, capped),
    Beside("release", "Every workload beside the release before on a server of its own, in turn; what a change of a setting costs.",
           by_release(16), 0, 9, beside_before, before=300),
    Rounds("slow_disk", "One link on a disk that takes 2 ms longer for each flush.",
           [c.spread("limit"), *peers(c.hot, *PEERS)], 3, 2, lambda bench: small(bench, 2000)),
    on_disk(1000),
    on_disk(5000),
    Rounds("large_decision", "Read-only decision among a million numbers.", decisions(1, 16, 64), 0, 2, large, MILLION, 290),
    Rounds("large_spread", "Full cycle over a hundred thousand campaigns, with ten million records behind it.",
           [*peers(c.spread, "limit", "limit4", "capconduit", "plpgsql", "advisory"), c.hot("limit"), c.hot("capconduit")],
           0, 5, large, MILLION, 35),
    Rounds("checkpoint", "The same, each right after a checkpoint: every page is logged whole at its first change.",
           [dataclasses.replace(row, after_checkpoint=True) for row in peers(c.spread, "limit", "capconduit", "plpgsql")],
           0, 2, large, MILLION, 35),
    Rounds("sizes", "One client on four sizes of data, in turn: what a call costs as the platform grows.",
           at_sizes(), 0, 4, all_sizes, MILLION, 100),
    Rounds("clients", "One to 64 connections, every workload.", by_clients(1, 4, 16, 64), 0, 2),
    Notes("asterisk", "Real calls through Asterisk, SIPp on both sides: 50, 100 and 200 offered a second.",
          {"asterisk": asterisk.measure}, 0, 1, 80),
    Notes("realtime", "Real calls through two switches in turn: the configuration of 0.2.0, and today's.",
          {"realtime": realtime.measure}, 0, 9, 240, 20),
    Notes("replay", "100,000 spooled records, handed over by the agent.", {"replay": extra.replay}, 0, 1, 45),
    Rounds("chains", "Failover over two links, and a round robin campaign of eight.",
           [c.spread("limit"), c.failover(), c.turns()], 3, 2),
    Rounds("split", "Where the processor time of one call goes: one client, step by step.",
           [c.select1(1), c.decision("capconduit", 1), c.route("capconduit", 1), c.spread("capconduit", 1),
            c.decision("plpgsql", 1), c.route("plpgsql", 1), c.spread("plpgsql", 1), c.spread("limit", 1)], 3, 2),
    Rounds("simple", "Every workload with the simple protocol, 16 connections.", by_clients(16, protocol="simple"), 0, 1),
    Notes("tight", "Sixteen callers for eight slots: who goes beyond the cap, and who forgets a slot.",
          {"tight": extra.tight}, 1, 1, 24),
    Notes("client_cap", "One daily cap of a client over a thousand links: what a call costs, and who lets more through.",
          {"client_cap": extra.client_cap}, 0, 3, 30, 28),
    Notes("upkeep", "Heartbeats with 5,000 live calls, 50,000 expired leases, settings changed during calls.",
          {"heartbeat": extra.heartbeat, "expired": extra.expired, "changes": extra.changes}, 3, 2, 35, 4),
    Notes("rest", "The REST service: what HTTP adds to a call, pages, CSV, logins.", {"rest": http.measure}, 3, 2, 25, 8),
]  # fmt: skip
