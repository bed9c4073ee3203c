"""Workloads that are no rounds of one script. Owns: calls at a cap, upkeep in bulk, changes during calls, the replay."""

import contextlib
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import contenders as c
from contenders import Check, verify
from measure import PROGRESS, percentile, pgbench
from server import ROOT, die

DATABASE = "bench_small"


def tight(bench, _rounds, _seconds):
    """16 clients, 8 slots: the highest number of calls that was ever seen on the link, and what is left at the end."""
    active = {
        "capconduit": "select coalesce(max(active), 0) from link_counters join campaign_client_settings s on s.id = link_id "
        "where s.max_concurrency = 8",
        "advisory": "select count(*) from bench.advisory_live",
        "dialplan": "select max(active) from bench.dialplan_links",
    }
    active["plpgsql"] = active["capconduit"]
    found = {}
    for peer in ("capconduit", "plpgsql", "advisory", "dialplan"):
        number = c.TIGHT
        contender = c.Contender("tight", peer, numbers=(number, number))
        highest, ended = [0], threading.Event()

        def look(peer=peer, highest=highest, ended=ended):
            with bench.server.session(DATABASE) as session:
                while not ended.is_set():
                    highest[0] = max(highest[0], session.numbers(active[peer])[0])
                    time.sleep(0.005)

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            run = pgbench(bench.server, DATABASE, contender.file, 16, 3, define=contender.define(1000))
        finally:
            ended.set()
            watcher.join()
        with bench.server.session(DATABASE) as session:
            left = session.numbers(active[peer])[0]
            over = session.numbers("select count(*) from bench.overshoots")[0] if peer == "dialplan" else None
            verify(session, "tight")
        if peer != "dialplan" and (highest[0] > 8 or left):
            die(f"tight/{peer}: {highest[0]} calls on 8 slots, {left} left behind")
        found[peer] = {"cap": 8, "highest_seen": highest[0], "left_behind": left, "transactions": run["transactions"]}
        if over is not None:
            found[peer]["calls_beyond_the_cap"] = over
    return found


# How each peer of `client_cap` is told its limit, and what it has let through: records, and calls in flight.
ON_PLATFORM = (
    "(select count(*) from call_logs where counted and asterisk_uniqueid like 'pbx%') + "
    "(select count(*) from live_calls where uniqueid like 'pbx%')"
)
CAPPED_PEERS = {
    "capconduit": ("update caps set max_calls = {limit} where span = 'day' and note = 'bench'", ON_PLATFORM),
    "rows": ("update bench.client_caps set max_calls = {limit}", ON_PLATFORM),
    "count": ("update bench.client_caps set max_calls = {limit}", "(select count(*) from bench.count_log) + (select count(*) from bench.count_live)"),
}  # fmt: skip
NO_LIMIT = 1_000_000_000
# One client takes the first link of each campaign; the others go.
ONE_CLIENT = """
set session_replication_role = replica;
create temp table gone as select s.id from campaign_client_settings s join campaigns c on c.id = s.campaign_id
 where c.name like 'bench %' and s.forwarding_priority > 0;
delete from link_counters where link_id in (select id from gone);
delete from campaign_client_settings where id in (select id from gone);
update campaign_client_settings s set client_id = k.id from campaigns c, clients k
 where c.id = s.campaign_id and c.name like 'bench %' and k.client_identifier = 'bench_100';
reset session_replication_role;
"""
CAP_OF = {
    "capconduit": "insert into caps (client_id, counts, span, set_by, max_calls, note) "
    "select id, 'answered', 'day', 'platform', 1000000000, 'bench' from clients where client_identifier = 'bench_100'",
    "rows": "insert into bench.client_caps select id, 1000000000 from clients where client_identifier = 'bench_100'",
}
CAP_OF["count"] = CAP_OF["rows"]


