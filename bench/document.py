"""docs/BENCHMARKS.md and its plots, out of a results' file. Owns: what is shown and how it is explained; no number is
written by hand."""

import statistics

import svg
from report import TARGETS, median, ratio, rounds_of, spread_of, targets
from server import ROOT, say

DOCS = ROOT / "docs"
PLOTS = DOCS / "benchmarks"
PEERS = {
    "limit": "bare UPDATE + INSERT, one statement",
    "limit4": "the same as BEGIN, UPDATE, INSERT, COMMIT",
    "capconduit": "**CapConduit**",
    "elr_off": "CapConduit, `early_lock_release = off`",
    "plpgsql": "plpgsql, as careful",
    "advisory": "advisory lock and `count(*)`",
    "dialplan": "statements from the dialplan",
}


class Document:
    def __init__(self, result):
        self.machine, self.parts = result["machine"], result["parts"]
        self.lines = []

    def add(self, *lines):
        self.lines += [*lines, ""]

    def get(self, part, name, key="tps"):
        rounds = rounds_of(self.parts, part, name)
        return median(rounds, key) if rounds else None

    def noted(self, part):
        return self.parts.get(part, {}).get("measured")

    def table(self, head, rows):
        self.add("| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |",
                 *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows))  # fmt: skip

    def plot(self, name, alt, picture):
        PLOTS.mkdir(exist_ok=True)
        (PLOTS / f"{name}.svg").write_text(picture)
        self.add(f"![{alt}](benchmarks/{name}.svg)")

    def rows(self, part, names, unit=None):
        """One row for each contender that was measured: rate, share of `unit`, latencies, processor time, WAL."""
        for label, name in names:
            rounds = rounds_of(self.parts, part, name)
            if not rounds:
                continue
            ms = [f"{median(rounds, key) / 1000:.2f}" if median(rounds, key) is not None else "" for key in ("p50_us", "p99_us", "p99_9_us")]
            times = ratio(self.parts, (part, name), (part, unit)) if unit else None
            share = [f"{times:.2f}"] if times is not None else []
            yield [label, f"{median(rounds):,.0f} ± {spread_of(rounds):.0%}", *share, " / ".join(ms),
                   f"{median(rounds, 'cpu_us'):.0f}", f"{median(rounds, 'wal_bytes'):.0f}"]  # fmt: skip

    def compare(self, part, names, unit, unit_label):
        head = ["", "per second", f"× {unit_label}", "p50 / p99 / p99.9 ms", "processor µs", "WAL bytes"]
        self.table(head, self.rows(part, names, unit))

    def elsewhere(self, part):
        """Where a part was measured that was added later, if that is another machine."""
        there = part.get("machine", self.machine)
        same = all(there[key] == self.machine[key] for key in ("processor", "cores", "memory_gib"))
        of_it = f"{there['processor']}, {there['cores']} cores; a flush takes {there['fsync_ms']} ms"
        return "" if same else f" on another machine ({of_it}): compare these rows with each other alone"

    def when(self, *parts, rounds=True):
        """A line that tells when, how often, and how noisy it was."""
        here = [self.parts[part] for part in parts if part in self.parts]
        if here:
            number = max(part["rounds"] for part in here)
            often = f" {number} round{'s' * (number > 1)} of {here[0]['seconds_each']} s;" if rounds else ""
            self.add(f"*Measured {here[0]['begun']}{self.elsewhere(here[0])};{often} "
                     f"{noise(here)}, "
                     f"{max(part['stolen'] for part in here):.1%} taken by the machine below.*")  # fmt: skip


def noise(here):
    seen = [part["others"] for part in here if "others" in part]
    return f"{max(seen):.0%} of the processor was at other work just before" if seen else f"load {max(part['load'] for part in here)}"


def write(result):
    page = Document(result)
    for section in (head, summary, meaning, decision, cycle, before, slow_disk, exact, client_cap, growing, clients, asterisk, upkeep, rest, method):
        section(page)
    (DOCS / "BENCHMARKS.md").write_text("\n".join(page.lines).rstrip() + "\n")
    say("written: docs/BENCHMARKS.md and docs/benchmarks/")


