"""StepChat's API as real integrations call it. There is no official client: everybody posts forms with what their
language offers, so this story writes the bodies of each kind itself.
"""

import csv
import io
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request

import checks
from checks import check, equal, step

with open(os.path.join(checks.STATE, "stepchat.json"), encoding="utf-8") as file:
    ACCESS = json.load(file)
URL, TOKEN, ADMIN = ACCESS["url"], ACCESS["token"], ACCESS["admin_id"]

FORM = "application/x-www-form-urlencoded"
JQUERY_FORM = FORM + "; charset=UTF-8"
BROWSER = "*/*"  # what jQuery and PHP's curl send
UNKNOWN_ID = 2000000000

ROW = [
    "id", "first_name", "last_name", "email", "profile_image", "user_type", "creation_time", "last_activity",
    "department", "token",
]
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
TOKEN_FORM = re.compile(r"[0-9a-f]{40}")
ids = {}


class Reply:
    """Status, headers, text, and the JSON inside."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode("utf-8")
        self.json = json.loads(self.text)

    @property
    def response(self):
        return self.json.get("response")


def post(body, content_type=FORM, accept=BROWSER, headers=()):
    """Posts a body as it is. HTTP errors raise, as they do in most of the clients: none is expected."""
    if isinstance(body, str):
        body = body.encode("utf-8")
    request = urllib.request.Request(URL, data=body, method="POST")
    request.add_header("Content-Type", content_type)
    if accept is not None:
        request.add_header("Accept", accept)
    for name, value in headers:
        request.add_header(name, value)
    with urllib.request.urlopen(request, timeout=20) as response:
        return Reply(response)


def call(function, accept=BROWSER, **fields):
    """A plain call, as jQuery's `$.post`: every field one text, with the token."""
    return post(urllib.parse.urlencode({"token": TOKEN, "function": function, **fields}), JQUERY_FORM, accept)


def http_build_query(value, name=""):
    """PHP's function of this name: nested keys in brackets, percent-encoded; true is 1, false 0, null left out."""
    pairs = []
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        key = "{}[{}]".format(name, key) if name else str(key)
        if isinstance(item, (dict, list, tuple)):
            pairs.append(http_build_query(item, key))
        elif item is not None:
            text = str(int(item)) if isinstance(item, bool) else str(item)
            pairs.append(urllib.parse.urlencode({key: text}))
    return "&".join(pair for pair in pairs if pair)


def jquery_param(value, name=""):
    """jQuery's function of this name: lists of plain values in empty brackets, booleans as words, null as nothing."""
    if isinstance(value, dict):
        items = [("{}[{}]".format(name, key) if name else key, item) for key, item in value.items()]
    elif isinstance(value, (list, tuple)):
        items = [
            ("{}[{}]".format(name, place if isinstance(item, (dict, list, tuple)) else ""), item)
            for place, item in enumerate(value)
        ]
    else:
        text = str(value).lower() if isinstance(value, bool) else "" if value is None else value
        return urllib.parse.urlencode({name: text})
    return "&".join(part for part in (jquery_param(item, key) for key, item in items) if part)


def jquery(function, **fields):
    """`$.post` with an object."""
    return post(jquery_param({"token": TOKEN, "function": function, **fields}), JQUERY_FORM)


def guzzle(function, **fields):
    """`form_params`: PHP's own query; Guzzle names no type that it accepts."""
    return post(http_build_query({"token": TOKEN, "function": function, **fields}), accept=None)


def laravel(function, **fields):
    """A known integration: `Http::asForm()->acceptJson()`, with lists as JSON text."""
    fields = {
        name: json.dumps(value) if isinstance(value, (dict, list)) else value for name, value in fields.items()
    }
    return post(http_build_query({"token": TOKEN, "function": function, **fields}), accept="application/json")


def php(function, **fields):
    """PHP's curl with an array: multipart, every field a text."""
    fields = {
        name: json.dumps(value) if isinstance(value, (dict, list)) else
        str(int(value)) if isinstance(value, bool) else str(value)
        for name, value in fields.items()
    }
    return post(*php_curl_multipart({"token": TOKEN, "function": function, **fields}))


def node(function, **fields):
    """`new URLSearchParams` with `String(value)`: booleans as words, lists between commas."""
    fields = {
        name: ",".join(map(str, value)) if isinstance(value, list) else
        str(value).lower() if isinstance(value, bool) else value
        for name, value in fields.items()
    }
    return post(urllib.parse.urlencode({"token": TOKEN, "function": function, **fields}), JQUERY_FORM)


CLIENTS = {"jQuery": jquery, "Guzzle": guzzle, "Laravel": laravel, "PHP": php, "Node": node}


def php_curl_multipart(fields):
    """What PHP's curl sends when CURLOPT_POSTFIELDS is an array: parts without a type of their own."""
    boundary = "------------------------d74496d66958873e"
    lines = []
    for name, value in fields.items():
        lines += ["--" + boundary, 'Content-Disposition: form-data; name="{}"'.format(name), "", value]
    lines += ["--" + boundary + "--", ""]
    return "\r\n".join(lines), "multipart/form-data; boundary=" + boundary


