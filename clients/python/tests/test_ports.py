"""Ports that are leased while a test runs, and not longer."""

import json
import os
import signal
import subprocess
import sys
import time


def ports_of(path):
    return [port for line in path.read_text().splitlines() for port in json.loads(line)]


def test_a_port_is_leased_while_its_test_runs(pytester, daemon):
    pytester.makepyfile(
        test_it="""
        import json, os, socket, subprocess, pytest

        def leases():
            ran = subprocess.run([os.environ["PORTLEASE"], "list", "--all", "--json"], capture_output=True, check=True)
            return json.loads(ran.stdout)["leases"]

        before = []

        def test_one(portlease_port):
            (lease,) = leases()
            assert lease["port"] == portlease_port and lease["project"] == "-"
            assert lease["owner"]["pid"] == os.getpid()
            assert lease["labels"] == {"via": "pytest", "test": "test_it.py::test_one"}
            socket.create_server(("127.0.0.1", portlease_port)).close()
            before.append(lease["id"])

        def test_next(portlease_port, portlease_ports):
            three = portlease_ports(3, contiguous=True)
            assert three == list(range(three[0], three[0] + 3)) and portlease_port not in three
            assert [lease["protocol"] for lease in leases()].count("both") == 4
            assert portlease_ports(protocol="udp") != [portlease_port]
            assert before[0] not in [lease["id"] for lease in leases()], "it was given back"

        @pytest.mark.parametrize("name", ["x" * 300 + "\\u00e9"])
        def test_long_name(name, portlease_port):
            (lease,) = leases()
            assert lease["labels"]["test"].endswith("x]") or lease["labels"]["test"].endswith("]")

        def test_fails(portlease_port):
            assert False
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=3, failed=1)
    assert daemon.leases() == []


def test_that_of_the_session_is_one(pytester, daemon):
    pytester.makepyfile(
        """
        seen = []

        def test_one(portlease_session_port, portlease_port):
            seen.append(portlease_session_port)
            assert portlease_port != portlease_session_port

        def test_two(portlease_session_port, portlease_session_ports, portlease_port):
            assert [portlease_session_port] == seen
            assert len({portlease_session_port, portlease_port, *portlease_session_ports(2)}) == 4
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=2)
    assert daemon.leases() == []


def test_four_workers_and_no_port_twice(pytester, daemon):
    # All of a worker's ports are kept to the end, so none may be another one's.
    pytester.makepyfile(
        """
        import json, os, socket, pytest
        held = []

        @pytest.mark.parametrize("n", range(200))
        def test_it(n, portlease_session_ports, portlease_port):
            ports = portlease_session_ports(3)
            held.extend(socket.create_server(("127.0.0.1", port)) for port in [*ports, portlease_port])
            held.pop().close()
            with open("ports", "a") as file:
                file.write(json.dumps(ports) + "\\n")
            with open("workers", "a") as file:
                file.write(f"{os.getpid()}\\n")
        """
    )
    pytester.runpytest_subprocess("-n", "4").assert_outcomes(passed=200)
    ports = ports_of(pytester.path / "ports")
    assert len(ports) == len(set(ports)) == 600
    assert len(set((pytester.path / "workers").read_text().split())) == 4
    assert daemon.leases() == []


def test_a_process_that_is_killed_leaves_nothing(pytester, daemon):
    path = pytester.makepyfile(
        """
        import time
        def test_it(portlease_session_port, portlease_port):
            print("begun", flush=True)
            time.sleep(600)
        """
    )
    command = [sys.executable, "-m", "pytest", "-s", str(path)]
    killed = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while "begun" not in killed.stdout.readline():
        assert killed.poll() is None
    ids = {lease["id"] for lease in daemon.leases()}
    assert len(ids) == 2
    killed.send_signal(signal.SIGKILL)
    killed.wait(20)
    killed.stdout.close()
    until = time.monotonic() + 20
    while daemon.leases():
        assert time.monotonic() < until, "its ports are still leased"


def test_a_daemon_that_is_replaced_meanwhile(pytester, daemon):
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def replaced(portlease_port):
            open("port", "w").write(str(portlease_port))
            import subprocess, os, signal
            pid = int(os.environ["DAEMON"])
            os.kill(pid, signal.SIGKILL)
            while os.path.exists(f"/proc/{pid}/fd/0"):
                pass

        def test_it(replaced, portlease_port, portlease_ports):
            assert portlease_ports() != [portlease_port]
        """
    )
    os.environ["DAEMON"] = str(daemon.process.pid)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*no portlease daemon answers on*", "hint: cargo install*"])
    # The lease that could not be given back has ended with its process.
    daemon.end()
    daemon.start()
    assert daemon.leases() == []


def test_no_port_is_an_error_that_says_so(pytester, daemon):
    pytester.makepyfile(
        """
        def test_it(portlease_ports):
            portlease_ports(3, range="20000-20001")
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["portlease: *20000-20001*"])
    assert "Traceback" not in result.stdout.str()
