"""What the tests in a real browser share: Chromium, its driver, a fresh `switchboard serve`. Standard library only."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
START_SECONDS = 30


class Tally:
    """Counts checks, and prints each."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, label, good, detail=""):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        print("{}  {}{}".format("ok  " if good else "FAIL", label, "" if good else f" | {detail}"), flush=True)

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(1 if self.failed else 0)


def chromium():
    """A Chromium of the system, installed if that is possible."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if not found and os.geteuid() == 0 and shutil.which("apt-get"):
        print("installing chromium", flush=True)
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        # Two test programs may come here at the same time: the second waits for the first.
        wait = ("-o", "DPkg::Lock::Timeout=300")
        for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core"]):
            subprocess.run(["apt-get", *wait, *words], env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found = next(filter(None, map(shutil.which, names)), None)
    return found or sys.exit("no Chromium: install one")


def node_packages(folder, packages):
    """Installs exact versions of npm packages below `folder` once; where Node finds them."""
    stamp, wanted = folder / "installed", " ".join(packages)
    if not (stamp.is_file() and stamp.read_text() == wanted):
        print(f"installing {wanted}", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}\n')
        npm = ["npm", "install", "--save-exact", "--no-audit", "--no-fund", "--loglevel=error", *packages]
        subprocess.run(npm, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        stamp.write_text(wanted)
    return folder / "node_modules"


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def clean_environment():
    """The environment without anything that would lead a server elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SWITCHBOARD_"))}


def wait_for(port, process):
    """Waits until a server listens on the port."""
    limit = time.monotonic() + START_SECONDS
    while time.monotonic() < limit:
        if process.poll() is not None:
            sys.exit(f"switchboard serve stopped with code {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit("switchboard serve did not start")


@contextlib.contextmanager
def server(binary, state, log, *words):
    """A `switchboard serve` of its own: the process and its HTTP port. It ends with the block."""
    port, secure = free_port(), free_port()
    command = [binary, "serve", "--state", state, "--listen", f"127.0.0.1:{port}", "--https", f"127.0.0.1:{secure}", *words]
    process = subprocess.Popen(command, env=clean_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_for(port, process)
        yield process, port
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()


def story(tally, script, seconds, modules, variables):
    """Runs a story for the browser, which prints one JSON list [good, label, detail] a check."""
    env = dict(clean_environment(), NODE_PATH=str(modules), **variables)
    told = subprocess.Popen(["node", script], env=env, stdout=subprocess.PIPE, text=True)
    killer = threading.Timer(seconds, told.kill)
    killer.start()
    for line in told.stdout:
        good, label, detail = json.loads(line)
        tally.check(label, good, detail)
    killer.cancel()
    tally.check("the browser's story ends", told.wait() == 0, f"code {told.returncode}")
