"""The independent client `voximplant-client` 0.0.5 against the server: GET and POST over plain HTTP, the API key in
the query, the method in the path with a slash behind it.

Its typed helpers (`client.users.add(…)`) ask `GetApplications` first; until the server has that, only its HTTP layer is
used here.
"""

import importlib.metadata
import json
import os
import re

from voximplant_client.client import VoximplantClient

import checks
from checks import check, equal, step

with open(os.path.join(checks.STATE, "voximplant-apikey.json"), encoding="utf-8") as file:
    KEY = json.load(file)

PASSWORD = "Passw0rd!"
UNKNOWN_ID = 2000000000
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")

http = VoximplantClient(str(KEY["account_id"]), KEY["api_key"], checks.HTTP + "/platform_api").http

APPLICATION = checks.STORY
ZOE, ANNA, BOB = (checks.STORY + name for name in ("-zoe", "-anna", "_bob"))
DISPLAY_NAMES = {ZOE: "Zoë & Co; 1+1=2", ANNA: "Анна Ёлкина", BOB: "李小龍 100%"}
CUSTOM_DATA = '{"k":"v=1&2"}; a+b = c & d; 100% Ж'
made = {"application_id": None, "ids": {}}


def refused(label, code, answer):
    """This client raises nothing for an API error: its result says `isError`."""
    error = answer.error or {}
    equal("{} is an error with code {}".format(label, code), (answer.isError, error.get("code")), (True, code))
    equal("it has no result", list(answer.result), [])


def listed(query=""):
    """Names, `count` and `total_count` of a list."""
    answer = http.get("GetUsers?application_id={}{}".format(made["application_id"], query))
    return [user["user_name"] for user in answer.result], answer["count"], answer["total_count"]


@step
def client():
    equal("is the published version", importlib.metadata.version("voximplant-client"), checks.CLIENT_VERSION)


@step
def account_info():
    account = http.get("GetAccountInfo").result
    equal("account", (account["account_id"], account["account_name"]), (1, KEY["account_name"]))
    check("balance 1000", account["balance"] == 1000 and not isinstance(account["balance"], str), account["balance"])
    equal("currency", account["currency"], "USD")
    check("created is a timestamp", TIMESTAMP.fullmatch(account["created"]), account["created"])


@step
def wrong_key():
    stranger = VoximplantClient("1", "00000000-0000-0000-0000-000000000000", checks.HTTP + "/platform_api").http
    refused("an unknown key", 100, stranger.get("GetAccountInfo"))
    other = VoximplantClient(str(UNKNOWN_ID), KEY["api_key"], checks.HTTP + "/platform_api").http
    refused("another account's id", 100, other.get("GetAccountInfo"))


@step
def first_application():
    """The application that the server makes on its first start, as the state folder names it."""
    answer = http.get_list("GetUsers?application_id={}".format(KEY["application_id"]))
    equal("can be listed by id", answer.isError, False)
    answer = http.get_list("GetUsers?application_name={}".format(KEY["application_name"]))
    equal("can be listed by name", answer.isError, False)


@step
def add_application():
    answer = http.post("AddApplication", {"application_name": APPLICATION})
    made["application_id"] = answer.get("application_id")
    equal("result", answer.result, 1)
    check("id", type(answer.get("application_id")) is int, dict(answer))
    full_name = "{}.{}.voximplant.com".format(APPLICATION, KEY["account_name"])
    equal("full name", answer.get("application_name"), full_name)


@step
def add_users():
    settings = {
        ZOE: {},
        ANNA: {"parent_accounting": True, "user_active": True, "user_custom_data": CUSTOM_DATA},
        BOB: {"parent_accounting": False, "user_active": False},
    }
    for name, values in settings.items():
        answer = http.post("AddUser", dict(
            application_id=made["application_id"], user_name=name, user_display_name=DISPLAY_NAMES[name],
            user_password=PASSWORD, **values,
        ))
        made["ids"][name] = answer.get("user_id")
        equal("result of " + name, answer.result, 1)
    ids = list(made["ids"].values())
    check("ids rise", all(type(id) is int for id in ids) and ids == sorted(set(ids)), ids)


@step
def list_users():
    equal("all, by name", listed(), ([ANNA, ZOE, BOB], 3, 3))
    equal("part of the name", listed("&user_name=-ann"), ([ANNA], 1, 1))
    equal("part of the display name, in any case", listed("&user_display_name=ёЛКИН"), ([ANNA], 1, 1))
    equal("active", listed("&user_active=true"), ([ANNA, ZOE], 2, 2))
    equal("not active", listed("&user_active=0"), ([BOB], 1, 1))
    equal("one id", listed("&user_id={}".format(made["ids"][BOB])), ([BOB], 1, 1))
    equal("by id", listed("&order_by=user_id"), ([ZOE, ANNA, BOB], 3, 3))
    equal("a page", listed("&order_by=user_id&count=1&offset=1"), ([ANNA], 1, 3))
    equal("past the end", listed("&offset=3"), ([], 0, 3))
    # What the client's own list function sends: count=1000.
    answer = http.get_list("GetUsers?user_name={}".format(checks.STORY))
    equal("the whole account, up to 1000", (answer.get("count"), answer.get("total_count")), (3, 3))


@step
def user_record():
    users = {user["user_name"]: user for user in http.get_list("GetUsers?user_name=" + checks.STORY).result}
    for name, display_name in DISPLAY_NAMES.items():
        user = users[name]
        equal("id of " + name, user["user_id"], made["ids"][name])
        equal("display name of " + name, user["user_display_name"], display_name)
        times = [user["created"], user["modified"]]
        check("times of " + name, all(TIMESTAMP.fullmatch(time) for time in times), times)
    equal("custom data as it was sent", users[ANNA].get("user_custom_data"), CUSTOM_DATA)
    flags = {name: (users[name]["user_active"], users[name]["parent_accounting"]) for name in users}
    equal("flags and their defaults", flags, {ZOE: (True, True), ANNA: (True, True), BOB: (False, False)})


@step
def errors():
    def add(name, password=PASSWORD, application_id=made["application_id"]):
        return http.post("AddUser", {
            "application_id": application_id, "user_name": name, "user_display_name": "Somebody",
            "user_password": password,
        })

    refused("a name that is taken", 118, add(ZOE))
    refused("a name in upper case", 122, add("Zoe"))
    refused("a weak password", 464, add("weak-password", password="password"))
    refused("an unknown application id", 116, add("nowhere", application_id=UNKNOWN_ID))
    refused("an unknown method, GET", 103, http.get("NoSuchMethod"))
    refused("an unknown method, POST", 103, http.post("NoSuchMethod", {"a": 1}))
    equal("nobody was added by them", listed()[2], 3)


checks.run()