def head(page):
    machine = page.machine
    page.add("# Benchmarks")
    page.add("What a call costs, beside what PostgreSQL can do at best and beside what others would write. All of it can be run",
             "again: `make bench` (a quarter of an hour), `make bench-full` (all, with the report; half an hour), `scripts/bench --list` (the parts).",
             "This page and its plots are made from [the results](../bench/results) by `scripts/bench --report`.")  # fmt: skip
    page.add(f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB; a flush of 8 KiB takes "
             f"{machine['fsync_ms']} ms. Linux {machine['kernel']}, PostgreSQL {machine['postgresql']}, revision "
             f"{machine['revision']}. Clients and server share the cores. Settings: [postgresql.conf](../scripts/lib/postgresql.conf), but a quarter of the memory as shared_buffers, in "
             f"{'huge pages' if machine.get('huge_pages') else 'ordinary pages'}; "
             "fsync and checksums are on, commits are durable.")  # fmt: skip
    # Not the highest: of so many looks one may meet the server's own upkeep.
    busy = statistics.median(part.get("others", 0) for part in page.parts.values())
    if busy > 0.2:
        page.add(f"**The machine had other work meanwhile (in half of the parts at least {busy:.0%} of its processor): rates and "
                 "latencies are worse than they need be, and ratios are coarse.**")  # fmt: skip


# Why a target may be missed, by the beginning of its text; shown when it is.
REASONS = {
    "decision, ": "A decision goes down three indexes; `SELECT 1` reads nothing, and with one client on one core it costs little more "
                "than the message. The prototypes from which these targets come ran beside a `SELECT 1` that took 28 µs.",
    "one link, ": "Every call on one link changes the same row, twice; what is lost here is lost in waiting for it.",
    "all links, 10M": "A call goes down a dozen indexes, with 300,000 links and 10,000,000 records behind them mostly to pages that "
                      "are in no cache of the processor's (in a profile the comparison of index keys takes 4.0 % where it takes 1.9 % on "
                      "small data, the search for buffers 5.2 % for 4.2 %); the limit goes down one, whose thousand rows are. The limit "
                      "waits for the disk more than for the processor, a call the other way round: where the disk is quick, as here, the "
                      "ratio falls though no call has become slower. Between rounds it lies from 0.26 to 0.30: in the first ones many "
                      "pages are still logged whole.",
    "processor time": "The larger indexes are a level or two deeper and miss the processor's caches, and pages that a call changes "
                      "first after a checkpoint are written whole. The limit's own tables do not grow with the platform.",
    "64 clients": "No statement that only reads can do it on so few cores: look at `SELECT 1`, which reads nothing, and at one row by its key, "
                  "the least that can be read ([below](#as-clients-come)). Sixty-four processes displace each other, and each comes back to "
                  "memory of its own that has left the processor's caches and its tables of pages: `SELECT 1` touches 267 pages of 4 KiB, a decision "
                  "468, of which 100 are the process's own data. In a profile of decisions the search of hash tables takes 2.0 µs where it takes "
                  "0.9 with 16, to look up a table's description 0.8 for 0.3, and so on through every part of PostgreSQL; a second thread for pgbench or huge pages "
                  "for the processes' own memory change nothing. Counted and profiled by hand on 2026-11-25. A switch has 30 connections at most: "
                  "more callers wait in the switch, not in the database.",
}  # fmt: skip


def summary(page):
    found = {target.text: target for target in targets(page.parts)}
    if not found:
        return
    page.add("## What was wanted, and what is")
    rows, missed = [], []
    for target in TARGETS:
        is_now = found.get(target.text)
        verdict = "not measured" if is_now is None else "" if is_now.met else "**missed**"
        rows.append([target.text, "" if is_now is None else is_now.value, target.shown, verdict])
        missed += [target.text] if is_now and not is_now.met else []
    page.table(["", "is", "wanted", ""], rows)
    shown = [words for start, words in REASONS.items() if any(start in text for text in missed)]
    if shown:
        page.add("What is missed, and why:")
        page.add(*(f"- {words}" for words in shown))