def success(label, reply, response):
    """Exactly the envelope of a success."""
    equal(label, reply.json, {"success": True, "response": response})


def invalid(label, reply, code):
    """Exactly the short form: a business rule said no."""
    equal(label, (reply.status, reply.text), (200, '{{"success":false,"response":"{}"}}'.format(code)))


def api_error(label, reply, code, message=None):
    """The long form: the call itself is wrong."""
    equal("{}: {}".format(label, code), (reply.status, reply.response), (200, code))
    equal("{}: its keys in order".format(label), list(reply.json), ["success", "status", "response", "message"])
    equal("{}: its state".format(label), (reply.json.get("success"), reply.json.get("status")), (False, "error"))
    if message is not None:
        equal("{}: its message".format(label), reply.json.get("message"), message)


def user(user_id):
    """The record as `get-user` shows it, with extras as a map from slug to (name, value)."""
    record = call("get-user", user_id=user_id, extra="true").response
    extras = {extra["slug"]: (extra["name"], extra["value"]) for extra in record["details"]}
    return record, extras


def added(label, reply):
    """`add-user` answers the new id as a bare number."""
    check(label, re.fullmatch(r'\{"success":true,"response":[1-9]\d*\}', reply.text), reply.text)
    return reply.response


def counted():
    return {name: int(number) for name, number in call("count-users").response.items()}


@step
def access():
    equal("the state file has url, admin_id, token", sorted(ACCESS), ["admin_id", "token", "url"])
    reply = call("get-user", user_id=ADMIN)
    equal("the admin is an admin", (reply.response["id"], reply.response["user_type"]), (str(ADMIN), "admin"))
    equal("the token is the admin's", reply.response["token"], TOKEN)


@step
def order_of_refusals():
    invalid_token = "Use a token of an administrator."
    api_error("nothing at all", post(""), "missing-function-name")
    api_error("a token alone", post("token=" + TOKEN), "missing-function-name")
    api_error("an unknown function", call("no-such-function"), "function-not-found")
    # Before any look at the token:
    api_error("an unknown function, no token", post("function=no-such-function"), "function-not-found")
    api_error("no token", post("function=get-user"), "token-not-found")
    api_error("a wrong token", post("function=get-user&token=" + "0" * 40), "invalid-token", invalid_token)
    api_error("no user_id", call("get-user"), "missing-argument", "Missing argument: user_id")
    api_error("neither by nor value", call("get-user-by"), "missing-argument", "Missing argument: by")
    api_error("no value", call("get-user-by", by="email"), "missing-argument", "Missing argument: value")
    success("an empty user_id is present, and nobody's", call("get-user", user_id=""), False)


