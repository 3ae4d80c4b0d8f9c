"""moto's CloudFormation makes the stack of a template, changes it, and removes it.

    python stack.py TEMPLATE

The last line says what was checked and what is wrong, as JSON. Runs in the environment of tools.py.
"""

import json
import os
import sys

import boto3
import expansion
import fake_aws

NAME = "switchboard-test"
KEPT = ["AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::S3::Bucket", "AWS::SecretsManager::Secret"]
# What a later deployment changes: settings, limits, a new revision, somebody who is told, a domain.
CHANGED = {
    "LogRetentionDays": "7",
    "StepchatOnlineSeconds": "45",
    "TableReadCeiling": "4000",
    "AlarmEmail": "ops@example.com",
    "DomainName": "users.example.com",
    "CertificateArn": expansion.CERTIFICATE,
    "Revision": "fedcba9876543210",
}
PAGED = {
    "functions": ("lambda", "list_functions", "Functions", "FunctionName"),
    "roles": ("iam", "list_roles", "Roles", "RoleName"),
    "log groups": ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "tables": ("dynamodb", "list_tables", "TableNames", None),
    "buckets": ("s3", "list_buckets", "Buckets", "Name"),
    "secrets": ("secretsmanager", "list_secrets", "SecretList", "ARN"),
    "topics": ("sns", "list_topics", "Topics", "TopicArn"),
    "rules": ("events", "list_rules", "Rules", "Name"),
    "keys": ("kms", "list_keys", "Keys", "KeyId"),
}


class Account:
    """What is in the account, asked of each service and not of CloudFormation."""

    def __init__(self, endpoint):
        self.endpoint = endpoint

    def client(self, service):
        return boto3.client(service, endpoint_url=self.endpoint)

    def names(self, what):
        service, call, key, name = PAGED[what]
        client = self.client(service)
        if client.can_paginate(call):
            found = [one for page in client.get_paginator(call).paginate() for one in page[key]]
        else:
            found = getattr(client, call)()[key]
        return sorted(one[name] if name else one for one in found)

    def counts(self):
        # The bucket with the functions' code is `sam deploy`'s, and no part of the stack.
        return {what: len([name for name in self.names(what) if name != "bucket"]) for what in PAGED}


def chosen(expanded, values):
    """The resources that are there with these parameters: a condition is `Has` and a parameter."""

    def there(resource):
        condition = resource.get("Condition")
        return condition is None or values[condition.removeprefix("Has")] != ""

    return {name: resource for name, resource in expanded["Resources"].items() if there(resource)}


def kept_of(template, stack):
    return {name: stack.resources[name] for name, one in template.items() if one["Type"] in KEPT}


def key_of(table, described):
    return {one["AttributeName"]: {"S": "kept"} for one in described["KeySchema"]}


def differing(one, other, words):
    return "" if one == other else f"{words}: {one} instead of {other}"


def made(account, stack, expected):
    said = [
        ("moto makes the stack", differing(stack.status, "CREATE_COMPLETE", "status")),
        (f"all {len(expected)} resources are there", ", ".join(sorted(set(expected) ^ set(stack.resources)))),
        ("each has a name of its own", ", ".join(name for name, physical in stack.resources.items() if not physical)),
        ("each output has a value", ", ".join(name for name, value in stack.outputs.items() if not value)),
    ]
    for what, kind in [("functions", "AWS::Lambda::Function"), ("log groups", "AWS::Logs::LogGroup"), ("tables", KEPT[0])]:
        count = sum(1 for one in expected.values() if one["Type"] == kind)
        said.append((f"{count} {what} are in the account", differing(account.counts()[what], count, what)))
    return said


def tables_as_declared(account, stack, expected):
    """Keys, indexes and what is carried, as the template says them."""
    database, wrong = account.client("dynamodb"), []
    for name, one in expected.items():
        if one["Type"] == "AWS::DynamoDB::Table":
            found = database.describe_table(TableName=stack.resources[name])["Table"]
            wanted = one["Properties"]
            wrong.append(differing(found["KeySchema"], wanted["KeySchema"], name))
            indexes = {index["IndexName"]: index for index in found.get("GlobalSecondaryIndexes", [])}
            for index in wanted.get("GlobalSecondaryIndexes", []):
                other = indexes.pop(index["IndexName"], {})
                wrong += [differing(other.get(part), index[part], name) for part in ("KeySchema", "Projection")]
            wrong.append(differing(sorted(indexes), [], name))
            billed = found.get("BillingModeSummary", {}).get("BillingMode")
            wrong.append(differing(billed, "PAY_PER_REQUEST", name))
    return "\n".join(filter(None, wrong))


