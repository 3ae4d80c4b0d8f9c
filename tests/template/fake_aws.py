"""An AWS account on one port of this machine: moto's server, taught what it lacks to make this stack.

    python fake_aws.py PORT            # in the environment of tools.py, until it is stopped

    import fake_aws                    # from any Python; the server runs in the environment of tools.py
    with fake_aws.running() as aws:    # a free port; `aws.endpoint`, `aws.environment()` for any client of AWS
        stack = aws.stack("switchboard-test", "template.yaml", {"LogRetentionDays": "7"})
        stack.outputs["StepchatTableName"]

What moto lacks or does otherwise than AWS, as far as it matters here, is listed in [`LACKS`] and [`DIFFERS`], each with what is
done about it. Everything else of the stack is moto's own: tables, roles, functions, log groups, key, bucket, topic, rule.
"""

import contextlib
import json
import pathlib
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

ACCOUNT = "123456789012"
REGION = "eu-central-1"
SERVERLESS = "AWS::Serverless-2016-10-31"
PATIENCE = 60

# Kinds of resources that moto's CloudFormation cannot make. Other parts of the template need no more of them than a name
# (or, of the secrets and the aliases, the thing itself, which is made by moto's own service).
LACKS = {
    "AWS::ApiGatewayV2::Api": "moto's service has no import of a body; its name is enough for permissions and alarms",
    "AWS::ApiGatewayV2::ApiMapping": "not in moto's CloudFormation",
    "AWS::ApiGatewayV2::DomainName": "not in moto's CloudFormation",
    "AWS::ApiGatewayV2::Stage": "not in moto's CloudFormation",
    "AWS::CloudWatch::Alarm": "not in moto's CloudFormation",
    "AWS::CodeDeploy::Application": "not in moto's CloudFormation",
    "AWS::CodeDeploy::DeploymentGroup": "not in moto's CloudFormation",
    "AWS::Lambda::Alias": "made by moto's Lambda; it stays at the one version that moto gives a function",
    "AWS::Lambda::EventInvokeConfig": "not in moto's CloudFormation",
    "AWS::Lambda::Permission": "moto looks functions up by an ARN only; the gateway that would use them is not there",
    "AWS::Lambda::Version": "moto's has no attribute Version",
    "AWS::Logs::MetricFilter": "not in moto's CloudFormation",
    "AWS::S3::BucketPolicy": "not in moto's CloudFormation",
    "AWS::SNS::Subscription": "not in moto's CloudFormation",
    "AWS::SNS::TopicPolicy": "not in moto's CloudFormation",
    "AWS::SecretsManager::Secret": "made by moto's Secrets Manager, with a generated value",
}

# What moto does otherwise than AWS.
DIFFERS = {
    "Transform": "moto expands no template: SAM's own translator does it first",
    "DeletionPolicy": "moto knows Retain only: RetainExceptOnCreate is given to it under that name",
    "Rules": "moto judges none",
    "updates": "moto forgets a resource of a kind that it cannot change, such as a table: it is kept, unchanged",
    "change sets": "moto executes one without the order of the resources: they are made and changed as without one",
    "TemplateURL": "moto looks for amazonaws.com in it: it is read from the bucket whatever the host",
    "transactions": "moto copies a table once for each item of one: here once (quick_transactions.py)",
    "DeletionProtectionEnabled": "moto's CloudFormation leaves it out of a table; stack.py looks at the template for it",
}


# ---- From any Python ----


class Stack:
    """A stack that is there."""

    def __init__(self, described):
        self.name = described["name"]
        self.status = described["status"]
        self.outputs = described["outputs"]
        # Logical to physical ids.
        self.resources = described["resources"]


class FakeAws:
    """The account, while its server runs."""

    def __init__(self, port):
        self.port = port
        self.endpoint = f"http://127.0.0.1:{port}"

    def environment(self, base=None):
        """The variables with which any client of AWS finds it, and nothing else of AWS."""
        variables = {name: value for name, value in (base or {}).items() if not name.startswith("AWS_")}
        return {
            **variables,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def stack(self, name, template, parameters=None):
        """Makes a stack of a template's file, or changes it if it is there, and waits for it."""
        import tools

        order = json.dumps({"name": name, "template": str(pathlib.Path(template).resolve()), "parameters": parameters or {}})
        python = tools.installed() / "python"
        done = subprocess.run(
            [python, __file__, "stack", self.endpoint, order], env=self.environment(tools.environment()), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr[-4000:])
        return Stack(json.loads(done.stdout.splitlines()[-1]))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(port=None):
    """A server with nothing in it, which ends with the block."""
    import tools

    port = port or free_port()
    log = tools.TARGET / f"fake-aws-{port}.log"
    with open(log, "w", encoding="utf-8") as output:
        command = [tools.installed() / "python", __file__, str(port)]
        server = subprocess.Popen(command, env=tools.environment(), stdout=output, stderr=output)
        try:
            wait(server, port, log)
            yield FakeAws(port)
        finally:
            server.terminate()
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()


def wait(server, port, log):
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=5):
            return
        time.sleep(0.1)
    raise RuntimeError(f"the server did not start: {log.read_text(encoding='utf-8')[-4000:]}")


