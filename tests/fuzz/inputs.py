"""What the fuzzer sends: values, requests in every encoding, and bodies of no meaning."""

from __future__ import annotations

import json
from typing import NamedTuple
from urllib.parse import quote_from_bytes

BOUNDARY = "switchboard-fuzz"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=" + BOUNDARY

# At the edges of what numbers, names and tables can hold.
NUMBERS = [
    0, 1, 2, 3, 20, 100, 255, 256, 999, 1000, 10_000, 10_001, 2**31 - 1, 2**31, 2**32, 2**53, 2**53 + 1, 2**63 - 1,
    2**63, 2**64, 10**12, 10**30, -1, -2, -(2**63),
]
# Numbers that are not whole, or not numbers: as JSON numbers where JSON allows it, as texts anyway.
AMOUNTS = [
    "0.01", "0.1", "1", "-1", "0.10", "1e3", "1E+3", "1e400", "-1e400", "1e-400", "NaN", "Infinity", "-0", "0.00001",
    "0.0099", "0.00", "5,0", " 5", "5 ", "+5", "0x10", "1_000", "٣", "9" * 28, "9" * 40, "-99999999", "999999.9999",
]
WORDS = [
    "", " ", "0", "false", "null", "NULL", "true", "all", "a", "ab", "abc", "Anna", "Иван",
    # Case, accents, direction, joiners, what is outside the first plane, and what is no character.
    "İstanbul", "ß", "ǅ", "é", "e\u0301", "نص عربي", "שלום", "\u202eRTL\u202c", "a\u200bb", "\ufeff", "\u0301",
    "\u0301" * 300, "\U0001f469\u200d\U0001f467", "\U0001f600", "\U0001f1fa\U0001f1e6", "\uffff", "\U0010ffff",
    # Controls, and other people's syntax.
    "\t", "\r\n", "a\r\nSet-Cookie: x=y", "\x01\x02\x7f", "\x1b[31m", "'; DROP TABLE x; --", '"', "\\", "\\u0000",
    "%00", "%", "%zz", "#", "U#1", "../../etc/passwd", "=cmd|' /C calc'!A0", "{}", "{", "[", "[]", "[1", "[1,2]",
    '{"a":1}', "[[[[[[[[[[1]]]]]]]]]]", '"x"', "1,2", "1;2", ";", ";;1;", "1;;all", "-", "--",
    # Addresses, numbers, columns, moments, cursors.
    "http://[::1", "https://example.com/" + "a" * 300, "+79191231212", "0079191231212", "+7 (919) 123-12-12",
    "a@example.com", "A@EXAMPLE.COM", "user_name", "first_name", "DESC", "2026-11-22 00:00:00", "2026-02-30 00:00:00",
    "0000-00-00 00:00:00", "9999-12-31 23:59:59", "-1-01-01 00:00:00", "2026-11-22", "WyIyMDI2IiwyMF0", "AA==",
    # Numbers that went through a float, lists that were encoded once too often, and the words for nothing.
    "1.0", "2.0", "2.50", "2.5", "1e0", "1e+06", "-0", "[1.0,2.0]", '"[1,2]"', '["1","2.0"]', "1.0;2.0", "1.0,2.0",
    "False", "None", "undefined", "NaN", "nil", "[object Object]", "Array", "[[2,3]]", '[""]',
    '[{"slug":"city","name":"City","value":"Perm"}]', '{"city":{"1":"City"}}', "agents", ">all", "Lead", '["Lead","AGENT"]',
    "First_Name ascending", "2026-11-22T00:00:00.000Z", "2026-11-22T03:00:00+03:00", "2026-11-22 00:00:00 +0000",
    "2026-11-22T00:00", "2026-11-22 00:00:00.123456+00:00", "2026-11-22T00:00:00Z[UTC]", "20261122T000000Z",
    "\u202a+7 919 123\u202c", "a\u2066b@example.com", "German", "pt-BR",
    # Lengths about limits.
    *("x" * length for length in (49, 50, 51, 100, 101, 191, 192, 255, 256, 8191, 8192, 65_535)),
    "ж" * 191, "ж" * 40_000,
]
# What callers mean, by the end of the field's name; `{}` is a number. Without them few requests would do anything.
USUAL = [
    ("email", ["ivan{}@example.com", "IVAN{}@Example.com", "иван{}@пример.рф", "no-at-{}"]),
    ("password", ["C4nary!Passw0rd"]),
    ("user_types", ['["Lead","user"]', "agent", "all", "0"]),
    ("user_type", ["Lead", "visitor", "lead", "user", "agent", "admin", "bot"]),
    ("datetime", ["2020-01-01 00:00:00", "1", "2020-01-01T00:00:00.000Z", "2020-01-01 00:00:00 +0000", "1.0"]),
    ("status_code", ["0", "1", "2", "3", "4", "5", "skip"]),
    ("department", ["1", "255"]),
    ("source", ["em", "wa"]),
    ("first_name", ["Анна {}", "anna {}", "Änna"]),
    ("slug", ["phone", "city", "0", "false"]),
    ("default", ["none", "0", "false"]),
    ("url", ["https://example.com/{}", "0", "false", ""]),
    ("sorting", ["First_Name ascending", "creation_time", '["email","DESC"]', "last_activity"]),
    ("pagination", ["1", "2", "0"]),
    ("payload", ['{"a":[1,0.10,null]}']),
    ("attachments", ['[["a","https://example.com/a"]]']),
    ("extra", ['{"phone":["+7919000{}","Phone"],"company":"Firma {}"}', '[["+7 919 {}","Phone"]]']),
    ("new_user_name", ["renamed{}"]),
    ("user_name", ["user-{}"]),
    ("application_name", ["app-{}"]),
    ("_name", ["Name {}"]),
    ("amount", ["0.01", "1", "-1", "1.2345", "-0.5", "3", "1000000", "-1000000"]),
    ("currency", ["USD", "EUR"]),
    ("acd_status", ["OFFLINE", "ONLINE;READY"]),
    ("_date", ["2020-01-01 00:00:00", "2030-01-01 00:00:00", "2020-01-01", "2030-01-01T00:00:00Z"]),
    ("transaction_type", ["user_money_transfer", "adjustment"]),
    ("service_probability", ["0.5", "1", "0.75"]),
    ("count", [1, 3, 1000]),
    ("offset", [0, 1]),
    ("search", ["anna", "иван", "firma", "7919"]),
]


