#!/usr/bin/env python3
"""What `switchboard serve` does under load, measured with wrk.

    cargo build --release -p switchboard
    cargo xtask seed --state /tmp/many --users 100000
    python3 tests/load/run.py --binary target/release/switchboard --state /tmp/many --write

The state folder is copied, and stays as it is. With --write the figures go into docs/benchmarks.md, below "Under load".
Not a step of CI: on a machine that does something else at the same time the figures mean nothing.

wrk is a package of Debian and of most others.
"""

import argparse
import contextlib
import json
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import browser  # noqa: E402

DOCUMENT = ROOT / "docs" / "benchmarks.md"
HEADING = "## Under load\n"
# The speed of a machine comes and goes: one run of each kind alone does not compare them.
ROUNDS = 3

# What was measured when each change was made, on one machine; not measured again.
HISTORY = """What it took, in calls a second at 16 and at 200 connections, each line with all that stands above it:

| Change | 16 | 200 | 99th percentile at 200, to the median |
| --- | ---: | ---: | ---: |
| Threads that take turns at the embedded database | 4,678 | 4,066 | 1.3 |
| One thread for the database; a call's futures on the heap | 6,746 | 6,214 | 2.0 |
| Answers of the database before calls that have not begun | 6,659 | 7,273 | 2.0 |
| Calls are begun by turns, sixteen for each core | 6,743 | 7,003 | 1.3 |
"""

SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
local n = 0
request = function()
  n = (n * 7919 + 1) % USERS
  return wrk.format(nil, "/stepchat/get-user", nil, "token=TOKEN&user_id=" .. (n + 2))
end
done = function(summary, latency, requests)
  io.write(string.format("FIGURES %f %f %d\\n", latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    summary.errors.status + summary.errors.timeout + summary.errors.connect + summary.errors.read))
end
"""


class Server:
    """The server under load."""

    def __init__(self, process, port, folder):
        self.process, self.port, self.folder = process, port, folder
        self.token = json.loads((folder / "state" / "stepchat.json").read_text())["token"]

    def megabytes(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def wrk(server, connections, seconds, users):
    """Calls a second, median and 99th percentile in milliseconds, failures."""
    script = server.folder / "get-user.lua"
    script.write_text(SCRIPT.replace("USERS", str(users - 2)).replace("TOKEN", server.token))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script, f"http://127.0.0.1:{server.port}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])
    median, late, failed = re.search(r"FIGURES ([\d.]+) ([\d.]+) (\d+)", said).groups()
    return rate, float(median), float(late), int(failed)


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=20)


@contextlib.contextmanager
def nuisance(act, port):
    """Somebody without a credential who takes up what they can, in the background."""
    ends = threading.Event()
    thread = threading.Thread(target=act, args=(port, ends), daemon=True)
    thread.start()
    time.sleep(2)
    yield
    ends.set()
    thread.join()


def idle(port, ends):
    held = []
    for _ in range(1_000):
        try:
            held.append(connect(port))
        except OSError:
            break
    ends.wait()
    for one in held:
        one.close()


def trickle(beginning):
    def act(port, ends):
        held = []
        while not ends.wait(1):
            while len(held) < 200:
                try:
                    one = connect(port)
                    one.sendall(beginning)
                    held.append(one)
                except OSError:
                    break
            for one in list(held):
                try:
                    one.sendall(b"x")
                except OSError:
                    held.remove(one)
        for one in held:
            one.close()

    return act


def large_json(port, ends):
    body = b'{"function":"add-user","first_name":"' + b"x" * 10_000_000 + b'"}'
    head = f"POST /stepchat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    while not ends.is_set():
        try:
            with connect(port) as one:
                one.sendall(head.encode() + body)
                one.recv(1_000)
        except OSError:
            pass


NUISANCES = [
    ("1,000 idle connections", idle),
    ("200 connections whose headers come byte by byte", trickle(b"POST /stepchat HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")),
    (
        "200 connections whose bodies come byte by byte",
        trickle(
            b"POST /stepchat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: 100000\r\n\r\nfunction=get-user&x="
        ),
    ),
    ("10 MB of JSON without a token, one after the other", large_json),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, type=Path)
    parser.add_argument("--state", required=True, type=Path)
    parser.add_argument("--users", type=int, default=100_000, help="how many there are in the state folder")
    parser.add_argument("--seconds", type=int, default=8, help="of each run")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt-get install wrk")
    with tempfile.TemporaryDirectory(prefix="switchboard-load-") as folder:
        folder = Path(folder)
        state = shutil.copytree(options.state, folder / "state")
        with browser.server(options.binary.resolve(), state, subprocess.DEVNULL) as (process, port):
            page = measure(Server(process, port, folder), options)
    print(page)
    if options.write:
        before, _, _ = DOCUMENT.read_text().partition(HEADING)
        DOCUMENT.write_text(f"{before.rstrip()}\n\n{HEADING}{page}")


def measure(server, options):
    page = [
        "",
        "<!-- what follows is written by tests/load/run.py -->",
        "",
        f"`switchboard serve` (release) with {options.users:,} users, `get-user` of a user at random by `wrk`, which runs on the "
        f"same two cores: the medians of {ROUNDS} runs of each kind, in turns.",
        "",
        "| Connections | Calls a second | Median | 99th percentile | Failed | Memory afterwards |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    kinds = (1, 16, 200)
    runs = {connections: [] for connections in kinds}
    for _ in range(ROUNDS):
        for connections in kinds:
            figures = wrk(server, connections, options.seconds, options.users)
            runs[connections].append((*figures, server.megabytes()))
    for connections in kinds:
        rate, median, late, failed, memory = map(statistics.median, zip(*runs[connections], strict=True))
        page.append(f"| {connections} | {rate:,.0f} | {median:.1f} ms | {late:.1f} ms | {failed} | {memory:.0f} MB |")
    time.sleep(60)
    page += ["", f"A minute later it has {server.megabytes():.0f} MB.", "", HISTORY]
    page += [
        "What others notice, at 16 connections, while somebody without a credential does this:",
        "",
        "| Meanwhile | Calls a second | Median | 99th percentile | Failed |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    nothing = ("nothing", None)
    for name, act in [nothing, *NUISANCES, nothing]:
        with nuisance(act, server.port) if act else contextlib.nullcontext():
            rate, median, late, failed = wrk(server, 16, options.seconds, options.users)
        page.append(f"| {name} | {rate:,.0f} | {median:.1f} ms | {late:.1f} ms | {failed} |")
    return "\n".join(page) + "\n"


if __name__ == "__main__":
    main()
