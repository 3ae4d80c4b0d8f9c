#!/usr/bin/env python3
"""Checks that `cargo lambda watch` serves one method of each family on the paths API Gateway has.

    python3 tests/watch/run.py

Installs cargo-lambda from PyPI into target/watch/ unless it is on the PATH, starts `switchboard serve` with its embedded
database offered over HTTP, and `cargo lambda watch` beside it. Standard library only.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "target" / "watch"
VERSION = "1.9.2"
# The first request of a function compiles it.
PATIENCE = 1200


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cargo_lambda():
    """The folder that holds the cargo-lambda program; empty if it is on the PATH already."""
    if shutil.which("cargo-lambda"):
        return ""
    home = TARGET / f"venv-{VERSION}"
    if not (home / "installed").exists():
        print(f"installing cargo-lambda {VERSION}", flush=True)
        venv.create(home, with_pip=True, clear=True)
        pip = [home / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, f"cargo-lambda=={VERSION}"], check=True)
        (home / "installed").touch()
    return str(home / "bin")


def wait_for_port(port, process, what):
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        if process.poll() is not None:
            sys.exit(f"{what} stopped with code {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    sys.exit(f"{what} did not start")


def post(url, fields):
    data = urllib.parse.urlencode(fields).encode()
    with urllib.request.urlopen(url, data=data, timeout=PATIENCE) as answer:
        return json.loads(answer.read())


def main():
    # The watcher is in no group of ours: who stops this stops it too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    path = cargo_lambda()
    # By its name alone: with the features of the whole workspace, so that what `cargo test` has built is not built again.
    subprocess.run(["cargo", "build", "--bin", "switchboard"], cwd=ROOT, check=True)
    TARGET.mkdir(parents=True, exist_ok=True)
    passed = failed = 0
    processes = []
    with tempfile.TemporaryDirectory() as folder, open(TARGET / "watch.log", "w", encoding="utf-8") as log:
        state = pathlib.Path(folder)
        http, https, database, watch = (free_port() for _ in range(4))
        try:
            serve = subprocess.Popen(
                [ROOT / "target/debug/switchboard", "serve", "--memory", "--state", state]
                + ["--listen", f"127.0.0.1:{http}", "--https", f"127.0.0.1:{https}"]
                + ["--database", f"127.0.0.1:{database}"],
                stdout=log,
                stderr=log,
            )
            processes.append(serve)
            wait_for_port(http, serve, "switchboard serve")
            environment = dict(
                os.environ,
                PATH=os.pathsep.join(filter(None, [path, os.environ["PATH"]])),
                AWS_ENDPOINT_URL_DYNAMODB=f"http://127.0.0.1:{database}",
                AWS_REGION="eu-central-1",
                SWITCHBOARD_TOKEN_SECRET=(state / "token-secret").read_text(),
            )
            watcher = subprocess.Popen(
                ["cargo", "lambda", "watch", "--ignore-changes", "--invoke-port", str(watch)],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            processes.append(watcher)
            wait_for_port(watch, watcher, "cargo lambda watch")
            stepchat = json.loads((state / "stepchat.json").read_text())
            key = json.loads((state / "voximplant-apikey.json").read_text())
            account = {"account_id": key["account_id"], "api_key": key["api_key"]}
            # One after another: simultaneous first requests have been reported to dead-lock.
            for url, fields in [
                ("/stepchat/count-users", {"token": stepchat["token"]}),
                ("/platform_api/GetAccountInfo", account),
                ("/platform_api/GetAccountInfo/", account),
            ]:
                watched, served = (post(f"http://127.0.0.1:{port}{url}", fields) for port in (watch, http))
                for answer in (watched, served):
                    answer.pop("api_address", None)
                if watched == served:
                    passed += 1
                    print(f"ok   {url}", flush=True)
                else:
                    failed += 1
                    print(f"FAIL {url}: {watched} instead of {served}", flush=True)
        except Exception as error:
            failed += 1
            print(f"FAIL {type(error).__name__}: {error}")
        finally:
            for process in reversed(processes):
                if process.poll() is None:
                    # The watcher has children of its own.
                    if process is not processes[0]:
                        os.killpg(process.pid, 15)
                    process.terminate()
            for process in processes:
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    process.kill()
    if failed:
        print((TARGET / "watch.log").read_text(encoding="utf-8")[-4000:])
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
