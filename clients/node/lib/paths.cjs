// Where the daemon's socket is. The rule is the daemon's own: see `PORTLEASE_HOME` in its README.
"use strict";
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

/** The daemon's Unix socket, whether or not a daemon is there. */
function socketPath() {
  return path.join(runtime(), "portlease.sock");
}

/** Whether a directory is this user's alone: then so is a socket inside of it. Throws when it is not there. */
function isPrivate(directory) {
  const info = fs.lstatSync(directory);
  return info.isDirectory() && info.uid === process.geteuid() && (info.mode & 0o077) === 0;
}

function runtime() {
  if (process.env.PORTLEASE_HOME) return path.join(path.resolve(process.env.PORTLEASE_HOME), "run");
  if (process.platform === "darwin") return path.join(os.homedir(), "Library/Application Support/portlease/run");
  const runtime = absolute("XDG_RUNTIME_DIR");
  // After `su` it may still name another user's.
  if (runtime && isOurs(runtime)) return path.join(runtime, "portlease");
  const state = absolute("XDG_STATE_HOME") ?? path.join(os.homedir(), ".local/state");
  return path.join(state, "portlease/run");
}

/** What the variable names, unless that depends on the working directory. */
function absolute(variable) {
  const value = process.env[variable] ?? "";
  return path.isAbsolute(value) ? value : undefined;
}

function isOurs(directory) {
  const info = fs.statSync(directory, { throwIfNoEntry: false });
  return info !== undefined && info.isDirectory() && info.uid === process.geteuid();
}

module.exports = { socketPath, isPrivate };