def put(account, tables):
    database = account.client("dynamodb")
    for table in tables:
        described = database.describe_table(TableName=table)["Table"]
        database.put_item(TableName=table, Item=key_of(table, described))


def lost(account, tables):
    database = account.client("dynamodb")
    wrong = []
    for table in tables:
        described = database.describe_table(TableName=table)["Table"]
        if "Item" not in database.get_item(TableName=table, Key=key_of(table, described)):
            wrong.append(table)
    return ", ".join(wrong)


def changed(account, before, after, expected):
    function = account.client("lambda").get_function(FunctionName=after.resources["StepchatIsOnlineFunction"])
    setting = function["Configuration"]["Environment"]["Variables"]["STEPCHAT_ONLINE_SECONDS"]
    base = "https://users.example.com"
    return [
        ("moto changes the stack", differing(after.status, "UPDATE_COMPLETE", "status")),
        ("what was chosen later is there", ", ".join(sorted(set(expected) - set(after.resources)))),
        ("a changed setting reaches its function", differing(str(setting), "45", "seconds")),
        ("the APIs have the chosen address", differing(after.outputs["StepchatUrl"], f"{base}/stepchat", "URL")),
        ("its DNS target is told", "" if after.outputs.get("DomainTarget") else "no output DomainTarget"),
        ("it was not told before", "an output DomainTarget" if "DomainTarget" in before.outputs else ""),
    ]


def removed(account, tables, kept):
    formation = account.client("cloudformation")
    formation.delete_stack(StackName=NAME)
    states = {one["StackStatus"] for one in formation.list_stacks()["StackSummaries"]}
    stays = {"tables": 4, "buckets": 1, "secrets": 2, "keys": 1}
    counts = account.counts()
    wanted = {what: stays.get(what, 0) for what in counts}
    names = set(account.names("tables")) | set(account.names("buckets")) | set(account.names("secrets")) | set(account.names("keys"))
    return [
        ("moto removes the stack", differing(states, {"DELETE_COMPLETE"}, "states")),
        ("tables, bucket, secrets and key stay, and nothing else", differing(counts, wanted, "left")),
        ("they are the same as at first", ", ".join(sorted(set(kept.values()) - names))),
        ("nothing in the tables is lost", lost(account, tables)),
    ]


def protected(expanded):
    """moto leaves this property out, so the template itself is looked at."""
    tables = {name: one["Properties"] for name, one in expanded["Resources"].items() if one["Type"] == KEPT[0]}
    return ", ".join(name for name, one in tables.items() if one.get("DeletionProtectionEnabled") is not True)


def story(file, aws):
    account = Account(aws.endpoint)
    source = expansion.read(file)
    said = []
    expanded = expansion.expanded(source, {})
    expected = chosen(expanded, expansion.parameters(source, {}))
    first = aws.stack(NAME, file)
    said += made(account, first, expected)
    said.append(("the tables are as the template says", tables_as_declared(account, first, expected)))
    said.append(("every table is protected against deletion", protected(expanded)))
    kept = kept_of(expected, first)
    tables = [name for logical, name in kept.items() if logical.endswith("Table")]
    put(account, tables)

    second = aws.stack(NAME, file, CHANGED)
    later = chosen(expansion.expanded(source, CHANGED), expansion.parameters(source, CHANGED))
    said += changed(account, first, second, later)
    said.append(("tables, bucket, secrets and key are kept", differing(kept_of(later, second), kept, "resources")))
    said.append(("nothing in the tables is lost by a change", lost(account, tables)))
    return said + removed(account, tables, kept)


def main():
    with fake_aws.running() as aws:
        os.environ.update(aws.environment())
        said = story(sys.argv[1], aws)
    print(json.dumps([(f"moto: {name}", wrong) for name, wrong in said]))


if __name__ == "__main__":
    main()
