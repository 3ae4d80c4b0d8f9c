"""The tools that look at the template: pinned, and installed once below target/template/venv. Standard library only."""

import os
import pathlib
import subprocess
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "target" / "template"
PINNED = ["aws-sam-cli==1.170.0", "cfn-lint==1.58.0", "checkov==3.2.459", "moto[server,cloudformation]==5.2.5"]


def installed():
    """The folder of their programs."""
    home = TARGET / "venv"
    mark = home / "installed"
    if not mark.exists() or mark.read_text(encoding="utf-8") != " ".join(PINNED):
        print(f"installing {' '.join(PINNED)}", flush=True)
        venv.create(home, with_pip=True, clear=True)
        pip = [home / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *PINNED], check=True)
        mark.write_text(" ".join(PINNED), encoding="utf-8")
    return home / "bin"


def environment():
    """A region, and nobody's credentials."""
    return dict(
        os.environ,
        AWS_DEFAULT_REGION="eu-central-1",
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",
        AWS_EC2_METADATA_DISABLED="true",
        SAM_CLI_TELEMETRY="0",
        BC_SKIP_MAPPING="TRUE",
    )


def run(command):
    """Exit code and output of a tool."""
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr
