#!/usr/bin/env python3
"""The console in headless Chromium: `python3 tests/console/run.py [--binary PATH] [--shots FOLDER] [--only STORIES]`."""

import argparse
import csv
import pathlib
import re
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import browser  # noqa: E402

TARGET = browser.ROOT / "target" / "console"
PACKAGES = ("playwright-core@1.65.1", "axe-core@4.14.1")
STORY_SECONDS = 900
MANY = 10_000


def address(log):
    """The console's address, which the server prints with its key."""
    limit = time.monotonic() + browser.START_SECONDS
    while time.monotonic() < limit:
        found = re.search(r"http://\S+/console/#key=[0-9a-f]+", log.read_text(errors="replace"))
        if found:
            return found.group()
        time.sleep(0.05)
    sys.exit("the server printed no address of the console")


def many_people(path):
    """A file of many people, as a stranger might have one."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["First Name", "Last Name", "Email", "Phone"])
        rows.writerows([f"Name{n % 997}", f"Family{n}", f"p{n}@many.example", f"+1777{n:07d}"] for n in range(MANY))


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--binary", type=pathlib.Path, default=browser.ROOT / "target" / "debug" / "switchboard")
    options.add_argument("--shots", type=pathlib.Path, default=TARGET / "shots", help="folder for the screenshots")
    options.add_argument("--only", default="", help="stories to tell, separated by commas")
    options = options.parse_args()
    tally, chromium = browser.Tally(), browser.chromium()
    modules = browser.node_packages(TARGET, PACKAGES)
    shots = options.shots.resolve()
    shots.mkdir(parents=True, exist_ok=True)
    log_path = TARGET / "server.log"
    with tempfile.TemporaryDirectory() as folder, log_path.open("wb") as log:
        folder = pathlib.Path(folder)
        with browser.server(options.binary, folder / "state", log) as (_, _port):
            variables = {"CONSOLE_BROWSER": chromium, "CONSOLE_SHOTS": str(shots), "CONSOLE_URL": address(log_path)}
            operate = [options.binary, "operator", "--state", folder / "state"]
            # What a colleague may be given: somebody who only looks.
            variables["CONSOLE_KEY"] = str(folder / "supervisor.json")
            key = ["key", "create", "--account", "1", "--role", "supervisor", "--out", variables["CONSOLE_KEY"]]
            subprocess.run([*operate, *key], env=browser.clean_environment(), check=True, capture_output=True)
            second = ["account", "create", "--name", "second", "--email", "second@example.com", "--currency", "EUR"]
            subprocess.run([*operate, *second], env=browser.clean_environment(), check=True, capture_output=True)
            # The same page from a folder, for a deployment that the person names.
            hosted = [options.binary, "console", "--out", folder / "hosted"]
            subprocess.run(hosted, env=browser.clean_environment(), check=True, capture_output=True)
            browser.story(tally, HERE / "story.js", STORY_SECONDS, modules, {**variables, "CONSOLE_ONLY": options.only})
        if not options.only or "many" in options.only.split(","):
            # Without a server an import writes into the file itself, which is quicker.
            many_people(folder / "many.csv")
            command = [options.binary, "import", "--state", folder / "state", "stepchat", folder / "many.csv"]
            done = subprocess.run(command, env=browser.clean_environment(), capture_output=True, text=True, check=False)
            tally.check(f"{MANY} people are imported", done.returncode == 0, done.stderr[-800:])
            log.truncate(0)
            with browser.server(options.binary, folder / "state", log):
                browser.story(tally, HERE / "many.js", 120, modules, {**variables, "CONSOLE_URL": address(log_path)})
    print(f"screenshots are in {options.shots}")
    tally.end()


if __name__ == "__main__":
    main()