def meaning(page):
    page.add("## What it means")
    part = "spread"
    cpu, limit = page.get(part, "spread/capconduit@16", "cpu_us"), page.get(part, "spread/limit@16", "cpu_us")
    if not cpu or "hot" not in page.parts:
        return
    twin = page.get(part, "spread/plpgsql@16", "cpu_us")
    ours, theirs = page.get("hot", "hot/capconduit@16"), page.get("hot", "hot/plpgsql@16")
    spread = ratio(page.parts, (part, "spread/capconduit@16"), (part, "spread/plpgsql@16"))
    call = real_call(page)
    page.add(f"- **Calls per second and core.** A call (route and record, two durable transactions) takes {cpu:.0f} µs of the "
             f"database's processor: {1e6 / cpu:,.0f} calls a second keep one core busy. The bare change of one row and one more "
             f"takes {limit:.0f} µs.",
             f"- **What gives out first is Asterisk.** It needs {call:.1f} ms of processor for a simple call "
             f"({'[below](#real-calls)' if 'asterisk' in page.parts else '[ASTERISK.md](ASTERISK.md)'}): {call * 1000 / cpu:.0f} times "
             f"as much. A hundred calls a second, which fill a large switch, cost the database {cpu / 100:.0f} % of one core for the "
             f"calls themselves{asked(page)}.",
             f"- **What gives out first in the database** is the disk's flush when all calls go over one link or one connection, else "
             f"the processor. A busy link does {ours:,.0f} calls a second here.",
             f"- **Where plpgsql would have been enough.** Calls that spread over many links: the plpgsql twin makes "
             f"{1 / spread:.2f} of this rate with {twin:.0f} µs a call. And any load that one Asterisk can bring. The difference "
             f"is one busy link: {ours:,.0f} against {theirs:,.0f} calls a second here, because a row's lock is given back before "
             f"the disk has answered, and more on a slower disk. That is a matter of locks, not of the language.",
             "- **What no speed shows.** The twin has one strategy, no failover, no leases, no heartbeat; the dialplan's own",
             "  statements are quick and exceed the caps (below).")  # fmt: skip


def real_call(page):
    """Milliseconds of Asterisk's processor for one call; 7 where it was not measured: docs/ASTERISK.md."""
    rates = (page.noted("asterisk") or {}).get("rates")
    return rates[0]["asterisk_ms_per_call"] if rates else 7


def asked(page):
    """What the switch asks the database besides, for a hundred calls a second."""
    rates = (page.noted("asterisk") or {}).get("rates")
    return f", and {rates[0]['postgresql_ms_per_call'] * 10:.0f} % with all that the switch reads and tells meanwhile" if rates else ""


def decision(page):
    page.add("## A decision, read-only")
    for part, title in (("decision", "1,000 numbers, 300 links"), ("large_decision", "1,000,000 numbers, 300,000 links, 10,000,000 records")):
        if part in page.parts:
            page.add(f"{title}. The plain join does not judge, choose or explain.")
            for number in (1, 16, 64):
                names = [("`SELECT 1`", f"select1/limit@{number}"), ("one row by its key", f"row/limit@{number}"), (f"`preview_route`, {number} client{'s' * (number > 1)}", f"decision/capconduit@{number}"),
                         ("the sample data's numbers", f"decision_sample/capconduit@{number}"),
                         ("`explain_route`, every link's reason", f"explain/capconduit@{number}"), ("the plain join", f"decision/plpgsql@{number}")]  # fmt: skip
                page.compare(part, names, f"select1/limit@{number}", "SELECT 1")
            page.when(part)


def cycle(page):
    page.add("## A whole call: route and record")
    page.add("Two durable transactions; the limit makes one. 16 clients.")
    for part, workload, title in (("spread", "spread", "All links in turn"), ("hot", "hot", "One link"),
                                  ("large_spread", "spread", "All of 300,000 links, behind them 10,000,000 records"),
                                  ("checkpoint", "spread", "The same, each begun right after a checkpoint: pages are logged whole when they first change")):  # fmt: skip
        if part in page.parts:
            page.add(f"**{title}**")
            page.compare(part, [(label, f"{workload}/{peer}@16") for peer, label in PEERS.items()], f"{workload}/limit@16", "limit")
            page.when(part)
    if "reject" in page.parts:
        page.add("**A call to a full campaign**: nothing is written. `× limit`: the bare change of one row.")
        names = [("two links at their concurrency", "reject/capconduit@16"), ("the same in plpgsql", "reject/plpgsql@16"),
                 ("one link at its total", "reject_total/capconduit@16"), ("the same in plpgsql", "reject_total/plpgsql@16")]  # fmt: skip
        page.compare("reject", names, "hot/limit@16", "limit")
        page.when("reject")
    if "chains" in page.parts:
        page.add("**Longer calls**: route, two failed attempts, record; and a round robin over eight links, its turns exact.")
        names = [("failover", "failover/capconduit@16"), ("round robin", "turns/capconduit@16")]
        page.compare("chains", names, "spread/limit@16", "limit, spread")
        page.when("chains")
    if "split" in page.parts:
        page.add("Where a call's processor time goes, one client on one core. `preview_route` stands for the decision; it does",
                 "not look behind the first link that takes the call, which a route does: it writes down why each was or was not chosen.")  # fmt: skip
        bars = []
        for label, peer in (("CapConduit", "capconduit"), ("plpgsql", "plpgsql")):
            steps = [page.get("split", name, "cpu_us") for name in
                     ("select1/limit@1", f"decision/{peer}@1", f"route/{peer}@1", f"spread/{peer}@1")]  # fmt: skip
            bars.append((label, [steps[0], *(max(b - a, 0) for a, b in zip(steps, steps[1:])), 0]))
        bare = page.get("split", "spread/limit@1", "cpu_us")
        bars.append(("bare limit", [bars[0][1][0], 0, 0, 0, bare - bars[0][1][0]]))
        picture = svg.stacks("Processor time of one call in the database", "µs", bars, ["SELECT 1", "decision", "reservation", "record", "UPDATE and INSERT"])
        page.plot("split", "Processor time of one call", picture)
        page.when("split")


