"""The independent client `voximplant-client` 0.0.5 against the server: GET and POST over plain HTTP, the API key in
the query, the method in the path with a slash behind it.

Its typed helpers (`client.users.add(…)`) find applications, users and queues by name in lists that they fetch first.
For methods that it has no helper for, its HTTP layer is used. A whole life, as in the official clients' stories.
"""

import importlib.metadata
import datetime
import json
import os
import re

from voximplant_client import exceptions
from voximplant_client.client import VoximplantClient

import checks
from checks import check, equal, step

with open(os.path.join(checks.STATE, "voximplant-apikey.json"), encoding="utf-8") as file:
    KEY = json.load(file)

PASSWORD = "Passw0rd!"
UNKNOWN_ID = 2000000000
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")



def connect():
    """The client reads the list of applications once: after a change there is need for a new one."""
    return VoximplantClient(str(KEY["account_id"]), KEY["api_key"], checks.HTTP + "/platform_api")


http = connect().http

APPLICATION = checks.STORY
FULL_NAME = "{}.{}.voximplant.com".format(APPLICATION, KEY["account_name"])
ZOE, ANNA, BOB = (checks.STORY + name for name in ("-zoe", "-anna", "-zy_bob"))
DISPLAY_NAMES = {ZOE: "Zoë & Co; 1+1=2", ANNA: "Анна Ёлкина", BOB: "李小龍 100%"}
CUSTOM_DATA = '{"k":"v=1&2"}; a+b = c & d; 100% Ж'
SKILLS = {"russian": checks.STORY + " Русский & Co", "sales": checks.STORY + " sales"}
BY_HAND, BY_SKILL = checks.STORY + " by hand", checks.STORY + " by skill"
made = {"application_id": None, "ids": {}, "skills": {}, "queues": {}}


def refused(label, code, answer):
    """This client raises nothing for an API error: its result says `isError`."""
    error = answer.error or {}
    equal("{} is an error with code {}".format(label, code), (answer.isError, error.get("code")), (True, code))
    equal("it has no result", list(answer.result), [])


def raised(label, error, call, part):
    """The client's own class, with the server's sentence or the name inside."""
    try:
        answer = call()
    except exceptions.VoximplantClientException as caught:
        equal("{} raises its class".format(label), type(caught), error)
        check("{} is told".format(label), part in str(caught), repr(caught))
    else:
        check("{} raises its class".format(label), False, "answered {!r}".format(answer))


def done(label, answer):
    equal(label, dict(answer), {"result": 1})


def transfer(amount, **arguments):
    return http.post("TransferMoneyToUser", {"amount": amount, **arguments})


def balances():
    """Of the account, and of the users in the order in which they were made."""
    users = http.get("GetUsers?application_id={}&order_by=user_id".format(made["application_id"])).result
    return [http.get("GetAccountInfo").result["balance"]] + [user["balance"] for user in users]


def is_recent(text):
    """A moment as it came, in UTC and not long ago."""
    moment = datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=datetime.timezone.utc)
    age = datetime.datetime.now(datetime.timezone.utc) - moment
    return TIMESTAMP.fullmatch(text) and abs(age) < datetime.timedelta(minutes=10)


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
    check("created is a moment in UTC", is_recent(account["created"]), account["created"])


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
    equal("full name", answer.get("application_name"), FULL_NAME)


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
        check("times of " + name, all(is_recent(time) for time in times), times)
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