def client_cap(bench, rounds, seconds, links=1000, room=500, had=10_000):
    """One client, a thousand links of ten sellers, one daily cap: what a call costs, and how many pass the cap when it is met."""
    server, define = bench.server, dict(low=1, high=links)
    database = {peer: f"bench_client_{peer}" for peer in CAPPED_PEERS}
    for peer, name in database.items():
        server.database(name, dids=links, campaigns=links, logs=0)
        server.psql(name, f"--command={ONE_CLIENT}", f"--command={CAP_OF[peer]}", "--command=vacuum analyze", quiet=True)
    # `count` reads what the day had before: nothing, and so many.
    contenders = [("capconduit", 0), ("rows", 0), ("count", 0), ("count", had)]
    runs, above = {}, {}
    with contextlib.ExitStack() as stack:
        session = {peer: stack.enter_context(server.session(name)) for peer, name in database.items()}

        def limit_to(peer, limit):
            session[peer].ask(CAPPED_PEERS[peer][0].format(limit=limit))

        def count(peer):
            return session[peer].numbers(f"select {CAPPED_PEERS[peer][1]}")[0]

        def run(peer, clients):
            return pgbench(server, database[peer], f"capped.{peer}", clients, seconds, define=define, watch=session[peer])

        for clients in (16, 64):
            for _ in range(rounds):
                for peer, before in contenders:
                    limit_to(peer, NO_LIMIT)
                    if peer == "count":
                        session[peer].ask(HAD.format(calls=before))
                    done = run(peer, clients)
                    runs.setdefault(f"{peer}+{before}@{clients}" if before else f"{peer}@{clients}", []).append(done)
                for peer in CAPPED_PEERS:
                    limit = count(peer) + room
                    limit_to(peer, limit)
                    while count(peer) < limit:
                        run(peer, clients)
                    passed = count(peer) - limit
                    if passed and peer != "count":
                        die(f"client_cap/{peer}: {passed} calls above the cap")
                    above.setdefault(f"{peer}@{clients}", []).append(passed)
        for peer in ("capconduit", "rows"):
            verify(session[peer], f"client_cap/{peer}")
    middle = lambda values: percentile(sorted(values), 0.5)
    calls = {name: {"tps": round(middle([run["tps"] for run in all]), 1),
                    "cpu_us": round(middle([run["cpu_us"] for run in all]), 1),
                    "wal_bytes": round(middle([run["wal_bytes"] for run in all])),
                    "p50_us": middle([percentile(run["latencies"], 0.5) for run in all]),
                    "p99_us": middle([percentile(run["latencies"], 0.99) for run in all])} for name, all in runs.items()}  # fmt: skip
    return {"links": links, "room": room, "had": had, "calls": calls, "above": above}


HAD = """truncate bench.count_log, bench.count_live;
insert into bench.count_log (uniqueid, client_id, link_id, at, answered)
select 'had-' || n, c.client_id, s.id, date_trunc('day', now()), true
  from bench.client_caps c, (select min(id) as id from campaign_client_settings) s, generate_series(1, {calls}) n;
vacuum analyze bench.count_log, bench.count_live"""


def timed(action, times, seconds=10):
    """Milliseconds of each; fewer times when they take longer than so many seconds in all."""
    taken, end = [], time.perf_counter() + seconds
    while len(taken) < times and (not taken or time.perf_counter() < end):
        start = time.perf_counter()
        action()
        taken.append((time.perf_counter() - start) * 1000)
    return sorted(taken)


def calls_of(session, node, count):
    """Routes that many calls of a node, over all campaigns, in portions: each call is a lock until its commit."""
    for first in range(1, count + 1, 1000):
        number = "'+1777' || lpad((n % 1000 + 1)::text, 7, '0')"
        answers = f"select (route_call({number}, '{node}-1.' || n, node => '{node}')).status from generate_series({first}, {first + 999}) n"
        (ok,) = session.numbers(f"select count(*) from ({answers}) a where status = 'ok'")
        if ok != 1000:
            die(f"{1000 - ok} calls were not routed")


def heartbeat(bench, _rounds, _seconds, calls=5000, lists=40):
    """A node's list of all its calls, again and again, all of them alive."""
    with bench.server.session(DATABASE) as session:
        calls_of(session, "beat", calls)
        session.ask("insert into bench.uniqueids select array_agg(uniqueid) from live_calls where node = 'beat'")
        beat = "select listed, absent, closed from node_heartbeat('beat', 'bench', clock_timestamp(), (select list from bench.uniqueids))"
        if session.numbers(beat) != [calls, 0, 0]:
            die("a heartbeat did not list its calls")
        before = bench.server.processor_seconds()[0]
        wal = session.numbers("select pg_current_wal_insert_lsn() - '0/0'")[0]
        taken = timed(lambda: session.ask(beat), lists)
        cpu = (bench.server.processor_seconds()[0] - before) / len(taken) * 1000
        wal = (session.numbers("select pg_current_wal_insert_lsn() - '0/0'")[0] - wal) / len(taken)
        # The switch ends them, and each has its record.
        for _ in range(0, calls, 1000):
            some = "(select uniqueid, did_number from live_calls where node = 'beat' limit 1000)"
            logged = f"select (log_call(uniqueid, did_number, 'CANCEL')).status from {some} l"
            if session.numbers(f"select count(*) from ({logged}) a where status = 'logged'") != [1000]:
                die("calls of the heartbeat were not logged")
        session.ask("delete from bench.uniqueids")
        verify(session, "heartbeat")
    return {"calls": calls, "lists": len(taken), "ms_p50": round(percentile(taken, 0.5), 2), "ms_max": round(taken[-1], 2),
            "cpu_ms": round(cpu, 2), "wal_bytes": round(wal)}  # fmt: skip


