"""StepChat's API as real integrations call it. There is no official client: everybody posts forms with what their
language offers, so this story writes the bodies of each kind itself.
"""

import json
import os
import re
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
    plain, as_json = "text/plain; charset=utf-8", "application/json"
    for what, accept, expected in (
        ("jQuery, PHP curl", BROWSER, plain),
        ("no Accept", None, plain),
        ("a browser's form", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", plain),
        ("Laravel", as_json, as_json),
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


checks.run()
