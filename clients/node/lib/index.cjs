// Ports that nobody else on this machine has. The leases end with their owner, this process if nobody else is named,
// however it ends.
"use strict";
const { execFileSync } = require("node:child_process");
const path = require("node:path");
const { ask, askRunning } = require("./daemon.cjs");
const { PortleaseError } = require("./errors.cjs");

/** The leases of this process that can be given back: of each port its id. */
const leases = new Map();

/** A port that nobody else has, until the owner ends or `release` gives it back. */
async function getPort(options) {
  return (await getPorts(1, options))[0];
}

/** So many of them, all or none. */
async function getPorts(count, options = {}) {
  const answer = await ask("POST", "/v1/leases", request(count, options));
  for (const lease of answer.leases) leases.set(lease.port, lease.service);
  return answer.leases.map((lease) => lease.port);
}

/** As `getPort`, for configurations that cannot wait: another process asks, and this one owns the lease. */
function getPortSync(options = {}) {
  const asked = JSON.stringify({ ...options, ownerPid: options.ownerPid ?? process.pid });
  const said = execFileSync(process.execPath, [path.join(__dirname, "sync.cjs"), asked], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    // What is meant for this process (a loader, an inspector's port) is not meant for that one.
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  const { lease, error } = JSON.parse(said);
  if (error) throw new PortleaseError(error.code, error.detail, error.hint);
  leases.set(lease.port, lease.id);
  return lease.port;
}

/** Gives a port back before its owner ends. A lease that has ended already is no error. */
async function release(port) {
  const id = leases.get(port);
  if (id === undefined) throw new PortleaseError("no_such_lease", `port ${port} was not leased here`, "portlease list --all");
  try {
    await askRunning("DELETE", `/v1/leases/-/${id}`);
  } catch (error) {
    if (error.code !== "no_such_lease") throw error;
  }
  leases.delete(port);
}

function request(count, { ownerPid = process.pid, labels, contiguous, range, protocol, hold, ttl }) {
  const all = { count, owner_pid: ownerPid, labels: { via: "node", ...labels }, contiguous, range, protocol, hold, ttl_s: ttl };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** The lease behind a port of this process. */
function leaseOf(port) {
  return { port, id: leases.get(port) };
}

module.exports = { getPort, getPorts, getPortSync, release, PortleaseError };
Object.defineProperty(module.exports, "leaseOf", { value: leaseOf, enumerable: false });
