#!/usr/bin/env python3
"""The reference page in headless Chromium: `python3 tests/page/run.py [--binary PATH] [--shots FOLDER]`. See README.md."""

import argparse
import functools
import http.client
import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import browser  # noqa: E402

TARGET = browser.ROOT / "target" / "page"
PACKAGES = ("playwright-core@1.65.1", "axe-core@4.14.1")
STORY_SECONDS = 600


def ask(port, path, headers, encoding=None):
    """One request with exactly these headers: status, headers, body."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    link.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        link.putheader(name, value)
    if encoding:
        link.putheader("Accept-Encoding", encoding)
    link.endheaders()
    answer = link.getresponse()
    return answer.status, answer.headers, answer.read()


def as_nobody(call):
    """What a call returns when another user makes it; a number, 0 if it fails."""
    inner, outer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            os.write(outer, str(call()).encode())
        finally:
            os._exit(0)
    os.close(outer)
    os.waitpid(child, 0)
    with os.fdopen(inner) as answer:
        return int(answer.read() or 0)


def printed_key(log):
    """The key in the address that the server has printed."""
    return re.search(r"/#key=([0-9a-f]+)", log.read_text(errors="replace")).group(1)


def guarded(tally, port, secrets, key):
    """The page's headers, and who is told the credentials."""
    host = f"127.0.0.1:{port}"
    own = {"Host": host, "X-Switchboard-Page": key, "Sec-Fetch-Site": "same-origin"}
    status, headers, page = ask(port, "/", {"Host": host})
    policy = headers["Content-Security-Policy"]
    tally.check("/ is a page with a strict policy and no frame around it",
                status == 200 and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
                and "script-src 'self';" in policy and headers["X-Frame-Options"] == "DENY"
                and headers["X-Content-Type-Options"] == "nosniff", headers)
    tally.check("the page itself holds no credential", not any(secret.encode() in page for secret in secrets))
    viewer = "/reference/rapidoc/rapidoc-min.js"
    _, packed_headers, packed = ask(port, viewer, {"Host": host}, "gzip, br")
    _, plain_headers, plain = ask(port, viewer, {"Host": host})
    tally.check("the viewer travels packed, and plain to those who cannot unpack",
                packed_headers["Content-Encoding"] == "gzip" and plain_headers["Content-Encoding"] is None
                and len(packed) * 3 < len(plain) and b"RapiDoc" in plain, (len(packed), len(plain)))
    status, headers, body = ask(port, "/reference/credentials", own)
    tally.check("the page on this machine is told the credentials",
                status == 200 and all(secret.encode() in body for secret in secrets)
                and headers["Access-Control-Allow-Origin"] is None and headers["Cache-Control"] == "no-store", (status, body))
    strangers = {
        "another name of this machine (DNS rebinding)": {"Host": f"rebound.example:{port}"},
        "another site": {"Sec-Fetch-Site": "cross-site"},
        "another port of this machine": {"Sec-Fetch-Site": "same-site"},
        "another origin": {"Origin": "http://evil.example"},
        "a tunnel": {"X-Forwarded-For": "203.0.113.7"},
        "an address bar": {"Sec-Fetch-Site": "none"},
        "who does not know the printed address": {"X-Switchboard-Page": "1"},
    }
    for who, header in strangers.items():
        status, _, body = ask(port, "/reference/credentials", {**own, **header})
        tally.check(f"{who} is not told the credentials",
                    status == 403 and not any(secret.encode() in body for secret in secrets), (status, body))
    status, _, _ = ask(port, "/reference/credentials", {"Host": host})
    tally.check("a call without the page's header is not told the credentials", status == 403, status)
    if sys.platform == "linux" and os.geteuid() == 0:
        status = as_nobody(lambda: ask(port, "/reference/credentials", own)[0])
        tally.check("another user of this machine is not told the credentials", status == 403, status)
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    link.request("OPTIONS", "/reference/credentials", headers={
        "Origin": "http://evil.example", "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "x-switchboard-page"})
    answer = link.getresponse()
    tally.check("no other origin may send the page's header", answer.headers["Access-Control-Allow-Origin"] is None)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def web_host(folder):
    """Any web host: its port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def resident(process):
    """The memory a process holds, in kB; 0 where the system does not tell."""
    try:
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")), 0)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--binary", type=pathlib.Path, default=browser.ROOT / "target" / "debug" / "switchboard")
    options.add_argument("--shots", type=pathlib.Path, default=TARGET / "shots", help="folder for the screenshots")
    options = options.parse_args()
    tally, chromium, modules = browser.Tally(), browser.chromium(), browser.node_packages(TARGET, PACKAGES)
    shots = options.shots.resolve()
    shots.mkdir(parents=True, exist_ok=True)
    env = browser.clean_environment()
    with tempfile.TemporaryDirectory() as folder, open(TARGET / "server.log", "wb") as log:
        folder = pathlib.Path(folder)
        state, static, profile = folder / "state", folder / "static", folder / "profile"
        with browser.server(options.binary, state, log, "--memory") as (server, port):
            before = resident(server)
            token = json.loads((state / "stepchat.json").read_text())["token"]
            key = json.loads((state / "voximplant-apikey.json").read_text())["api_key"]
            page_key = printed_key(TARGET / "server.log")
            guarded(tally, port, (token, key), page_key)
            subprocess.run([options.binary, "docs", "--out", static], env=env, check=True, stdout=subprocess.DEVNULL)
            texts = [path.read_bytes() for path in static.rglob("*") if path.is_file()]
            tally.check("the static folder holds no credential",
                        len(texts) >= 9 and not any(secret.encode() in text for text in texts for secret in (token, key)))
            wrong = subprocess.run([options.binary, "docs", "--out", folder / "no", "--server", 'https://a"><script>'],
                                   env=env, capture_output=True)
            tally.check("a server that is no address is refused, and nothing is written",
                        wrong.returncode != 0 and not (folder / "no").exists(), wrong)
            browser.story(tally, HERE / "story.js", STORY_SECONDS, modules, {
                "PAGE_BROWSER": chromium, "PAGE_SHOTS": str(shots), "PAGE_PROFILE": str(profile),
                "PAGE_URL": f"http://127.0.0.1:{port}", "PAGE_STATIC": f"http://127.0.0.1:{web_host(static)}",
                "PAGE_TOKEN": token, "PAGE_KEY": key, "PAGE_PRINTED": page_key})
            print(f"memory of the server: {before} kB before the page was read, {resident(server)} kB after")
        text = (TARGET / "server.log").read_text(errors="replace")
        tally.check("the server has logged no credential beyond its greeting",
                    token not in text.split("{", 1)[-1] and text.count(key) <= 1, "see target/page/server.log")
    print(f"screenshots are in {options.shots}")
    tally.end()


if __name__ == "__main__":
    main()
