#!/usr/bin/env python3
"""Runs the commands of README and documents as a reader would, and compares what they show: `python3 tests/docs/run.py`.

    python3 tests/docs/run.py --binary target/debug/switchboard [PAGE ...]

Each page is followed from top to bottom, in a folder of its own, beside a fresh `switchboard serve` whose state folder is
`.switchboard` there. A block of ```sh is run; lines that begin with `# ` behind a command are what it shows, `…` in
them stands for anything, and `# exit code 1` is how it ends if not well. A block that cannot be run here says why in a comment right above it: `<!-- not run: reason -->`;
one behind `<!-- file: NAME -->` is a file of that name, and one behind `<!-- the server is stopped -->` is run without it.
Standard library only.
"""

import argparse
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGES = ["README.md", "README.ru.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))]
# Where a page's server listens; its text says the ports of the default.
PORTS = {"9000": None, "9443": None}
NOT_RUN = re.compile(r"<!-- not run: (.+?) -->\s*$", re.DOTALL)
FILE = re.compile(r"<!-- file: (\S+) -->\s*$")
STOPPED = re.compile(r"<!-- the server is stopped -->\s*$")
END = "=== end of a step:"


class Fault(Exception):
    """What a page says and what happens differ."""


def blocks(text):
    """The blocks of a page in its order: (line, language, what stands right above it, lines)."""
    above, block, found = "", None, []
    for number, line in enumerate(text.splitlines(), 1):
        fence = re.match(r"\s*```(\w*)\s*$", line)
        if block is None and fence:
            block = (number, fence[1], above, [])
        elif block is not None and fence:
            found.append(block)
            block, above = None, ""
        elif block is not None:
            block[3].append(line)
        elif line.strip():
            above = f"{above}\n{line}" if above else line
        elif above and not above.rstrip().endswith("-->"):
            above = ""
    return found


def steps(lines):
    """The commands of a block, each with what it shows: (commands, lines shown)."""
    commands, shown, found = [], [], []
    for line in lines:
        if line.startswith("# ") and commands:
            shown.append(line[2:])
            continue
        if shown:
            found.append((commands, shown))
            commands, shown = [], []
        commands.append(line)
    found.append((commands, shown))
    return [(commands, shown) for commands, shown in found if any(line.strip() for line in commands)]


def is_like(shown, said):
    """Whether what was said is what is shown; `…` is anything."""
    pattern = ".*?".join(re.escape(part) for part in "\n".join(shown).split("…"))
    return re.fullmatch(pattern, said.strip(), re.DOTALL) is not None


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


class Place:
    """A folder with a running server, and the shell of somebody who follows a page there."""

    def __init__(self, binary):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="switchboard-docs-"))
        self.ports = {port: free_port() for port in PORTS}
        tools = self.folder / ".tools"
        tools.mkdir()
        (tools / "switchboard").symlink_to(binary)
        # A user's mistake is no defect, whatever this says.
        env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "RUST_BACKTRACE": "1", "TZ": "UTC"}
        self.server = subprocess.Popen(
            [binary, "serve", "--listen", f"127.0.0.1:{self.ports['9000']}", "--https", f"127.0.0.1:{self.ports['9443']}"],
            cwd=self.folder, env=env, stdout=subprocess.DEVNULL, stderr=open(tools / "log", "w"),
        )
        until = time.monotonic() + 60
        while not (self.folder / ".switchboard/voximplant-apikey.json").exists() or not self.answers():
            if self.server.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"the server does not start: {(tools / 'log').read_text()}")
            time.sleep(0.05)
        self.shell = subprocess.Popen(
            ["bash"], cwd=self.folder, env=env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )

    def answers(self):
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", int(self.ports["9000"]))) == 0

    def local(self, text):
        for said, real in self.ports.items():
            text = text.replace(f"127.0.0.1:{said}", f"127.0.0.1:{real}").replace(f"localhost:{said}", f"localhost:{real}")
        return text

    def run(self, commands):
        """What the commands say, and their exit code."""
        script = self.local("\n".join(commands))
        self.shell.stdin.write(f"{script}\nended=$?; echo; echo '{END}' $ended\n")
        self.shell.stdin.flush()
        said = []
        for line in self.shell.stdout:
            if line.startswith(END):
                return "".join(said).removesuffix("\n"), int(line.split()[-1])
            said.append(line)
        raise Fault("the shell has ended")

    def stop_server(self):
        self.server.terminate()
        self.server.wait()

    def close(self):
        self.shell.terminate()
        self.shell.wait()
        self.stop_server()
        shutil.rmtree(self.folder)


def follow(page, binary):
    """Follows one page; how many steps were run."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = blocks(text)
    runnable = []
    for number, language, above, lines in found:
        why_not, name = NOT_RUN.search(above), FILE.search(above)
        if language == "sh" and not why_not or name:
            runnable.append((number, name and name[1], STOPPED.search(above), lines))
        elif language in ("bash", "shell", "console"):
            raise Fault(f"{page}:{number}: commands stand in ```sh, so that they are run")
    if not runnable:
        return 0
    place, count = Place(binary), 0
    try:
        for number, name, stopped, lines in runnable:
            if stopped:
                place.stop_server()
            if name:
                (place.folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
                continue
            for commands, shown in steps(lines):
                said, code = place.run(commands)
                here = f"{page}:{number}: `{' '.join(commands).strip()}`"
                expected = int(shown.pop().split()[-1]) if shown and shown[-1].startswith("exit code ") else 0
                if code != expected:
                    raise Fault(f"{here} ends with {code}, not {expected}, and says\n{said}")
                if shown and not is_like([place.local(line) for line in shown], said):
                    raise Fault(f"{here} shows\n{said}\nand the page says\n" + "\n".join(shown))
                count += 1
    finally:
        place.close()
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, required=True, metavar="PATH", help="the switchboard to follow them with")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="these alone")
    arguments = parser.parse_args()
    passed = failed = 0
    for page in arguments.pages or PAGES:
        try:
            count = follow(page, arguments.binary.resolve())
            if count:
                print(f"ok    {page}: {count} steps", flush=True)
            passed += count
        except Fault as fault:
            failed += 1
            print(f"FAIL  {fault}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
