#!/usr/bin/env python3
"""Checks template.yaml as AWS would, without AWS.

    python3 tests/template/run.py [--template FILE]

Installs aws-sam-cli, cfn-lint and checkov from PyPI into target/template/ once, then checks

- `sam validate --lint` and cfn-lint: no error, no warning;
- what SAM makes of the template: below CloudFormation's limit, no permission wider than declared;
- checkov, on the template and on what SAM makes of it: nothing failed. What is skipped is named in the template's
  Metadata, each with its reason.

Standard library only.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "target" / "template"
TOOLS = ["aws-sam-cli==1.170.0", "cfn-lint==1.58.0", "checkov==3.2.459"]
# CloudFormation takes 500; some room is left for what a deployment adds.
MOST_RESOURCES = 480

# Run inside the environment with the tools: SAM's own translation, as `sam deploy` leaves it to AWS to do.
TRANSLATE = """
import json, sys
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

class NoManagedPolicies:
    def load(self):
        return {}

template = yaml_parse(open(sys.argv[1], encoding="utf-8").read())
for resource in template["Resources"].values():
    if "CodeUri" in resource.get("Properties", {}):
        resource["Properties"]["CodeUri"] = "s3://bucket/key"
metadata = template.get("Metadata", {})
json.dump({"metadata": metadata, "template": transform(template, {}, NoManagedPolicies())}, sys.stdout)
"""


def tools():
    """The folder of the installed tools."""
    home = TARGET / "venv"
    mark = home / "installed"
    if not mark.exists() or mark.read_text(encoding="utf-8") != " ".join(TOOLS):
        print(f"installing {' '.join(TOOLS)}", flush=True)
        venv.create(home, with_pip=True, clear=True)
        pip = [home / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *TOOLS], check=True)
        mark.write_text(" ".join(TOOLS), encoding="utf-8")
    return home / "bin"


def run(command):
    """Exit code and output of a tool."""
    environment = dict(os.environ, AWS_DEFAULT_REGION="eu-central-1", SAM_CLI_TELEMETRY="0", BC_SKIP_MAPPING="TRUE")
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, good, detail=""):
        if good:
            self.passed += 1
            print(f"ok   {name}", flush=True)
        else:
            self.failed += 1
            print(f"FAIL {name}\n{detail}", flush=True)


def statements(resource):
    """The IAM statements of a role."""
    for policy in resource["Properties"].get("Policies", []):
        listed = policy["PolicyDocument"]["Statement"]
        yield from listed if isinstance(listed, list) else [listed]


def too_wide(resources):
    """Statements of roles that name every action, every resource, or a scan."""
    wide = []
    for name, resource in resources.items():
        if resource["Type"] != "AWS::IAM::Role":
            continue
        for statement in statements(resource):
            actions = statement["Action"]
            actions = actions if isinstance(actions, list) else [actions]
            if statement["Resource"] == "*" or "dynamodb:Scan" in actions or any(a.endswith(":*") for a in actions):
                wide.append(f"{name}: {json.dumps(statement)}")
    return wide


def checkov(bin_folder, file, skipped):
    command = [bin_folder / "checkov", "--file", file, "--framework", "cloudformation", "--output", "json", "--compact"]
    code, output, errors = run([*command, "--skip-check", ",".join(skipped)])
    report = json.loads(output) if output.strip().startswith(("{", "[")) else {}
    results = report.get("results", {})
    failed = [f"{one['check_id']} {one['resource']}: {one['check_name']}" for one in results.get("failed_checks", [])]
    count = len(results.get("passed_checks", []))
    return count, failed, f"{code} {errors[-2000:]}"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--template", default=str(ROOT / "template.yaml"))
    template = pathlib.Path(arguments.parse_args().template).resolve()
    bin_folder = tools()
    checks = Checks()

    commands = [[bin_folder / "sam", "validate", "--lint", "--template", template], [bin_folder / "cfn-lint", template]]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        (code, output, errors), linted = pool.map(run, commands)
    checks.check("sam validate --lint", code == 0, output + errors)

    code, output, errors = linted
    checks.check("cfn-lint", code == 0 and not output.strip(), output + errors)

    code, output, errors = run([bin_folder / "python", "-c", TRANSLATE, template])
    checks.check("SAM translates it", code == 0, errors)
    if code == 0:
        translated = json.loads(output)
        resources = translated["template"]["Resources"]
        count = len(resources)
        checks.check(f"{count} resources, at most {MOST_RESOURCES}", count <= MOST_RESOURCES)
        wide = too_wide(resources)
        checks.check("no role may do everything, or scan", not wide, "\n".join(wide))
        file = TARGET / "translated.json"
        file.write_text(json.dumps(translated["template"], indent=1), encoding="utf-8")
        skips = translated["metadata"]["checkov"]["skip"]
        reasons = all(len(skip["comment"]) > 20 for skip in skips)
        checks.check(f"each of {len(skips)} skipped checks has its reason", reasons)
        skipped = [skip["id"] for skip in skips]
        files = {"the template": template, "what SAM makes of it": file}
        with concurrent.futures.ThreadPoolExecutor() as pool:
            found = list(pool.map(lambda checked: checkov(bin_folder, checked, skipped), files.values()))
        for name, (count, failed, detail) in zip(files, found):
            checks.check(f"checkov on {name}: {count} passed", count > 100 and not failed, "\n".join(failed) or detail)

    print(f"{checks.passed} passed, {checks.failed} failed")
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