@step
def content_types():
    """jQuery's documented snippet parses the text itself, so JSON must not be announced unless it was asked for."""
    plain, as_json = "text/plain; charset=utf-8", "application/json; charset=utf-8"
    for what, accept, expected in (
        ("jQuery, PHP curl", BROWSER, plain),
        ("no Accept", None, plain),
        ("a browser's form", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", plain),
        ("n8n", "application/json,text/html,application/xhtml+xml,*/*;q=0.8", plain),
        ("Laravel", "application/json", as_json),
        ("axios", "application/json, text/plain, */*", as_json),
    ):
        for outcome, reply in (
            ("result", call("count-users", accept=accept)),
            ("missing function", post("", accept=accept)),
            ("wrong token", post("function=count-users&token=no", accept=accept)),
        ):
            equal("{}, {}".format(what, outcome), reply.headers["Content-Type"], expected)
            equal("{}, {}: nosniff".format(what, outcome), reply.headers["X-Content-Type-Options"], "nosniff")


@step
def add_user_with_json_in_fields():
    before = counted()
    extra = {"phone": ["+79191231212", "Phone"], "city": ["Казань", "City"], "empty": ["", "Empty"]}
    ids["anna"] = added("the id is a bare number", call(
        "add-user", first_name="Анна", last_name="Ёлкина", email="Anna.Story@example.com", password="secret one",
        extra=json.dumps(extra), profile_image="https://example.com/anna.png",
    ))
    record, extras = user(ids["anna"])
    equal("names", (record["first_name"], record["last_name"]), ("Анна", "Ёлкина"))
    equal("e-mail as it was sent", record["email"], "Anna.Story@example.com")
    equal("type by e-mail", record["user_type"], "user")
    equal("picture", record["profile_image"], "https://example.com/anna.png")
    equal("no department", record["department"], None)
    equal("extras, without the empty one", extras, {"phone": ("Phone", "+79191231212"), "city": ("City", "Казань")})
    after = counted()
    grown = {name: after[name] - before[name] for name in after}
    equal("counts", grown, {"all": 1, "lead": 0, "user": 1, "visitor": 0})


@step
def add_user_with_php_brackets():
    """Guzzle, Laravel and PHP's curl send this."""
    fields = {
        "token": TOKEN, "function": "add-user", "first_name": "Zoë & <Co>", "last_name": "1+1=2; 100%",
        "user_type": "agent", "department": 2, "email": None,
        "extra": {"phone": ["+49 30 1234567", "Phone"], "vip": [True, "V.I.P."], "off": [False, "Off"]},
    }
    ids["zoe"] = added("percent-encoded", post(http_build_query(fields), accept="application/json"))
    record, extras = user(ids["zoe"])
    equal("text is kept as it is", (record["first_name"], record["last_name"]), ("Zoë & <Co>", "1+1=2; 100%"))
    equal("no e-mail", record["email"], None)
    equal("type", record["user_type"], "agent")
    equal("department is text", record["department"], "2")
    wanted = {"phone": ("Phone", "+49 30 1234567"), "vip": ("V.I.P.", "1"), "off": ("Off", "0")}
    equal("extras, booleans as 1 and 0", extras, wanted)
    # Written by hand: brackets as they are, blanks as +.
    body = "token={}&function=add-user&first_name=Bob&last_name=".format(TOKEN)
    body += "&extra[job_title][0]=Head+of+sales&extra[job_title][1]=Job"
    ids["bob"] = added("brackets as they are", post(body))
    record, extras = user(ids["bob"])
    equal("extra", extras, {"job_title": ("Job", "Head of sales")})
    equal("an empty last name is kept", record["last_name"], "")
    equal("type without e-mail", record["user_type"], "visitor")


@step
def add_user_with_multipart():
    notes = "Ж" * 1500  # PHP's curl asks `Expect: 100-continue` before bodies above 1 KB
    body, content_type = php_curl_multipart({
        "token": TOKEN, "function": "add-user", "first_name": "Мария", "last_name": "Multi & Part; +1",
        "email": "maria.story@example.com", "extra[notes][0]": notes, "extra[notes][1]": "Notes",
    })
    ids["maria"] = added("PHP curl", post(body, content_type, headers=[("Expect", "100-continue")]))
    record, extras = user(ids["maria"])
    equal("names", (record["first_name"], record["last_name"]), ("Мария", "Multi & Part; +1"))
    equal("extra", extras, {"notes": ("Notes", notes)})


@step
def add_user_with_nothing():
    ids["nobody"] = added("a visitor", call("add-user"))
    record, extras = user(ids["nobody"])
    equal("default first name", record["first_name"], "Пользователь")
    check("last name is # and a number", re.fullmatch(r"#\d{1,5}", record["last_name"]), record["last_name"])
    equal("type", record["user_type"], "visitor")
    equal("no extras", extras, {})


@step
def rows():
    reply = call("get-user", user_id=ids["anna"])
    row = reply.response
    equal("envelope", list(reply.json), ["success", "response"])
    equal("get-user: keys in order, no details unasked", list(row), ROW + ["password"])
    equal("the id is text", row["id"], str(ids["anna"]))
    equal("the password is never shown", row["password"], "")
    check("the token has 40 hex digits", TOKEN_FORM.fullmatch(row["token"]), row["token"])
    times = [row["creation_time"], row["last_activity"]]
    check("times", all(TIMESTAMP.fullmatch(time) for time in times), times)
    reply = call("get-user-by", by="email", value="anna.story@EXAMPLE.com")
    by_email = reply.response
    equal("get-user-by: envelope", list(reply.json), ["success", "response"])
    equal("get-user-by: keys in order", list(by_email), ROW)
    equal("get-user-by: the same row", by_email, {key: row[key] for key in ROW})
    check("there is a default picture", call("get-user", user_id=ids["nobody"]).response["profile_image"])
    for name in ids:
        check("{}'s token is its own".format(name), user(ids[name])[0]["token"] not in (TOKEN, ""))


@step
def details_on_request():
    """Switches as each language writes them."""
    for value, shown in (
        ("true", True), ("1", True), ("True", True), ("false", False), ("0", False), ("", False), ("False", False),
    ):
        record = call("get-user", user_id=ids["anna"], extra=value).response
        equal("extra={!r}".format(value), list(record), ROW + ["password"] + (["details"] if shown else []))
    fields = {"token": TOKEN, "function": "get-user", "user_id": ids["anna"], "extra": True}
    details = post(http_build_query(fields)).response["details"]
    equal("PHP's true", [list(extra) for extra in details], [["slug", "name", "value"]] * 2)
    equal("none is an empty list", call("get-user", user_id=ids["nobody"], extra="true").response["details"], [])


@step
def get_user_by():
    def found(label, reply, name):
        row = reply.response
        equal(label, row["id"] if isinstance(row, dict) else row, str(ids[name]))

    found("phone, encoded", call("get-user-by", by="phone", value="+79191231212"), "anna")
    # A + that nobody encoded arrives as a blank.
    bare = "token={}&function=get-user-by&by=phone&value=+79191231212".format(TOKEN)
    found("phone, + not encoded", post(bare), "anna")
    found("phone without +", call("get-user-by", by="phone", value="79191231212"), "anna")
    found("phone with 00", call("get-user-by", by="phone", value="0079191231212"), "anna")
    found("first name", call("get-user-by", by="first_name", value="мария"), "maria")
    found("last name", call("get-user-by", by="last_name", value="Multi & Part; +1"), "maria")
    found("an extra", call("get-user-by", by="city", value="казань"), "anna")
    for by, value in (
        ("email", "nobody@example.com"), ("phone", "+70000000000"), ("city", "Paris"), ("no_such_slug", "1"),
        ("email", ""), ("id", str(ids["anna"])),
    ):
        success("{}={!r} finds nobody".format(by, value), call("get-user-by", by=by, value=value), False)


@step
def get_user_that_is_not():
    for user_id in (str(UNKNOWN_ID), "0", "-1", "abc"):
        success("user_id={!r}".format(user_id), call("get-user", user_id=user_id), False)


@step
def php_form_rules():
    body = "token={}&function=get-user&user_id={}&user_id={}".format(TOKEN, ids["anna"], ids["bob"])
    equal("of two equal keys the last one wins", post(body).response["id"], str(ids["bob"]))
    body = "token={}&function=get-user&user_id={}&no_such_field=1&other[]=2".format(TOKEN, ids["bob"])
    equal("unknown fields are ignored", post(body).response["id"], str(ids["bob"]))
    body = "function=get-user&user_id={}".format(ids["bob"])
    reply = post(body, headers=[("Authorization", "Bearer " + TOKEN)])
    equal("the token may be a bearer", (reply.response or {}).get("id"), str(ids["bob"]))


@step
def validation_errors():
    before = counted()
    invalid("e-mail taken, in another case", call("add-user", email="ANNA.story@example.com"), "duplicate-email")
    phone = json.dumps({"phone": ["79191231212", "Phone"]})
    invalid("phone taken, in another spelling", call("add-user", first_name="X", extra=phone), "duplicate-phone")
    invalid("a type there is not", call("add-user", user_type="boss"), "invalid-user-type")
    invalid("the bot's type", call("add-user", user_type="bot"), "invalid-user-type")
    update = call("update-user", user_id=ids["bob"], email="maria.story@example.com")
    invalid("update to an e-mail that is taken", update, "duplicate-email")
    invalid("update of nobody", call("update-user", user_id=UNKNOWN_ID, first_name="X"), "user-not-found")
    equal("nobody was added by them", counted(), before)


@step
def agents_have_no_access():
    """Any user's token logs that user in; the API opens to admins' alone."""
    token = user(ids["zoe"])[0]["token"]
    reply = post(urllib.parse.urlencode({"token": token, "function": "count-users"}))
    api_error("an agent's token", reply, "invalid-token", "Use a token of an administrator.")


@step
def update_user():
    before, _ = user(ids["anna"])
    success("one field", call("update-user", user_id=ids["anna"], last_name="Иванова"), True)
    after, extras = user(ids["anna"])
    equal("the rest is untouched", after, {**before, "last_name": "Иванова"})
    settings = {"city": ["", "City"], "company": ["ООО «Ромашка» & Co", "Company"]}
    reply = call("update-user", user_id=ids["anna"], settings_extra=json.dumps(settings))
    success("extras as JSON", reply, True)
    _, extras = user(ids["anna"])
    wanted = {"phone": ("Phone", "+79191231212"), "company": ("Company", "ООО «Ромашка» & Co")}
    equal("one removed, one added, one kept", extras, wanted)
    fields = {
        "token": TOKEN, "function": "update-user", "user_id": ids["bob"], "email": "bob.story@example.com",
        "extra": {"job_title": ["CEO", "Job"]},
    }
    success("extras in brackets", post(http_build_query(fields), accept="application/json"), True)
    record, extras = user(ids["bob"])
    equal("the visitor is a user now", (record["email"], record["user_type"]), ("bob.story@example.com", "user"))
    equal("its extra", extras, {"job_title": ("Job", "CEO")})
    success("the e-mail removed", call("update-user", user_id=ids["bob"], email="NULL"), True)
    equal("no e-mail", user(ids["bob"])[0]["email"], None)
    miss = call("get-user-by", by="email", value="bob.story@example.com")
    success("nobody is found by the old e-mail", miss, False)
    body, content_type = php_curl_multipart({
        "token": TOKEN, "function": "update-user", "user_id": str(ids["zoe"]), "first_name": "Zoé",
    })
    success("multipart", post(body, content_type), True)
    record, _ = user(ids["zoe"])
    equal("an agent stays an agent", (record["first_name"], record["user_type"]), ("Zoé", "agent"))


@step
def count_users():
    reply = call("count-users")
    equal("keys", sorted(reply.response), ["all", "lead", "user", "visitor"])
    check("numbers as text", all(isinstance(number, str) for number in reply.response.values()), reply.text)
    equal("envelope", list(reply.json), ["success", "response"])


@step
def delete_user():
    before = counted()
    success("deleted", call("delete-user", user_id=ids["maria"]), True)
    success("is gone", call("get-user", user_id=ids["maria"]), False)
    success("cannot be found", call("get-user-by", by="email", value="maria.story@example.com"), False)
    success("again", call("delete-user", user_id=ids["maria"]), True)
    equal("counted once", {name: before[name] - number for name, number in counted().items()}, {
        "all": 1, "lead": 0, "user": 1, "visitor": 0,
    })
    success("nobody", call("delete-user", user_id=UNKNOWN_ID), True)
    invalid("the token's own admin", call("delete-user", user_id=ADMIN), "cannot-delete-user")
    again = added("the e-mail is free again", call("add-user", first_name="M", email="maria.story@example.com"))
    check("ids are never used twice", again > ids["maria"], again)
    ids["maria"] = again


def names(reply):
    """Who is in a list: the names by which this story knows them, strangers as their ids."""
    known = {str(user_id): name for name, user_id in ids.items()}
    return [known.get(row["id"], row["id"]) for row in reply.response]


@step
def lists():
    """The same list, however the client writes what it wants."""
    everyone = ["maria", "nobody", "bob", "zoe", "anna", str(ADMIN)]
    equal("newest first, the admin too", names(call("get-users")), everyone)
    equal("a row has the ten fields", list(call("get-users").response[0]), ROW)
    for who, ask in CLIENTS.items():
        of_types = ask("get-users", user_types=["agent", "visitor"], sorting=["first_name", "ASC"])
        equal("{}: two types by name".format(who), names(of_types), ["zoe", "nobody"])
        some = [ids["bob"], ids["anna"], UNKNOWN_ID]
        chosen = ask("get-users", user_ids=some, sorting=["last_name", "ASC"], pagination=1)
        equal("{}: by ids".format(who), names(chosen), ["bob", "anna"])
        equal("{}: a search".format(who), names(ask("get-users", search="иванова")), ["anna"])
        equal("{}: nobody is found".format(who), ask("get-users", search="no such person").response, [])
        equal("{}: page 2 is empty".format(who), ask("get-users", pagination=2).response, [])
        row = ask("get-users", user_ids=[ids["anna"]], extra=True).response[0]
        wanted = {"phone": "+79191231212", "company": "ООО «Ромашка» & Co"}
        equal("{}: extras by slug".format(who), row["extra"], wanted)
        row = ask("get-users", user_ids=[ids["anna"]], extra=["company"]).response[0]
        check("{}: one extra".format(who), row["extra"]["company"].startswith("ООО"), row["extra"])
        equal("{}: search".format(who), names(ask("search-users", search="anna.story")), ["anna"])
        newer = ask("get-new-users", datetime=ids["bob"])
        equal("{}: newer than an id".format(who), names(newer), ["maria", "nobody"])
        equal("{}: newer than a day".format(who), len(ask("get-new-users", datetime="2020-01-01").response), 6)
        details = ask("get-users-with-details", details=["email", "phone", "no_such"], user_ids=some)
        equal("{}: details of some".format(who), details.response, {
            "email": [{"id": ids["anna"], "value": "Anna.Story@example.com"}],
            "phone": [{"id": ids["anna"], "value": "+79191231212"}], "no_such": [],
        })
        online = ask("get-online-users", exclude_id=[ids["anna"], ADMIN], agents=False)
        check("{}: online without two".format(who), not {"anna", str(ADMIN)} & set(names(online)), names(online))
    invalid("neither id nor date", call("get-new-users", datetime="yesterday"), "invalid-datetime")


@step
def extras():
    for who, ask in CLIENTS.items():
        listed = ask("get-user-extra", user_id=ids["anna"]).response
        equal("{}: all".format(who), sorted(extra["slug"] for extra in listed), ["company", "phone"])
        value = ask("get-user-extra", user_id=ids["anna"], slug="phone").response
        equal("{}: one is its bare value".format(who), value, "+79191231212")
        value = ask("get-user-extra", user_id=ids["anna"], slug="vat", default="none").response
        equal("{}: the default".format(who), value, "none")
    success("no value, no default", call("get-user-extra", user_id=ids["anna"], slug="vat"), False)
    success("the page's misspelt name", call("get-userp-extra", user_id=ids["bob"], slug="job_title"), "CEO")
    success("no language", call("get-user-language", user_id=ids["anna"]), False)
    call("update-user", user_id=ids["anna"], settings_extra=json.dumps({"language": ["RU", "Language"]}))
    success("a language", call("get-user-language", user_id=ids["anna"]), "ru")


@step
def staff():
    agent = call("get-agent", agent_id=ids["zoe"]).response
    equal("get-agent: keys in order", list(agent), ROW + ["password", "details"])
    equal("an agent", (agent["id"], agent["user_type"], agent["password"]), (str(ids["zoe"]), "agent", ""))
    equal("its extras", {detail["slug"] for detail in agent["details"]}, {"phone", "vip", "off"})
    success("a user is no agent", call("get-agent", agent_id=ids["anna"]), False)
    for who, ask in CLIENTS.items():
        success("{}: ids are numbers".format(who), ask("get-agents-ids"), [ADMIN, ids["zoe"]])
        success("{}: without admins".format(who), ask("get-agents-ids", admins=False), [ids["zoe"]])
    success("somebody is online", call("agents-online"), True)


@step
def bot():
    number = call("get-bot-id").response
    check("the bot's id is a number", type(number) is int and number > 0, number)
    success("again the same", call("get-bot-id"), number)
    image = "https://example.com/bot.png"
    success("a name of its own", call("update-bot", name="Ассистент", profile_image=image), True)
    success("unchanged is well too", call("update-bot", name="Ассистент"), True)
    record, _ = user(number)
    equal("the bot", (record["first_name"], record["user_type"]), ("Ассистент", "bot"))
    check("no list shows it", str(number) not in names(call("get-users")), names(call("get-users")))
    invalid("it cannot be deleted", call("delete-user", user_id=number), "cannot-delete-user")


@step
def current_url():
    success("nothing yet", call("current-url", user_id=ids["anna"]), False)
    success("set", call("current-url", user_id=ids["anna"], url="https://example.com/a?b=1&c=Ж"), True)
    success("as it was set", call("current-url", user_id=ids["anna"]), "https://example.com/a?b=1&c=Ж")
    success("removed", call("current-url", user_id=ids["anna"], url=""), True)
    success("gone", call("current-url", user_id=ids["anna"]), False)


@step
def conversations():
    reply = laravel("new-conversation", user_id=ids["anna"], title="Заказ & Co", agent_id=ids["zoe"], source="wa")
    details = reply.response["details"]
    conversation = ids["conversation"] = details["id"]
    equal("no messages yet", reply.response["messages"], [])
    shown = {name: details[name] for name in ("user_id", "title", "agent_id", "source", "conversation_status_code")}
    wanted = {
        "user_id": str(ids["anna"]), "title": "Заказ & Co", "agent_id": str(ids["zoe"]), "source": "wa",
        "conversation_status_code": "2",
    }
    equal("as it was made, all of it text", shown, wanted)
    invalid("of nobody", call("new-conversation", user_id=UNKNOWN_ID), "user-not-found")
    sent = []
    for who, ask in CLIENTS.items():
        fields = {"user_id": ids["anna"], "conversation_id": conversation, "message": who + " & <b>Ж</b>"}
        if who != "Node":  # that client sends no nested lists
            fields["attachments"] = [["photo.png", "https://example.com/photo.png"]]
        answer = ask("send-message", **fields)
        told = (answer.response["status"], answer.response["message"])
        equal("{}: sent".format(who), told, ("success", fields["message"]))
        equal("{}: its id".format(who), answer.response["message-id"], answer.response["id"])
        sent.append(fields["message"])
    answer = jquery("send-message", user_id=-1, conversation_id=conversation, message="Да", payload={"a": [1, True]})
    sent.append(answer.response["message"])
    messages = call("get-conversation", conversation_id=conversation).response["messages"]
    equal("all of them, oldest first", [message["message"] for message in messages], sent)
    files = [json.loads(message["attachments"] or "[]") for message in messages]
    photo = [["photo.png", "https://example.com/photo.png"]]
    equal("attachments are JSON text", files, [photo, photo, photo, photo, [], []])
    equal("-1 is the calling admin", messages[-1]["user_id"], str(ADMIN))
    equal("a row's keys", list(messages[0])[:8], [
        "id", "user_id", "message", "creation_time", "status_code", "attachments", "payload", "conversation_id",
    ])
    status = call("get-conversation", conversation_id=conversation).response["details"]["conversation_status_code"]
    equal("it waits for the user now", status, "1")
    latest = call("get-user-conversations", user_id=ids["anna"]).response
    found = [(row["conversation_id"], row["message"]) for row in latest]
    equal("the latest message of each", found, [(conversation, "Да")])
    of_agent = guzzle("get-user-conversations", user_id=ids["zoe"], agent=True).response
    equal("those of an agent", [row["conversation_id"] for row in of_agent], [conversation])
    owner = call("get-user-from-conversation", conversation_id=conversation)
    success("whose it is", owner, {"id": str(ids["anna"]), "email": "Anna.Story@example.com"})
    staff = call("get-user-from-conversation", conversation_id=conversation, agent="true").response
    equal("who of the staff wrote last", staff["id"], str(ADMIN))
    success("there is no such", call("get-conversation", conversation_id=UNKNOWN_ID), False)
    unknown = call("send-message", user_id=ids["anna"], conversation_id=UNKNOWN_ID, message="x")
    invalid("no such to write to", unknown, "conversation-id-not-found")


@step
def typing_and_presence():
    conversation = ids["conversation"]
    for who, ask in CLIENTS.items():
        success("{}: begins".format(who), ask("set-typing", user_id=ids["anna"], conversation_id=conversation), True)
        success("{}: types".format(who), ask("is-typing", user_id=ids["anna"], conversation_id=conversation), True)
        success("{}: ends".format(who), ask("set-typing", user_id=ids["anna"], conversation_id=-1), True)
        success("{}: types no more".format(who), ask("is-typing", user_id=ids["anna"]), False)
    success("no agent types", call("is-agent-typing", conversation_id=conversation), False)
    call("set-typing", user_id=ids["zoe"], conversation_id=conversation)
    agent = {"id": str(ids["zoe"]), "first_name": "Zoé", "last_name": "1+1=2; 100%"}
    success("an agent types", call("is-agent-typing", conversation_id=conversation), agent)
    success("a heartbeat", call("update-users-last-activity", user_id=ids["bob"]), True)
    success("is online", call("is-online", user_id=ids["bob"]), True)
    asked = call("update-users-last-activity", user_id=ids["bob"], return_user_id=ids["anna"])
    success("another's presence", asked, "online")
    success("nobody is not", call("is-online", user_id=UNKNOWN_ID), False)


@step
def leads():
    before = counted()
    success("a visitor becomes a lead", call("update-user-to-lead", user_id=ids["nobody"]), True)
    invalid("staff does not", call("update-user-to-lead", user_id=ids["zoe"]), "invalid-user-type")
    ids["lead"] = added("another", call("add-user", user_type="lead", first_name="Lead"))
    after = counted()
    equal("counts", (after["lead"] - before["lead"], before["visitor"] - after["visitor"]), (2, 1))
    success("all leads go", call("delete-leads"), True)
    equal("none is left", counted()["lead"], 0)
    success("not even this one", call("get-user", user_id=ids["lead"]), False)
    success("an agent stays", call("is-online", user_id=ids["zoe"]), True)


@step
def same_key_same_answer():
    """A repeated request, as after a lost answer."""
    fields = {"first_name": "Once", "idempotency_key": "story-1"}
    first = added("the first", call("add-user", **fields))
    success("the same answer", call("add-user", **fields), first)
    success("again by another client", guzzle("add-user", **fields), first)
    api_error("another payload", call("add-user", first_name="Twice", idempotency_key="story-1"), "idempotency-key-reused")
    body = urllib.parse.urlencode({"token": TOKEN, "function": "add-user", "first_name": "By header"})
    replies = [post(body, headers=[("Idempotency-Key", "story-2")]).response for _ in range(2)]
    equal("by header", replies[0], replies[1])
    success("both go", call("delete-users", user_ids=json.dumps([first, replies[0]])), True)


@step
def what_programs_make_of_nothing_and_of_numbers():
    """PHP's `false`, Python's `False`, ids that went through a float, lists that were encoded twice."""
    kept = added("one more", guzzle("add-user", first_name="Kept", email=False, profile_image=False, extra=False))
    record, extras = user(kept)
    equal("false is no address and no extra", (record["email"], extras), (None, {}))
    everybody = call("get-users").response
    for who, ask in CLIENTS.items():
        success("{}: false is no filter".format(who), ask("get-users", user_ids=False, user_types=False), everybody)
        success("{}: false asks for the page".format(who), ask("current-url", user_id=kept, url=False), False)
        success("{}: false names nobody".format(who), ask("get-user-extra", user_id=kept, slug="os", default=False), False)
    pandas = "{}.0".format(kept)
    success("an id of pandas", call("get-user", user_id=pandas), call("get-user", user_id=kept).response)
    reply = call("get-users", user_ids=json.dumps(json.dumps([float(kept)])))
    equal("encoded twice", [row["id"] for row in reply.response], [str(kept)])
    moment = {"datetime": "2020-01-01T00:00:00.000Z"}
    success("a moment of JavaScript's", call("get-new-users", **moment), everybody)
    guzzle("update-user", user_id=kept, settings_extra={"city": ["Perm", "Stadt"], "os": [None, "OS"]})
    call("update-user", user_id=kept, settings_extra=json.dumps({"city": "Tver"}))
    equal("an extra keeps its name", user(kept)[1], {"city": ("Stadt", "Tver")})
    row = call("get-user", user_id=kept, extra="true").response
    details = row.pop("details")
    row = {name: value for name, value in row.items() if name != "token" and value is not None}
    success("a row goes back", php("update-user", user_id=kept, extra=details, **row), True)
    equal("and nothing has changed", user(kept)[1], {"city": ("Stadt", "Tver")})
    api_error("no id at all", call("delete-users", user_ids="[]"), "invalid-argument")
    success("it goes", call("delete-users", user_ids="[{}]".format(pandas)), True)
    success("it is gone", call("get-user", user_id=kept), False)


def fetch(url):
    """A file by its address, without any credential: content type and bytes."""
    with urllib.request.urlopen(url, timeout=20) as response:
        return response.headers["Content-Type"], response.read()


@step
def avatars():
    urls = []
    for who, ask in CLIENTS.items():
        url = ask("get-avatar", first_name="Анна", last_name="Ёлкина").response
        check("{}: its address".format(who), re.search(r"/uploads/\d\d-\d\d-\d\d/\d+\.png$", url), url)
        urls.append(url)
    kind, data = fetch(urls[0])
    # The size stands in the first chunk.
    size = (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"))
    equal("a picture", (kind, data[:8], size), ("image/png", b"\x89PNG\r\n\x1a\n", (512, 512)))
    equal("one name, one picture", fetch(urls[-1])[1], data)
    other = call("get-avatar", first_name="李", last_name="小龍").response
    check("another name, another picture", fetch(other)[1] != data)
    api_error("no name", call("get-avatar"), "missing-argument", "Missing argument: first_name")


@step
def export():
    ids["formula"] = added("a name that is a formula", call(
        "add-user", first_name="=1+1", last_name='Say "a, b"', email="csv.story@example.com",
    ))
    url = call("csv-users").response
    check("the file's name", urllib.parse.urlsplit(url).path.endswith("users.csv"), url)
    kind, data = fetch(url)
    check("a CSV file in UTF-8", kind.startswith("text/csv") and data.startswith(b"\xef\xbb\xbf"), (kind, data[:20]))
    head, *rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    equal("columns", head[:7] + head[13:15], [
        "ID", "First Name", "Last Name", "Email", "Profile Image", "Type", "Creation Time", "LinkedIn", "Phone",
    ])
    found = {row[0]: row for row in rows}
    equal("everybody but the bot", len(found), counted()["all"])
    anna = found[str(ids["anna"])]
    equal("a user", (anna[1], anna[3], anna[14]), ("Анна", "Anna.Story@example.com", "+79191231212"))
    equal("no formula, and quoted as it must be", found[str(ids["formula"])][1:3], ["'=1+1", 'Say "a, b"'])
    for who, ask in CLIENTS.items():
        _, data = fetch(ask("csv-users", user_ids=[ids["anna"], ids["bob"]]).response)
        numbers = sorted(row[0] for row in list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))[1:])
        equal("{}: two users".format(who), numbers, sorted([str(ids["anna"]), str(ids["bob"])]))
    parts = urllib.parse.urlsplit(url)
    broken = urllib.parse.urlunsplit(parts._replace(query=parts.query[:-4] + "0000"))
    try:
        answered = fetch(broken)[0]
    except urllib.error.HTTPError as error:
        answered = error.code
    equal("not without its signature", answered, 403)
    success("gone", call("delete-user", user_id=ids["formula"]), True)


