"""The projects, how they are started, and what has to be so of each."""

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field

import installed
from seen import App, Failed, page

LOOPBACK = {"127.0.0.1", "::1"}
NODE_SERVER = """import http from 'node:http'
const server = http.createServer((request, response) => response.end('node'))
server.listen({ fd: 3 })
"""
EXPRESS = """const app = require('express')()
app.get('/', (request, response) => response.send('express'))
app.listen(%s)
"""
WSGI = """def app(environ, start):
    start("200 OK", [("content-type", "text/plain")])
    return [b"gunicorn"]
"""
ASGI = """async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"uvicorn"})
"""


@dataclass
class Project:
    """A directory, and the commands that are typed in it one after the other."""

    name: str
    package: str
    says: str
    typed: list
    files: dict = field(default_factory=dict)
    title: str = ""
    before: tuple = ()


@dataclass
class Row:
    title: str
    typed: str
    variable: str
    addresses: list
    port: int
    own: bool
    said: list
    after: list


@dataclass
class Passed:
    name: str
    package: str
    says: str
    command: list
    files: dict


def vite(title):
    return {"index.html": f"<title>{title}</title>\n"}


def script(name, command):
    return f'{{"name": "{name}", "private": true, "scripts": {{"dev": "{command}"}}}}\n'


def projects():
    hmr = "export default { server: { hmr: { port: 24678 } } }\n"
    return [
        Project("next", "next", "next-page", ["next dev", "npm run dev"], {
            "package.json": script("next-app", "next dev"),
            "app/page.js": "export default function Page() { return <p>next-page</p> }\n",
            "app/layout.js": "export default function Layout({ children }) { return <html><body>{children}</body></html> }\n",
            "next.config.mjs": f"export default {{ turbopack: {{ root: {os.path.abspath(installed.CACHE)!r} }} }}\n",
        }, "Next"),
        Project("vite", "vite", "vite-page", ["vite", "npx vite --host", "npm run dev", "sh -c vite", "vite --port {port} --config hmr.mjs"], {
            **vite("vite-page"), "package.json": script("vite-app", "vite"), "hmr.mjs": hmr,
        }, "Vite"),
        Project("http-server", "http-server", "http-server-page", ["http-server"], {"index.html": "http-server-page\n"}),
        Project("express", "express", "express", ["node server.js", "npm run dev", "node --inspect server.js"], {
            "server.js": EXPRESS % "process.env.PORT || 3000", "package.json": script("express-app", "node server.js"),
        }, "Express"),
        Project("express-fixed", "express", "express", ["node server.js"], {"server.js": EXPRESS % "3000"}, "Express, not reading `PORT`"),
        Project("flask", "flask", "flask", ["flask run", "python -m flask run --debug"], {
            "app.py": 'from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get("/")\ndef index():\n    return "flask"\n',
        }, "Flask"),
        Project("django", "django", "The install worked", ["python manage.py runserver"], {}, "Django",
                ("django-admin", "startproject", "shop", ".")),
        Project("uvicorn", "uvicorn", "uvicorn", ["uvicorn app:app", "uvicorn app:app --reload"], {"app.py": ASGI}),
        Project("gunicorn", "gunicorn", "gunicorn", ["gunicorn app:app"], {"app.py": WSGI}),
    ]


PASSED = [
    Passed("node", "", "node", ["node", "server.mjs"], {"server.mjs": NODE_SERVER}),
    Passed("gunicorn", "gunicorn", "gunicorn", ["gunicorn", "app:app"], {"app.py": WSGI}),
    Passed("uvicorn", "uvicorn", "uvicorn", ["uvicorn", "app:app", "--fd", "3"], {"app.py": ASGI}),
    Passed("listenfd", "", "listenfd-example", [os.path.abspath(f"{installed.CACHE}/cargo/debug/listenfd-example")], {}),
]


