"""What the rehearsal needs: moto and the SAM command line from PyPI, the AWS command line of the system, and a moto that
runs."""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGET = ROOT / "target" / "aws"
PACKAGES = ["moto[cloudformation,dynamodb,s3,server]==5.2.5", "aws-sam-cli==1.170.0"]
REGION = "eu-central-1"
START_SECONDS = 60


def installed():
    """The folder of the programs from PyPI."""
    home = TARGET / "venv"
    mark = home / "installed"
    if not mark.exists() or mark.read_text(encoding="utf-8") != " ".join(PACKAGES):
        print(f"installing {' '.join(PACKAGES)}", flush=True)
        venv.create(home, with_pip=True, clear=True)
        pip = [home / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *PACKAGES], check=True)
        mark.write_text(" ".join(PACKAGES), encoding="utf-8")
    return home / "bin"


def is_version_2(program):
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return said.returncode == 0 and said.stdout.startswith("aws-cli/2.")


def aws_command_line():
    """An AWS command line, version 2, of the system: PyPI has version 1 only. Installed if that is possible."""

    def find():
        folders = dict.fromkeys([*os.environ["PATH"].split(os.pathsep), "/usr/local/bin", "/usr/bin"])
        programs = filter(None, (shutil.which("aws", path=folder) for folder in folders))
        return next(filter(is_version_2, programs), None)

    found = find()
    if not found and os.geteuid() == 0 and shutil.which("apt-get"):
        print("installing awscli", flush=True)
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "awscli"]):
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            subprocess.run(["apt-get", *words], env=env, check=True, **quiet)
        found = find()
    return found or sys.exit("no AWS command line, version 2: install one")


def program_folder(folder, bin_folder):
    """A folder with `aws` and `sam` and nothing else. Versions of `aws` before 2.13 do not know AWS_ENDPOINT_URL."""
    folder.mkdir()
    aws = folder / "aws"
    aws.write_text(f'#!/bin/sh\nexec {aws_command_line()} --endpoint-url "$AWS_ENDPOINT_URL" "$@"\n', encoding="utf-8")
    aws.chmod(0o755)
    (folder / "sam").symlink_to(bin_folder / "sam")
    return folder


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Moto:
    """moto's AWS, as long as the block lasts."""

    def __init__(self, bin_folder, log, port=None):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self.command = [bin_folder / "python", HERE / "moto_with_sam.py", str(self.port)]

    def environment(self, folder, programs):
        """That of somebody who is signed in, who has no Rust, and whose home is empty."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "rehearsal",
            "AWS_SECRET_ACCESS_KEY": "rehearsal",
            "HOME": str(folder),
            "PATH": f"{programs}:/usr/bin:/bin",
            "SAM_CLI_TELEMETRY": "0",
            "LC_ALL": "C.UTF-8",
        }

    def __enter__(self):
        self.output = open(self.log, "w", encoding="utf-8")
        env = dict(os.environ, AWS_DEFAULT_REGION=REGION, PYTHONUNBUFFERED="1")
        self.process = subprocess.Popen(self.command, env=env, stdout=self.output, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/moto-api/", timeout=2):
                    return self
            except (urllib.error.URLError, OSError):
                if self.process.poll() is not None:
                    break
                time.sleep(0.2)
        self.__exit__()
        raise SystemExit(f"moto did not start: see {self.log}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=20)
        self.output.close()
