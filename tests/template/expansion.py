"""SAM's own translator, as CloudFormation runs it on a template: what comes out is what is really deployed.

Runs in the environment of tools.py.
"""

import copy
import os
import pathlib
import tomllib

import yaml
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

# SAM asks for the partition that belongs to it.
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
ROOT = pathlib.Path(__file__).resolve().parents[2]
# A parameter without a default: what the deploy tool works out.
REVISION = "0123456789abcdef"
CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/6f2a1c0e-5b7d-4f3a-9a44-0c1d2e3f4a5b"


def configured(stage):
    """The parameters of a deployment of samconfig.toml."""
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    text = settings[stage]["deploy"]["parameters"]["parameter_overrides"]
    return dict(pair.split("=", 1) for pair in text.split())


def documented():
    """Every choice that docs/deploy.md and docs/settings.md tell of, in as few deployments as show each by itself."""
    copies = ["Login", "Transfer", "Bulk", "Function", "FrontDoor"]
    limits = {f"{name}Concurrency": "3" for name in copies}
    return {
        "defaults": {},
        "prod": configured("prod"),
        "own domain": {"DomainName": "users.example.com", "CertificateArn": CERTIFICATE},
        "CORS and alarms": {"CorsOrigins": "https://one.example,https://two.example", "AlarmEmail": "ops@example.com"},
        "arm64": {**configured("dev"), "Architecture": "arm64"},
        "release without alarms": {"ReleaseAlarms": "off", "Release": "Linear10PercentEvery1Minute"},
        "limits": {**limits, "TableReadCeiling": "4000", "TableWriteCeiling": "1000", "RouteRate": "5"},
    }


def read(file):
    """A template as SAM reads it."""
    return yaml_parse(pathlib.Path(file).read_text(encoding="utf-8"))


def parameters(template, chosen):
    """The value of every parameter, as text."""
    # The template of the bucket that `sam deploy --resolve-s3` makes first has none.
    declared = template.get("Parameters", {})
    unknown = set(chosen) - set(declared)
    if unknown:
        raise KeyError(f"the template has no parameter {', '.join(sorted(unknown))}")
    values = {name: about.get("Default", REVISION) for name, about in declared.items()}
    return {name: str(value) for name, value in {**values, **chosen}.items()}


class NoManagedPolicies:
    """The template names none of AWS's own policies by a short name."""

    def load(self):
        return {}


def expanded(template, chosen):
    """What becomes of a template that was read, with these parameters."""
    template = copy.deepcopy(template)
    values = parameters(template, chosen)
    for resource in template["Resources"].values():
        code = resource.get("Properties", {}).get("CodeUri")
        if code and not code.startswith("s3://"):
            # `sam deploy` puts the functions into a bucket first.
            resource["Properties"]["CodeUri"] = f"s3://bucket/{code}"
    return transform(template, values, NoManagedPolicies())


def text(template):
    """A template that was read, as text again; SAM's reader makes plain maps of the short functions."""
    return yaml.safe_dump(template, sort_keys=False)