def expired(bench, _rounds, _seconds, leases=50_000, at_once=1000):
    """Leases that have all run out: given back in portions, each call with its record."""
    with bench.server.session(DATABASE) as session:
        calls_of(session, "gone", leases)
        session.ask("update live_calls set lease_until = now() - interval '1 second' where node = 'gone'; vacuum live_calls")
        released, taken = 0, []
        while True:
            start = time.perf_counter()
            (now,) = session.numbers(f"select released from release_expired({at_once})")
            if now == 0:
                break
            taken.append((time.perf_counter() - start) * 1000)
            released += now
        (lost,) = session.numbers("select count(*) from call_logs where node = 'gone' and call_status = 'LOST'")
        if (released, lost) != (leases, leases):
            die(f"{leases} leases, {released} released, {lost} records")
        verify(session, "expired")
    taken.sort()
    return {"leases": leases, "at_once": at_once, "seconds": round(sum(taken) / 1000, 2),
            "per_second": round(leases / sum(taken) * 1000), "ms_per_portion_p50": round(percentile(taken, 0.5), 1)}  # fmt: skip


def changes(bench, rounds, seconds, rate=50):
    """Calls over all campaigns with 16 clients, and the same while somebody changes campaigns and caps."""
    alone, beside, latencies = [], [], []
    contender = c.spread("capconduit")
    with bench.server.session(DATABASE) as session:
        for _ in range(rounds):
            for kept, changed in ((alone, False), (beside, True)):
                check = Check(session, contender)
                with tempfile.TemporaryDirectory() as folder:
                    changer = change_settings(bench.server, rate, folder) if changed else None
                    run = pgbench(bench.server, DATABASE, contender.file, 16, seconds, define=contender.define(1000))
                    if changer:
                        changer.terminate()
                        changer.communicate()
                        for file in Path(folder).glob("log.*"):
                            latencies += [int(line.split()[2]) for line in file.read_text().splitlines() if line.count(" ") >= 5]
                kept.append(run["tps"])
                check.after(run["transactions"])
        verify(session, "changes")
    latencies.sort()
    alone, beside = sorted(alone), sorted(beside)
    return {"changes_per_second": rate, "calls_alone": round(percentile(alone, 0.5)), "calls_beside": round(percentile(beside, 0.5)),
            "changes": len(latencies), "change_ms_p50": round(percentile(latencies, 0.5) / 1000, 2),
            "change_ms_p99": round(percentile(latencies, 0.99) / 1000, 2)}  # fmt: skip


def change_settings(server, rate, folder):
    command = [server.bin / "pgbench", "--no-vacuum", "--client=1", "--time=60", f"--rate={rate}", "--progress=1", "--log"]
    command += [f"--log-prefix={folder}/log", f"--file={ROOT}/bench/sql/change.capconduit.sql"]
    pipe = subprocess.PIPE
    running = subprocess.Popen(command, env=server.env(DATABASE), stdout=pipe, stderr=pipe, text=True)
    # It changes things from its first report on.
    for line in running.stderr:
        if PROGRESS.match(line):
            return running
    die("the changes did not begin")


RECORD = (
    "SELECT * FROM log_call(uniqueid => '{id}', did => '+17770000001', call_status => 'ANSWERED', node => 'spool', "
    "started_at => '2026-01-02 03:04:05.678+00', answered_at => '2026-01-02 03:04:11.000+00', "
    "ended_at => '2026-01-02 03:05:00.000+00', duration_seconds => 55, billsec_seconds => 49, hangup_cause_code => 16);\n"
)


def replay(bench, _rounds, _seconds, records=100_000):
    """What a switch has spooled while the database was away, handed over by its agent."""
    server = bench.server
    with tempfile.TemporaryDirectory(dir=server.state) as folder:
        for number in range(records):
            name = f"spool-{1_700_000_000 + number // 100}.{number}"
            (Path(folder) / f"{name}.sql").write_text(RECORD.format(id=name))
        start = time.perf_counter()
        agent, _ = server.agent(DATABASE, "spool", folder)
        try:
            with server.session(DATABASE) as session:
                done = 0
                while done < records:
                    if agent.poll() is not None or time.perf_counter() - start > 3600:
                        die(f"the agent handed over {done} records: {server.state}/node.log")
                    time.sleep(0.2)
                    (done,) = session.numbers("select count(*) from call_logs where node = 'spool'")
                seconds = time.perf_counter() - start
                verify(session, "replay")
        finally:
            agent.terminate()
            agent.wait()
    return {"records": records, "seconds": round(seconds, 1), "per_second": round(records / seconds)}