class Request(NamedTuple):
    """One HTTP request."""

    verb: str
    target: str
    headers: dict
    body: bytes

    def shown(self) -> str:
        body = self.body if len(self.body) <= 600 else self.body[:600] + b"... %d bytes" % len(self.body)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "authorization"}
        return "{} {} {} {!r}".format(self.verb, self.target[:400], headers, body)


class Values:
    """Values for the fields of requests: what a schema allows, and what no schema would."""

    def __init__(self, rng, schemas: dict, pools: dict):
        self.rng = rng
        self.schemas = schemas
        # What there is, by the name of the field that asks for it: otherwise no request would find anything.
        self.pools = pools

    def usual(self, name: str, schema: dict):
        """A value that makes sense."""
        found = self.known(name, str)
        if found is None:
            found = next((self.rng.choice(usual) for part, usual in USUAL if name.endswith(part)), None)
        if found is None:
            return self.allowed(name, schema)
        return found.replace("{}", str(self.rng.randrange(400))) if isinstance(found, str) else found

    def allowed(self, name: str, schema: dict):
        """A value that the schema of a field allows."""
        schema = self.resolved(schema)
        for choice in ("oneOf", "anyOf"):
            if choice in schema:
                return self.allowed(name, self.rng.choice(schema[choice]))
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.rng.choice(schema["enum"])
        kinds = schema.get("type", "string")
        kind = self.rng.choice(kinds) if isinstance(kinds, list) else kinds
        if kind == "integer":
            low, high = schema.get("minimum", -(2**63)), schema.get("maximum", 10**30)
            return self.known(name, int) or self.rng.choice([n for n in NUMBERS if low <= n <= high] or [low])
        if kind == "boolean":
            return self.rng.random() < 0.5
        if kind == "array":
            return self.list(name)
        if kind == "object":
            return self.map()
        if kind == "null":
            return None
        longest, shortest = schema.get("maxLength", 2**31), schema.get("minLength", 0)
        fitting = [word for word in WORDS if shortest <= len(word) <= longest]
        return self.known(name, str) or self.rng.choice([*fitting, *(a for a in AMOUNTS if len(a) <= longest)])

    def odd(self, name: str):
        """A value that is rarely meant."""
        rng = self.rng
        roll = rng.randrange(12)
        if roll == 0:
            return rng.choice([*NUMBERS, 0.1, 1e15, 1e308, -0.0])
        if roll == 1:
            return rng.choice([True, False, None, 0, 0.0, 1.0, 2.0])
        if roll == 2:
            return [rng.choice([[["x"]], {"a": {"b": "c"}}, None, "", -1])] * rng.randint(0, 3)
        if roll == 3:
            return self.map()
        if roll == 4:
            many = [[str(n) for n in range(10_000)], ["x"] * 10_000, ["s%d" % n for n in range(80)]]
            return rng.choice([*many, ";".join(map(str, range(1, 40_000)))])
        if roll == 5:
            return nested(rng.choice([6, 7, 8, 9, 200]))
        if roll == 6:
            return rng.choice(AMOUNTS)
        if roll == 7:
            return self.text()
        return rng.choice(WORDS)

    def known(self, name: str, kind):
        """Something that exists, as a rule."""
        pool = next((pool for part, pool in self.pools.items() if name.endswith(part)), None)
        if not pool or self.rng.random() < 0.25:
            return None
        if kind is str and name.endswith("s") or kind is str and self.rng.random() < 0.1:
            return self.rng.choice([",", ";"]).join(str(self.rng.choice(pool)) for _ in range(self.rng.randint(1, 3)))
        return kind(self.rng.choice(pool))

    def text(self) -> str:
        """Characters from all over Unicode."""
        planes = [(1, 0x7F), (0x80, 0x7FF), (0x800, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x10FFFF), (0x300, 0x36F)]
        return "".join(chr(self.rng.randint(*self.rng.choice(planes))) for _ in range(self.rng.randint(1, 40)))

    def list(self, name: str) -> list:
        pool = next((pool for part, pool in self.pools.items() if part in name), WORDS)
        length = self.rng.choice([0, 1, 1, 2, 3, 80, 81])
        return [self.rng.choice([*pool[:8], self.rng.choice(WORDS)]) for _ in range(length)]

    def map(self) -> dict:
        keys = ["city", "phone", "company", "current_url", "Ünï cödé", "", " ", "0", "1", "a[b]", "x" * 200, "a.b", "$", "#"]
        rng = self.rng

        def value():
            row = {"slug": "city", "name": "City", "value": rng.choice(WORDS)}
            return rng.choice([rng.choice(WORDS), [rng.choice(WORDS), "Name"], [None, "Name"], {"1": "Name"}, row, [], {}, None, 5, True, ["a"]])

        return {rng.choice(keys): value() for _ in range(rng.choice([0, 1, 1, 2, 4, 90]))}

    def resolved(self, schema: dict) -> dict:
        while "$ref" in schema:
            schema = self.schemas[schema["$ref"].rsplit("/", 1)[1]]
        return schema


