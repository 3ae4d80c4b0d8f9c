#!/usr/bin/env python3
"""Unmodified published clients against a real server: `python3 tests/clients/run.py [--binary PATH] [--only NAME]`.

Installs the clients below `target/clients/`, starts `switchboard serve` with a fresh state, lets each story call it,
prints one line per check and at the end `N passed, N failed`. See README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple, Optional

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
CLIENTS = TARGET / "clients"

START_SECONDS = 30
STOP_SECONDS = 10
STORY_SECONDS = 60
# What `serve` leaves in its state folder for clients.
STATE_FILES = ("stepchat.json", "voximplant.json", "voximplant-apikey.json", "ca.pem")
# A caller's own settings that would lead a client elsewhere.
UNWANTED = (
    "VOXIMPLANT_CREDENTIALS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS", "NODE_TLS_REJECT_UNAUTHORIZED", "NODE_PATH", "NODE_OPTIONS", "PYTHONPATH", "PYTHONHOME",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy",
)


class Story(NamedTuple):
    name: str
    script: str
    kind: str  # what runs it: "pip" (a venv's Python), "npm" (node), "" (this Python)
    version: str = ""
    packages: tuple = ()


STORIES = [
    Story("python-2.12.0", "python_story.py", "pip", "2.12.0", ("voximplant-apiclient==2.12.0",)),
    # 1.x signs tokens with a numeric `iss`, which PyJWT refuses from 2.11 on.
    Story("python-1.15.0", "python_story.py", "pip", "1.15.0", ("voximplant-apiclient==1.15.0", "pyjwt<2.11")),
    Story("node-4.11.0", "node_story.js", "npm", "4.11.0", ("@voximplant/apiclient-nodejs@4.11.0",)),
    Story("node-2.5.0", "node_story.js", "npm", "2.5.0", ("@voximplant/apiclient-nodejs@2.5.0",)),
    Story("apikey-0.0.5", "apikey_story.py", "pip", "0.0.5", ("voximplant-client==0.0.5",)),
    Story("stepchat", "stepchat_story.py", ""),
    Story("passwords", "passwords_story.py", "pip", "", ("passlib==1.7.4",)),
]


class Tally:
    """Prints and counts checks."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, who: str, label: str, good: bool, detail: str = "") -> bool:
        if good:
            self.passed += 1
        else:
            self.failed += 1
        line = "{}  {:<13}  {}".format("ok  " if good else "FAIL", who, label)
        print(line if good or not detail else "{} | {}".format(line, detail), flush=True)
        return good


def ends(text: str, each: int = 20) -> str:
    """The beginning and the end of an output: the cause of a failure may stand at either."""
    lines = text.strip().splitlines()
    if len(lines) > 2 * each:
        lines[each:-each] = ["… {} lines …".format(len(lines) - 2 * each)]
    return "\n".join("      " + line for line in lines)


# Clients

