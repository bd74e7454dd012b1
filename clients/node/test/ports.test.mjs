// Ports that are this process's, and whom it gets them from.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { createRequire } from "node:module";
import net from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import test from "node:test";
import { getPort, getPortSync, getPorts, PortleaseError, release } from "portlease";
import { Home, PORTLEASE } from "./home.mjs";

const required = createRequire(import.meta.url)("portlease");

test("a port is leased until it is released", async (t) => {
  const home = await new Home(t).start();
  const port = await getPort({ labels: { suite: "mine" } });
  const [lease] = await home.leases();
  assert.equal(lease.port, port);
  assert.equal(lease.owner.pid, process.pid);
  assert.deepEqual(lease.labels, { suite: "mine", via: "node" });
  const server = net.createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  server.close();

  const four = await getPorts(4, { contiguous: true, protocol: "tcp" });
  assert.deepEqual(four, [0, 1, 2, 3].map((n) => four[0] + n));
  const sync = getPortSync({ ownerPid: undefined, ttl: 600 });
  const last = (await home.leases()).find((lease) => lease.port === sync);
  assert.deepEqual([last.owner.pid, typeof last.expires_at], [process.pid, "string"]);

  // Both ways of loading it know the same leases.
  assert.equal(required.PortleaseError, PortleaseError);
  for (const each of [port, ...four]) await required.release(each);
  await release(sync);
  assert.deepEqual(await home.leases(), []);
  await assert.rejects(release(port), { code: "no_such_lease" });
});

test("many processes at once get no port twice, and leave none behind", async (t) => {
  const home = await new Home(t).start();
  const script = `import("portlease").then(async ({ getPort }) => {
    const ports = await Promise.all(Array.from({ length: 50 }, () => getPort()));
    console.log(JSON.stringify(ports));
    setInterval(() => {}, 1e6);
  })`;
  const children = Array.from({ length: 8 }, () => spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] }));
  t.after(() => children.forEach((child) => child.kill("SIGKILL")));
  const lines = children.map(async (child) => {
    for await (const line of createInterface(child.stdout)) return JSON.parse(line);
  });
  const ports = (await Promise.all(lines)).flat();
  assert.equal(new Set(ports).size, 400);
  assert.equal((await home.leases()).length, 400);
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(children.map((child) => child.exitCode ?? child.signalCode ?? once(child, "exit")));
  await home.untilNone();
});

test("nobody answers: an error with what to type, and no port", async (t) => {
  const home = new Home(t);
  const socket = path.join(home.directory, "run/portlease.sock");
  const silent = {
    code: "no_daemon",
    message: `no portlease daemon answers on ${socket}, and there is no portlease on PATH to start one\nhint: cargo install portlease`,
    hint: "cargo install portlease",
  };
  await assert.rejects(getPort(), silent);
  assert.throws(() => getPortSync(), silent);
  home.commandLine();
  process.env.PORTLEASE_NO_AUTOSTART = "1";
  await assert.rejects(getPort(), { code: "no_daemon", hint: "portlease daemon" });

  // What a dead daemon left is no daemon.
  fs.mkdirSync(path.dirname(socket), { mode: 0o700 });
  const dead = spawn(process.execPath, ["-e", `require("net").createServer().listen(${JSON.stringify(socket)}, () => console.log())`]);
  await once(dead.stdout, "data");
  dead.kill("SIGKILL");
  await once(dead, "exit");
  assert.ok(fs.existsSync(socket));
  await assert.rejects(getPort(), { code: "no_daemon", hint: "portlease daemon" });

  fs.writeFileSync(path.join(home.directory, "config.toml"), "pool = 7\n");
  delete process.env.PORTLEASE_NO_AUTOSTART;
  await assert.rejects(getPort(), /none can be started:\n.*config\.toml[^]*hint: portlease doctor$/);
});

test("the command line starts one, wherever the environment says", async (t) => {
  const home = new Home(t);
  home.commandLine();
  const ports = await Promise.all(Array.from({ length: 8 }, () => getPort()));
  assert.equal(new Set(ports).size, 8);
  await home.endStarted();

  const config = fs.readFileSync(path.join(home.directory, "config.toml"));
  const { HOME } = process.env;
  t.after(() => Object.assign(process.env, { HOME }));
  process.env.HOME = path.join(home.temp, "user");
  fs.mkdirSync(path.join(process.env.HOME, ".config/portlease"), { recursive: true, mode: 0o700 });
  fs.writeFileSync(path.join(process.env.HOME, ".config/portlease/config.toml"), config);
  fs.mkdirSync(path.join(home.temp, "runtime"), { mode: 0o700 });
  const cases =
    process.platform === "darwin"
      ? [[{}, "user/Library/Application Support/portlease/run"]]
      : [
          [{}, "user/.local/state/portlease/run"],
          [{ XDG_STATE_HOME: `${home.temp}/state` }, "state/portlease/run"],
          [{ XDG_STATE_HOME: "state" }, "user/.local/state/portlease/run"],
          [{ XDG_RUNTIME_DIR: `${home.temp}/runtime` }, "runtime/portlease"],
          [{ XDG_RUNTIME_DIR: `${home.temp}/none` }, "user/.local/state/portlease/run"],
        ];
  for (const [variables, directory] of cases) {
    for (const name of ["PORTLEASE_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME"]) delete process.env[name];
    Object.assign(process.env, variables);
    home.directory = path.dirname(path.join(home.temp, directory));
    await release(await getPort());
    const socket = path.join(home.temp, directory, "portlease.sock");
    assert.ok(fs.existsSync(socket), socket);
    home.directory = path.join(home.temp, "elsewhere");
    const { endpoint } = JSON.parse((await import("node:child_process")).execFileSync(PORTLEASE, ["status", "--json"]));
    process.kill(endpoint.pid);
    while (fs.existsSync(socket)) await new Promise(setImmediate);
  }
});

test("a directory that is open to others", async (t) => {
  const home = await new Home(t).start();
  const run = path.join(home.directory, "run");
  for (const mode of [0o755, 0o750, 0o702]) {
    fs.chmodSync(run, mode);
    await assert.rejects(getPort(), { code: "not_ours", detail: `${run} is not this user's alone: nothing was sent to it` });
  }
  fs.chmodSync(run, 0o700);
});

test("a socket of another user", { skip: process.geteuid() !== 0 && "needs another user" }, async (t) => {
  const home = new Home(t);
  const socket = path.join(home.directory, "run/portlease.sock");
  fs.mkdirSync(path.dirname(socket), { mode: 0o700 });
  let heard = 0;
  const server = net.createServer(() => heard++).listen(socket);
  t.after(() => server.close());
  await once(server, "listening");
  fs.chownSync(socket, 65534, 65534);
  await assert.rejects(getPort(), { code: "not_ours" });
  assert.equal(heard, 0);
});

test("the daemon's no is an error in its words", async (t) => {
  await new Home(t).start();
  await assert.rejects(getPorts(3, { range: "20000-20001" }), (error) => {
    assert.equal(error.code, "pool_exhausted");
    assert.match(error.message, /20000-20001/);
    return error instanceof PortleaseError;
  });
  await assert.rejects(getPort({ range: "x\u001b[2J" }), (error) => !error.message.includes("\u001b"));
});

test("a daemon that is killed and started again has the leases", async (t) => {
  const home = await new Home(t).start();
  const port = await getPort();
  await home.end("SIGKILL");
  await home.start();
  assert.equal((await home.leases())[0].port, port);
  assert.notEqual(await getPort(), port);
  await release(port);
});
