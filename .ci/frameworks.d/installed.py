"""What is looked at, in these versions, under target/frameworks."""

import os
import platform
import shutil
import subprocess
import sys
import json

CACHE = os.path.join(os.environ.get("CARGO_TARGET_DIR", "target"), "frameworks")
NPM = {
    "vite": "8.3.8",
    "next": "16.4.6",
    "react": "19.2.0",
    "react-dom": "19.2.0",
    "http-server": "14.1.1",
    "express": "5.3.0",
}
PYPI = {"flask": "3.1.3", "django": "5.2.19", "uvicorn": "0.54.0", "gunicorn": "27.0.1"}
# What Vite and Next want at least, and what they get where that is not there.
NODE_LEAST, NODE = (20, 19), "22.23.3"


def install():
    """All of it, at once; what is there already stays."""
    needed()
    os.makedirs(CACHE, exist_ok=True)
    began = [npm(), pypi(), example()]
    failed = [what for what, process in filter(None, began) if process.wait() != 0]
    if failed:
        sys.exit(f"failed to install: {', '.join(failed)}")


def environment():
    """With the programs first in PATH, and nothing that would tell them more."""
    here = os.path.abspath(CACHE)
    own = [f"{here}/venv/bin", f"{here}/node_modules/.bin"]
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "PATH": os.pathsep.join([*own, os.environ["PATH"]]),
        "NEXT_TELEMETRY_DISABLED": "1",
        "NO_COLOR": "1",
        "NO_UPDATE_NOTIFIER": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }


def version(package):
    return NPM.get(package) or PYPI.get(package)


def needed():
    packages = [package for program, package in [("node", "nodejs"), ("npm", "npm"), ("git", "git"), ("ip", "iproute2")]
                if not shutil.which(program)]
    if subprocess.run([sys.executable, "-c", "import ensurepip"], stderr=subprocess.DEVNULL).returncode:
        packages.append("python3-venv")
    if packages:
        subprocess.run(["apt-get", "update", "-q"], check=True)
        subprocess.run(["apt-get", "install", "-qy", "--no-install-recommends", *packages], check=True)


def npm():
    wanted = dict(NPM)
    if node_version() < NODE_LEAST:
        machine = {"x86_64": "x64", "aarch64": "arm64"}[platform.machine()]
        wanted[f"node-linux-{machine}"] = NODE
    text = json.dumps({"private": True, "dependencies": wanted}, indent=1)
    stamp = os.path.join(CACHE, "package.json")
    if is_done(stamp, text, os.path.join(CACHE, "node_modules", ".package-lock.json")):
        return None
    with open(stamp, "w") as file:
        file.write(text)
    return "npm", subprocess.Popen(["npm", "install", "--no-audit", "--no-fund", "--loglevel", "error"],
                                   cwd=CACHE, stdout=subprocess.DEVNULL)


def node_version():
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2])


def pypi():
    text = "".join(f"{name}=={pinned}\n" for name, pinned in PYPI.items())
    stamp, venv = os.path.join(CACHE, "requirements.txt"), os.path.join(CACHE, "venv")
    done = os.path.join(venv, "done")
    if is_done(stamp, text, done):
        return None
    with open(stamp, "w") as file:
        file.write(text)
    script = f"{sys.executable} -m venv --clear {venv} && {venv}/bin/pip install -q --disable-pip-version-check -r {stamp} && touch {done}"
    return "pip", subprocess.Popen(["sh", "-c", script])


def example():
    return "listenfd", subprocess.Popen(
        ["cargo", "build", "--quiet", "--locked", "--target-dir", os.path.abspath(f"{CACHE}/cargo")], cwd="examples/listenfd")


def is_done(stamp, text, witness):
    try:
        with open(stamp) as file:
            return file.read() == text and os.path.exists(witness)
    except OSError:
        return False