def made(daemon, name, files, before=()):
    """A project's directory. It is below what npm installed, where Node looks."""
    directory = os.path.abspath(os.path.join(installed.CACHE, "projects", name))
    shutil.rmtree(directory, ignore_errors=True)
    for path, text in files.items():
        path = os.path.join(directory, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
    os.makedirs(directory, exist_ok=True)
    subprocess.run(["git", "init", "-q", directory], check=True)
    if before:
        subprocess.run(before, cwd=directory, check=True, env=daemon.environment)
    return directory


def look(daemon, project):
    directory = made(daemon, project.name, project.files, project.before)
    return [typed_first(daemon, project, directory, typed) for typed in project.typed]


def typed_first(daemon, project, directory, typed):
    """As it is typed first, and then what was said to type instead."""
    app = App(daemon, directory, ["portlease", "run", "--", *shlex.split(typed)])
    try:
        try:
            lease, said = app.settled(daemon, project.name)
            port = lease.get("real_port") or lease["port"]
            own = port == lease["port"]
            wants(lease["state"] == ("bound" if own else "reserved"), lease)
            wants(project.says in page(port), f"the page on {port}")
            addresses = daemon.addresses(port)
            exposed = any(address not in LOOPBACK for address in addresses)
            wants(len(said) == (not own) + exposed, said)
            wants(own or f"listens on {port} in place of its port {lease['port']}" in said[0], said)
            wants(not exposed or "where other machines can reach it" in said[-1], said)
            variables = app.variables(lease["port"]) if own and "{port}" not in typed else []
        finally:
            app.end()
        after = mended(daemon, project, directory, typed, said[-1]) if said else addresses
    except Failed as error:
        raise SystemExit(f"failed: {typed} in {project.name}: {error}\n" + "".join(app.lines)) from error
    # One that frameworks have of their own is set for those alone.
    variable = next((name for name in variables if name != "PORT"), "PORT" if variables else "")
    name, *rest = (project.title or project.name).split(", ")
    title = ", ".join([f"{name} {installed.version(project.package)}", *rest])
    print(f"{title}: {typed}: port {port}{'' if own else ' in place of ' + str(lease['port'])}, {', '.join(addresses)}", flush=True)
    return Row(title, typed, variable, addresses, port, own, said, after)


def mended(daemon, project, directory, typed, note):
    """Does what the note says: the app is on its port, on loopback, and nothing more is said."""
    command = ["portlease", "run", "--", *shlex.split(typed)]
    if found := re.search(r"(?:: )(portlease run .*)$", note):
        command = shlex.split(found[1])
    elif found := re.search(r"in what \S+ runs: (.*)$", note):
        command = ["portlease", "run", "--", "sh", "-c", found[1]]
    elif found := re.search(r"in its code: (listen\(.*\))$", note):
        with open(os.path.join(directory, "server.js"), "r+") as file:
            text = re.sub(r"listen\(.*\)", found[1], file.read())
            file.seek(0)
            file.write(text)
            file.truncate()
    else:
        raise Failed(f"it does not say what to type: {note}")
    app = App(daemon, directory, command)
    try:
        lease, said = app.settled(daemon, project.name)
        wants(lease["state"] == "bound" and not lease.get("real_port"), lease)
        wants(not said, f"after {command}: {said}")
        wants(project.says in page(lease["port"]), f"the page on {lease['port']}")
        addresses = daemon.addresses(lease["port"])
        wants(set(addresses) <= LOOPBACK, addresses)
    except Failed as error:
        raise Failed(f"{error}\n" + "".join(app.lines)) from error
    finally:
        app.end()
        if project.files.get("server.js"):
            with open(os.path.join(directory, "server.js"), "w") as file:
                file.write(project.files["server.js"])
    return addresses


def look_passed(daemon, server):
    """It answers on the leased port, by the socket that it was given."""
    project = f"{server.name}-fd"
    directory = made(daemon, project, server.files)
    app = App(daemon, directory, ["portlease", "run", "--listen-fd", "--", *server.command])
    try:
        lease, said = app.settled(daemon, project)
        wants(lease["state"] == "bound" and not said, (lease, said))
        wants(server.says in page(lease["port"], "127.0.0.1"), "its page")
        wants(daemon.addresses(lease["port"]) == ["127.0.0.1"], "it is on 127.0.0.1")
    except Failed as error:
        raise SystemExit(f"failed: {project}: {error}\n" + "".join(app.lines)) from error
    finally:
        app.end()
    print(f"{server.name} with --listen-fd: port {lease['port']}", flush=True)
    return server


def worktrees(daemon):
    """Two worktrees of one repository, and Vite in both at once."""
    main = made(daemon, "shop", vite("main"))
    other = os.path.join(os.path.dirname(main), "shop-checkout")
    shutil.rmtree(other, ignore_errors=True)
    git = ["git", "-C", main, "-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "a page"], check=True)
    subprocess.run([*git, "worktree", "add", "-q", "-b", "checkout", other], check=True)
    with open(os.path.join(other, "index.html"), "w") as file:
        file.write(vite("checkout")["index.html"])
    command = ["portlease", "run", "--", "vite", "--port", "{port}", "--strictPort"]
    said = []
    apps = {project: App(daemon, directory, command) for project, directory in [("shop", main), ("shop@shop-checkout", other)]}
    try:
        for (project, app), title in zip(apps.items(), ["main", "checkout"]):
            lease, notes = app.settled(daemon, project)
            wants(lease["state"] == "bound" and not notes, (lease, notes))
            wants(f"<title>{title}</title>" in page(lease["port"]), f"the page of {title}")
            said.append((project, lease["port"], "".join(app.lines)))
        listed = subprocess.run(["portlease", "list"], cwd=main, env=daemon.environment, capture_output=True, text=True).stdout
    finally:
        for app in apps.values():
            app.end()
    wants(said[0][1] != said[1][1], said)
    print(*(f"== {project}\n{text}" for project, _, text in said), listed, sep="\n", flush=True)
    return [(project, port) for project, port, _ in said]


def wants(so, otherwise):
    if not so:
        raise Failed(f"not so: {otherwise}")
