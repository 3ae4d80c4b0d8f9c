#!/bin/sh
# Deploys Switchboard to your AWS account: `./deploy.sh dev`; `./deploy.sh --help` says more. In an unpacked bundle its own
# program does it; in a clone of the repository a small one, which asks its questions before anything large is compiled.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ -f "$here/bundle.json" ]; then
    "$here/switchboard" --version >/dev/null 2>&1 || {
        echo "error: the program of this bundle does not run here: it is for Linux on the processor in bundle.json." >&2
        echo "Use a machine of that kind, such as AWS CloudShell, or deploy from a clone of the repository." >&2
        exit 1
    }
    exec "$here/switchboard" deploy --folder "$here" "$@"
fi
command -v cargo >/dev/null || {
    echo "error: a clone of the repository needs Rust (https://rustup.rs); a bundle needs none." >&2
    exit 1
}
exec cargo run --quiet --manifest-path "$here/Cargo.toml" --package deploy -- "$@"
