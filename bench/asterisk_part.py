"""A real Asterisk before the database. Owns: calls at a steady rate with SIPp on both sides, and what they took.

The site is that of the tests: scripts/asterisk, the shipped configuration, SIPp's scenarios. Caller, call center,
switch and database share the machine's cores."""

import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from contenders import verify
from measure import percentile
from server import ROOT, die, say

RATES = (50, 100, 200)
SCRIPT = ROOT / "scripts" / "asterisk"
SCENARIOS = ROOT / "tests" / "src" / "asterisk" / "sipp"
SWITCH, TRUNK, CENTER = "10.77.0.1", "10.77.16.1", "10.77.64.1"
NUMBER = "+17779100000"
DATABASE = "bench_small"
TICK = os.sysconf("SC_CLK_TCK")

# A number with a campaign of its own, whose one client is SIPp.
ROWS = f"""
    with u as (select min(id) as id from users where username like 'bench\\_%'),
         d as (insert into dids (user_id, number) select id, '{NUMBER}' from u returning id),
         c as (insert into campaigns (user_id, name, routing_strategy, dial_timeout_seconds)
               select id, 'real calls', 'priority', 30 from u returning id),
         x as (insert into campaign_dids (campaign_id, did_id) select c.id, d.id from c, d),
         k as (insert into clients (client_identifier, name) values ('bench_center', 'SIPp') returning id),
         e as (insert into pjsip_endpoints (client_id, id, aors, context)
               select id, 'bench_center', 'bench_center', 'from-capconduit' from k),
         a as (insert into pjsip_aors (client_id, id, contact, qualify_frequency)
               select id, 'bench_center', 'sip:{CENTER}:5060', 0 from k)
    insert into campaign_client_settings (campaign_id, client_id, max_concurrency, forwarding_priority)
    select c.id, k.id, 5000, 0 from c, k"""


