"""The official Python client (`voximplant-apiclient`, 1.15.0 and 2.12.0) against the server, over HTTPS.

A whole life: application, users, skills, queues, money, history, and everything deleted again.
"""

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
BALANCES = ("balance", "live_balance", "fixed_balance")
UNKNOWN_ID = 2000000000
IS_OLD = checks.CLIENT_VERSION.startswith("1.")

api = VoximplantAPI(CREDENTIALS, endpoint=checks.HTTPS_HOST)

APPLICATION = checks.STORY
# In the order in which they are made; by name the order is another.
ZOE, ANNA, BOB = (checks.STORY + name for name in ("-zoe", "-anna", "-zy_bob"))
DISPLAY_NAMES = {ZOE: "Zoë & Co; 1+1=2", ANNA: "Анна Ёлкина", BOB: "李小龍 100%"}
CUSTOM_DATA = '{"k":"v=1&2"}; a+b = c & d; 100% Ж'
SKILLS = {"russian": checks.STORY + " Русский & Co", "sales": checks.STORY + " sales"}
BY_HAND, BY_SKILL = checks.STORY + " by hand", checks.STORY + " by skill"
made = {"application_id": None, "ids": {}, "skills": {}, "queues": {}}


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


def by_filter(**filters):
    """Names only, of a list whose `count` and `total_count` agree with it."""
    names, count, total = listed(**filters)
    equal("count and total_count of {}".format(filters), (count, total), (len(names), len(names)))
    return names


def by_hand(method, arguments):
    """The client's generic function, with lists and errors as its methods treat them."""
    answer = api._perform_request(method, {name: api._serialize_list(value) for name, value in arguments.items()})
    if "error" in answer:
        raise VoximplantException(answer["error"]["msg"], answer["error"]["code"])
    return answer


def bind_skill(**arguments):
    """1.x insists on users, queues and an application in every call."""
    return by_hand("BindSkill", arguments) if IS_OLD else api.bind_skill(**arguments)


def transfer(amount, **arguments):
    """2.x has no method for it."""
    if IS_OLD:
        return api.transfer_money_to_user(amount, **arguments)
    return by_hand("TransferMoneyToUser", {"amount": amount, **arguments})


def balances():
    """Of the account, and of the users in the order in which they were made."""
    users = api.get_users(application_id=made["application_id"], order_by="user_id")["result"]
    for user in users:
        equal("the three balances of a user are one", len({user[field] for field in BALANCES}), 1)
    return [api.get_account_info()["result"]["balance"]] + [user["balance"] for user in users]


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
        money = [user[field] for field in BALANCES]
        check("balances of {} are 0".format(name), money == [0, 0, 0], money)
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


@step
def applications():
    answer = api.get_applications(application_id=made["application_id"])
    equal("one by id", (answer["count"], answer["total_count"]), (1, 1))
    application = answer["result"][0]
    equal("its full name", application["application_name"], made["application_name"])
    check("modified is a datetime in UTC", is_recent(application["modified"]), repr(application["modified"]))
    by_part = api.get_applications(application_name=APPLICATION.upper())["result"]
    equal("by part of the name, in any case", [found["application_id"] for found in by_part], [made["application_id"]])


@step
def skills():
    ids = made["ids"]
    for key, name in SKILLS.items():
        answer = api.add_skill(name)
        equal("answer has result and skill_id", sorted(answer), ["result", "skill_id"])
        made["skills"][key] = answer["skill_id"]
    refused("a skill's name that is taken", 221, lambda: api.add_skill(SKILLS["sales"]))
    russian, sales = made["skills"].values()
    equal("bind by ids", bind_skill(skill_id=[russian, sales], user_id=[ids[ZOE], ids[ANNA]]), {"result": 1})
    by_names = bind_skill(skill_name=[SKILLS["sales"]], user_name=[BOB], application_name=APPLICATION, bind=True)
    equal("bind by names", by_names, {"result": 1})
    equal("take one back", bind_skill(skill_id=sales, user_id=ids[ZOE], bind=False), {"result": 1})
    refused("an unknown skill", 222, lambda: bind_skill(skill_id=UNKNOWN_ID, user_id=ids[ZOE]))
    refused("an unknown user", 117, lambda: bind_skill(skill_id=sales, user_id=[ids[ZOE], UNKNOWN_ID]))
    answer = api.get_skills(skill_name=checks.STORY)
    found = [(skill["skill_id"], skill["skill_name"]) for skill in answer["result"]]
    equal("both are listed", found, [(made["skills"][key], name) for key, name in SKILLS.items()])
    equal("counts", (answer["count"], answer["total_count"]), (2, 2))