WORKLOADS = {"decision": "decision", "reject": "a call to a full campaign", "spread": "whole calls over all links", "hot": "whole calls, one link",
             "turns": "round robin over eight links", "failover": "two failed attempts", "after a checkpoint": "whole calls, each run right after a checkpoint",
             "hot/limit": "the bare limit on one row"}  # fmt: skip


def before(page):
    if "release" not in page.parts:
        return
    page.add("## Beside 0.2.0", "", "The same data and the same calls on two servers of one machine in turn, each with its release's library and schema; 16 clients, "
             "nothing set that 0.2.0 does not know. Today a call also moves its link's hour, day, week and month.")  # fmt: skip
    rows, more = [], []
    for name, label in WORKLOADS.items():
        name = f"{name if '/' in name else f'{name}/capconduit'}@16"
        old, new = (rounds_of(page.parts, "release", key) for key in (f"{name}#0.2.0", name))
        rates = [f"{median(rounds):,.0f} ± {spread_of(rounds):.0%}" for rounds in (old, new)]
        pairs = sorted(b["tps"] / a["tps"] for a, b in zip(old, new))
        processor = [f"{median(rounds, 'cpu_us'):.0f}" for rounds in (old, new)]
        logged = [f"{median(rounds, 'wal_bytes'):.0f}" for rounds in (old, new)]
        rows.append([label, *rates, f"{pairs[len(pairs) // 2]:.2f} ({pairs[0]:.2f}–{pairs[-1]:.2f})", " → ".join(processor), " → ".join(logged)])
        if "limit" not in name and logged[0] != "0":
            more.append([median(new, key) / median(old, key) - 1 for key in ("cpu_us", "wal_bytes")])
    page.table(["", "0.2.0, per second", "today", "today × 0.2.0, round by round", "processor µs", "WAL bytes"], rows)
    processor, logged = ([f"{pick(column):.0%}" for pick in (min, max)] for column in zip(*more))
    page.add(f"Whole calls take {' to '.join(processor)} more processor time than in 0.2.0, and write {' to '.join(logged)} more of the log.")
    page.when("release")
    profile(page)
    changes = page.noted("release_changes")
    page.add("What a change of a setting costs its connection, in milliseconds of processor time, the trigger's work included:")
    middle = lambda name: f"{changes[name][len(changes[name]) // 2]:.2f}"
    names = ("a link's cap", "a client is deactivated")
    page.table(["", "0.2.0", "today"], [[name, middle(f"{name}, 0.2.0"), middle(f"{name}, today")] for name in names])
    page.add("The client has 10,000 links.")
    page.when("release_changes", rounds=False)


# Thousands of instructions of one statement, 0.2.0's and today's, and bytes of the log of both, as `cost::instructions::a_call_beside_0_2_0` prints them.
PROFILE = (
    ("`preview_route`, a number that the connection was not asked for", 138, 176, 0, 0),
    ("`preview_route`, the same number again", 137, 161, 0, 0),
    ("`explain_route`, three links", 363, 354, 0, 0),
    ("`route_call` that rejects, two full links", 216, 231, 0, 0),
    ("`route_call`, priority, 1 link", 288, 286, 496, 537),
    ("`log_call`, priority, 1 link", 251, 246, 769, 898),
    ("`route_call`, priority, 5 links", 328, 335, 544, 585),
    ("`route_call`, priority, 20 links", 470, 529, 761, 801),
    ("`route_call`, round robin, 1 link", 385, 394, 552, 568),
    ("`route_call`, round robin, 5 links", 467, 469, 732, 743),
    ("`log_call`, round robin, 5 links", 261, 254, 975, 1099),
    ("`route_call`, round robin, 20 links", 742, 771, 948, 971),
    ("`route_call`, weighted, 1 link", 295, 291, 487, 536),
    ("`route_call`, weighted, 5 links", 342, 346, 657, 705),
    ("`route_call`, weighted, 20 links", 478, 535, 754, 799),
    ("`next_target`, the first failure, five links", 513, 375, 823, 871),
    ("`next_target`, the second", 523, 383, 972, 1007),
)


