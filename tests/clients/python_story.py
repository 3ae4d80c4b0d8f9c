"""The official Python client (`voximplant-apiclient`, 1.15.0 and 2.12.0) against the server, over HTTPS."""

import datetime
import importlib.metadata
import json
import os
import tempfile

from voximplant import apiclient
from voximplant.apiclient import VoximplantAPI, VoximplantException

import checks
from checks import check, equal, step

CREDENTIALS = os.path.join(checks.STATE, "voximplant.json")
PASSWORD = "Passw0rd!"
UNKNOWN_ID = 2000000000

api = VoximplantAPI(CREDENTIALS, endpoint=checks.HTTPS_HOST)

APPLICATION = checks.STORY
# In the order in which they are made; by name the order is another.
ZOE, ANNA, BOB = (checks.STORY + name for name in ("-zoe", "-anna", "_bob"))
DISPLAY_NAMES = {ZOE: "Zoë & Co; 1+1=2", ANNA: "Анна Ёлкина", BOB: "李小龍 100%"}
CUSTOM_DATA = '{"k":"v=1&2"}; a+b = c & d; 100% Ж'
made = {"application_id": None, "ids": {}}


def refused(label, code, call):
    """The call fails the way this client shows API errors: an exception with code and message."""
    try:
        answer = call()
    except VoximplantException as error:
        equal("{} is an exception with code {}".format(label, code), error.code, code)
        check("its message is a sentence", str(error.message).endswith("."), repr(error.message))
    else:
        check("{} is an exception with code {}".format(label, code), False, "answered {!r}".format(answer))


def listed(**filters):
    """Names, `count` and `total_count` of a list."""
    answer = api.get_users(application_id=made["application_id"], **filters)
    return [user["user_name"] for user in answer["result"]], answer["count"], answer["total_count"]


def is_recent(moment):
    """The client made it an aware datetime, and it is about now: not local time, not another zone."""
    if not isinstance(moment, datetime.datetime) or moment.utcoffset() != datetime.timedelta(0):
        return False
    return abs(datetime.datetime.now(datetime.timezone.utc) - moment) < datetime.timedelta(minutes=10)


@step
def client():
    equal("is the published version", importlib.metadata.version("voximplant-apiclient"), checks.CLIENT_VERSION)


@step
def account_info():
    answer = api.get_account_info()
    account = answer["result"]
    made["account_name"] = account["account_name"]
    equal("account 1", account["account_id"], 1)
    check("balance 1000", account["balance"] == 1000 and not isinstance(account["balance"], str), account["balance"])
    equal("currency", account["currency"], "USD")
    equal("active, not frozen", (account["active"], account["frozen"]), (True, False))
    check("created is a datetime in UTC", is_recent(account["created"]), repr(account["created"]))
    equal("api_address is the host that was asked", answer["api_address"], checks.HTTPS_HOST)
    by_flag = api.get_account_info(return_live_balance=False)["result"]["balance"]
    check("fixed balance too", by_flag == 1000, by_flag)


@step
def server_by_address():
    """The certificate is good for the address as well as for the name."""
    by_address = VoximplantAPI(CREDENTIALS, endpoint=checks.HTTPS_ADDRESS)
    equal("account 1", by_address.get_account_info()["result"]["account_id"], 1)


@step
def config_object():
    """2.x used as its README says: without an account id it signs for account "0", which means the key's own."""
    if not hasattr(apiclient, "VoximplantAPIConfig"):
        return
    config = apiclient.VoximplantAPIConfig(credentials_file_path=CREDENTIALS, endpoint=checks.HTTPS_HOST)
    equal("without account id", VoximplantAPI(config=config).get_account_info()["result"]["account_id"], 1)
    config = apiclient.VoximplantAPIConfig(
        credentials_file_path=CREDENTIALS, endpoint=checks.HTTPS_HOST, account_id=UNKNOWN_ID
    )
    refused("another account's id", 100, lambda: VoximplantAPI(config=config).get_account_info())


@step
def unknown_key():
    with open(CREDENTIALS, encoding="utf-8") as file:
        credentials = json.load(file)
    equal("the file names account 1", credentials["account_id"], 1)
    check("the file has a PKCS#8 key", credentials["private_key"].startswith("-----BEGIN PRIVATE KEY-----"))
    credentials["key_id"] = "00000000-0000-4000-8000-000000000000"
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "credentials.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(credentials, file)
        stranger = VoximplantAPI(path, endpoint=checks.HTTPS_HOST)
        refused("a key the server does not know", 100, stranger.get_account_info)


@step
def add_application():
    answer = api.add_application(APPLICATION)
    made["application_id"] = answer["application_id"]
    made["application_name"] = answer["application_name"]
    equal("result", answer["result"], 1)
    check("id", type(answer["application_id"]) is int and answer["application_id"] > 0, repr(answer))
    full_name = "{}.{}.voximplant.com".format(APPLICATION, made["account_name"])
    equal("full name", answer["application_name"], full_name)
    equal("secure_record_storage", answer["secure_record_storage"], False)
    refused("the same name again", 129, lambda: api.add_application(APPLICATION))