@step
def queues():
    application_id, ids, (russian, sales) = made["application_id"], made["ids"], made["skills"].values()
    answer = api.add_queue(
        BY_HAND, application_id=application_id, acd_queue_priority=5, auto_binding=False, service_probability=0.75,
        max_queue_size=10, max_waiting_time=3, average_service_time=60,
    )
    equal("answer has result and acd_queue_id", sorted(answer), ["acd_queue_id", "result"])
    made["queues"][BY_HAND] = answer["acd_queue_id"]
    made["queues"][BY_SKILL] = api.add_queue(BY_SKILL, application_name=APPLICATION)["acd_queue_id"]
    refused("a queue's name that is taken", 219, lambda: api.add_queue(BY_SKILL, application_id=application_id))
    refused("an impossible probability", 214, lambda: api.add_queue("x", application_id, service_probability=0.4))
    hand_id, skill_queue_id = made["queues"].values()

    def bind(bind=True, **users):
        return api.bind_user_to_queue(bind=bind, application_id=application_id, acd_queue_id=[hand_id], **users)

    equal("bind users by ids", bind(user_id=[ids[ANNA], ids[BOB]]), {"result": 1})
    equal("bind a user by name", bind(user_name=[ZOE]), {"result": 1})
    equal("take one back", bind(bind=False, user_id=[ids[ANNA]]), {"result": 1})
    refused("an unknown user", 117, lambda: bind(user_id=[UNKNOWN_ID]))
    bound = api.bind_skill(
        skill_id=[russian], user_id=[ids[ZOE], ids[ANNA]], acd_queue_name=[BY_SKILL], application_id=application_id,
        bind=True,
    )
    equal("bind a skill to users and a queue", bound, {"result": 1})
    answer = api.get_queues(application_id=application_id, with_skills=True, with_operatorcount=True)
    equal("counts", (answer["count"], answer["total_count"]), (2, 2))
    hand, skill = answer["result"]
    settings = {name: hand[name] for name in (
        "acd_queue_id", "acd_queue_name", "application_id", "acd_queue_priority", "auto_binding",
        "service_probability", "max_queue_size", "max_waiting_time", "average_service_time", "skills", "operatorcount",
    )}
    equal("as it was made", settings, {
        "acd_queue_id": hand_id, "acd_queue_name": BY_HAND, "application_id": application_id, "acd_queue_priority": 5,
        "auto_binding": False, "service_probability": 0.75, "max_queue_size": 10, "max_waiting_time": 3,
        "average_service_time": 60, "skills": [], "operatorcount": 2,
    })
    defaults = (skill["acd_queue_priority"], skill["auto_binding"], skill["service_probability"])
    equal("defaults", defaults, (100, True, 1))
    equal("its skill", skill["skills"], [{"skill_id": russian, "skill_name": SKILLS["russian"]}])
    equal("who has the skill serves it", skill["operatorcount"], 2)
    check("created is a datetime in UTC", is_recent(hand["created"]), repr(hand["created"]))
    equal("not set, not there", {"max_queue_size", "deleted"} & skill.keys(), set())
    filtered = api.get_queues(application_id=application_id, skill_id=russian)["result"]
    equal("by skill", [queue["acd_queue_id"] for queue in filtered], [skill_queue_id])