@step
def typed_users():
    client = connect()
    equal("the application by its full name", client.applications.get_id(FULL_NAME), made["application_id"])
    equal("a user by its name", client.users.get_id(FULL_NAME, BOB), made["ids"][BOB])
    equal("nobody", client.users.get_id(FULL_NAME, "nobody"), None)
    equal("the list", [user["user_name"] for user in client.users.list(FULL_NAME).result], [ANNA, ZOE, BOB])
    eve = checks.STORY + "-eve"
    answer = client.users.add(FULL_NAME, eve, "Eve", PASSWORD)
    equal("added", (answer.result, answer["user_id"]), (1, client.users.get_id(FULL_NAME, eve)))
    done("updated", client.users.update(FULL_NAME, eve, user_display_name="Эва; & Co", user_active=False))
    record = http.get("GetUsers?user_id={}".format(answer["user_id"])).result[0]
    equal("as it is now", (record["user_display_name"], record["user_active"]), ("Эва; & Co", False))
    done("a balance of its own", client.users.update(FULL_NAME, ZOE, parent_accounting=False))
    users = client.users
    raised("a name that is taken", exceptions.VoximplantUserAlreadyExistsException, lambda: users.add(
        FULL_NAME, ZOE, "Zoe", PASSWORD), ZOE)
    raised("a weak password", exceptions.VoximplantUserCreationException, lambda: users.add(
        FULL_NAME, checks.STORY + "-weak", "Weak", "password"), "Password should be at least 8 characters long")
    raised("a bad new name", exceptions.VoximplantUserUpdateException, lambda: users.update(
        FULL_NAME, BOB, new_user_name="Bob"), "New user name should start")
    raised("a user there is not", exceptions.VoximplantUserDoesNotExistsException, lambda: users.update(
        FULL_NAME, "nobody", user_active=True), "nobody")
    raised("an application there is not", exceptions.VoximplantBadApplicationNameException, lambda: users.list(
        APPLICATION), APPLICATION)
    done("deleted", http.post("DelUser", {"user_name": eve, "application_name": FULL_NAME}))


@step
def skills_and_queues():
    application_id, ids = made["application_id"], made["ids"]
    for key, name in SKILLS.items():
        made["skills"][key] = http.post("AddSkill", {"skill_name": name})["skill_id"]
    russian, sales = made["skills"].values()
    both = "{};{}".format(russian, sales)
    done("skills by ids", http.post("BindSkill", {"skill_id": both, "user_id": ids[ANNA]}))
    for user, key in ((ZOE, "russian"), (BOB, "sales")):
        fields = {"skill_name": SKILLS[key], "user_name": user, "application_id": application_id, "bind": True}
        done("a skill by name", http.post("BindSkill", fields))
    refused("a skill's name that is taken", 221, http.post("AddSkill", {"skill_name": SKILLS["sales"]}))
    shown = [{"skill_id": made["skills"][key], "skill_name": name} for key, name in SKILLS.items()]
    equal("skills", http.get_list("GetSkills?skill_name=" + checks.STORY).result, shown)
    for name, automatic in ((BY_HAND, False), (BY_SKILL, True)):
        fields = {"acd_queue_name": name, "application_id": application_id, "auto_binding": automatic}
        made["queues"][name] = http.post("AddQueue", fields)["acd_queue_id"]
    done("a skill of a queue", http.post("BindSkill", {"skill_id": russian, "acd_queue_id": made["queues"][BY_SKILL]}))
    client = connect()
    queues = client.queues
    equal("the list", [queue["acd_queue_name"] for queue in queues.list(FULL_NAME).result], [BY_HAND, BY_SKILL])
    equal("a queue by its name", queues.get_id(FULL_NAME, BY_HAND), made["queues"][BY_HAND])
    for user in (ZOE, ANNA, BOB):
        done("bound by hand", queues.bind_user(FULL_NAME, BY_HAND, user))
    done("taken back", queues.bind_user(FULL_NAME, BY_HAND, ANNA, bind=False))
    raised("a queue there is not", exceptions.VoximplantQueueDoesNotExistsException, lambda: queues.bind_user(
        FULL_NAME, "nothing", ZOE), "nothing")
    raised("a user there is not", exceptions.VoximplantUserDoesNotExistsException, lambda: queues.bind_user(
        FULL_NAME, BY_HAND, "nobody"), "nobody")
    raised("a bad flag", exceptions.VoximplantQueueBindException, lambda: queues.bind_user(
        FULL_NAME, BY_HAND, ZOE, bind="perhaps"), "The 'bind' parameter is invalid.")


