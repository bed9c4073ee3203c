"""The private server that is measured. Owns: how it is started, asked, filled, and what its processes have used."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def say(text):
    print(text, flush=True)


def die(text):
    sys.exit(f"capconduit: {text}")


class Server:
    root = ROOT

    def __init__(self):
        base = Path(os.environ.get("CAPCONDUIT_STATE") or ROOT / ".capconduit")
        self.state = (ROOT / base).resolve() / "bench"
        self.port = os.environ["BENCH_PORT"]
        self.http_port = os.environ["BENCH_HTTP_PORT"]
        self.bin = Path(os.environ["PG_BIN"])
        self.delay = 0

    def script(self, name, *args, extra=None, **options):
        env = dict(os.environ, CAPCONDUIT_STATE=str(self.state), CAPCONDUIT_PORT=self.port)
        env |= {"CAPCONDUIT_HTTP_PORT": self.http_port}
        if self.delay:
            env["CAPCONDUIT_SERVER_PRELOAD"] = str(self.slow_disk())
        env |= extra or {}
        done = subprocess.run([self.root / "scripts" / name, *args], env=env, text=True, stdin=subprocess.DEVNULL, **options)
        if done.returncode != 0:
            die(f"scripts/{name} {' '.join(args)} failed")

    def start(self, delay=0):
        """With a disk that is `delay` microseconds slower at each flush."""
        self.delay = delay
        # What scripts/lib/postgresql.conf advises for production.
        quarter = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4 // 2**20
        self.state.mkdir(parents=True, exist_ok=True)
        (self.state / "extra.conf").write_text(f"shared_buffers = {quarter}MB\n")
        self.script("server", "start")

    def stop(self):
        if (self.state / "server").exists():
            self.script("server", "stop")

    def agent(self, database, node, spool, asterisk="false"):
        """`capconduit node` on this spool, and where it tells of itself."""
        url = self.setting("ASTERISK_DATABASE_URL").rsplit("/", 1)[0] + f"/{database}"
        address = f"127.0.0.1:{int(self.http_port) + 1}"
        env = dict(os.environ, DATABASE_URL=url, CAPCONDUIT_NODE=node, CAPCONDUIT_SPOOL=str(spool), RUST_LOG="warn")
        env |= {"CAPCONDUIT_NODE_LISTEN": address, "CAPCONDUIT_ASTERISK_COMMAND": asterisk}
        with open(self.state / "node.log", "w") as log:
            return subprocess.Popen([ROOT / "scripts" / "capconduit", "node"], env=env, stdout=log, stderr=log), address

    def slow_disk(self):
        # Where the server's user can read it.
        folder = (self.state / "server").resolve()
        library = folder / f"slow_disk_{self.delay}.so"
        source = ROOT / "bench" / "slow_disk.c"
        if not library.exists() or library.stat().st_mtime < source.stat().st_mtime:
            command = ["cc", "-shared", "-fPIC", "-O1", "-Wall", f"-DMICROSECONDS={self.delay}", "-o", library, source]
            subprocess.run(command, check=True)
        return library

    def setting(self, name):
        """Of the files that scripts/server writes: `env` and `secrets`."""
        for file in ("env", "secrets"):
            found = re.search(rf"^(?:export )?{name}='?([^'\n]*)'?$", (self.state / file).read_text(), re.M)
            if found:
                return found.group(1)
        die(f"{self.state} does not know {name}")

    def env(self, database, options=""):
        """For psql and pgbench, by the server's superuser."""
        env = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        env |= {"PGHOST": self.setting("CAPCONDUIT_SOCKET_DIR"), "PGPORT": self.port, "PGUSER": "postgres"}
        env |= {"PGDATABASE": database, "PGPASSFILE": str(self.state / "pgpass")}
        return env | {"PGOPTIONS": f"-c search_path=capconduit {options}"}

    def psql(self, database, *args, quiet=False):
        command = [self.bin / "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
        output = subprocess.DEVNULL if quiet else None
        done = subprocess.run([*command, *args], env=self.env(database), stdin=subprocess.DEVNULL, stdout=output)
        if done.returncode != 0:
            die(f"psql failed on {database}")

    def session(self, database):
        return Session(self, database)

    @property
    def postmaster(self):
        return int((self.state / "server/data/postmaster.pid").read_text().split("\n")[0])

    def pin(self, cores):
        """The server's future processes run on these cores."""
        os.sched_setaffinity(self.postmaster, cores)

    def processor_seconds(self, kind="postgres: postgres "):
        """Processor time of the living processes of one kind, and how many: by default the superuser's connections."""
        used = count = 0
        for pid in Path(f"/proc/{self.postmaster}/task/{self.postmaster}/children").read_text().split():
            try:
                if Path(f"/proc/{pid}/cmdline").read_text().startswith(kind):
                    used += int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
                    count += 1
            except (FileNotFoundError, ProcessLookupError):
                pass
        return used / 1e9, count

    def database(self, name, dids, campaigns, logs, cached=False):
        """Makes a database with bench/data.sql in it; a cached one only when something that it rests on has changed."""
        print_of = hashlib.sha256(f"{dids} {campaigns} {logs}".encode())
        for file in sorted([*ROOT.glob("migrations/*.sql"), *ROOT.glob("pg_ext/sql/*"), *ROOT.glob("bench/*.sql")]):
            print_of.update(file.read_bytes())
        fingerprint = print_of.hexdigest()
        if cached and self.has(name, fingerprint):
            say(f"{name}: kept from an earlier run")
            return
        say(f"{name}: {dids:,} numbers, {campaigns:,} campaigns, {3 * campaigns:,} links, {logs:,} call records …")
        self.reset(name)
        variables = [f"--set={key}={value}" for key, value in dict(dids=dids, campaigns=campaigns, logs=logs).items()]
        self.psql(name, *variables, f"--file={self.root}/bench/data.sql", quiet=logs < 1_000_000)
        self.psql(name, f"--file={self.root}/bench/peers.sql", quiet=True)
        # The campaign `full` is full: calls that nobody ends.
        held = "select route_call('+17779000001', 'held-' || n) from generate_series(1, 4) n"
        self.psql(name, f"--command={held}", quiet=True)
        self.psql(name, "--command=update live_calls set lease_until = now() + interval '10 years'", quiet=True)
        self.psql(name, "--command=vacuum analyze", quiet=True)
        self.psql(name, f"--command=insert into bench.made values ('{fingerprint}'); checkpoint", quiet=True)

    def reset(self, name):
        self.script("server", "database", "reset", name, stdout=subprocess.DEVNULL)

    def has(self, name, fingerprint):
        with self.session("postgres") as session:
            if session.ask(f"select count(*) from pg_database where datname = '{name}'") == "0":
                return False
        with self.session(name) as session:
            if session.ask("select to_regclass('bench.made') is null") == "t":
                return False
            return session.ask("select coalesce(max(fingerprint), '') from bench.made") == fingerprint


class Session:
    """One connection that stays open: psql, fed line by line."""

    END = "=== end"

    def __init__(self, server, database):
        command = [server.bin / "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
        env = server.env(database, "-c application_name=bench_watch")
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, text=True)

    def ask(self, sql):
        self.process.stdin.write(f"{sql};\n\\echo {self.END}\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.rstrip("\n") == self.END:
                return "\n".join(lines)
            lines.append(line.rstrip("\n"))
        die(f"a statement failed: {sql}")

    def numbers(self, sql):
        return [int(value or 0) for value in self.ask(sql).split("|")]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