@step
def filters():
    ids, (russian, sales), (hand_id, skill_queue_id) = made["ids"], made["skills"].values(), made["queues"].values()
    equal("with a skill", by_filter(skill_id=sales), [ANNA, BOB])
    equal("without a skill", by_filter(excluded_skill_id=sales), [ZOE])
    equal("with one, without the other", by_filter(skill_id=sales, excluded_skill_id=russian), [BOB])
    equal("of a queue", by_filter(acd_queue_id=hand_id), [ZOE, BOB])
    equal("of a queue by skill", by_filter(acd_queue_id=skill_queue_id), [ANNA, ZOE])
    equal("not of a queue", by_filter(excluded_acd_queue_id=hand_id), [ANNA])
    equal("of both kinds", by_filter(acd_queue_id=hand_id, skill_id=russian, user_active=True), [ZOE])
    equal("by status", by_filter(acd_status="OFFLINE", skill_id=sales, user_display_name="ёлк"), [ANNA])
    equal("nobody is online", by_filter(acd_status=["ONLINE", "READY", "DND"]), [])
    equal("one id and another's name", by_filter(user_id=ids[ZOE], user_name="anna"), [])
    equal("a page of a filter", listed(skill_id=sales, count=1, offset=1), ([BOB], 1, 2))
    equal("by display name", listed(order_by="user_display_name")[0], [ZOE, ANNA, BOB])
    refused("an unknown skill", 222, lambda: listed(skill_id=UNKNOWN_ID))
    refused("an unknown excluded skill", 224, lambda: listed(excluded_skill_id=UNKNOWN_ID))
    refused("an unknown queue", 218, lambda: listed(acd_queue_id=UNKNOWN_ID))
    refused("an unknown status", 227, lambda: listed(acd_status=["ONLINE", "ASLEEP"]))
    answer = api.get_users(application_id=made["application_id"], with_skills=True, with_queues=True)
    users = {user["user_name"]: user for user in answer["result"]}
    shown = [{"skill_id": made["skills"][key], "skill_name": name} for key, name in SKILLS.items()]
    equal("skills", [users[name]["skills"] for name in (ZOE, ANNA, BOB)], [shown[:1], shown, shown[1:]])

    def link(name, auto):
        return {"acd_queue_id": made["queues"][name], "acd_queue_name": name, "auto_link": auto}

    hand, skill = link(BY_HAND, False), link(BY_SKILL, True)
    found = [users[name]["acd_queues"] for name in (ZOE, ANNA, BOB)]
    equal("queues, by hand and by skill", found, [[hand, skill], [skill], [hand]])
    answer = api.get_users(made["application_id"], user_id=ids[ANNA], with_skills=True, showing_skill_id=sales)
    equal("only one skill is shown", answer["result"][0]["skills"], shown[1:])


@step
def set_user_info():
    ids = made["ids"]
    before = {user["user_name"]: user for user in api.get_users(made["application_id"])["result"]}
    equal("by id", api.set_user_info(user_id=ids[ZOE], parent_accounting=False), {"result": 1})
    renamed = api.set_user_info(
        user_name=ANNA, application_name=APPLICATION, new_user_name=ANNA + "-2", user_display_name="Ann & 安",
        user_password="N3w-Passw0rd", user_active=False, user_custom_data="x=1;y=2",
    )
    equal("by name", renamed, {"result": 1})
    equal("the new name is found", by_filter(user_name="anna"), [ANNA + "-2"])
    users = {user["user_id"]: user for user in api.get_users(made["application_id"])["result"]}
    anna = users[ids[ANNA]]
    changed = (anna["user_display_name"], anna["user_active"], anna["user_custom_data"], anna["parent_accounting"])
    equal("all of it changed, the rest did not", changed, ("Ann & 安", False, "x=1;y=2", True))
    check("modified is not before created", anna["modified"] >= anna["created"], repr(anna))
    equal("created stays", anna["created"], before[ANNA]["created"])
    wanted = {**before[ZOE], "parent_accounting": False, "modified": users[ids[ZOE]]["modified"]}
    equal("what is not given stays", users[ids[ZOE]], wanted)
    equal("its old name again", api.set_user_info(user_id=ids[ANNA], new_user_name=ANNA), {"result": 1})
    refused("a name that is taken", 118, lambda: api.set_user_info(user_id=ids[ANNA], new_user_name=BOB))
    refused("a bad new name", 462, lambda: api.set_user_info(user_id=ids[ANNA], new_user_name="An Na"))
    refused("a weak password", 464, lambda: api.set_user_info(user_id=ids[ANNA], user_password="password"))
    refused("an unknown user", 117, lambda: api.set_user_info(user_id=UNKNOWN_ID, user_active=True))
    equal("refused, nothing changed", by_filter(user_name="anna"), [ANNA])


