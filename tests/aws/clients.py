"""The command lines of whoever deploys: SAM's from PyPI, AWS's of the system."""

import os
import shutil
import subprocess
import sys


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


def folder_of(folder, sam):
    """A folder with `aws` and `sam` and nothing else. Versions of `aws` before 2.13 do not know AWS_ENDPOINT_URL."""
    folder.mkdir()
    aws = folder / "aws"
    aws.write_text(f'#!/bin/sh\nexec {aws_command_line()} --endpoint-url "$AWS_ENDPOINT_URL" "$@"\n', encoding="utf-8")
    aws.chmod(0o755)
    (folder / "sam").symlink_to(sam)
    return folder
