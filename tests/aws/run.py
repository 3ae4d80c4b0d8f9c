#!/usr/bin/env python3
"""The whole way of a deployment, as far as moto's AWS goes: `python3 tests/aws/run.py`. See README.md.

    python3 tests/aws/run.py [--binaries FOLDER] [--only bundle|stories]

Standard library only.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
# The fake AWS and its tools are those of the template's own checks.
sys.path.insert(0, str(HERE.parent / "template"))

import clients  # noqa: E402
import fake_aws  # noqa: E402
import tools  # noqa: E402

STACK = "switchboard-dev"
TABLES = ["stepchat", "voximplant", "auth", "ledger"]
STORIES = "api::second_engine::every_story_answers_the_same_bytes_on_another_dynamodb"


class Tally:
    def __init__(self):
        self.passed = self.failed = 0
        self.began = time.monotonic()

    def check(self, label, good, detail=""):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        seconds = time.monotonic() - self.began
        print("{}  {} ({:.0f} s){}".format("ok  " if good else "FAIL", label, seconds, "" if good else f"\n{detail}"), flush=True)
        return good


class Place:
    """An unpacked bundle, and somebody who works there."""

    def __init__(self, tally, folder, env):
        self.tally, self.folder, self.env = tally, folder, env

    def run(self, *words):
        done = subprocess.run(words, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def done(self, label, *words, says=()):
        """Checks that a command is done and says all of this; what it said."""
        code, out, err = self.run(*words)
        good = code == 0 and all(text in out + err for text in says)
        self.tally.check(label, good, f"{' '.join(words)}: exit code {code}\n{out[-3000:]}\n{err[-3000:]}")
        return out

    def refused(self, label, *words, says=()):
        code, out, err = self.run(*words)
        good = code not in (0, 101) and all(text in err for text in says)
        self.tally.check(label, good, f"{' '.join(words)}: exit code {code}\n{out[-3000:]}\n{err[-3000:]}")

    def aws(self, *words):
        code, out, err = self.run("aws", *words, "--output", "json")
        if code:
            raise SystemExit(f"aws {' '.join(words)}: {err}")
        return json.loads(out) if out.strip() else None

    def operator(self, label, words, says=()):
        return self.done(label, "./switchboard", "--stack", STACK, "operator", *words.split(), says=says)

    def outputs(self):
        asked = ["cloudformation", "describe-stacks", "--stack-name", STACK, "--query", "Stacks[0].Outputs"]
        return {output["OutputKey"]: output["OutputValue"] for output in self.aws(*asked)}

    def parameters(self):
        asked = ["cloudformation", "describe-stacks", "--stack-name", STACK, "--query", "Stacks[0].Parameters"]
        return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in self.aws(*asked)}

    def tables(self):
        outputs = self.outputs()
        return {table: outputs[f"{table.capitalize()}TableName"] for table in TABLES}


def bundle(tally, work, binaries):
    """The folder of an unpacked bundle whose functions are a small program each: what they do is tested elsewhere."""
    programs = work / "programs"
    programs.mkdir()
    template = (tools.ROOT / "template.yaml").read_text(encoding="utf-8")
    for line in template.splitlines():
        if line.strip().startswith("CodeUri: target/lambda/"):
            shutil.copy("/bin/true", programs / line.strip().split("/")[2])
    shutil.copy(binaries / "switchboard", programs / "switchboard")
    command = [binaries / "xtask", "bundle", "--from", programs, "--out", work]
    packed = subprocess.run(command, capture_output=True, text=True, check=False)
    if not tally.check("cargo xtask bundle packs it", packed.returncode == 0, packed.stderr):
        raise SystemExit(1)
    archive = pathlib.Path(packed.stdout.strip())
    with tarfile.open(archive) as tar:
        tar.extractall(work / "unpacked")
    (folder,) = (work / "unpacked").iterdir()
    tally.check("its folder has its name", archive.name == f"{folder.name}.tar.gz", folder.name)
    return folder


def deploy(place):
    """From the unpacked folder to the first calls, as its README says."""
    place.tally.check("there is no Rust here", not shutil.which("cargo", path=place.env["PATH"]))
    readme = (place.folder / "README.md").read_text(encoding="utf-8")
    place.tally.check("its README has ten lines", len(readme.splitlines()) == 10)
    for words in ("sha256sum --check --quiet SHA256SUMS", "./deploy.sh dev --check", f"./switchboard --stack {STACK} operator init"):
        place.tally.check(f"its README says `{words}`", f"`{words}" in readme)
    place.done("its files are whole", "sha256sum", "--check", "--quiet", "SHA256SUMS")
    place.done("asking alone", "./deploy.sh", "dev", "--check", says=["Nothing was changed", f"stack {STACK}: new"])
    code, out, _ = place.run("aws", "cloudformation", "describe-stacks", "--stack-name", STACK)
    place.tally.check("has made no stack", code != 0, out)
    said = place.done("./deploy.sh dev", "./deploy.sh", "dev", says=["Next, the first admin"])
    place.tally.check("says the next command", f"./switchboard --stack {STACK} operator init --email" in said, said)
    parameters = place.parameters()
    place.tally.check("with the parameters of samconfig.toml", parameters["LogRetentionDays"] == "7", parameters)


def operate(place):
    """The operator's commands on the stack, found by its name."""
    said = place.operator("operator init", "init --email me@example.com", ["admin 1 made", "account 1 (main, USD) made"])
    token = said.split("shown this once:\n")[1].split()[0]
    place.operator("init again makes nothing", "init --email me@example.com", [f"switchboard --stack {STACK} operator token"])
    place.operator("token create", "token create --name crm --scope read", ["sbk_1_crm_"])
    place.operator("token list", "token list", ["crm\tread"])
    place.operator("credit", "credit --account 1 --amount 12.5 --name invoice-1", ["balance 12.5"])
    (place.folder / "users.csv").write_text("First Name,Email\nIvan,ivan@example.com\nPetr,petr@example.com\n")
    switchboard = ["./switchboard", "--stack", STACK]
    mapping = ["--map", "First Name=first_name", "--map", "Email=email"]
    place.done("import", *switchboard, "import", "stepchat", "users.csv", *mapping)
    exported = place.done("export", *switchboard, "export", "stepchat", says=["ivan@example.com", "petr@example.com"])
    place.tally.check("of each user a line", len(exported.splitlines()) >= 2, exported)
    place.operator("ledger audit", "ledger audit")
    place.refused("a stack that is not there", "./switchboard", "--stack", "nowhere", "operator", "token", "list", says=["nowhere"])
    place.tally.check("nothing is kept here", not (place.folder / ".switchboard").exists())
    return token