class Site:
    """Its network, its switch, its call center; all of it goes with `close`."""

    def __init__(self, server):
        self.server, self.name = server, f"capconduit-bench-{os.getpid()}"
        self.folder = Path(tempfile.gettempdir()) / self.name
        pipe = subprocess.PIPE
        self.agent = None
        self.guard = subprocess.Popen([SCRIPT, "hold", self.name, self.folder], stdin=pipe, stdout=pipe, text=True)
        if self.guard.stdout.readline() != "ready\n":
            die("scripts/asterisk made no network")

    def close(self):
        if self.agent:
            self.agent.terminate()
            self.agent.wait()
        self.guard.stdin.close()
        self.guard.wait()

    def boot(self):
        self.switch = self.start("bench", SWITCH)
        switch = self.folder / "bench"
        spool = switch / "spool" / "capconduit"
        self.agent, self.agent_address = self.server.agent(DATABASE, "bench", spool, f"{SCRIPT} cli {switch}")

    def start(self, node, address, files=None):
        """A switch with the shipped configuration, or with the files of a release of before. Its process is Asterisk's."""
        switch, sockets = self.folder / node, self.server.setting("CAPCONDUIT_SOCKET_DIR")
        configure = [SCRIPT, "configure", self.name, switch, node, address, "/srv/database", self.server.port, DATABASE]
        password = self.server.setting("CAPCONDUIT_ASTERISK_PASSWORD")
        env = dict(os.environ, CAPCONDUIT_ASTERISK_FILES=str(files)) if files else None
        subprocess.run(configure, input=f"{password}\n", text=True, check=True, env=env)
        if files:
            subprocess.run(["chown", "-R", "--reference", switch / "spool", switch / "etc"], check=True)
        log = self.folder / f"{node}.console"
        console = open(log, "w")
        # The script becomes Asterisk.
        command = [SCRIPT, "switch", self.name, switch, sockets]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        for _ in range(300):
            asked = [SCRIPT, "cli", switch, "-rx", "core waitfullybooted"]
            if "fully booted" in subprocess.run(asked, capture_output=True, text=True).stdout:
                return process
            time.sleep(0.1)
        die(f"Asterisk does not start:\n{log.read_text()[-2000:]}")

    def spooled(self):
        """Records that the database did not take at once and the agent has replayed."""
        with urllib.request.urlopen(f"http://{self.agent_address}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return sum(int(line.split()[-1]) for line in lines if line.startswith("capconduit_node_replayed_total"))

    def sipp(self, name, address, scenario, *arguments, **values):
        folder = self.folder / name
        folder.mkdir()
        text = (SCENARIOS / f"{scenario}.xml").read_text()
        for key, value in values.items():
            text = text.replace(f"{{{{{key}}}}}", value)
        (folder / "scenario.xml").write_text(text)
        output = open(folder / "output", "w")
        command = [SCRIPT, "sipp", self.name, folder, *arguments, "-sf", "scenario.xml", "-i", address, "-p", "5060", "-mi", address, "-nostdin"]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def calls(self, name, rate, seconds, to=SWITCH):
        """So many each second; milliseconds from INVITE to 200 of those that were answered."""
        talk = dict(NUMBER=NUMBER, FROM='"Jane Doe" <sip:+15550001111@carrier.example>', HEADERS="", MEDIA="[media_port]", TALK="500")
        limits = ["-m", str(rate * seconds), "-r", str(rate), "-l", "5000", "-recv_timeout", "30000"]
        times = ["-trace_rtt", "-rtt_freq", "1"]
        caller = self.sipp(name, TRUNK, "caller", f"{to}:5060", *limits, *times, **talk)
        try:
            caller.wait(timeout=seconds + 90)
        except subprocess.TimeoutExpired:
            caller.kill()
            caller.wait()
        taken = []
        for file in (self.folder / name).glob("*_rtt.csv"):
            taken += [float(line.split(";")[1]) for line in file.read_text().splitlines()[1:]]
        return sorted(taken)


def processor_seconds(pid):
    """Of a process, and of its children that have ended."""
    values = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return sum(int(value) for value in values[11:13]) / TICK, sum(int(value) for value in values[13:15]) / TICK


def machine_seconds():
    """Of all cores: busy, and in all."""
    ticks = [int(value) for value in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / TICK, sum(ticks) / TICK


def missing():
    """Why it cannot be measured here; None when it can."""
    if os.geteuid() != 0:
        return "real calls need root, for a chroot and network namespaces"
    for program in ("ip", "nsenter", "unshare"):
        if not shutil.which(program):
            return f"the program {program} is missing"
    made = subprocess.run([SCRIPT, "folder"], capture_output=True, text=True)
    if made.returncode:
        return (made.stderr.strip().splitlines() or ["scripts/asterisk folder failed"])[-1].removeprefix("capconduit: ")
    return None


def measure(bench, _rounds, _seconds, seconds=15):
    why = missing()
    if why:
        say(f"asterisk: SKIPPED, {why}")
        return {"skipped": why}
    site, found = Site(bench.server), {"seconds": seconds, "rates": []}
    try:
        with bench.server.session(DATABASE) as session:
            session.ask(ROWS)
            site.boot()
            site.sipp("center", CENTER, "answers", RING="0")
            # Connections are made, what is read from the database for the first time is read.
            site.calls("first", 20, 3)
            for rate in RATES:
                found["rates"].append(at_rate(bench.server, session, site, rate, seconds))
            verify(session, "asterisk")
    finally:
        site.close()
    return found


def at_rate(server, session, site, rate, seconds):
    (last,) = session.numbers("select max(id) from call_logs")
    spooled = site.spooled()
    # What the server's connections have used, and those that have ended.
    database = lambda: server.processor_seconds("postgres: ")[0] + processor_seconds(server.postmaster)[1]
    look = lambda: (time.perf_counter(), processor_seconds(site.switch.pid)[0], database(), *machine_seconds())
    before = look()
    taken = site.calls(f"at-{rate}", rate, seconds)
    took, asterisk, postgresql, busy, whole = (now - then for then, now in zip(before, look()))
    # A call's record comes a moment after the caller's BYE, or by the agent if the database was too slow for it.
    end = time.perf_counter() + 120
    while True:
        sql = f"select count(*), count(*) filter (where call_status = 'ANSWERED'), count(distinct asterisk_uniqueid) from call_logs where id > {last}"
        records, answered, different = session.numbers(sql)
        (live,) = session.numbers("select count(*) from live_calls where node = 'bench'")
        if live == 0 and answered >= len(taken):
            break
        if time.perf_counter() > end:
            die(f"asterisk: {records} records, {answered} answered, SIPp saw {len(taken)} answers; {live} slots are kept")
        time.sleep(0.2)
    if records != different:
        die(f"asterisk: {records} records of {different} calls")
    offered = rate * seconds
    ms = {f"setup_ms_{name}": round(percentile(taken, share) or 0, 1) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}
    found = {
        "offered_per_second": rate, "offered": offered, "completed": len(taken), "failed": offered - len(taken),
        "spooled": site.spooled() - spooled, "completed_per_second": round(len(taken) / took, 1), **ms,
        "asterisk_ms_per_call": round(asterisk * 1000 / max(records, 1), 2),
        "postgresql_ms_per_call": round(postgresql * 1000 / max(records, 1), 2), "cores_busy": round(busy / whole, 2),
    }  # fmt: skip
    say(f"asterisk: {found}")
    return found
