"""The fuzzer: what is sent, and what must hold of every answer. Runs in the venv that `run.py` makes."""

from __future__ import annotations

import argparse
import collections
import copy
import json
import random
import sys
from pathlib import Path

import jsonschema_rs

import inputs
from world import CANARY, World

ROOT = Path(__file__).resolve().parent.parent.parent
# Locally the slowest take a second; a busy machine takes its time.
SLOW_SECONDS = 10.0
SHOWN_FAULTS = 40
# Where everything of a family is called, besides each method's own path.
DOORS = {"stepchat": ["/stepchat", "/include/api.php"], "voximplant": ["/platform_api", "/platform_api/"]}
SELECTOR = {"stepchat": "function", "voximplant": "cmd"}
# Answers that stand for a defect or for a database in trouble: no input may cause them.
DEFECTS = {"internal-error", "db-error", "timeout", "too-many-requests", 2, 4, 340}
# Codes for a value that is not of the form the method wants.
MALFORMED = {"invalid-argument", "invalid-request", 101, 496}
# Methods that change something without an idempotency key.
CHANGING = {"login", "logout", "update-login", "update-users-last-activity"}
# How often what says whom a command is about is sent although it is not required.
PARTNERS = {"user_id": 0.7, "skill_id": 0.6, "acd_queue_id": 0.6, "application_id": 0.2}
# Their answers differ by the moment.
MOMENTARY = {"csv-users", "get-avatar", "get-online-users", "GetAccountInfo"}


def prefers_json(accept):
    """Whether JSON's own type is named, and a browser's is not; a weight of zero is a name taken back."""
    named = set()
    for part in accept.split(","):
        name, *parameters = [piece.strip() for piece in part.split(";")]
        if not any(parameter.replace(" ", "").lower() in ("q=0", "q=0.0", "q=0.00", "q=0.000") for parameter in parameters):
            named.add(name.lower())
    return "application/json" in named and "text/html" not in named


class Operation:
    """A method, as the family's OpenAPI document describes it."""

    def __init__(self, family: str, path: str, described: dict, document: dict):
        self.family, self.path, self.name = family, path, described["operationId"]
        self.schemas = document["components"]["schemas"]
        body = described["requestBody"]["content"]["application/json"]["schema"]
        self.request = self.schemas[body["$ref"].rsplit("/", 1)[1]]
        self.writes = bool(described.get("parameters")) or self.name in CHANGING
        answers = described["responses"]["200"]["content"]["application/json"]["schema"]["anyOf"]
        results = [answer for answer in answers if not answer["$ref"].endswith(("/Refusal", "/ApiError", "/Failure"))]
        refusals = [answer for answer in answers if answer not in results]
        self.result, self.refusal = (self.validator(schemas, document) for schemas in (results, refusals))
        self.allows = self.validator([body], document)

    @staticmethod
    def validator(schemas: list, document: dict):
        components = {"schemas": {name: closed(schema) for name, schema in document["components"]["schemas"].items()}}
        return jsonschema_rs.Draft202012Validator({"anyOf": copy.deepcopy(schemas), "components": components})

    @property
    def properties(self) -> dict:
        return self.request.get("properties", {})


def is_caller(user) -> bool:
    """Whether a value means the caller, in any spelling of its id."""
    try:
        return float(str(user)) == 1.0
    except ValueError:
        return False