@step
def sessions():
    secret = "тайна & 1+1=2; 100%"
    ids["sam"] = added("somebody with a password", call(
        "add-user", first_name="Sam", email="sam.story@example.com", password=secret,
    ))
    row, _ = user(ids["sam"])
    wanted = {name: row[name] for name in (
        "id", "profile_image", "first_name", "last_name", "email", "user_type", "token",
    )}
    texts = []
    for who, ask in CLIENTS.items():
        reply = ask("login", email="SAM.story@example.com", password=secret)
        person, session = reply.response
        equal("{}: the page's seven keys, in its order".format(who), list(person.items()), list(wanted.items()))
        cookie = reply.headers["Set-Cookie"] or ""
        check("{}: the same text is in the cookie".format(who), cookie.startswith("sb-login=" + session + ";"), cookie)
        texts.append(session)
        success("{}: a wrong password".format(who), ask("login", email="sam.story@example.com", password="?"), False)
    equal("every session is another", len(set(texts)), len(texts))
    # One field for two tokens: PHP would have kept the last. Either order, in brackets, and under its own name.
    for tokens in ((TOKEN, row["token"]), (row["token"], TOKEN)):
        body = "token={}&function=login&user_id={}&token={}".format(tokens[0], ids["sam"], tokens[1])
        person, session = post(body).response
        equal("by two tokens", person["id"], str(ids["sam"]))
    person, session = guzzle("login", user_id=ids["sam"], user_token=row["token"]).response
    equal("by user_token", person["email"], "sam.story@example.com")
    success("by the admin's token alone: not somebody else", call("login", user_id=ids["sam"]), False)
    success("an unknown address", call("login", email="nobody@example.com", password=secret), False)

    fields = {"first_name": "Семён", "last_name": "Story", "email": "sam.story@example.com", "department": 2}
    renewed = laravel("update-login", **{"login-cookie": session}, **fields).response
    check("update-login answers the new session", isinstance(renewed, str) and renewed not in (session, ""), renewed)
    row, _ = user(ids["sam"])
    equal("the user is changed", [row[name] for name in fields], ["Семён", "Story", "sam.story@example.com", "2"])
    invalid("the old session has ended", jquery("update-login", **{"login-cookie": session}), "invalid-session")
    body = urllib.parse.urlencode({"token": TOKEN, "function": "update-login", "email": "sam.story@example.com"})
    again = post(body, headers=[("Cookie", "other=1; sb-login=" + renewed)]).response
    equal("by cookie; what is not sent is removed", user(ids["sam"])[0]["first_name"], "")
    success("logout", call("logout", **{"login-cookie": again}), True)
    invalid("and it has ended", call("update-login", **{"login-cookie": again}), "invalid-session")
    success("logout of nobody", call("logout"), True)

    def fail():
        return call("login", email="sam.story@example.com", password="?", user_ip="192.0.2.99").response

    equal("failures", {fail() for _ in range(10)} <= {False, "ip-ban"}, True)
    equal("too many of them", fail(), "ip-ban")
    success("gone, with what was left of it", call("delete-user", user_id=ids["sam"]), True)


@step
def delete_users():
    for who, ask in CLIENTS.items():
        some = [added("{}: one more".format(who), ask("add-user", first_name=who)) for _ in range(2)]
        success("{}: both go".format(who), ask("delete-users", user_ids=[*some, UNKNOWN_ID]), True)
        success("{}: gone".format(who), call("get-user", user_id=some[1]), False)
    before = counted()
    invalid("with the admin nobody goes", jquery("delete-users", user_ids=[ids["bob"], ADMIN]), "cannot-delete-user")
    equal("as many as before", counted(), before)
    success("an agent goes", call("delete-user", user_id=ids["zoe"]), True)
    details = call("get-conversation", conversation_id=ids["conversation"]).response["details"]
    equal("its conversations stay", details["agent_id"], None)
    success("a user goes", call("delete-user", user_id=ids["anna"]), True)
    success("with its conversations", call("get-conversation", conversation_id=ids["conversation"]), False)


checks.run()