def install(story: Story) -> Path:
    """Installs a story's client in a folder of its own, unless a stamp says that this was done already."""
    folder = CLIENTS / story.name
    stamp = folder / "installed"
    # A venv belongs to one Python.
    python = "python {}.{}".format(*sys.version_info[:2])
    wanted = "\n".join([python if story.kind == "pip" else story.kind, *story.packages, ""])
    cached = stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted
    print("installing {}{}".format(" ".join(story.packages), " (cached)" if cached else ""), flush=True)
    if cached:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if story.kind == "pip":
        command(sys.executable, "-m", "venv", str(folder))
        pip = (str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet", "install")
        command(*pip, *story.packages)
    else:
        # A manifest of its own keeps npm from looking for one in the folders above.
        (folder / "package.json").write_text('{"private": true}\n', encoding="utf-8")
        npm = ("npm", "install", "--save-exact", "--no-audit", "--no-fund", "--loglevel=error")
        command(*npm, *story.packages, cwd=folder)
    stamp.write_text(wanted, encoding="utf-8")
    return folder


def php() -> None:
    """Sees to it that there is a PHP of the system, whose password hashes people bring along."""
    if shutil.which("php"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Problem("no PHP: install php-cli")
    print("installing php-cli", flush=True)
    # Two test programs may come here at the same time: the second waits for the first.
    wait = ("-o", "DPkg::Lock::Timeout=300")
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    command("apt-get", *wait, "update", "-qq")
    command("apt-get", *wait, "install", "-y", "-qq", "--no-install-recommends", "php-cli")


def command(*words: str, cwd: Optional[Path] = None) -> None:
    """Runs a program; what it said is shown only if it failed."""
    try:
        done = subprocess.run(words, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError:
        raise Problem("{} is not installed".format(words[0])) from None
    if done.returncode != 0:
        raise Problem("{} failed:\n{}".format(" ".join(words), ends(done.stdout)))


class Problem(Exception):
    """Something that is not the server's fault."""


# The server

class Server:
    """`switchboard serve` on free ports with an empty state."""

    def __init__(self, binary: Path, state: Path):
        self.state, self.binary = state, binary
        self.http, self.https = free_ports(2)
        CLIENTS.mkdir(parents=True, exist_ok=True)
        self.log = CLIENTS / "server.log"
        words = [
            str(binary), "serve", "--listen", "127.0.0.1:{}".format(self.http),
            "--https", "127.0.0.1:{}".format(self.https), "--state", str(state), "--memory",
        ]
        # Whatever the caller has set up for AWS or for a deployment of its own, this server keeps to itself.
        env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SWITCHBOARD_"))}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                words, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def said(self) -> str:
        return ends(self.log.read_text(encoding="utf-8", errors="replace"))

    def wait(self) -> Optional[str]:
        """Waits until both ports accept and the state files are there; otherwise says what is missing."""
        missing = None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                return "it ended with code {}".format(self.process.returncode)
            missing = self.missing()
            if not missing:
                return None
            time.sleep(0.1)
        return "after {} s there is still no {}".format(START_SECONDS, ", ".join(missing))

    def missing(self) -> list:
        ports = ["port " + name for name, port in (("http", self.http), ("https", self.https)) if not accepts(port)]
        return ports + [name for name in STATE_FILES if not readable(self.state / name)]

    def stop(self) -> tuple:
        """Asks it to end. Whether it did so well, and what happened otherwise."""
        if self.process.poll() is not None:
            return False, "it had already ended with code {}".format(self.process.returncode)
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return False, "it was still running after {} s".format(STOP_SECONDS)
        return code == 0, "it ended with code {}".format(code)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def free_ports(count: int) -> list:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def readable(path: Path) -> bool:
    """There, and written to its end."""
    try:
        text = path.read_text(encoding="utf-8")
        return bool(json.loads(text)) if path.suffix == ".json" else "END CERTIFICATE" in text
    except (OSError, ValueError):
        return False


# Stories

def environment(story: Story, folder: Optional[Path], server: Server) -> dict:
    env = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    ca = str(server.state / "ca.pem")
    env.update(
        SWITCHBOARD_STATE=str(server.state),
        SWITCHBOARD_BINARY=str(server.binary),
        SWITCHBOARD_HTTP="http://127.0.0.1:{}".format(server.http),
        SWITCHBOARD_HTTPS_HOST="localhost:{}".format(server.https),
        SWITCHBOARD_HTTPS_ADDRESS="127.0.0.1:{}".format(server.https),
        SWITCHBOARD_STORY=story.name,
        SWITCHBOARD_CLIENT_VERSION=story.version,
        PYTHONUNBUFFERED="1",  # a story that hangs still shows how far it came
        PYTHONDONTWRITEBYTECODE="1",
        PYTHONIOENCODING="utf-8",
        REQUESTS_CA_BUNDLE=ca,
        NODE_EXTRA_CA_CERTS=ca,
        # The server listens on IPv4; some versions of Node would try "localhost" on IPv6 only.
        NODE_OPTIONS="--dns-result-order=ipv4first",
    )
    if story.kind == "npm":
        env["NODE_PATH"] = str(folder / "node_modules")
    return env


def tell(story: Story, folder: Optional[Path], server: Server, tally: Tally) -> None:
    """Runs a story and counts its checks. One that does not come to its end has failed, whatever it checked before."""
    program = {"pip": folder and folder / "bin" / "python", "npm": "node", "": sys.executable}[story.kind]
    late = False
    process = subprocess.Popen(
        [str(program), str(HERE / story.script)], env=environment(story, folder, server), cwd=HERE,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        errors="replace",
    )
    try:
        out, err = process.communicate(timeout=STORY_SECONDS)
    except subprocess.TimeoutExpired:
        late = True
        process.kill()
        out, err = process.communicate()
    except BaseException:
        process.kill()
        raise
    failed_before = tally.failed
    lines = out.splitlines()
    for line in lines:
        result, _, label = line.partition(" ")
        if result in ("PASS", "FAIL"):
            tally.check(story.name, label, result == "PASS")
        elif line != "END":
            print("      " + line)
    if late:
        detail = "not finished after {} s".format(STORY_SECONDS)
    else:
        detail = "ended with code {}".format(process.returncode)
    tally.check(story.name, "came to its end", not late and process.returncode == 0 and lines[-1:] == ["END"], detail)
    if tally.failed > failed_before and err.strip():
        print(ends(err))


def chosen(names: Optional[list]) -> list:
    """The stories of these names; the beginning of a name stands for all that begin so."""
    stories = [story for story in STORIES if not names or any(story.name.startswith(name) for name in names)]
    if not stories:
        known = ", ".join(story.name for story in STORIES)
        sys.exit("no story of this name; there are {}".format(known))
    return stories


def build() -> Path:
    print("building switchboard", flush=True)
    try:
        if subprocess.run(["cargo", "build", "--bin", "switchboard"], cwd=ROOT).returncode != 0:
            raise Problem("cargo build failed")
    except FileNotFoundError:
        raise Problem("cargo is not installed") from None
    return TARGET / "debug" / "switchboard"


def perform(arguments: argparse.Namespace, tally: Tally) -> None:
    folders = {}
    for story in chosen(arguments.only):
        try:
            if story.name == "passwords":
                php()
            folders[story] = install(story) if story.kind else None
        except Problem as problem:
            tally.check(story.name, "client installed", False, str(problem))
    try:
        binary = arguments.binary.resolve() if arguments.binary else build()
        if not os.access(binary, os.X_OK):
            raise Problem("there is no program {}".format(arguments.binary or binary.name))
    except Problem as problem:
        tally.check("server", "built", False, str(problem))
        return
    with tempfile.TemporaryDirectory(prefix="switchboard-") as state:
        server = Server(binary, Path(state))
        try:
            problem = server.wait()
            if not tally.check("server", "ready", problem is None, problem or ""):
                print(server.said())
                return
            for story, folder in folders.items():
                tell(story, folder, server, tally)
                if server.process.poll() is not None:
                    break
            graceful, detail = server.stop()
            if not tally.check("server", "graceful stop", graceful, detail):
                print(server.said())
        finally:
            server.kill()
    if tally.failed:
        print("the server's log: {}".format(os.path.relpath(server.log)))


def main() -> None:
    parser = argparse.ArgumentParser(description="Unmodified published clients against a real server.")
    parser.add_argument("--binary", type=Path, metavar="PATH", help="the server to test; default: built with cargo")
    parser.add_argument("--only", action="append", metavar="NAME", help="only the stories whose name begins so")
    arguments = parser.parse_args()
    tally = Tally()
    perform(arguments, tally)
    print("{} passed, {} failed".format(tally.passed, tally.failed))
    sys.exit(1 if tally.failed else 0)


if __name__ == "__main__":
    main()