def profile(page):
    page.add("### What a call is made of", "",
             "Rates move with whatever else the machine does; instructions do not. Thousands of instructions of one statement, its text read and its row printed "
             "(32 of each), and bytes of the log, without the kernel's part and without images of whole pages. Counted on 2026-11-30 by "
             "`scripts/test one cost::instructions::a_call_beside_0_2_0 -- --include-ignored --show-output`: valgrind counts, in a backend that has a server's files to "
             "itself. `cost::instructions` holds today's with each `make test`.")  # fmt: skip
    rows = [[name, old, new, f"{new / old:.2f}", f"{before} → {today}" if today else ""] for name, old, new, before, today in PROFILE]
    page.table(["", "0.2.0", "today", "today × 0.2.0", "bytes of the log"], rows)
    page.add("Pages looked at, 0.2.0 and today: 8 and 12 for a decision; 29 and 33 for a route with 5 links by priority, 59 and 79 with 20, 112 and 112 with 20 in a round "
             "robin; 33 and 32 for `next_target`, 24 and 23 for a record. The rates above were measured before what is mended here.")  # fmt: skip
    page.add("What makes the difference, by function:")
    for line in (
        "**Dearer: tables instead of copies.** A decision looks at the owner, the campaign, each link's client and that one's address, which 0.2.0 had copied to numbers "
        "and links: some 6,000 instructions for a table that is looked at (1,800 to open it, 700 to close it, 1,700 for the row, the rest for its lock and what is made of it). "
        "With 20 links a route finds 66 rows at their remembered places, and descends no index for them; what is left is to take rows apart, 54,000 instructions where it was 7,000: "
        "`campaign_client_settings` has 28 columns by now, seven of them dropped, and the last is wanted. What was bought with it stands below: a client's status.",
        "**Dearer: the log.** 72 bytes are the index of changed records, by which records are copied. 40 more at each change of a link's counters: the counts that "
        "caps go by lie between the first column that changes and the last, and what lies between is logged. 5 to 20 are new columns of calls and records.",
        "**Mended: a failed attempt.** It read the call's row by a statement, which took 154,000 of `next_target`'s 543,000 instructions (0.2.0: 151,000 of 512,000). Now it is found by its "
        "key and locked, for 29,000.",
        "**Mended: a round robin.** It looked at all links twice, before and after it had the campaign's turns. The first look ends at the first link that takes the call: with 20 links a tenth less.",
        "**Mended: pages that are always full.** Counters' pages are filled to half, and PostgreSQL tidies a page up that is fuller than that: so did each call, at each look at its link. "
        "Now it is done when a page is short of room: of a whole call over all links 3 % of the instructions, and 107 of 1,639 bytes of the log.",
    ):  # fmt: skip
        page.add(f"- {line}")


def slow_disk(page):
    if "slow_disk" in page.parts:
        page.add("## A slower disk", "", "Every flush takes 2 ms longer; one link, 16 clients.")
        names = [(label, f"hot/{peer}@16") for peer, label in PEERS.items()] + [("the limit, rows spread", "spread/limit@16")]
        page.compare("slow_disk", names, "hot/limit@16", "limit")
        page.when("slow_disk")
    delays = {0: "hot", 1: "disks_1000", 2: "slow_disk", 5: "disks_5000"}
    if not all(part in page.parts for part in delays.values()):
        return
    shown = (("CapConduit", "hot/capconduit"), ("early_lock_release = off", "hot/elr_off"), ("plpgsql", "hot/plpgsql"),
             ("bare row", "hot/limit"), ("bare rows, spread", "spread/limit"))  # fmt: skip
    lines = [(label, [page.get(part, f"{name}@16") for part in delays.values()]) for label, name in shown]
    flush = page.machine["fsync_ms"]
    places = [(delay + flush, f"{delay + flush:.1f}") for delay in delays]
    picture = svg.lines("Calls on one link, 16 clients", "a flush of the disk, ms", "per second", places, lines, log=True)
    page.plot("disks", "One link over the disk's latency", picture)
    page.add("The steeper a line falls, the more it waits for the disk while it holds the row. A \"bare\" line is one transaction, a call is two.")
    page.when(*delays.values())


def exact(page):
    found = page.noted("tight")
    if not found:
        return
    page.add("## Who keeps the cap", "", "16 callers, one link with 8 slots, for three seconds; the number of calls on the link watched all along.")
    rows = []
    for peer, seen in found.items():
        over = seen.get("calls_beyond_the_cap", 0)
        note = f"{over:,} calls routed beyond it" if over else "kept"
        rows.append([PEERS[peer], seen["transactions"], seen["highest_seen"], note])
    page.table(["", "calls asked", "most at once", "cap of 8"], rows)
    page.add("The dialplan reads, compares and writes in three statements, as examples do; between the first and the third another",
             "call does the same. In the benchmark they follow each other at once; in a real dialplan there is more time in between.")  # fmt: skip
    page.when("tight", rounds=False)


