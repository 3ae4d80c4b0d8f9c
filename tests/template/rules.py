"""What must hold of the template and of what SAM makes of it. Each rule returns what is wrong, in words."""

import json
import re

import graph

VERBS = ("get", "post")
CODE = re.compile(r"target/lambda/([a-z0-9-]+)/?$")
# CloudFormation's and the services' own limits; the longest name that a stack may have.
STACK_NAME = "s" * 128
LIMITS = {
    "resources": 500,
    "parameters": 200,
    "outputs": 200,
    "template bytes": 1_000_000,
    "template description bytes": 1024,
    "routes of the API": 300,
    "policy characters of a role": 10_240,
    "description characters of a function": 256,
    "environment bytes of a function": 4096,
    "permission bytes of a function": 20_480,
    "alarm name characters": 255,
    "log group name characters": 512,
    "display name characters of a topic": 100,
    "API name characters": 128,
    "dashboard body bytes": 1_000_000,
}


def of_type(template, kind):
    return {name: one for name, one in template["Resources"].items() if one["Type"] == kind}


def kebab(name):
    """`AddUser` and `get-user`, as folders and binaries are called."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def paths(expanded):
    """The API's paths after SAM has put them together."""
    (api,) = of_type(expanded, "AWS::ApiGatewayV2::Api").values()
    return api["Properties"]["Body"]["paths"]


def route_keys(expanded):
    return {f"{verb.upper()} {path}" for path, verbs in paths(expanded).items() for verb in VERBS if verb in verbs}


def no_circle(_, expanded):
    return ["they wait for each other: " + ", ".join(circle) for circle in graph.circles(expanded["Resources"])]


def no_route_ends_in_a_slash(source, expanded):
    """The gateway takes no such key. Looked for before SAM, too: in its place SAM may drop one without a word."""
    wrong = [f"route {path}" for path in paths(expanded) if path.endswith("/")]
    for name, resource in of_type(source, "AWS::Serverless::Function").items():
        for event in resource["Properties"].get("Events", {}).values():
            path = event["Properties"].get("Path", "")
            if path.endswith("/"):
                wrong.append(f"event of {name}: {path}")
            if path and path not in paths(expanded):
                wrong.append(f"SAM drops {path} of {name}")
    return wrong


def settings_are_of_routes(_, expanded):
    """The stage fails for a setting of a route that is not there."""
    keys = route_keys(expanded)
    stages = of_type(expanded, "AWS::ApiGatewayV2::Stage")
    named = [key for stage in stages.values() for key in stage["Properties"].get("RouteSettings", {})]
    wrong = [f"there is no route {key}" for key in named if key not in keys]
    return wrong + ([] if named else ["no route has a limit of its own"])


def every_way_to_a_sensitive_method_is_limited(_, expanded):
    """Whatever reaches the function of login or transfer takes its limit."""
    (stage,) = of_type(expanded, "AWS::ApiGatewayV2::Stage").values()
    limited = stage["Properties"]["RouteSettings"]
    sensitive = {"/stepchat/login", "/platform_api/TransferMoneyToUser", "/platform_api/TransferMoneyToUser/{proxy+}"}
    missing = sensitive - set(paths(expanded))
    keys = {f"{verb.upper()} {path}" for path in sensitive for verb in VERBS}
    return [f"{path} is no route" for path in sorted(missing)] + [f"{key} has no limit" for key in keys - set(limited)]


def binary_of(source, function):
    return CODE.search(source["Resources"][function]["Properties"]["CodeUri"]).group(1)


def expected_binary(path, aliases):
    """The function that a path names; a front door for every path that names none."""
    segments = path.strip("/").split("/")
    family = {"stepchat": "stepchat", "platform_api": "voximplant"}.get(segments[0], "stepchat")
    if path.endswith("/include/api.php") or len(segments) == 1 or segments[1] == "{proxy+}":
        return f"{family}-front-door"
    name = aliases.get(segments[1], segments[1])
    return f"{family}-{kebab(name)}"


