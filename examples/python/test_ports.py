"""Ports for tests: distinct, really free, and given back when the process ends, however it ends.

Run it: python3 -m unittest, or pytest. ../README.md says what to set when the daemon answers elsewhere or wants its token.
"""

import json
import os
import subprocess
import sys
import threading
import unittest
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

DAEMON = os.environ.get("PORTLEASE_URL", "http://127.0.0.1:62893")
TOKEN = os.environ.get("PORTLEASE_TOKEN")

# Neither the daemon nor a test's own servers are behind a proxy.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Refused(Exception):
    """The daemon's no, in its own words; `problem` is the whole of it."""

    def __init__(self, problem):
        hint = f"\nhint: {problem['hint']}" if problem.get("hint") else ""
        super().__init__(problem["detail"] + hint)
        self.problem = problem


def ask(method, path, body=None):
    """The open answer of the daemon."""
    request = urllib.request.Request(DAEMON + path, method=method)
    if TOKEN:
        request.add_header("Authorization", f"Bearer {TOKEN}")
    if body is not None:
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(body).encode()
    try:
        return OPENER.open(request, timeout=10)
    except urllib.error.HTTPError as error:
        with error:
            raise Refused(json.load(error)) from None
    except urllib.error.URLError as error:
        raise ConnectionError(f"no portlease daemon at {DAEMON}: {error.reason}") from None


def get_anonymous(count, owner_pid):
    """Leases under no name, which end with a process."""
    with ask("POST", "/v1/leases", {"count": count, "owner_pid": owner_pid}) as answer:
        return json.load(answer)["leases"]


class Echo(BaseHTTPRequestHandler):
    """Answers with the port that it was reached on."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(self.server.server_port).encode())

    def log_message(self, *_):
        pass


class Ports(unittest.TestCase):
    def serve(self, port):
        server = HTTPServer(("127.0.0.1", port), Echo)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)

    def test_servers_side_by_side(self):
        leases = get_anonymous(3, os.getpid())
        ports = {lease["port"] for lease in leases}
        self.assertEqual(len(ports), 3)
        for port in ports:
            self.serve(port)
        for port in ports:
            with OPENER.open(f"http://127.0.0.1:{port}/", timeout=10) as page:
                self.assertEqual(int(page.read()), port)
        for lease in leases:
            with ask("GET", f"/v1/leases/-/{lease['id']}") as answer:
                self.assertEqual(json.load(answer)["holder"]["pid"], os.getpid())

    def test_leases_end_with_their_process(self):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        self.addCleanup(child.stdin.close)
        with ask("GET", "/v1/events?project=-") as events:
            left = {lease["id"] for lease in get_anonymous(2, child.pid)}
            child.kill()
            while left:
                field, _, value = events.readline().decode().rstrip("\n").partition(": ")
                event = json.loads(value) if field == "data" else {}
                if event.get("event") == "lease.expired":
                    left.discard(event["id"])

    def test_a_refusal_says_what_is_wrong(self):
        with self.assertRaisesRegex(Refused, "ttl_s or owner_pid") as refused:
            ask("POST", "/v1/leases", {"count": 1})
        self.assertEqual(refused.exception.problem["code"], "invalid_request")


if __name__ == "__main__":
    unittest.main()