# ---- In the environment of the tools ----


def make_stack(endpoint, order):
    """What [`FakeAws.stack`] asks for, by CloudFormation's own client."""
    import io
    import zipfile

    import boto3
    import expansion

    source = expansion.read(order["template"])
    values = expansion.parameters(source, order["parameters"])
    s3 = boto3.client("s3", endpoint_url=endpoint)
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("bootstrap", "nothing runs here")
    for resource in source["Resources"].values():
        if "CodeUri" in resource["Properties"]:
            key = resource["Properties"]["CodeUri"]
            s3.put_object(Bucket="bucket", Key=key, Body=code.getvalue())
            resource["Properties"]["CodeUri"] = f"s3://bucket/{key}"
    s3.put_object(Bucket="bucket", Key="template", Body=json.dumps(source, default=str))
    formation = boto3.client("cloudformation", endpoint_url=endpoint)
    wanted = {
        "StackName": order["name"],
        "TemplateURL": "https://bucket.s3.amazonaws.com/template",
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
        "Capabilities": ["CAPABILITY_IAM"],
    }
    there = [one for one in formation.list_stacks()["StackSummaries"] if one["StackName"] == order["name"]]
    if any(one["StackStatus"] != "DELETE_COMPLETE" for one in there):
        formation.update_stack(**wanted)
    else:
        formation.create_stack(**wanted)
    return described(formation, order["name"])


def described(formation, name):
    (stack,) = formation.describe_stacks(StackName=name)["Stacks"]
    pages = formation.get_paginator("list_stack_resources").paginate(StackName=name)
    resources = [one for page in pages for one in page["StackResourceSummaries"]]
    return {
        "name": name,
        "status": stack["StackStatus"],
        "outputs": {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])},
        "resources": {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in resources},
    }


def taught():
    """Teaches moto, in this process, what it lacks."""
    import fake_parts
    import quick_transactions

    from moto.cloudformation import models, responses
    from moto.s3.models import s3_backends

    def stored(url, account_id, partition):
        parts = urllib.parse.urlsplit(url)
        first, _, rest = parts.path.lstrip("/").partition("/")
        # The bucket stands before the host or first in the path.
        virtual = ".s3." in parts.netloc
        bucket, key = (parts.netloc.split(".s3.")[0], parts.path.lstrip("/")) if virtual else (first, rest)
        return s3_backends[account_id][partition].get_object(bucket, key).value.decode("utf-8")

    def expanding(method):
        def wrapper(self, *positional, **named):
            named["template"] = expanded_text(named["template"], named.get("parameters"))
            return method(self, *positional, **named)

        return wrapper

    responses.get_stack_from_s3_url = stored
    fake_parts.register(LACKS)
    quick_transactions.register()
    backend = models.CloudFormationBackend
    for name in ("create_stack", "create_change_set", "update_stack"):
        setattr(backend, name, expanding(getattr(backend, name)))
    backend.execute_change_set = fake_parts.execute_change_set


def expanded_text(text, chosen):
    """What CloudFormation makes of a template before it makes anything of it, as moto understands it."""
    if not isinstance(text, str) or SERVERLESS not in text:
        return text
    import expansion
    from samtranslator.yaml_helper import yaml_parse

    if isinstance(chosen, list):
        # An update names them as the request did.
        chosen = {one["ParameterKey"]: one["ParameterValue"] for one in chosen if "ParameterValue" in one}
    expanded = expansion.expanded(yaml_parse(text), dict(chosen or {}))
    for resource in expanded["Resources"].values():
        if resource.get("DeletionPolicy") == "RetainExceptOnCreate":
            resource["DeletionPolicy"] = "Retain"
    return json.dumps(expanded)


def main():
    if sys.argv[1] == "stack":
        print(json.dumps(make_stack(sys.argv[2], json.loads(sys.argv[3]))))
        return
    from moto.server import main as serve

    taught()
    serve(["-H", "127.0.0.1", "-p", sys.argv[1]])


if __name__ == "__main__":
    main()