def deploy_again(place):
    """A changed parameter changes the stack and keeps its tables."""
    tables = place.tables()
    parameter = ["--parameter", "RouteRate=50"]
    place.done("a second deployment", "./deploy.sh", "dev", *parameter, says=["Deployed", "ledger audit"])
    place.tally.check("keeps the tables", place.tables() == tables, place.tables())
    place.tally.check("has the parameter", place.parameters()["RouteRate"] == "50", place.parameters())
    place.done("a third one without it", "./deploy.sh", "dev", says=["Deployed"])
    place.tally.check("has the parameter's default again", place.parameters()["RouteRate"] == "200", place.parameters())
    place.operator("and what is in them", "token list", ["crm\tread"])
    place.refused("a value out of range", "./deploy.sh", "dev", "--parameter", "RouteRate=0", says=["from 1 to 10000"])


def restore(place):
    """docs/backup.md, On AWS: a table as it was at a moment, while the stack stays."""
    table = place.tables()["auth"]
    restored = f"{table}-restored"
    place.aws(
        "dynamodb", "restore-table-to-point-in-time", "--source-table-name", table,
        "--target-table-name", restored, "--use-latest-restorable-time",
    )
    place.done("the restored table is waited for", "aws", "dynamodb", "wait", "table-exists", "--table-name", restored)
    place.operator("after that moment a token is revoked", "token revoke crm")
    place.operator("asking what a restore would change", f"restore --table auth --from {restored} --dry-run", ["would be"])
    place.operator("restore", f"restore --table auth --from {restored}", ["were written"])
    place.operator("nothing is left to restore", f"restore --table auth --from {restored}", [" 0 were written, 0 were deleted"])
    place.operator("the ledger agrees", "ledger audit")


