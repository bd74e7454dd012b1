"""Prints the notices of every library that is linked into portlease, as their
licences ask for: the files that lie beside their sources."""

import json
import pathlib
import subprocess
import sys


def run(*args):
    return subprocess.run(args, check=True, capture_output=True, text=True).stdout


tree = run(
    "cargo", "tree", "--offline", "--locked", "-p", "portlease", "-e", "normal,no-proc-macro",
    "--prefix", "none", "--no-dedupe", "-f", "{p}",
)
linked = {tuple(line.split()[:2]) for line in tree.splitlines() if line}
packages = json.loads(run("cargo", "metadata", "--offline", "--locked", "--format-version", "1"))["packages"]
names = ("licen", "copying", "notice", "copyright", "unlicense")

without = []
for package in sorted(packages, key=lambda package: package["name"]):
    name, version = package["name"], package["version"]
    if (name, f"v{version}") not in linked or name.startswith("portlease"):
        continue
    directory = pathlib.Path(package["manifest_path"]).parent
    files = sorted(file for file in directory.iterdir() if file.is_file() and file.name.lower().startswith(names))
    print(f"{'=' * 78}\n{name} {version}: {package['license']}")
    print(f"by {', '.join(package['authors']) or 'its contributors'}\n{package['repository'] or ''}\n")
    if not files:
        without.append(name)
        print("(its package has no file with the text of this licence)\n")
    for file in files:
        print(f"--- {file.name}\n\n{file.read_text(errors='replace').strip()}\n")
print(f"{len(linked)} crates; without a text of their own: {', '.join(without) or 'none'}", file=sys.stderr)