@step
def transfers():
    zoe, anna, bob = made["ids"].values()
    equal("at first", balances(), [1000, 0, 0, 0])
    equal("to one", transfer(5.67, user_id=zoe), {"result": 1, "balance": 994.33})
    several = transfer(
        10.5, user_id=[zoe, bob], currency="USD", strict_mode=True, user_transaction_description="to you",
        account_transaction_description="To ${user_name} (${user_id})",
    )
    equal("the amount goes to each", several, {"result": 1, "balance": 973.33})
    by_name = transfer(0.01, user_name=[BOB], application_name=APPLICATION)
    equal("by name", by_name, {"result": 1, "balance": 973.32})
    equal("negative: back", transfer(-6.17, user_id=[zoe]), {"result": 1, "balance": 979.49})
    check("balances", balances() == [979.49, 10, 0, 10.51], balances())
    refused("more than a user has", 127, lambda: transfer(-10.01, user_id=[bob, zoe]))
    refused("more than the account has", 127, lambda: transfer(500, user_id=[bob, zoe], strict_mode=True))
    refused("a user without a balance", 573, lambda: transfer(1, user_id=[zoe, anna]))
    refused("an unknown user", 117, lambda: transfer(1, user_id=[zoe, UNKNOWN_ID]))
    refused("less than a hundredth", 225, lambda: transfer(0.001, user_id=zoe))
    refused("another currency", 210, lambda: transfer(1, user_id=zoe, currency="EUR"))
    check("refused, nothing moved", balances() == [979.49, 10, 0, 10.51], balances())
    everything = transfer(-10000000, user_id=[zoe], strict_mode=False)
    equal("not strict: what is there", everything, {"result": 1, "balance": 989.49})
    check("and no more", balances() == [989.49, 0, 0, 10.51], balances())


@step
def transaction_history():
    zoe, _, bob = made["ids"].values()
    now = datetime.datetime.now(datetime.timezone.utc)
    hour = datetime.timedelta(hours=1)

    def history(**filters):
        return api.get_transaction_history(from_date=now - hour, to_date=now + hour, **filters)

    def lines(answer):
        return [(line["amount"], line["transaction_description"]) for line in answer["result"]]

    answer = history(user_id=[zoe, bob], count=100)
    of_users = [
        (5.67, "From account"), (10.5, "to you"), (10.5, "to you"), (0.01, "From account"), (-6.17, "To account"),
        (-10, "To account"),
    ]
    check("of the users, oldest first", lines(answer) == of_users, lines(answer))
    equal("counts", (answer["count"], answer["total_count"], answer["timezone"]), (6, 6, "Etc/GMT"))
    line = answer["result"][0]
    rest = (type(line["transaction_id"]), line["account_id"], line["currency"], line["transaction_type"])
    equal("a line", rest, (int, "1", "USD", "user_money_transfer"))
    check("performed_at is a datetime in UTC", is_recent(line["performed_at"]), repr(line["performed_at"]))
    answer = history(user_id=bob, desc_order=True, count=1)
    check("newest first", lines(answer) == [(0.01, "From account")], lines(answer))
    equal("of a page", (answer["count"], answer["total_count"]), (1, 2))
    answer = history(transaction_type=["user_money_transfer"], count=1000)
    ours = [line for line in lines(answer) if checks.STORY in line[1]]
    wanted = [
        (-5.67, "To user: " + ZOE), (-10.5, "To {} ({})".format(ZOE, zoe)), (-10.5, "To {} ({})".format(BOB, bob)),
        (-0.01, "To user: " + BOB), (6.17, "From user: " + ZOE), (10, "From user: " + ZOE),
    ]
    check("the account's side, with its macros", ours == wanted, ours)
    equal("long ago: nothing", api.get_transaction_history(now - 9999 * hour, now - 9998 * hour)["result"], [])
    refused("an end before its beginning", 123, lambda: api.get_transaction_history(now, now - hour))


@step
def delete_users():
    ids, application_id = made["ids"], made["application_id"]
    refused("one of the list is unknown", 117, lambda: api.del_user(user_id=[ids[ZOE], UNKNOWN_ID]))
    equal("nobody went", listed()[2], 3)
    equal("by ids", api.del_user(user_id=[ids[ZOE], ids[ANNA]]), {"result": 1})
    equal("two are gone", by_filter(), [BOB])
    equal("by name", api.del_user(user_name=[BOB], application_name=APPLICATION), {"result": 1})
    equal("nobody is left", listed(), ([], 0, 0))
    refused("again", 117, lambda: api.del_user(user_id=ids[BOB], application_id=application_id))
    check("the money is back", balances() == [1000], balances())


@step
def delete_application():
    application_id = made["application_id"]
    again = api.add_user(ZOE, "Z", PASSWORD, application_id=application_id, parent_accounting=False)["user_id"]
    check("a name is free again, its id is new", again > max(made["ids"].values()), again)
    equal("with money", transfer(1, user_id="all", application_id=application_id), {"result": 1, "balance": 999})
    equal("deleted", api.del_application(application_id=[application_id]), {"result": 1})
    refused("its users cannot be listed", 116, lambda: listed())
    equal("it is not listed", api.get_applications(application_id=application_id)["result"], [])
    refused("again", 116, lambda: api.del_application(application_id=application_id))
    money = api.get_account_info()["result"]["balance"]
    check("all the money is back", money == 1000, money)


checks.run()
