// The real daemon, in a directory of its own. PORTLEASE names the program to test with.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

export const PORTLEASE = process.env.PORTLEASE;

/** A PORTLEASE_HOME without a daemon, and nothing on PATH that would start one. */
export class Home {
  constructor(test) {
    this.temp = fs.mkdtempSync(path.join(os.tmpdir(), "portlease-"));
    this.directory = path.join(this.temp, "home");
    fs.mkdirSync(this.directory, { mode: 0o700 });
    fs.writeFileSync(path.join(this.directory, "config.toml"), `[api]\nport = ${process.env.PORTLEASE_TEST_API_PORT}\n`);
    process.env.PORTLEASE_HOME = this.directory;
    process.env.PATH = "/usr/bin:/bin";
    delete process.env.PORTLEASE_NO_AUTOSTART;
    test.after(async () => {
      await this.end();
      fs.rmSync(this.temp, { recursive: true });
    });
  }

  /** Starts a daemon; it answers when this is done. */
  async start() {
    this.daemon = spawn(PORTLEASE, ["daemon", "--json"], { stdio: ["ignore", "pipe", "ignore"] });
    for await (const line of createInterface(this.daemon.stdout)) if (line === "}") return this;
    throw new Error("no daemon started");
  }

  async end(how = "SIGTERM") {
    if (!this.daemon) return;
    const ended = once(this.daemon, "exit");
    this.daemon.kill(how);
    await ended;
    this.daemon = undefined;
  }

  /** Has the command line at hand, which may start a daemon. */
  commandLine() {
    const bin = path.join(this.temp, "bin");
    fs.mkdirSync(bin);
    fs.symlinkSync(PORTLEASE, path.join(bin, "portlease"));
    process.env.PATH = `${bin}:/usr/bin:/bin`;
  }

  /** All leases that there are, without starting a daemon. */
  async leases() {
    const env = { ...process.env, PORTLEASE_NO_AUTOSTART: "1" };
    const { stdout } = await promisify(execFile)(PORTLEASE, ["list", "--all", "--json"], { env });
    return JSON.parse(stdout).leases;
  }

  /** Waits until there is no lease any more. */
  async untilNone() {
    const until = performance.now() + 20_000;
    while ((await this.leases()).length > 0) if (performance.now() > until) throw new Error("there are leases left");
  }

  /** Ends the daemon that a command started here, and waits until nobody answers. */
  async endStarted() {
    const { stdout } = await promisify(execFile)(PORTLEASE, ["status", "--json"]);
    process.kill(JSON.parse(stdout).endpoint.pid);
    while (fs.existsSync(path.join(this.directory, "run/portlease.sock"))) await new Promise(setImmediate);
  }
}

/** Runs a program to its end: its status and all that it said. */
export async function run(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
  const [status] = await once(child, "close");
  return { status, said };
}
