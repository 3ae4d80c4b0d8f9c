#!/usr/bin/env python3
"""Checks template.yaml as AWS would, without AWS.

    python3 tests/template/run.py [--template FILE]

Installs aws-sam-cli, cfn-lint, checkov and moto from PyPI into target/template/venv once, then checks

- `sam validate --lint`;
- what SAM makes of the template with every set of parameters that docs/deploy.md tells of (expansion.py): cfn-lint finds no
  error in it, and every rule of rules.py holds;
- that the rules find the faults which this template once had (planted.py);
- checkov, on the template and on what SAM makes of it: nothing failed. What is skipped is named in the template's
  Metadata, each with its reason;
- that moto's CloudFormation makes the stack, changes it and removes it (stack.py).

Standard library only; what needs the tools runs in their environment.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import sys

import tools

HERE = pathlib.Path(__file__).resolve().parent


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, wrong):
        """`wrong` says what is; it is empty if nothing is."""
        if wrong:
            self.failed += 1
            print(f"FAIL {name}\n{wrong}", flush=True)
        else:
            self.passed += 1
            print(f"ok   {name}", flush=True)


def validated(programs, template):
    code, output, errors = tools.run([programs / "sam", "validate", "--lint", "--template", template])
    return [("sam validate --lint", "" if code == 0 else output + errors)]


def linted(programs, name, file):
    """Warnings are not errors: SAM leaves parameters unused that it has read itself."""
    code, output, errors = tools.run([programs / "cfn-lint", "--non-zero-exit-code", "error", "--format", "parseable", file])
    return [(f"cfn-lint on {name}", "" if code == 0 else output + errors)]


def checkov(programs, name, file, skipped):
    command = [programs / "checkov", "--file", file, "--framework", "cloudformation", "--output", "json", "--compact"]
    code, output, errors = tools.run([*command, "--skip-check", ",".join(skipped)])
    report = json.loads(output) if output.strip().startswith(("{", "[")) else {}
    results = report.get("results", {})
    failed = [f"{one['check_id']} {one['resource']}: {one['check_name']}" for one in results.get("failed_checks", [])]
    count = len(results.get("passed_checks", []))
    wrong = "\n".join(failed) or ("" if count > 100 else f"{count} checks, {code} {errors[-2000:]}")
    return [(f"checkov on {name}: {count} passed", wrong)]


def told(programs, script, *arguments):
    """What a script says that runs in the environment of the tools: a list of names, each with what is wrong."""
    code, output, errors = tools.run([programs / "python", HERE / script, *arguments])
    lines = output.splitlines()
    if code != 0 or not lines:
        return [(script, output + errors[-6000:])]
    return [tuple(one) for one in json.loads(lines[-1])]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--template", default=str(tools.ROOT / "template.yaml"))
    template = pathlib.Path(arguments.parse_args().template).resolve()
    programs = tools.installed()
    checks = Checks()
    folder = tools.TARGET / "expanded"

    # The tools take a processor each; none of them waits for another but for what SAM makes of the template.
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
        expanding = pool.submit(told, programs, "expanded.py", template, folder)
        work = [pool.submit(told, programs, "stack.py", template), pool.submit(validated, programs, template)]
        for name, wrong in expanding.result():
            checks.check(name, wrong)
        skips = json.loads((folder / "defaults.json").read_text(encoding="utf-8"))["Metadata"]["checkov"]["skip"]
        unreasoned = [skip["id"] for skip in skips if len(skip["comment"]) <= 20]
        checks.check(f"each of {len(skips)} skipped checks has its reason", ", ".join(unreasoned))
        skipped = [skip["id"] for skip in skips]
        made = "what SAM makes of it"
        work += [pool.submit(linted, programs, f"{made}: {file.stem}", file) for file in sorted(folder.glob("*.json"))]
        work.append(pool.submit(checkov, programs, made, folder / "defaults.json", skipped))
        work.append(pool.submit(checkov, programs, "the template", template, skipped))
        for done in concurrent.futures.as_completed(work):
            for name, wrong in done.result():
                checks.check(name, wrong)

    print(f"{checks.passed} passed, {checks.failed} failed")
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
