"""What is measured. Owns: each contender's script and settings, and what must be true in the database after its run."""

from dataclasses import dataclass, field

from server import die

HOT, FULL, SPENT, FAILOVER, TURNS, TIGHT = range(9000000, 9000006)

# Whose tables a peer writes: its records, and its calls in flight.
PLATFORM = ("call_logs", "live_calls")
TABLES = {
    "capconduit": PLATFORM,
    "elr_off": PLATFORM,
    "plpgsql": PLATFORM,
    "advisory": ("bench.advisory_log", "bench.advisory_live"),
    "dialplan": ("bench.dialplan_log", "bench.live_nowhere"),
}


@dataclass(frozen=True)
class Contender:
    workload: str
    peer: str
    clients: int = 16
    protocol: str = "prepared"
    # A script of bench/sql by its first name, and the numbers that it dials; None: the whole database's.
    script: str = "cycle"
    numbers: tuple = None
    # What one transaction leaves behind: records, attempts and calls in flight.
    leaves: dict = field(default_factory=lambda: {"records": 1}, hash=False)
    log: float = 1.0
    # The database, how many numbers it has, and what its size is called; None: the part's own.
    place: tuple = None
    # A release of before on a server of its own; None: today's.
    release: str = None
    # Begin right after a checkpoint: every page is written to the log whole at its first change.
    after_checkpoint: bool = False

    @property
    def name(self):
        protocol = "" if self.protocol == "prepared" else "/simple"
        return f"{self.workload}/{self.peer}@{self.clients}{protocol}" + (f"#{self.place[2]}" if self.place else "") + (f"#{self.release}" if self.release else "")

    @property
    def is_limit(self):
        return self.peer.startswith("limit")

    @property
    def file(self):
        return f"{self.script}.{'capconduit' if self.peer == 'elr_off' else self.peer}"

    @property
    def options(self):
        return "-c capconduit.early_lock_release=off" if self.peer == "elr_off" else ""

    def define(self, dids):
        low, high = self.numbers or (1, dids)
        return dict(low=low, high=high, counters=high if low == HOT else 1000)


def one(number):
    return (number, number)


def select1(clients=16, protocol="prepared"):
    return Contender("select1", "limit", clients, protocol, "select1", log=0.1)


def row(clients=16, protocol="prepared"):
    """The least that a statement can read."""
    return Contender("row", "limit", clients, protocol, "row", log=0.1)


def decision(peer, clients=16, protocol="prepared"):
    return Contender("decision", peer, clients, protocol, "decision", leaves={}, log=0.1)


def explain(clients=16, protocol="prepared"):
    return Contender("explain", "capconduit", clients, protocol, "explain", leaves={}, log=0.1)


def decision_sample(clients=16):
    return Contender("decision_sample", "capconduit", clients, script="decision_sample", leaves={}, log=0.1)


def route(peer, clients=16, protocol="prepared"):
    return Contender("route", peer, clients, protocol, "route", leaves={"live": 1})


def spread(peer, clients=16, protocol="prepared"):
    return Contender("spread", peer, clients, protocol)


def hot(peer, clients=16, protocol="prepared"):
    return Contender("hot", peer, clients, protocol, numbers=one(HOT))


def reject(peer, clients=16, protocol="prepared"):
    return Contender("reject", peer, clients, protocol, "route", one(FULL), {}, 0.2)


def reject_total(peer, clients=16, protocol="prepared"):
    return Contender("reject_total", peer, clients, protocol, "route", one(SPENT), {}, 0.2)


def failover(clients=16, protocol="prepared"):
    return Contender("failover", "capconduit", clients, protocol, "failover", leaves={"records": 1, "attempts": 2})


def turns(clients=16, protocol="prepared"):
    return Contender("turns", "capconduit", clients, protocol, numbers=one(TURNS))


class Check:
    """The same database before and after one run: a fast wrong answer is no result, its part fails."""

    def __init__(self, session, contender):
        self.session, self.contender = session, contender
        self.records, self.live = TABLES.get(contender.peer, PLATFORM)
        self.before = self.state()
        self.last = session.numbers(f"select max(id) from {self.records}")[0]

    def state(self):
        live = "0" if "nowhere" in self.live else f"(select count(*) from {self.live})"
        attempts = "(select count(*) from call_attempts)"
        active = "(select sum(active) from link_counters)"
        live, attempts, active = self.session.numbers(f"select {live}, {attempts}, {active}")
        return {"live": live, "attempts": attempts, "active": active}

    def expect(self, what, is_now, wanted):
        if is_now != wanted:
            die(f"{self.contender.name}: {what}: {is_now}, and not {wanted}: what was measured is wrong")

    def after(self, transactions):
        contender = self.contender
        if contender.is_limit:
            return
        after, leaves = self.state(), contender.leaves
        for what in ("live", "attempts"):
            self.expect(what, after[what] - self.before[what], leaves.get(what, 0) * transactions)
        if self.records == "call_logs":
            self.expect("slots taken", after["active"] - self.before["active"], leaves.get("live", 0) * transactions)
        new = f"from {self.records} where id > {self.last}"
        good = "count(*) filter (where counted and link_id is not null)"
        every, right, different = self.session.numbers(f"select count(*), {good}, count(distinct asterisk_uniqueid) {new}")
        wanted = leaves.get("records", 0) * transactions
        self.expect("records", every, wanted)
        self.expect("records that count on a link", right, wanted)
        self.expect("calls with a record", different, wanted)
        if contender.workload == "turns":
            self.fair()
        if leaves.get("live"):
            self.sweep()

    def fair(self):
        """A round robin that was never full: its links differ by one turn at most."""
        sql = "select max(total) - min(total) from link_counters join campaign_client_settings s on s.id = link_id"
        (difference,) = self.session.numbers(f"{sql} join campaigns c on c.id = campaign_id where c.name = 'story turns'")
        if difference > 1:
            die(f"{self.contender.name}: the links' turns differ by {difference}")

    def sweep(self):
        """Routes without an end: the next run begins as this one did. Not `truncate`: the library's plans stay."""
        kept = "uniqueid not like 'held-%'"
        self.session.ask(
            f"""with gone as (delete from live_calls where {kept} returning link_id)
                update link_counters n set active = n.active - g.calls
                  from (select link_id, count(*) as calls from gone group by link_id) g where g.link_id = n.link_id;
                vacuum live_calls"""
        )


def verify(session, where):
    """What must hold whatever was run."""
    (wrong,) = session.numbers("select count(*) from verify_counters()")
    (above,) = session.numbers(
        """select count(*) from link_counters n join campaign_client_settings s on s.id = n.link_id
            where n.active > s.max_concurrency or n.total > s.total_calls_allowed"""
    )
    if wrong or above:
        die(f"{where}: {wrong} counters differ from their rows, {above} links are beyond a cap")