# Names under which a method is also known.
ALIASES = {"get-userp-extra": "get-user-extra"}


def routes_reach_their_functions(source, expanded):
    """By path, by verb, by the alias if there is one, and with the permission that lets the gateway in."""
    wrong = []
    aliased = {one["Properties"]["FunctionName"]["Ref"]: name for name, one in of_type(expanded, "AWS::Lambda::Alias").items()}
    allowed = permissions(expanded)
    for path, verbs in paths(expanded).items():
        if set(VERBS) - set(verbs):
            wrong.append(f"{path} takes only {', '.join(verbs)}")
        for verb in set(VERBS) & set(verbs):
            uri = verbs[verb]["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
            reached = re.search(r"functions/\$\{([A-Za-z0-9]+)(?:\.Arn)?\}/invocations", uri).group(1)
            function = next((name for name, alias in aliased.items() if alias == reached), reached)
            binary = binary_of(source, function)
            if binary != expected_binary(path, ALIASES):
                wrong.append(f"{verb} {path} reaches {binary}")
            if function in aliased and reached == function:
                wrong.append(f"{verb} {path} goes past the alias of {function}")
            star = re.sub(r"\{[^}]+\}", "*", path)
            if f"{verb.upper()}{star}" not in allowed.get(reached, ()):
                wrong.append(f"{verb} {path}: the gateway may not call {reached}")
    return wrong


def permissions(expanded):
    """Which requests of the gateway each function lets in: `GET/stepchat/login`."""
    allowed = {}
    for one in of_type(expanded, "AWS::Lambda::Permission").values():
        wanted = one["Properties"]
        source = wanted.get("SourceArn", {}).get("Fn::Sub", [""])[0]
        if "${__Stage__}/" in source:
            allowed.setdefault(wanted["FunctionName"]["Ref"], set()).add(source.split("${__Stage__}/")[1])
    return allowed


def versions(expanded):
    """The version that each alias stands at, by the alias's function."""
    aliases = of_type(expanded, "AWS::Lambda::Alias").values()
    return {one["Properties"]["FunctionName"]["Ref"]: one["Properties"]["FunctionVersion"]["Fn::GetAtt"][0] for one in aliases}


def another_revision_is_another_version(before, after):
    """`before` and `after` are the same template with two revisions."""
    old, new = versions(before), versions(after)
    wrong = [f"{name} stays at {version}" for name, version in old.items() if new.get(name) == version]
    # Lambda publishes no version of a function in which nothing has changed.
    same = [name for name in old if before["Resources"][name] == after["Resources"][name]]
    return wrong + [f"nothing changes in {name}" for name in same] + ([] if old else ["no function has an alias"])


def keeps_what_may_not_be_lost(_, expanded):
    kept = ("AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::SecretsManager::Secret", "AWS::S3::Bucket")
    wrong = []
    for kind in kept:
        for name, one in of_type(expanded, kind).items():
            # What is protected against deletion cannot go with a failed first deployment either.
            protected = one["Properties"].get("DeletionProtectionEnabled", False)
            wanted = "Retain" if protected else "RetainExceptOnCreate"
            if (one.get("DeletionPolicy"), one.get("UpdateReplacePolicy")) != (wanted, "Retain"):
                wrong.append(f"{name}: {one.get('DeletionPolicy')}, {one.get('UpdateReplacePolicy')}")
    return wrong


def statements(role):
    for policy in role["Properties"].get("Policies", []):
        listed = policy["PolicyDocument"]["Statement"]
        yield from listed if isinstance(listed, list) else [listed]


def no_role_is_wide(_, expanded):
    """No statement names every action, every resource, or a scan; no role writes to other logs than its own."""
    wrong = []
    for name, role in of_type(expanded, "AWS::IAM::Role").items():
        for statement in statements(role):
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            wide = statement["Resource"] == "*" or "dynamodb:Scan" in actions
            if wide or any(action.endswith(":*") for action in actions):
                wrong.append(f"{name}: {json.dumps(statement)}")
        if "BasicExecutionRole" in json.dumps(role["Properties"].get("ManagedPolicyArns", [])):
            wrong.append(f"{name} may write to every log group")
    return wrong


def resolved(value, values):
    """A text in a stack whose name is as long as may be; what only AWS knows has the length of an ARN."""
    if isinstance(value, dict) and "Ref" in value:
        return STACK_NAME if value["Ref"] == "AWS::StackName" else str(values.get(value["Ref"], "x" * 100))
    if isinstance(value, dict) and "Fn::Sub" in value:
        text = value["Fn::Sub"] if isinstance(value["Fn::Sub"], str) else value["Fn::Sub"][0]
        return re.sub(r"\$\{([^}]+)\}", lambda found: resolved({"Ref": found.group(1)}, values), text)
    return value if isinstance(value, str) else json.dumps(value)


def sizes(source_text, expanded, values):
    """Everything that has a limit, as far as it is known before: name, what was counted, the most there is."""

    def most(kind, measure):
        return max((measure(one["Properties"]) for one in of_type(expanded, kind).values()), default=0)

    by_function = {}
    for one in of_type(expanded, "AWS::Lambda::Permission").values():
        by_function.setdefault(one["Properties"]["FunctionName"]["Ref"], []).append(one)
    # What Lambda adds around the three texts of a permission.
    around = 250
    measured = {
        "resources": len(expanded["Resources"]),
        "parameters": len(expanded["Parameters"]),
        "outputs": len(expanded["Outputs"]),
        "template bytes": max(len(source_text.encode()), len(json.dumps(expanded))),
        "template description bytes": len(expanded["Description"].encode()),
        "routes of the API": len(route_keys(expanded)),
        "policy characters of a role": most("AWS::IAM::Role", lambda one: len(json.dumps(one.get("Policies", [])))),
        "description characters of a function": most("AWS::Lambda::Function", lambda one: len(one["Description"])),
        "environment bytes of a function": most("AWS::Lambda::Function", lambda one: environment(one, values)),
        "permission bytes of a function": max(
            sum(around + len(resolved({"Fn::Sub": one["Properties"].get("SourceArn", {}).get("Fn::Sub", "")}, values)) for one in all_of)
            for all_of in by_function.values()
        ),
        "alarm name characters": most("AWS::CloudWatch::Alarm", lambda one: len(resolved(one["AlarmName"], values))),
        "log group name characters": most("AWS::Logs::LogGroup", lambda one: len(resolved(one["LogGroupName"], values))),
        "display name characters of a topic": most("AWS::SNS::Topic", lambda one: len(resolved(one["DisplayName"], values))),
        "API name characters": most("AWS::ApiGatewayV2::Api", lambda one: len(resolved(one["Body"]["info"]["title"], values))),
        "dashboard body bytes": most("AWS::CloudWatch::Dashboard", lambda one: len(resolved(one["DashboardBody"], values))),
    }
    return [(what, count, LIMITS[what]) for what, count in measured.items()]


def environment(properties, values):
    variables = properties["Environment"]["Variables"]
    return sum(len(name) + len(resolved(value, values).encode()) for name, value in variables.items())


def fits(source_text, expanded, values):
    return [f"{what}: {count} of {most}" for what, count, most in sizes(source_text, expanded, values) if count > most]


# Each looks at the template and at what SAM makes of it.
RULES = {
    "nothing waits for itself": no_circle,
    "no route ends in a slash": no_route_ends_in_a_slash,
    "settings of routes are settings of routes that are there": settings_are_of_routes,
    "every way to login and transfer has their limit": every_way_to_a_sensitive_method_is_limited,
    "each route reaches the function that its path names": routes_reach_their_functions,
    "what may not be lost outlives the stack": keeps_what_may_not_be_lost,
    "no role may do everything, scan, or write to other logs": no_role_is_wide,
}
