// `webServer` for playwright.config: the same port in the runner, which starts the server, and in its workers, which
// load the configuration again.
"use strict";
const { getPortSync } = require("./index.cjs");

// What the runner leases, for the workers that it starts: they inherit its environment.
const VARIABLE = "PORTLEASE_PLAYWRIGHT";

/**
 * Playwright's `webServer` on a leased port. `{port}` in `command` and `url` is that port, and so is PORT in the
 * server's environment. Name servers that have the same command otherwise.
 */
function webServer({ url = "http://localhost:{port}", ...options }) {
  const port = portOf(JSON.stringify([options.name ?? "", options.cwd ?? "", options.command]));
  const put = (text) => text.replaceAll("{port}", String(port));
  const env = { PORT: String(port), ...options.env };
  return { ...options, command: put(options.command), url: put(url), env };
}

function portOf(server) {
  const known = shared();
  if (known.ports[server] === undefined) {
    known.ports[server] = getPortSync({ labels: { via: "playwright" } });
    process.env[VARIABLE] = JSON.stringify({ pid: process.pid, ports: known.ports });
  }
  return known.ports[server];
}

/** What this process or the runner that started it has leased; an outer runner's is none of ours. */
function shared() {
  try {
    const { pid, ports } = JSON.parse(process.env[VARIABLE]);
    if (pid === process.pid || pid === process.ppid) return { ports };
  } catch {
    // Not there, or not ours.
  }
  return { ports: {} };
}

module.exports = { webServer };
