"""The checker, checked: each fault that this template once had is put back into a copy of it, and must be found.

Every fault says which rule finds it; that it is the only thing wrong with the copy is what the plain template shows.
"""

import copy

import expansion
import rules

LOGIN = "StepchatLoginFunction"
TRANSFER = "VoximplantTransferMoneyToUserFunction"
FIRST, SECOND = "a" * 16, "b" * 16


def functions(template):
    return template["Resources"]


def alarms_by_reference(template):
    """P1: the release waits for its alarm, the alarm for the API, the API for the alias that is released."""
    for name in (LOGIN, TRANSFER):
        preference = functions(template)[name]["Properties"]["DeploymentPreference"]
        preference["Alarms"] = [{"Ref": "ServerErrorsAlarm"}]


def a_route_with_a_slash(template):
    """P2: the slash form as a route of its own."""
    events = functions(template)[TRANSFER]["Properties"]["Events"]
    for event in list(events.values()):
        event["Properties"]["Path"] = event["Properties"]["Path"].replace("/{proxy+}", "/")


def settings_of_no_route(template):
    """P2: its limit, of a route that the gateway does not have."""
    settings = template["Resources"]["Api"]["Properties"]["RouteSettings"]
    settings["POST /platform_api/TransferMoneyToUser/"] = settings["POST /platform_api/TransferMoneyToUser/{proxy+}"]


def versions_by_code_alone(template):
    """P3: what SAM does by itself."""
    del functions(template)[TRANSFER]["Properties"]["AutoPublishCodeSha256"]


def versions_by_properties(template):
    """P3: the mend that looked right, and does not see parameters."""
    versions_by_code_alone(template)
    functions(template)[TRANSFER]["Properties"]["AutoPublishAliasAllProperties"] = True


def a_function_of_another_method(template):
    """Two methods whose code was mixed up."""
    one, other = functions(template)[LOGIN]["Properties"], functions(template)["StepchatLogoutFunction"]["Properties"]
    one["CodeUri"], other["CodeUri"] = other["CodeUri"], one["CodeUri"]


def a_table_that_goes(template):
    template["Resources"]["LedgerTable"]["DeletionPolicy"] = "Delete"


# How it is put back, and what must find it.
FAULTS = [
    (alarms_by_reference, "nothing waits for itself"),
    (a_route_with_a_slash, "no route ends in a slash"),
    (settings_of_no_route, "settings of routes are settings of routes that are there"),
    (a_function_of_another_method, "each route reaches the function that its path names"),
    (a_table_that_goes, "what may not be lost outlives the stack"),
]
# Found by the same template with two revisions.
VERSION_FAULTS = [versions_by_code_alone, versions_by_properties]


def missed(template):
    """The faults that the checker does not find."""
    wrong = []
    for plant, rule in FAULTS:
        planted = copy.deepcopy(template)
        plant(planted)
        if not rules.RULES[rule](planted, expansion.expanded(planted, {})):
            wrong.append(f"{plant.__name__} is not found by: {rule}")
    for plant in VERSION_FAULTS:
        planted = copy.deepcopy(template)
        plant(planted)
        before, after = (expansion.expanded(planted, {"Revision": revision}) for revision in (FIRST, SECOND))
        if not rules.another_revision_is_another_version(before, after):
            wrong.append(f"{plant.__name__} is not found")
    return wrong