def adopt(place, token):
    """docs/backup.md, After `sam delete`: after `sam delete`, another stack takes over what was left."""
    old, arns = place.tables(), place.outputs()
    secret = lambda arn: place.aws("secretsmanager", "get-secret-value", "--secret-id", arn, "--query", "SecretString")
    secrets = {name: secret(arns[f"Switchboard{name}SecretArn"]) for name in ("Token", "Payload")}
    region = ["--region", fake_aws.REGION]
    place.done("sam delete", "sam", "delete", "--stack-name", STACK, *region, "--no-prompts")
    left = place.aws("dynamodb", "list-tables", "--query", "TableNames")
    place.tally.check("leaves the tables", set(old.values()) <= set(left), left)
    place.done("the same name is deployed again", "./deploy.sh", "dev", says=["Next, the first admin"])
    new, arns = place.tables(), place.outputs()
    place.tally.check("with tables of its own", not set(new.values()) & set(old.values()), new)
    for table in TABLES:
        place.operator(f"{table} is adopted", f"restore --table {table} --from {old[table]}", [" 0 were deleted"])
    for name, value in secrets.items():
        arn = arns[f"Switchboard{name}SecretArn"]
        place.aws("secretsmanager", "put-secret-value", "--secret-id", arn, "--secret-string", value)
    place.done("functions read the secrets again", "./deploy.sh", "dev", "--parameter", "SecretsRevision=2", says=["Deployed"])
    place.operator("the first admin is there", "init --email me@example.com", ["admin 1 is there already", "1 key"])
    place.operator("so are the tokens", "token list", ["crm\tread"])
    place.operator("and the money", "ledger audit")
    said = place.done("users have the tokens they had", "./switchboard", "--stack", STACK, "export", "stepchat", "1")
    place.tally.check("and none is told by an export", token not in said)


def stories(tally, place, endpoint):
    """The golden stories of both families in the tables of the stack."""
    tables = place.tables()
    names = {f"{table.upper()}_TABLE": name for table, name in tables.items()}
    env = dict(os.environ, SECOND_ENGINE=endpoint, SECOND_ENGINE_REGION=fake_aws.REGION, **names)
    command = ["cargo", "test", "--workspace", "--test", "api", "--", "--ignored", "--exact", STORIES, "--nocapture"]
    done = subprocess.run(command, cwd=tools.ROOT, env=env, capture_output=True, text=True, check=False)
    said = [line for line in done.stdout.splitlines() if "answer the same" in line]
    for line in said:
        print(f"      {line}", flush=True)
    good = done.returncode == 0 and len(said) == 2
    tally.check("every golden story answers the same bytes on moto's DynamoDB", good, done.stdout[-4000:] + done.stderr[-4000:])


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--binaries", type=pathlib.Path, default=tools.ROOT / "target" / "debug")
    arguments.add_argument("--only", choices=["bundle", "stories"])
    arguments.add_argument("--port", type=int)
    given = arguments.parse_args()
    sam, tally = tools.installed() / "sam", Tally()
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        programs = clients.folder_of(work / "bin", sam)
        folder = bundle(tally, work, given.binaries.resolve())
        with fake_aws.running(given.port) as aws:
            # Somebody who is signed in, who has no Rust, and whose home is empty.
            env = aws.environment({"HOME": str(work), "PATH": f"{programs}:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "SAM_CLI_TELEMETRY": "0"})
            place = Place(tally, folder, env)
            deploy(place)
            if given.only != "stories":
                token = operate(place)
                deploy_again(place)
                restore(place)
                adopt(place, token)
            if given.only != "bundle":
                stories(tally, place, aws.endpoint)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