@step
def add_users():
    application_id = made["application_id"]
    answers = {
        ZOE: api.add_user(ZOE, DISPLAY_NAMES[ZOE], PASSWORD, application_id=application_id),
        ANNA: api.add_user(
            ANNA, DISPLAY_NAMES[ANNA], PASSWORD, application_id=application_id, parent_accounting=True,
            user_active=True, user_custom_data=CUSTOM_DATA,
        ),
        BOB: api.add_user(
            BOB, DISPLAY_NAMES[BOB], PASSWORD, application_name=APPLICATION, parent_accounting=False,
            user_active=False,
        ),
    }
    for name, answer in answers.items():
        made["ids"][name] = answer.get("user_id")
        equal("answer has result and user_id", sorted(answer), ["result", "user_id"])
        equal("result", answer["result"], 1)
    ids = list(made["ids"].values())
    check("ids rise", all(type(id) is int for id in ids) and ids == sorted(set(ids)), ids)


@step
def list_users():
    equal("all, by name", listed(), ([ANNA, ZOE, BOB], 3, 3))
    equal("part of the name", listed(user_name="-ann"), ([ANNA], 1, 1))
    equal("part of the display name, in any case", listed(user_display_name="ёЛКИН"), ([ANNA], 1, 1))
    equal("part of the display name with & ; + =", listed(user_display_name="& Co; 1+1="), ([ZOE], 1, 1))
    equal("active", listed(user_active=True), ([ANNA, ZOE], 2, 2))
    equal("not active", listed(user_active=False), ([BOB], 1, 1))
    equal("one id", listed(user_id=made["ids"][BOB]), ([BOB], 1, 1))
    equal("status", listed(acd_status=["ONLINE", "OFFLINE"])[2], 3)
    equal("no match", listed(user_name="nobody"), ([], 0, 0))
    equal("by id", listed(order_by="user_id"), ([ZOE, ANNA, BOB], 3, 3))
    equal("a page", listed(order_by="user_id", count=1, offset=1), ([ANNA], 1, 3))
    equal("a large count", listed(count=10000)[1:], (3, 3))
    equal("past the end", listed(offset=3), ([], 0, 3))
    by_name = api.get_users(application_name=made["application_name"])
    equal("by the application's full name", (by_name["count"], by_name["total_count"]), (3, 3))
    # The client insists on an application; much public code does without.
    whole_account = api._perform_request("GetUsers", {"user_name": checks.STORY, "count": 1000})
    equal("without an application: the whole account", whole_account.get("total_count"), 3)


@step
def user_record():
    users = api.get_users(application_id=made["application_id"])["result"]
    users = {user["user_name"]: user for user in users}
    for name, display_name in DISPLAY_NAMES.items():
        user = users[name]
        equal("id of " + name, user["user_id"], made["ids"][name])
        equal("display name of " + name, user["user_display_name"], display_name)
        for field in ("created", "modified"):
            check("{} of {} is a datetime in UTC".format(field, name), is_recent(user[field]), repr(user[field]))
        balances = [user[field] for field in ("balance", "live_balance", "fixed_balance")]
        check("balances of {} are 0".format(name), balances == [0, 0, 0], balances)
        states = (user["acd_status"], user["frozen"], user["two_factor_auth_required"])
        equal("states of " + name, states, ("OFFLINE", False, False))
        missing = {"acd_status_change_time", "skills", "acd_queues", "applications", "mobile_phone"}
        check("nothing of {} is there without a value".format(name), not missing & user.keys(), sorted(user))
    equal("custom data as it was sent", users[ANNA].get("user_custom_data"), CUSTOM_DATA)
    check("no custom data, no field", "user_custom_data" not in users[ZOE], sorted(users[ZOE]))
    flags = {name: (users[name]["user_active"], users[name]["parent_accounting"]) for name in users}
    equal("flags and their defaults", flags, {ZOE: (True, True), ANNA: (True, True), BOB: (False, False)})


@step
def errors():
    application_id = made["application_id"]

    def add(name, password=PASSWORD, application_id=application_id):
        return lambda: api.add_user(name, "Somebody", password, application_id=application_id)

    refused("a name that is taken", 118, add(ZOE))
    refused("a name in upper case", 122, add("Zoe"))
    refused("a weak password", 464, add("weak-password", password="password"))
    refused("an unknown application id", 116, add("nowhere", application_id=UNKNOWN_ID))
    refused("a list of an unknown application", 116, lambda: api.get_users(application_id=UNKNOWN_ID))
    refused("an unknown order", 496, lambda: listed(order_by="balance"))
    equal("nobody was added by them", listed()[2], 3)


@step
def generic_request():
    """The client's own generic function hands out the answer as it is, errors included."""
    answer = api._perform_request("NoSuchMethod", {})
    equal("an unknown method has code 103", answer.get("error", {}).get("code"), 103)
    equal("error and errors say the same", answer.get("errors"), [answer.get("error")])
    answer = api._perform_request("AddUser", {
        "user_name": ZOE, "user_display_name": "x", "user_password": PASSWORD, "application_id": made["application_id"],
    })
    error = answer.get("error", {})
    equal("an error has its three keys", sorted(error), ["code", "field_name", "msg"])
    equal("field_name", error.get("field_name"), "user_name")


checks.run()