def client_cap(page):
    found = page.noted("client_cap")
    if not found:
        return
    page.add("## One daily cap over a thousand links", "",
             f"One client, {found['links']:,} links of ten sellers, calls over all of them; first with a limit that nobody meets. "
             "`scripts/bench --parts client_cap` runs it alone, in three minutes.")  # fmt: skip
    had = found["had"]
    names = [("capconduit", "**CapConduit**"), ("rows", "plpgsql, a row for each client and day"),
             ("count", "`count(*)`, from a day's first call on"), (f"count+{had}", f"`count(*)`, after {had:,} calls that day")]  # fmt: skip
    for clients in (16, 64):
        rows = []
        for name, label in names:
            here = found["calls"][f"{name}@{clients}"]
            times = f"{here['p50_us'] / 1000:.2f} / {here['p99_us'] / 1000:.2f}"
            rows.append([label, f"{here['tps']:,.0f}", times, f"{here['cpu_us']:.0f}", here["wal_bytes"]])
        page.table([f"{clients} clients", "per second", "p50 / p99 ms", "processor µs", "WAL bytes"], rows)
    wal = found["calls"]["capconduit@16"]["wal_bytes"] / found["calls"]["count@16"]["wal_bytes"]
    page.add(f"Every call changes the client's one row, twice: CapConduit writes {wal:.1f} times the log of a call that is only counted.")
    page.add(f"Then with room for {found['room']} more calls, and everybody asks until it is met. Calls above the limit, each round:")
    rows = []
    for name, label in [*names[:2], ("count", "`count(*)`")]:
        rows.append([label, *(", ".join(map(str, found["above"][f"{name}@{clients}"])) for clients in (16, 64))])
    page.table(["", "16 clients", "64 clients"], rows)
    page.add("Between the count and the record of the call that it let through, all others count the same: at most one call fewer than there are",
             "connections passes. A switch has 30; a real dialplan takes its time between the two, and each further switch comes on top.")  # fmt: skip
    page.when("client_cap")


def growing(page):
    sizes = ["10k", "100k", "1M", "10M"]
    if "sizes" not in page.parts:
        return
    page.add("## As the platform grows", "", "One client. 10k records come with 1,000 numbers and 300 links, 10M with 1,000,000 and 300,000.")
    rows = []
    for label, name in (("decision", "decision/capconduit"), ("whole call", "spread/capconduit"), ("plpgsql", "spread/plpgsql"), ("limit", "spread/limit")):
        times = ratio(page.parts, ("sizes", f"{name}@1#10M"), ("sizes", f"{name}@1#10k"), "cpu_us")
        rows.append([label, *(f"{page.get('sizes', f'{name}@1#{size}', 'cpu_us'):.0f}" for size in sizes), f"{times:.2f}"])
    page.table(["processor µs", *sizes, "10M × 10k"], rows)
    shown = (("whole call, p99", "spread/capconduit", "p99_us"), ("whole call, p50", "spread/capconduit", "p50_us"),
             ("plpgsql, p50", "spread/plpgsql", "p50_us"), ("limit, p50", "spread/limit", "p50_us"),
             ("decision, p99", "decision/capconduit", "p99_us"),
             ("decision, p50", "decision/capconduit", "p50_us"))  # fmt: skip
    lines = [(label, [page.get("sizes", f"{name}@1#{size}", key) / 1000 for size in sizes]) for label, name, key in shown]
    page.plot("sizes", "Latency over the size of the data", svg.lines("Latency with one client", "call records", "ms", list(enumerate(sizes)), lines, log=True))
    page.when("sizes")


