"""Does what the pages of the guide say, and fails with page:line and what is
different. Each page is done twice in a network of its own: with a daemon, and
where none may be started."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True

from page import Wrong  # noqa: E402
from play import Play  # noqa: E402
from shell import Late  # noqa: E402


def one(path, daemon):
    """One page, in this very process."""
    try:
        with open(path) as file:
            play = Play(path, file.read(), os.environ["GUIDE_PATH"].split(os.pathsep), daemon)
        play.run()
    except (Wrong, Late) as error:
        print(f"failed{'' if daemon else ' without a daemon'}: {error}")
        return 1
    if not daemon and not play.failed and any(block.language == "console" for block in play.blocks):
        print(f"failed: {path}: nothing of it fails without a daemon")
        return 1
    if daemon and "GUIDE_WRITE" in os.environ:
        with open(path, "w") as file:
            file.write("".join(play.names.ports(line) for line in play.text.splitlines(True)))
    told = f"{play.done} commands as shown" if daemon else f"{play.failed} fail without a daemon"
    print("\n".join([f"{path}: {told}", *(f"  not run: {reason}" for reason in play.skipped if daemon)]))
    return 0


def apart(path, daemon):
    """The same where no other program has a port."""
    up = 'ip link set lo up && exec "$@"'
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", *user, "--net", "sh", "-c", up, "-", sys.executable, __file__, "--one", path, str(daemon)]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def main(pages):
    # What a page does is mostly waiting.
    with ThreadPoolExecutor(3) as pool:
        ran = [pool.submit(apart, page, daemon) for page in pages for daemon in (True, False)]
        results = [one.result() for one in ran]
    for result in results:
        print(result.stdout, end="", flush=True)
    failed = sum(result.returncode != 0 for result in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        sys.exit(one(sys.argv[2], sys.argv[3] == "True"))
    sys.exit(main(sys.argv[1:]))