@step
def filters():
    (russian, sales), (by_hand, by_skill) = made["skills"].values(), made["queues"].values()
    for query, names in (
        ("&skill_id={}".format(sales), [ANNA, BOB]),
        ("&excluded_skill_id={}".format(sales), [ZOE]),
        ("&skill_id={}&excluded_skill_id={}".format(sales, russian), [BOB]),
        ("&acd_queue_id={}".format(by_hand), [ZOE, BOB]),
        ("&acd_queue_id={}".format(by_skill), [ANNA, ZOE]),
        ("&excluded_acd_queue_id={}".format(by_hand), [ANNA]),
        ("&acd_queue_id={}&skill_id={}&user_active=true".format(by_hand, russian), [ZOE]),
        # As old documentation writes lists, which is how they arrive here.
        ("&acd_status=OFFLINE;ONLINE", [ANNA, ZOE, BOB]),
        ("&acd_status=READY", []),
    ):
        equal(query, listed(query), (names, len(names), len(names)))
    refused("an unknown skill", 222, http.get("GetUsers?skill_id={}".format(UNKNOWN_ID)))
    refused("an unknown queue", 218, http.get("GetUsers?acd_queue_id={}".format(UNKNOWN_ID)))
    query = "GetUsers?application_id={}&with_skills=true&with_queues=1".format(made["application_id"])
    users = {user["user_name"]: user for user in http.get(query).result}
    shown = [{"skill_id": made["skills"][key], "skill_name": name} for key, name in SKILLS.items()]
    equal("skills", [users[name]["skills"] for name in (ZOE, ANNA, BOB)], [shown[:1], shown, shown[1:]])
    links = [[(link["acd_queue_name"], link["auto_link"]) for link in users[name]["acd_queues"]] for name in users]
    hand, skill = (BY_HAND, False), (BY_SKILL, True)
    equal("queues of Anna, Zoë and Bob", links, [[skill], [hand, skill], [hand]])


@step
def transfers():
    zoe, anna, bob = made["ids"].values()
    equal("at first", balances(), [1000, 0, 0, 0])
    equal("to one", dict(transfer("5.67", user_id=zoe)), {"result": 1, "balance": 994.33})
    both = "{};{}".format(zoe, bob)
    equal("to each", dict(transfer("10.5", user_id=both, currency="USD")), {"result": 1, "balance": 973.33})
    back = transfer("-6.17", user_name=ZOE, application_name=FULL_NAME)
    equal("negative: back, by name", dict(back), {"result": 1, "balance": 979.5})
    refused("more than a user has", 127, transfer("-10.01", user_id=both))
    refused("a user without a balance", 573, transfer("1", user_id="{};{}".format(zoe, anna)))
    refused("less than a hundredth", 225, transfer("0.001", user_id=zoe))
    check("refused, nothing moved", balances() == [979.5, 10, 0, 10.5], balances())
    everything = transfer("-10000000", user_id=both, strict_mode=False)
    equal("not strict: what is there", dict(everything), {"result": 1, "balance": 1000})
    equal("and no more", balances(), [1000, 0, 0, 0])


@step
def transaction_history():
    zoe, _, bob = made["ids"].values()
    answer = http.get_list("GetTransactionHistory?user_id={};{}&desc_order=true".format(zoe, bob))
    amounts = [line["amount"] for line in answer.result]
    check("of the users, newest first", amounts == [-10.5, -10, -6.17, 10.5, 10.5, 5.67], amounts)
    equal("counts", (answer["count"], answer["total_count"], answer["timezone"]), (6, 6, "Etc/GMT"))
    line = answer.result[0]
    rest = (line["account_id"], line["currency"], line["transaction_type"], line["transaction_description"])
    equal("a line", rest, ("1", "USD", "user_money_transfer", "To account"))
    check("performed_at is a moment in UTC", is_recent(line["performed_at"]), line["performed_at"])
    refused("a date that is none", 111, http.get("GetTransactionHistory?from_date=2020-13-41"))
    nothing = http.get("GetTransactionHistory?from_date=2020-01-01%2000:00:00&to_date=2020-02-01%2000:00:00")
    equal("long ago: nothing", list(nothing.result), [])


@step
def delete_everything():
    application_id, ids = made["application_id"], made["ids"]
    transfer("2", user_id=ids[BOB])
    refused("one of the list is unknown", 117, http.post("DelUser", {"user_id": "{};{}".format(ids[BOB], UNKNOWN_ID)}))
    done("users by ids", http.post("DelUser", {"user_id": "{};{}".format(ids[BOB], ids[ANNA])}))
    equal("two are gone, the money is back", (listed(), balances()), (([ZOE], 1, 1), [1000, 0]))
    transfer("1", user_id=ids[ZOE])
    done("the application, with a user and its money", http.post("DelApplication", {"application_name": FULL_NAME}))
    equal("all the money is back", http.get("GetAccountInfo").result["balance"], 1000)
    equal("it is not listed", connect().applications.get_id(FULL_NAME), None)
    refused("its users cannot be listed", 116, http.get("GetUsers?application_id={}".format(application_id)))
    refused("again", 116, http.post("DelApplication", {"application_id": application_id}))


checks.run()