def nested(levels: int):
    value = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


# Encodings

def text_of(value) -> str:
    """A value as a form carries it: what is no text is JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def escaped(text: str) -> str:
    return quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="")


def pairs(fields: dict, brackets: bool) -> list:
    """Fields as a form has them; lists and maps in PHP's brackets, or as JSON texts."""
    found = []
    for name, value in fields.items():
        if brackets and isinstance(value, (list, dict)) and depth(value) < 10:
            found.extend(bracketed(name, value))
        else:
            found.append((name, text_of(value)))
    return found


def bracketed(name: str, value) -> list:
    if isinstance(value, dict):
        return [pair for key, item in value.items() for pair in bracketed("{}[{}]".format(name, key), item)]
    if isinstance(value, list):
        return [pair for index, item in enumerate(value) for pair in bracketed("{}[{}]".format(name, index), item)]
    return [(name, text_of(value))]


def depth(value) -> int:
    levels = 0
    items = [value]
    while items:
        levels += 1
        items = [
            part for item in items if isinstance(item, (list, dict))
            for part in (item.values() if isinstance(item, dict) else item)
        ]
    return levels


def urlencoded(found: list) -> str:
    return "&".join("{}={}".format(escaped(name), escaped(value)) for name, value in found)


def multipart(found: list) -> bytes:
    parts = []
    for name, value in found:
        name = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        parts.append('--{}\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'.format(BOUNDARY, name, value))
    return "".join([*parts, "--{}--\r\n".format(BOUNDARY)]).encode("utf-8", "surrogatepass")


