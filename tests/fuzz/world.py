"""The deployment that is fuzzed: what is in it, who may call it, and what its database holds."""

from __future__ import annotations

import http.client
import json
import sqlite3
import time
from pathlib import Path
from typing import NamedTuple, Optional

from inputs import FORM, Request, urlencoded

# In no answer, no log line and no item: what callers send as passwords.
CANARY = "C4nary!"
ANSWER_SECONDS = 20
TABLES = ("stepchat", "voximplant", "auth", "ledger")


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict
    body: bytes
    seconds: float

    def json(self):
        def once(pairs):
            names = [name for name, _ in pairs]
            if len(set(names)) != len(names):
                raise ValueError("a name twice in one object")
            return dict(pairs)

        return json.loads(self.body.decode("utf-8"), object_pairs_hook=once, parse_constant=self.no_number)

    @staticmethod
    def no_number(text):
        raise ValueError("{} is not JSON".format(text))


class World:
    """One server, its credentials and its database."""

    def __init__(self, port: int, state: Path):
        self.port = port
        self.link: Optional[http.client.HTTPConnection] = None
        self.token = json.loads((state / "stepchat.json").read_text())["token"]
        own = json.loads((state / "voximplant-apikey.json").read_text())
        self.account, self.key = str(own["account_id"]), own["api_key"]
        private = json.loads((state / "voximplant.json").read_text())["private_key"].split("\n")[2]
        files = [(state / name).read_text().strip() for name in ("token-secret", "files-secret")]
        self.secrets = [CANARY, self.key, private, *files, "$argon2"]
        self.database = sqlite3.connect("file:{}?mode=ro".format(state / "switchboard.db"), uri=True)
        self.pools = {}
        self.number = 0

    # Calls

    def send(self, request: Request) -> Answer:
        started = time.monotonic()
        try:
            answer = self.exchange(request)
        except (http.client.BadStatusLine, ConnectionResetError, BrokenPipeError):
            # The server may close an idle connection; once more on a new one, and then it counts.
            self.close()
            answer = self.exchange(request)
        status, headers, body, closes = answer
        if closes:
            self.close()
        return Answer(status, headers, body, time.monotonic() - started)

    def exchange(self, request: Request):
        if self.link is None:
            self.link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        try:
            self.link.putrequest(request.verb, request.target, skip_accept_encoding=True)
            for name, value in request.headers.items():
                self.link.putheader(name, value.encode("utf-8"))
            if request.body or request.verb == "POST":
                self.link.putheader("Content-Length", str(len(request.body)))
            self.link.endheaders(request.body or None)
            got = self.link.getresponse()
            headers = {name.lower(): value for name, value in got.getheaders()}
            return got.status, headers, got.read(), got.will_close
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        if self.link is not None:
            self.link.close()
        self.link = None

    def credentials(self, family: str) -> dict:
        if family == "stepchat":
            return {"token": self.token}
        return {"account_id": self.account, "api_key": self.key}

    def call(self, family: str, method: str, **fields):
        """A call that must succeed; its result."""
        path = {"stepchat": "/stepchat/", "voximplant": "/platform_api/"}[family] + method
        sent = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
        body = urlencoded(list({**self.credentials(family), **sent}.items())).encode()
        answer = self.send(Request("POST", path, {"Content-Type": FORM}, body)).json()
        if family == "stepchat":
            if answer["success"] is not True:
                raise AssertionError("{} {}: {}".format(method, fields, answer))
            return answer
        if "error" in answer:
            raise AssertionError("{} {}: {}".format(method, fields, answer))
        return answer

    def pages(self, family: str, method: str, **fields) -> list:
        """All rows of a list."""
        rows, cursor = [], {}
        while True:
            answer = self.call(family, method, **fields, **cursor)
            rows.extend(answer["response" if family == "stepchat" else "result"])
            if "next_cursor" not in answer:
                return rows
            cursor = {"cursor": answer["next_cursor"]}

    # What there is

    def tend(self) -> None:
        """Puts back what the fuzzer has removed, and looks at what there is."""
        users = self.all_users()
        kinds = [row["user_type"] for row in users]
        for kind in ("user", "user", "visitor", "lead", "agent", "admin", "user"):
            if kinds.count(kind) < 2:
                self.number += 1
                number = self.number
                extra = {"phone": ["+7919{:07}".format(number), "Phone"], "company": "Firma {}".format(number)}
                fields = {"user_type": kind, "extra": extra, "password": CANARY + "user"}
                fields.update(first_name="Anna {}".format(number), last_name="Иванова")
                self.call("stepchat", "add-user", **fields, email="{}{}@example.com".format(kind, number))
        self.call("stepchat", "get-bot-id")
        users = self.all_users()
        names = [text for row in users for text in (row["first_name"], row["last_name"], row["email"])]
        ids, columns = [row["id"] for row in users], ["phone", "company", "email", "first_name", "last_name"]
        self.pools.update(dict.fromkeys(("user_id", "user_ids", "users_id", "agent_id", "exclude_id"), ids))
        self.pools.update(dict.fromkeys(("email", "value"), [row["email"] for row in users if row["email"]]))
        self.pools.update(dict.fromkeys(("user_token", "login_token"), [row["token"] for row in users]))
        self.pools.update(dict.fromkeys(("slug", "by", "details"), columns))
        self.pools["search"] = [text for text in names if text]
        conversations = []
        for user in users[:20]:
            rows = self.call("stepchat", "get-user-conversations", user_id=user["id"])["response"]
            conversations.extend(row["conversation_id"] for row in rows)
        for user in users[:3] if len(conversations) < 3 else []:
            started = self.call("stepchat", "new-conversation", user_id=user["id"])["response"]["details"]["id"]
            self.call("stepchat", "send-message", user_id=user["id"], conversation_id=started, message="Привет")
            conversations.append(started)
        self.pools["conversation_id"] = conversations
        self.tend_telephony()

    def all_users(self) -> list:
        rows, page = [], 1
        while True:
            some = self.call("stepchat", "get-users", pagination=str(page))["response"]
            rows.extend(some)
            page += 1
            if len(some) < 100:
                return rows

    def tend_telephony(self) -> None:
        def account(method, **fields):
            return self.call("voximplant", method, **fields)

        applications = account("GetApplications", count="1000")["result"]
        while len(applications) < 2:
            self.number += 1
            account("AddApplication", application_name="own-{}".format(self.number))
            applications = account("GetApplications", count="1000")["result"]
        users = self.pages("voximplant", "GetUsers", count="10000")
        for _ in range(max(0, 5 - len(users))):
            self.number += 1
            application = applications[self.number % 2]["application_id"]
            names = {"user_name": "user{}".format(self.number), "user_display_name": "User {}".format(self.number)}
            fields = {"parent_accounting": self.number % 4 == 0, "user_password": CANARY + "user1"}
            account("AddUser", application_id=application, **names, **fields)
        users = self.pages("voximplant", "GetUsers", count="10000")
        skills = account("GetSkills", count="1000")["result"]
        queues = account("GetQueues", count="1000")["result"]
        for kind, found in (("Skill", skills), ("Queue", queues)):
            if len(found) < 2:
                self.number += 1
                name = "acd_queue_name" if kind == "Queue" else "skill_name"
                more = {"application_id": applications[0]["application_id"]} if kind == "Queue" else {}
                account("Add" + kind, **{name: "{} {}".format(kind, self.number)}, **more)
        self.pools.update({
            "application_id": [row["application_id"] for row in applications],
            "application_name": [row["application_name"] for row in applications],
            "phone_user_id": [row["user_id"] for row in users],
            "user_name": [row["user_name"] for row in users],
            "skill_id": [row["skill_id"] for row in skills],
            "skill_name": [row["skill_name"] for row in skills],
            "acd_queue_id": [row["acd_queue_id"] for row in queues],
            "acd_queue_name": [row["acd_queue_name"] for row in queues],
        })

    def known(self, family: str) -> dict:
        """The pools of a family: both have users, with ids of their own."""
        if family == "stepchat":
            return {name: pool for name, pool in self.pools.items() if name != "phone_user_id"}
        return {**self.pools, "user_id": self.pools["phone_user_id"]}

    # The database

    def version(self) -> int:
        """A number that changes whenever the database does."""
        return self.database.execute("PRAGMA data_version").fetchone()[0]

    def items(self) -> dict:
        """All items by table and key, but for what a refused call may change: ids may be wasted, failed logins are
        counted, and what a search would have found is announced before the change and swept when it was refused."""
        found = {}
        for table in TABLES:
            for pk, sk, item in self.database.execute('SELECT pk, sk, item_json FROM "{}"'.format(table)):
                # A key is stored with its type.
                pk, sk = pk[2:], sk[2:]
                counted = pk == "S" or table == "auth" and pk.startswith("L#")
                posted = table != "auth" and pk.startswith(("G#", "J#postings", "J#state"))
                audited = table == "ledger" and pk == "W"
                if not (counted or posted or audited):
                    found[table, pk, sk] = item
        return found
