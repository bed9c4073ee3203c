"""The REST service. Owns: what HTTP adds to a call, beside the same SQL through pgbench; pages, CSV and logins."""

import http.client
import json
import os
import re
import statistics
import subprocess
import time
from pathlib import Path

from contenders import verify
from server import ROOT, die

CLIENTS = 16


def measure(bench, rounds, seconds, database="bench_small"):
    server = bench.server
    url = server.setting("API_DATABASE_URL").rsplit("/", 1)[0] + f"/{database}"
    # `scripts/server service` reads the addresses that `scripts/server` has written: the database is named for it.
    env_file = server.state / "env"
    written = env_file.read_text()
    env_file.write_text(re.sub(r"^export API_DATABASE_URL=.*$", f"export API_DATABASE_URL='{url}'", written, flags=re.M))
    try:
        server.script("server", "service", "start", extra={"CAPCONDUIT_POOL_SIZE": str(CLIENTS), "RUST_LOG": "warn"})
    finally:
        env_file.write_text(written)
    try:
        return requests(bench.server, rounds, seconds, database)
    finally:
        server.script("server", "service", "stop")


def requests(server, rounds, seconds, database):
    found = {}
    cookie = login(server.http_port)
    env = dict(os.environ, INTERNAL_API_TOKEN=server.setting("INTERNAL_API_TOKEN"), BENCH_COOKIE=cookie)
    rates = {}
    for _ in range(rounds):
        for name in ("route_info", "log_call"):
            rates.setdefault(f"{name}_sql", []).append(by_sql(server, database, name, seconds))
            rates.setdefault(f"{name}_http", []).append(by_http(server, env, name, CLIENTS, seconds))
        rates.setdefault("page_http", []).append(by_http(server, env, "page", CLIENTS, seconds))
        rates.setdefault("login_http", []).append(by_http(server, env, "login", 4, seconds))
    for name, values in rates.items():
        found[name] = round(statistics.median(values), 1)
    for name in ("route_info", "log_call"):
        found[f"{name}_share"] = round(statistics.median(a / b for a, b in zip(rates[f"{name}_http"], rates[f"{name}_sql"])), 2)
    with server.session(database) as session:
        verify(session, "rest")
        (records,) = session.numbers("select count(*) from call_logs")
    found |= export(server.http_port, cookie, records)
    pid = (server.state / "service.pid").read_text().strip()
    memory = dict(line.split(":") for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("Vm"))
    return found | {"clients": CLIENTS, "service_peak_mib": round(int(memory["VmHWM"].split()[0]) / 1024, 1)}


def login(port):
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
    body = json.dumps({"username": "platform_admin", "password": "password"})
    connection.request("POST", "/api/auth/login", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    if answer.status != 200:
        die(f"the login was answered {answer.status}")
    return answer.headers["Set-Cookie"].split(";")[0]


def export(port, cookie, records):
    """All records as CSV, read as fast as they come."""
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=600)
    start = time.perf_counter()
    connection.request("GET", "/api/admin/logs.csv?start_date=2000-01-01&end_date=2100-01-01", headers={"Cookie": cookie})
    answer = connection.getresponse()
    if answer.status != 200:
        die(f"the export was answered {answer.status}: {answer.read(300)}")
    lines = size = 0
    while part := answer.read(1 << 20):
        lines += part.count(b"\n")
        size += len(part)
    seconds = time.perf_counter() - start
    if lines < records:
        die(f"the export has {lines} lines, there are {records} records")
    return {"csv_records": records, "csv_mb": round(size / 1e6, 1), "csv_records_per_second": round(records / seconds)}


def by_http(server, env, name, clients, seconds):
    command = ["wrk", "--threads", "1", "--connections", str(clients), "--duration", f"{seconds}s", "--timeout", "10s"]
    command += ["--script", f"{ROOT}/bench/http/{name}.lua", f"http://127.0.0.1:{server.http_port}"]
    said = subprocess.run(command, env=env, capture_output=True, text=True).stdout
    rate = re.search(r"^Requests/sec: *([0-9.]+)$", said, re.M)
    if not rate or re.search("Non-2xx|Socket errors", said):
        die(f"{name} by HTTP:\n{said}")
    return float(rate.group(1))


def by_sql(server, database, name, seconds):
    """As the service logs in, with the role that it takes for the switch, over TCP as the service."""
    script = ROOT / "bench" / "sql" / f"{name}.sql"
    if name == "route_info":
        # The service's own statement, from where it stands: what is compared stays the same.
        source = (ROOT / "api/src/resources/internal/operations.rs").read_text()
        statement = re.search(r'^const ROUTE_INFO: &str = "\\\n(.*?)";$', source, re.M | re.S).group(1)
        script = server.state / "route_info.sql"
        number = "('+1777' || lpad(:id::text, 7, '0'))"
        script.write_text("\\set id random(1, 1000)\n" + statement.replace("$1", number) + ";\n")
    env = server.env(database, "-c role=capconduit_internal") | {"PGHOST": "127.0.0.1", "PGUSER": "capconduit_api"}
    command = [server.bin / "pgbench", "--no-vacuum", "--protocol=prepared", f"--client={CLIENTS}", "--jobs=1"]
    done = subprocess.run([*command, f"--time={seconds}", f"--file={script}"], env=env, capture_output=True, text=True)
    rate = re.search(r"^tps = ([0-9.]+)", done.stdout, re.M)
    if done.returncode or not rate:
        die(f"{name} by SQL: {done.stderr}")
    return float(rate.group(1))
