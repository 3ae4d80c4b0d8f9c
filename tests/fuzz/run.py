#!/usr/bin/env python3
"""Schema-driven fuzzing of a real server: `python3 tests/fuzz/run.py [--binary PATH] [--seed N] [--cases N]`.

See README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "fuzz"
VALIDATOR = "jsonschema-rs==0.60.3"
START_SECONDS = 30
STOP_SECONDS = 10
AUDIT_SECONDS = 60
# What callers send as passwords, wherever a field is called so.
CANARY = "C4nary!"


class Tally:
    """Prints and counts checks."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, label: str, good: bool, detail: str = "") -> bool:
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        line = "{}  {}".format("ok  " if good else "FAIL", label)
        print(line if good or not detail else "{} | {}".format(line, detail), flush=True)
        return good


def python() -> Path:
    """The Python of a venv that has the validator of schemas."""
    stamp, program = TARGET / "installed", TARGET / "venv" / "bin" / "python"
    wanted = "python {}.{} {}\n".format(*sys.version_info[:2], VALIDATOR)
    if not (stamp.is_file() and stamp.read_text() == wanted):
        print("installing {}".format(VALIDATOR), flush=True)
        TARGET.mkdir(parents=True, exist_ok=True)
        venv.create(TARGET / "venv", clear=True, with_pip=True)
        pip = [program, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, "install", VALIDATOR], check=True)
        stamp.write_text(wanted)
    return program


def build() -> Path:
    print("building switchboard", flush=True)
    subprocess.run(["cargo", "build", "-p", "switchboard"], cwd=ROOT, check=True)
    return TARGET.parent / "debug" / "switchboard"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ready(port: int, process: subprocess.Popen) -> bool:
    """The port opens once everything that clients need is there."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            time.sleep(0.1)
    return False


def perform(arguments: argparse.Namespace, tally: Tally) -> None:
    program = python()
    binary = arguments.binary.resolve() if arguments.binary else build()
    # Whatever the caller has set up for AWS or for a deployment of its own, this server keeps to itself.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SWITCHBOARD_"))}
    log = TARGET / "server.log"
    with tempfile.TemporaryDirectory(prefix="switchboard-") as state, open(log, "wb") as said:
        port, https = free_port(), free_port()
        listen = ["--listen", "127.0.0.1:{}".format(port), "--https", "127.0.0.1:{}".format(https)]
        words = [binary, "serve", *listen, "--state", state]
        process = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
        try:
            if not tally.check("the server is ready", ready(port, process)):
                return
            fuzz = [program, HERE / "fuzzer.py", "--port", str(port), "--state", state]
            fuzz += ["--seed", str(arguments.seed), "--cases", str(arguments.cases)]
            fuzz += [*("--only={}".format(name) for name in arguments.only), *["--verbose"] * arguments.verbose]
            fuzzed = subprocess.run(fuzz, env=dict(env, PYTHONDONTWRITEBYTECODE="1"))
            tally.check("every answer is as it should be", fuzzed.returncode == 0)
            tally.check("the server is still there", process.poll() is None)
            process.send_signal(signal.SIGTERM)
            tally.check("it stops when it is asked to", process.wait(STOP_SECONDS) == 0)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        audit = subprocess.run(
            [binary, "operator", "--state", state, "ledger", "audit"], env=env, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=AUDIT_SECONDS,
        )
        tally.check("the ledger's audit finds nothing", audit.returncode == 0, audit.stdout[-500:])
        own = {"voximplant-apikey.json": "api_key", "stepchat.json": "token"}
        secrets = [CANARY, *(json.loads(Path(state, file).read_text())[name] for file, name in own.items())]
    # Above the first log line is the greeting, which shows the operator's own credentials.
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.startswith("{")]
    faults = [line for line in lines if '"cause":"panic"' in line or '"faults":1' in line]
    tally.check("no panic and no fault in the log", not faults, "\n".join(faults[:3])[:2_000])
    told = [line for line in lines if any(secret in line for secret in secrets)]
    tally.check("no secret in the log", not told, "\n".join(told[:3])[:2_000])
    if tally.failed:
        print("the server's log: {}".format(os.path.relpath(log)))


def main() -> None:
    parser = argparse.ArgumentParser(description="Schema-driven fuzzing of a real server.")
    parser.add_argument("--binary", type=Path, metavar="PATH", help="the server to test; default: built with cargo")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed, the same requests; default: 1")
    parser.add_argument("--cases", type=int, default=2_000, metavar="N", help="how many requests; default: 2000")
    parser.add_argument("--only", action="append", default=[], metavar="METHOD", help="only these methods")
    parser.add_argument("--verbose", action="store_true", help="also what was slow, and what only schemas allow")
    arguments = parser.parse_args()
    tally = Tally()
    perform(arguments, tally)
    print("{} passed, {} failed".format(tally.passed, tally.failed))
    sys.exit(1 if tally.failed else 0)


if __name__ == "__main__":
    main()