def clients(page):
    numbers = (1, 4, 16, 64)
    if "clients" not in page.parts:
        return
    page.add("## As clients come", "", "Per second, prepared statements; in the last column the simple protocol.")
    shown = (("SELECT 1", "select1/limit"), ("one row by its key", "row/limit"), ("decision", "decision/capconduit"), ("reject", "reject/capconduit"),
             ("limit, all links", "spread/limit"), ("whole call, all links", "spread/capconduit"), ("whole call, one link", "hot/capconduit"),
             ("limit, one link", "hot/limit"), ("plpgsql, all links", "spread/plpgsql"), ("plpgsql, one link", "hot/plpgsql"),
             ("route alone", "route/capconduit"), ("failover", "failover/capconduit"), ("round robin", "turns/capconduit"))  # fmt: skip
    rows = []
    for label, name in shown:
        values = [page.get("clients", f"{name}@{number}") for number in numbers]
        simple = page.get("simple", f"{name}@16/simple")
        times = ratio(page.parts, ("clients", f"{name}@64"), ("clients", f"{name}@16"))
        rows.append([label, *(f"{value:,.0f}" if value else "" for value in values), f"{times:.2f}" if times else "",
                     f"{simple:,.0f}" if simple else ""])
    page.table(["", "1", "4", "16", "64", "64 × 16", "16, simple"], rows)
    writing = sorted((one for one in shown if one[0].endswith(("all links", "one link"))), key=lambda one: "capconduit" not in one[1])
    lines = [(label, [page.get("clients", f"{name}@{number}") for number in numbers]) for label, name in writing]
    picture = svg.lines("Calls with more clients", "clients (logarithmic)", "per second", list(enumerate(numbers)), lines)
    page.plot("clients", "Rate over clients", picture)
    page.add("A limit is one transaction, a call is two: with one client it waits for two flushes of the disk.")
    page.when("clients")


def asterisk(page):
    found = page.noted("asterisk")
    if not found:
        return
    page.add("## Real calls")
    if "skipped" in found:
        page.add(f"Not measured: {found['skipped']}.")
        return
    page.add(f"SIPp calls through an Asterisk with [the shipped configuration](../asterisk), SIPp answers at once; each rate for "
             f"{found['seconds']} s, calls of half a second without media. Set-up is from the INVITE to the 200, at the caller, of the calls that were completed. Both "
             f"SIPp, Asterisk and the database share {page.machine['cores']} cores.")  # fmt: skip
    rows = []
    for rate in found["rates"]:
        setup = " / ".join(f"{rate[f'setup_ms_{name}']:,.0f}" for name in ("p50", "p95", "p99"))
        rows.append([rate["offered_per_second"], f"{rate['completed_per_second']:.0f}", f"{rate['completed']:,}", f"{rate['failed']:,}", setup,
                     rate["asterisk_ms_per_call"], rate["postgresql_ms_per_call"], f"{rate['cores_busy']:.0%}"])  # fmt: skip
    page.table(["offered per second", "completed per second", "completed", "failed", "set-up ms, p50 / p95 / p99",
                "Asterisk, ms per call", "PostgreSQL, ms per call", "cores busy"], rows)  # fmt: skip
    beyond = [rate["offered_per_second"] for rate in found["rates"] if rate["failed"] or rate["setup_ms_p50"] > 500]
    if beyond:
        page.add(f"With SIPp on the same cores this machine cannot do {' or '.join(map(str, beyond))} calls a second: the row is shown "
                 "as it was.")  # fmt: skip
    spooled = sum(rate["spooled"] for rate in found["rates"])
    if spooled:
        page.add(f"{spooled:,} records were not taken within the switch's second of patience and came through the spool: each once.")
    page.add("PostgreSQL's share is more than route and record: Asterisk asks where the call center is and who has registered, and tells",
             "the answer. What it keeps instead of asking: [ASTERISK.md](ASTERISK.md#what-a-switch-caches-of-a-call-center).")  # fmt: skip
    page.when("asterisk", rounds=False)
    realtime(page)


def realtime(page):
    """The configuration of 0.2.0 beside today's."""
    found = page.noted("realtime")
    if not found or "skipped" in found:
        return
    page.add("### What Asterisk no longer asks", f"Two switches on one database, today's functions in both: one with the configuration of 0.2.0, which "
             f"keeps nothing of call centers, one with today's. {found['rounds']} rounds of {found['seconds']} s each, in turn; "
             "the middle of the rounds, and the least and the most.")  # fmt: skip
    shown = {"transactions": "transactions a call", "postgresql_ms": "PostgreSQL, ms of processor a call", "asterisk_ms": "Asterisk, ms of processor a call",
             "setup_ms_p50": "set-up ms, p50", "setup_ms_p95": "set-up ms, p95"}  # fmt: skip
    rows = []
    for rate, switches in found["rates"].items():
        for key, label in shown.items():
            cells = []
            for name in ("before", "now"):
                values = [measured[key] for measured in switches[name]]
                cells.append(f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})")
            rows.append([f"{rate} a second: {label}", *cells])
        share = [statistics.median(one["postgresql_ms"] / one["asterisk_ms"] for one in switches[name]) for name in ("before", "now")]
        rows.append([f"{rate} a second: PostgreSQL's share of Asterisk's", *(f"{value:.0%}" for value in share)])
    slow = [", ".join(map(str, found["slow"][name])) for name in ("before", "now")]
    if all(slow):
        rows.append(["calls a second from which on set-up takes more than 200 ms at p95, three times", *slow])
    page.table(["", "configuration of 0.2.0", "today's"], rows)
    page.add("What an answered call asks today; `asterisk::realtime::questions` counts it:")
    page.table(["question", "why it is asked"], [
        ["`route_call`", "the decision"],
        ["`ps_endpoints`", "once in ten seconds for each call center that is called: its settings"],
        ["`ps_aors`", "where the call center is: not kept, so a changed address counts at once"],
        ["`ps_contacts`", "who has registered: not kept, since it changes by itself"],
        ["`call_answered`", "a call whose end is never heard of counts all the same"],
        ["`log_call`", "the record"],
    ])  # fmt: skip
    page.add(f"*Measured {page.parts['realtime']['begun']}.*")