def encoded(rng, path: str, fields: dict, headers: dict) -> Request:
    """The same fields in one of the ways clients send them."""
    way = rng.choice(["json", "json", "form", "form", "brackets", "multipart", "query", "both"])
    if way == "json":
        body = json.dumps(fields, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
        return Request("POST", path, {**headers, "Content-Type": "application/json"}, body)
    if way == "multipart":
        body = multipart(pairs(fields, rng.random() < 0.5))
        return Request("POST", path, {**headers, "Content-Type": MULTIPART}, body)
    found = pairs(fields, way == "brackets")
    if way == "query":
        query = urlencoded(found)
        if len(query) < 60_000:
            return Request("GET", "{}?{}".format(path, query), headers, b"")
    query = ""
    if way == "both" and found:
        kept = found.pop(rng.randrange(len(found)))
        if len(kept[1]) < 5_000:
            query = "?" + urlencoded([kept])
        else:
            found.append(kept)
        # One of them twice; not a credential, which may only be sent once.
        twice = [pair for pair in found if pair[0] not in ("account_id", "api_key")]
        found.extend(rng.sample(twice, min(len(twice), 1)))
    return Request("POST", path + query, {**headers, "Content-Type": FORM}, urlencoded(found).encode())


# Requests that some client could send by mistake, or somebody on purpose

JUNK = [
    b"\xff", b"\xc3", b"\xed\xa0\x80", b"%", b"%0", b"%00", b"%ff", b"&", b"=", b"[", b"]", b"{", b'"', b"\\ud800", b"\\",
    b",", b"\r\n", b"--" + BOUNDARY.encode(), b"\x00", b"1e999", b"NaN", b"+", b";",
]
KINDS = [
    "text/plain", "", "application/xml", "application/octet-stream", "application/json; charset=utf-16",
    "application/json, text/plain", "APPLICATION/JSON", ";", "multipart/form-data", "multipart/form-data; boundary=",
    "application/x-www-form-urlencoded; charset=windows-1251",
]
QUERIES = [
    "%00=1", "a=%FF", "a[=1", "a]=1", "[]=1", "a[][][][][][][][][]=1", "a[b]c=1", "=", "&&&", "a=%", "a=%u0041", "a=\\",
    "a=1;b=2", "a=" + "b" * 8_000,
]
TEXTS = [
    b"", b"null", b"[]", b"5", b'"x"', b"{", b"{}", b"[" * 100_000, b'{"a":' * 50_000, b"\xef\xbb\xbf{}", 
    b'{"a":1}{"b":2}', b'{"a":1,}', b'{"\\ud800":1}', b'{"a":"\\ud800"}', b'{"a":1e400}', b'{"a":NaN}', b'{"a":' + b"9" * 100_000 + b"}",
]
HEADERS = {
    "Accept": ["*/*", "application/*", "application/json;q=0", "text/html, application/json", "\xe9", ""],
    "Authorization": [
        "Bearer", "Bearer ", "Bearer x", "Basic eDp5", "Bearer a.b.c", "Bearer eyJhbGciOiJub25lIn0.e30.",
        "Bearer " + "x" * 9_000, "\xe9",
    ],
    "Content-Encoding": ["gzip", "identity", "x"],
    "Cookie": [
        "sb-login=x", 'sb-login="', "sb-login=%FF", ";;;", "sb-login=" + "x" * 9_000, "\xe9=1", "sb-login=a; sb-login=b",
    ],
    "Idempotency-Key": ["", " ", "x" * 255, "x" * 256, "a\tb", "\xe9", "same"],
    "X-Forwarded-For": ["::1", "999.1.1.1", "", "1.1.1.1, 2.2.2.2"],
    "X-Forwarded-Proto": ["https", "", "javascript", "\xe9"],
    "X-Http-Method-Override": ["DELETE"],
}


def broken(rng, path: str, fields: dict, headers: dict) -> Request:
    """A request that is wrong somewhere."""
    base = encoded(rng, path, fields, headers)
    roll = rng.randrange(10)
    if roll < 4 and base.body:
        body = bytearray(base.body)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(body) + 1)
            if rng.random() < 0.3:
                del body[at : at + rng.randint(1, 20)]
            body[at:at] = rng.choice(JUNK)
        return base._replace(body=bytes(body))
    if roll == 4:
        return base._replace(verb="POST", headers={**base.headers, "Content-Type": rng.choice(KINDS)})
    if roll == 5:
        start = urlencoded(pairs(fields, False)).encode() + b"&"
        size = rng.choice([256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 300_000, 4_000_000])
        many = b"&".join(b"f%d=1" % n for n in range(rng.choice([1990, 2000, 2001, 20_000])))
        body = rng.choice([start + many, (start + b"x=").ljust(size, b"a")])
        return Request("POST", path, {**headers, "Content-Type": FORM}, body)
    if roll == 6:
        name, values = rng.choice(sorted(HEADERS.items()))
        return base._replace(headers={**base.headers, name: rng.choice(values)})
    if roll == 7:
        return base._replace(verb=rng.choice(["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"]))
    if roll == 8:
        joint = "&" if "?" in base.target else "?"
        return base._replace(target=base.target + joint + rng.choice(QUERIES))
    return Request("POST", path, {**headers, "Content-Type": "application/json"}, rng.choice(TEXTS))
