"""What a call costs the database and Asterisk, with the configuration of 0.2.0 and with today's, on one database, in turn.
Owns: that comparison, and the rate from which on set-up takes longer than a caller should wait."""

import subprocess
import tempfile
import time
from pathlib import Path

import asterisk_part as asterisk
from asterisk_part import CENTER, DATABASE, ROWS, SWITCH, Site, processor_seconds
from contenders import verify
from measure import percentile
from server import ROOT, say

BEFORE = "10.77.0.2"
SWITCHES = {"before": BEFORE, "now": SWITCH}
RATES = (60, 100)
# Of these the first at which the 95th percentile of set-up is above so many milliseconds.
STEPS = (100, 120, 140, 160, 180, 200, 220, 240)
SLOW_MS = 200
SECONDS = 6


def measure(bench, rounds, _seconds):
    why = asterisk.missing()
    if why:
        say(f"realtime: SKIPPED, {why}")
        return {"skipped": why}
    site, found = Site(bench.server), {"seconds": SECONDS, "rounds": rounds, "rates": {}, "slow": {name: [] for name in SWITCHES}}
    try:
        with tempfile.TemporaryDirectory() as files, bench.server.session(DATABASE) as session:
            subprocess.run([ROOT / "scripts" / "build", "release", "0.2.0", "copy", "asterisk", files], check=True)
            session.ask(ROWS)
            processes = {"before": site.start("before", BEFORE, Path(files) / "asterisk"), "now": site.start("now", SWITCH)}
            site.sipp("center", CENTER, "answers", RING="0")
            for name, address in SWITCHES.items():
                site.calls(f"first-{name}", 20, 3, address)
            for rate in RATES:
                here = found["rates"].setdefault(str(rate), {name: [] for name in SWITCHES})
                for number in range(rounds):
                    for name, address in in_turn(number):
                        label = f"{name}-{rate}-{number}"
                        if measured := cost(bench.server, session, site, label, processes[name], rate, address):
                            here[name].append(measured)
                    last = {name: rounds_of[-1] for name, rounds_of in here.items() if rounds_of}
                    say(f"realtime: {rate} a second, round {number + 1} of {rounds}, {bench.minutes():.1f} minutes: {last}")
            for number in range(3):
                for name, address in in_turn(number):
                    found["slow"][name].append(slow_from(site, session, f"{name}-{number}", address))
                say(f"realtime: slow from {found['slow']} a second")
            verify(session, "realtime")
    finally:
        site.close()
    return found


def in_turn(number):
    """Each goes first as often as the other."""
    return list(SWITCHES.items())[:: 1 if number % 2 == 0 else -1]


def cost(server, session, site, label, process, rate, address):
    """Of one call: transactions, processor milliseconds of both, and its set-up."""
    database = lambda: server.processor_seconds("postgres: ")[0] + processor_seconds(server.postmaster)[1]
    look = lambda: (processor_seconds(process.pid)[0], database(), transactions(session))
    before = look()
    taken = site.calls(label, rate, SECONDS, address)
    settle(session)
    used, postgresql, asked = (now - then for then, now in zip(before, look()))
    calls = rate * SECONDS
    if len(taken) != calls:
        say(f"realtime: {len(taken)} of {calls} calls were answered by {label}: this round is left out")
        return None
    return {"transactions": round(asked / calls, 2), "postgresql_ms": round(postgresql * 1000 / calls, 3),
            "asterisk_ms": round(used * 1000 / calls, 2), "setup_ms_p50": percentile(taken, 0.5),
            "setup_ms_p95": percentile(taken, 0.95)}  # fmt: skip


def transactions(session):
    """So far; a connection tells its own a moment after it has nothing to do."""
    time.sleep(1.5)
    return session.numbers(f"select xact_commit + xact_rollback from pg_stat_database where datname = '{DATABASE}'")[0]


def settle(session):
    """Every record is there; calls whose record was spooled, for which no agent is here, are closed by hand."""
    alive = "select count(*) from live_calls where node in ('before', 'now')"
    end = time.perf_counter() + 10
    while session.numbers(alive)[0]:
        if time.perf_counter() > end:
            for node in SWITCHES:
                session.ask(f"select release_node('{node}', 'a record was spooled')")
            return
        time.sleep(0.2)


def slow_from(site, session, label, address):
    for rate in STEPS:
        taken = site.calls(f"slow-{label}-{rate}", rate, SECONDS, address)
        settle(session)
        if len(taken) < rate * SECONDS or percentile(taken, 0.95) > SLOW_MS:
            return rate
    return STEPS[-1] + 1