def upkeep(page):
    beat, gone, changes, replay = (page.noted(part) for part in ("heartbeat", "expired", "changes", "replay"))
    rows = []
    if beat:
        rows.append([f"heartbeat that lists {beat['calls']:,} live calls", f"{beat['ms_p50']} ms, {beat['cpu_ms']} ms of processor, {beat['wal_bytes']:,} bytes of WAL"])
    if gone:
        rows.append([f"{gone['leases']:,} expired leases, {gone['at_once']:,} at once", f"{gone['seconds']} s, {gone['per_second']:,} a second"])
    if replay:
        rows.append([f"{replay['records']:,} spooled records by `capconduit node`", f"{replay['seconds']} s, {replay['per_second']:,} a second"])
    if changes:
        rows.append([f"{changes['changes_per_second']} changes of settings a second during calls", f"calls {changes['calls_beside'] / changes['calls_alone']:.2f} of "
                     f"{changes['calls_alone']:,} a second; a change {changes['change_ms_p50']} ms, p99 {changes['change_ms_p99']} ms"])  # fmt: skip
    if rows:
        page.add("## Upkeep")
        page.table(["", ""], rows)
        page.when("heartbeat", "expired", "changes", "replay")


def rest(page):
    found = page.noted("rest")
    if not found:
        return
    page.add("## The REST service", "", f"{found['clients']} connections; logins with 4. Requests, service and database share the cores.")
    rows = [[f"`{name}`", f"{found[f'{name}_http']:,.0f}", f"{found[f'{name}_share']} of the same SQL through pgbench"] for name in ("route_info", "log_call")]
    rows.append(["a page of 50 call records, by cursor", f"{found['page_http']:,.0f}", ""])
    rows.append(["login", f"{found['login_http']:,.0f}", "argon2id is meant to be slow"])
    rows.append([f"CSV of {found['csv_records']:,} records", f"{found['csv_records_per_second']:,}", f"records; {found['csv_mb']} MB"])
    page.table(["", "per second", ""], rows)
    page.add(f"The service's memory at its peak: {found['service_peak_mib']} MiB.")
    page.when("rest")


def method(page):
    page.add("## How it is measured")
    page.add("- Each part runs all its contenders in turn, round after round. Rates are medians of the rounds, ± is the distance of the",
             "  best and the worst; ratios are medians of the rounds' own ratios. The first seconds of each run, while connections warm",
             "  up, do not count.",
             "- Processor time is that of the database connections alone, WAL all that was written meanwhile, each per transaction of",
             "  the workload (a whole call, where it is one). Latencies are pgbench's, of the whole call.",
             "- Large data is measured as a platform is that has run for a while: what calls touch has been read into memory, and some",
             "  ten thousands of calls have written most pages since the last checkpoint. Right after one it is a part of its own.",
             "- One client and its connection share one core: where the scheduler puts the two decides otherwise.",
             "- After every run the tables are looked at: as many records as calls, each once, each counted on its link, no slot kept,",
             "  turns fair to one; after every part `verify_counters()`. A wrong answer is no result: its part fails.",
             "- **The limit** is one UPDATE and one INSERT in one durable transaction. As one statement it is one round trip, as",
             "  BEGIN, UPDATE, INSERT, COMMIT it is four, and a hot row is locked over three of them. Ratios are to the one statement: it is",
             "  the harder one to reach.",
             "- **plpgsql** works on the same tables and keeps the same promise; it is spared SECURITY DEFINER, round robin, weights,",
             "  leases. **Advisory lock** counts live calls under a lock of the link, on tables of its own. **Dialplan** sends each",
             "  statement by itself.")  # fmt: skip
