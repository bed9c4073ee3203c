"""A release of before, beside today's: its library, schema and scripts on a server of its own. Owns: how one is had and started."""

import socket
import subprocess
from pathlib import Path

from server import ROOT, Server, die


class Release(Server):
    def __init__(self, ours, version):
        built = subprocess.run([ROOT / "scripts" / "build", "release", version], stdout=subprocess.PIPE, text=True)
        if built.returncode != 0:
            die(f"release {version} could not be built")
        super().__init__()
        self.folder = Path(built.stdout.strip())
        self.root = self.folder / "source"
        self.state = ours.state.with_name(f"bench-{version}")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = str(free.getsockname()[1])

    def script(self, name, *args, extra=None, **options):
        files = {"CAPCONDUIT_SO": str(self.folder / "libcapconduit.so"), "CAPCONDUIT_BIN": str(self.folder / "capconduit")}
        super().script(name, *args, extra=files | (extra or {}), **options)

    def reset(self, name):
        self.script("database", "reset", name, stdout=subprocess.DEVNULL)


# What it costs to set something in the middle of a platform, in processor time of the backend that does it.
CHANGES = {
    "a link's cap": "update campaign_client_settings set max_concurrency = max_concurrency % 900 + 100 where id = {link}",
    "a client is deactivated": "update clients set status = case status when 'active' then 'inactive' else 'active' end where id = {client}",
}
LINKS = 10_000
CLIENT_OF_MANY = f"""
    insert into clients (client_identifier, name) values ('bench_many', 'Many links');
    insert into campaigns (user_id, name, routing_strategy, dial_timeout_seconds)
    select min(id), 'many ' || n, 'priority', 30 from users, generate_series(1, {LINKS}) n where role = 'user' group by n;
    insert into campaign_client_settings (campaign_id, client_id, max_concurrency)
    select c.id, k.id, 10 from campaigns c, clients k where c.name like 'many %' and k.client_identifier = 'bench_many';
    vacuum analyze"""


def changes(bench, rounds, _seconds):
    """Milliseconds of processor time: of one change of a link, and of a client with ten thousand of them; median of the rounds."""
    told = {}
    for label, server in bench.servers.items():
        label = label or "today"
        with server.session("bench_small") as session:
            session.ask(CLIENT_OF_MANY)
            client = session.ask("select id from clients where client_identifier = 'bench_many'")
            link = session.ask("select min(id) from campaign_client_settings")
            pid = int(session.ask("select pg_backend_pid()"))
            for name, sql in CHANGES.items():
                taken = []
                for _ in range(max(rounds, 9)):
                    before = run_time(pid)
                    session.ask(sql.format(link=link, client=client))
                    taken.append((run_time(pid) - before) * 1000)
                told[f"{name}, {label}"] = [round(ms, 3) for ms in sorted(taken)]
    return told


def run_time(pid):
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