def closed(schema):
    """The schema of an answer, without members that it does not name."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: closed(part) for name, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        schema["additionalProperties"] = False
    return schema


class Fuzzer:
    def __init__(self, world: World, seed: int, only: list):
        self.world, self.seed = world, seed
        self.operations = []
        for family in ("stepchat", "voximplant"):
            document = json.loads((ROOT / "docs" / "openapi" / (family + ".json")).read_text(encoding="utf-8"))
            for path, verbs in document["paths"].items():
                name = verbs["post"]["operationId"]
                if name != "front-door" and (not only or name in only):
                    self.operations.append(Operation(family, path, verbs["post"], document))
        self.faults = []
        self.cases = 0
        self.codes = collections.Counter()
        self.malformed = {}
        self.slowest = {}
        self.before = None
        self.seen = None

    def fault(self, what: str, request=None, answer=None) -> None:
        shown = "" if request is None else "\n      " + request.shown()
        got = "" if answer is None else "\n      {} {!r}".format(answer.status, answer.body[:400])
        self.faults.append("case {}: {}{}{}".format(self.cases, what, shown, got))
        if len(self.faults) <= SHOWN_FAULTS:
            print("FAIL  " + self.faults[-1], flush=True)

    # Cases

    def run(self, cases: int) -> None:
        while self.cases < cases:
            if self.cases % 200 == 0:
                self.world.tend()
                self.remember()
            rng = random.Random("{}:{}".format(self.seed, self.cases))
            operation = self.operations[self.cases % len(self.operations)]
            self.cases += 1
            self.case(rng, operation)

    def case(self, rng, operation: Operation) -> None:
        values = inputs.Values(rng, operation.schemas, self.world.known(operation.family))
        required = operation.request.get("required", [])
        share, sense = rng.choice([0.0, 0.1, 0.2, 0.6]), rng.choice([0.0, 0.5, 0.9, 1.0])
        fields = {
            name: (values.usual if rng.random() < sense else values.allowed)(name, schema)
            for name, schema in operation.properties.items()
            if name in required and rng.random() < 0.97 or rng.random() < share
            or operation.writes and rng.random() < PARTNERS.get(name, 0.0)
        }
        kind = rng.random()
        if kind < 0.3 and operation.properties:
            for name in rng.sample(sorted(operation.properties), min(len(operation.properties), rng.randint(1, 2))):
                fields[name] = values.odd(name)
        # Of a pair only one may be given.
        for name in [name for name in fields if name.replace("_name", "_id") in fields and name.endswith("_name")]:
            if rng.random() < 0.8:
                fields.pop(rng.choice([name, name.replace("_name", "_id")]))
        for name in fields:
            if "password" in name and rng.random() < 0.7:
                fields[name] = CANARY + rng.choice(["abc1", "", "я", "x" * 200])
        # Whoever takes the caller's own rights away ends the fuzzing.
        if operation.name in ("update-user", "update-user-to-lead") and is_caller(fields.get("user_id")):
            fields = {name: value for name, value in fields.items() if name not in ("user_type", "user_tyoe")}
        headers = {"Accept": "application/json"} if rng.random() < 0.5 else {}
        if rng.random() < 0.05 and operation.writes:
            headers["Idempotency-Key"] = "key {}".format(rng.randrange(50))
        if rng.random() < 0.03 and operation.writes:
            fields["idempotency_key"] = rng.choice(["key {}".format(rng.randrange(50)), "", None, 5, "x" * 256])
        if rng.random() < 0.05:
            # Nobody's field but the caller's own.
            fields["request_id"] = "try {}".format(rng.randrange(1_000))
        sent = {**fields, **self.world.credentials(operation.family)}
        path, door = operation.path, rng.random() < 0.3
        if door:
            path = rng.choice(DOORS[operation.family])
            sent = {SELECTOR[operation.family]: operation.name, **sent}
        if kind > 0.8:
            request = inputs.broken(rng, path, sent, headers)
        else:
            request = inputs.encoded(rng, path, sent, headers)
        answer, body = self.check(operation, request, mangled=kind > 0.8)
        if body is None or kind > 0.8:
            return
        code = code_of(body)
        if code in MALFORMED and operation.allows.is_valid(fields):
            error = body.get("error", body)
            blamed = error.get("field_name") or error.get("message") or error.get("msg")
            self.malformed.setdefault((operation.name, code, blamed), (request, answer))
        if not operation.writes and operation.name not in MOMENTARY and kind < 0.6:
            self.same_by_the_other_way(operation, request, answer, door)

    def same_by_the_other_way(self, operation: Operation, request, answer, door: bool) -> None:
        selector = "{}={}".format(SELECTOR[operation.family], operation.name)
        _, _, query = request.target.partition("?")
        if door:
            other = request._replace(target=operation.path + ("?" + query if query else ""))
        else:
            query = "&".join(filter(None, [query, selector]))
            other = request._replace(target="{}?{}".format(DOORS[operation.family][0], query))
        second = self.world.send(other)
        if (second.status, second.body) != (answer.status, answer.body):
            self.fault("another answer by the other way: {!r}".format(second.body[:300]), request, answer)

    # Checks

    def check(self, operation: Operation, request, mangled: bool):
        """Sends a request and looks whether all holds of its answer that must; the body, if it is JSON."""
        world = self.world
        try:
            answer = world.send(request)
        except Exception as error:  # whatever it is: the caller has no answer
            self.fault("no answer: {!r}".format(error), request)
            return None, None
        name = operation.name
        self.slowest[name] = max(self.slowest.get(name, (0, None)), (answer.seconds, request.shown()[:200]))
        if answer.seconds > SLOW_SECONDS:
            self.fault("took {:.1f} s".format(answer.seconds), request, answer)
        if request.verb == "HEAD":
            return answer, None
        if answer.status != 200:
            self.fault("status {}".format(answer.status), request, answer)
            return answer, None
        as_json = operation.family == "voximplant" or prefers_json(request.headers.get("Accept", ""))
        wanted = "application/json; charset=utf-8" if as_json else "text/plain; charset=utf-8"
        if answer.headers.get("content-type") != wanted:
            self.fault("content type {}".format(answer.headers.get("content-type")), request, answer)
        if answer.headers.get("x-content-type-options") != "nosniff":
            self.fault("without nosniff", request, answer)
        try:
            body = answer.json()
        except ValueError as error:
            self.fault("no JSON: {}".format(error), request, answer)
            return answer, None
        for secret in world.secrets:
            if secret.encode() in answer.body:
                self.fault("a secret in the answer: {}".format(secret[:12]), request, answer)
        code = code_of(body)
        self.codes[operation.family, code] += 1
        if code in DEFECTS:
            self.fault("a defect", request, answer)
        # A mangled request may have lost the name of its method, or named another.
        shape = operation.refusal if code is not None else operation.result
        if (code is not None or not mangled) and not shape.is_valid(body):
            wrong = next(shape.iter_errors(body)).message if code is None else "not a refusal"
            self.fault("not of its schema: {}".format(wrong[:300]), request, answer)
        # A login looks at all tokens it is given, and takes no more than eight.
        if code in ("invalid-token", "token-not-found", 100) and not mangled and operation.name != "login":
            self.fault("the credentials are refused", request, answer)
        self.unchanged(operation, request, answer, code, mangled)
        return answer, body

    def unchanged(self, operation: Operation, request, answer, code, mangled: bool) -> None:
        """Whoever is told no, or only asks, has changed nothing."""
        version = self.world.version()
        if version == self.seen:
            return
        items, before = self.world.items(), self.before
        self.before, self.seen = items, version
        if code is None and (operation.writes or mangled):
            return
        changed = {key for key in items.keys() | before.keys() if items.get(key) != before.get(key)}
        # The background jobs run every minute, and remove what is due.
        changed = {key for key in changed if key in items or not key[1].startswith("J#")}
        if changed:
            self.fault("it changed {}".format(sorted(changed)[:5]), request, answer)

    def remember(self) -> None:
        self.seen = self.world.version()
        self.before = self.world.items()


def code_of(body):
    """The code of a refusal; `None` for a result."""
    if isinstance(body, dict) and "error" in body:
        return body["error"].get("code") if isinstance(body["error"], dict) else body["error"]
    if isinstance(body, dict) and body.get("success") is False:
        return body.get("response")
    return None


# What must hold when all is over

def consistent(world: World, fault) -> None:
    """Counters, lists and balances tell one story."""
    def equal(what, left, right):
        if left != right:
            fault("{}: {} is not {}".format(what, str(left)[:300], str(right)[:300]))

    users = world.all_users()
    counts = world.call("stepchat", "count-users")["response"]
    kinds = collections.Counter(row["user_type"] for row in users)
    equal("count-users all", counts["all"], str(len(users)))
    for kind in ("user", "lead", "visitor"):
        equal("count-users " + kind, counts[kind], str(kinds[kind]))
        listed = world.pages("stepchat", "get-users", user_types=[kind])
        equal("get-users " + kind, len(listed), min(kinds[kind], 100))
    equal("each user once", len({row["id"] for row in users}), len(users))
    newer = world.pages("stepchat", "get-new-users", datetime="2000-01-01 00:00:00")
    equal("get-new-users", sorted(int(row["id"]) for row in newer), sorted(int(row["id"]) for row in users))
    staff = [int(row["id"]) for row in users if row["user_type"] in ("agent", "admin")]
    equal("get-agents-ids", sorted(world.call("stepchat", "get-agents-ids")["response"]), sorted(staff))
    emails = [row["email"].casefold() for row in users if row["email"]]
    equal("e-mail addresses are unique", len(set(emails)), len(emails))
    details = world.call("stepchat", "get-users-with-details", details=["phone", "company", "email"])["response"]
    gone = {having["id"] for rows in details.values() for having in rows} - {int(row["id"]) for row in users}
    equal("users with details that are no more", gone, set())
    for row in users[:200]:
        whole = world.call("stepchat", "get-user", user_id=row["id"])["response"]
        equal("get-user " + row["id"], {name: whole[name] for name in row}, row)
        if row["email"]:
            found = world.call("stepchat", "get-user-by", by="email", value=row["email"])["response"]
            equal("get-user-by e-mail of " + row["id"], found and found["id"], row["id"])
            searched = world.pages("stepchat", "search-users", search=row["email"])
            if row["id"] not in [other["id"] for other in searched]:
                fault("search-users does not find {} by {!r}".format(row["id"], row["email"]))

    def telephony(method, **fields):
        return world.call("voximplant", method, **fields)

    everybody = world.pages("voximplant", "GetUsers", count="10000")
    equal("GetUsers total_count", telephony("GetUsers", count="1")["total_count"], len(everybody))
    by_application = 0
    for application in telephony("GetApplications", count="1000")["result"]:
        listed = world.pages("voximplant", "GetUsers", application_id=str(application["application_id"]), count="10000")
        by_application += len(listed)
        equal("names in an application", len({row["user_name"] for row in listed}), len(listed))
    equal("users of all applications", by_application, len(everybody))
    paged = []
    while len(paged) % 7 == 0:
        some = telephony("GetUsers", count="7", offset=str(len(paged)))["result"]
        paged.extend(some)
        if not some:
            break
    equal("pages of GetUsers", [row["user_id"] for row in paged], [row["user_id"] for row in everybody])
    owned = sum(round(row["balance"] * 10_000) for row in everybody)
    account = round(telephony("GetAccountInfo")["result"]["balance"] * 10_000)
    equal("all money", owned + account, 10_000_000)
    lines = telephony("GetTransactionHistory", count="1000", users_transactions_only="true")
    equal("records of the history", lines["count"], len(lines["result"]))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--cases", type=int, required=True)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    fuzzer = Fuzzer(World(arguments.port, arguments.state), arguments.seed, arguments.only)
    fuzzer.run(arguments.cases)
    consistent(fuzzer.world, fuzzer.fault)
    for place, item in fuzzer.world.items().items():
        if CANARY in item:
            fuzzer.fault("a password in the item {}".format(place))
    slow = sorted(fuzzer.slowest.items(), key=lambda entry: -entry[1][0])
    shown = ", ".join("{} {:.2f} s".format(name, took) for name, (took, _) in slow[:5])
    print("      {} cases; slowest: {}".format(fuzzer.cases, shown))
    if arguments.verbose:
        for name, (took, request) in slow[:12]:
            print("      {:.2f} s {} {}".format(took, name, request))
        print("      " + ", ".join("{}={}".format(code, n) for (_, code), n in sorted(fuzzer.codes.items(), key=str)))
        for (name, code, blamed), (request, answer) in sorted(fuzzer.malformed.items(), key=str):
            print("ALLOWED BUT {} {} {}: {}".format(name, code, blamed, request.shown()[:500]))
    print("      {} faults".format(len(fuzzer.faults)))
    sys.exit(1 if fuzzer.faults else 0)


if __name__ == "__main__":
    main()
