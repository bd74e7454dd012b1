// Asking the daemon: one request a connection, over its Unix socket alone. A port is open to every user, and Node
// cannot tell whose it is; so nothing is ever sent over TCP.
"use strict";
const { execFile } = require("node:child_process");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const { PortleaseError } = require("./errors.cjs");
const { isPrivate, socketPath } = require("./paths.cjs");

// The slowest requests take well under a second.
const PATIENCE = 10_000;
// A daemon that starts, on a machine that is busy.
const START = 60_000;
const BROKEN = new Set(["ECONNRESET", "EPIPE"]);
const NOBODY = new Set(["ENOENT", "ECONNREFUSED"]);

/** The daemon's answer. One is started if need be, unless PORTLEASE_NO_AUTOSTART is set. */
async function ask(method, pathname, body) {
  try {
    return await askRunning(method, pathname, body);
  } catch (error) {
    if (error.code !== "no_daemon") throw error;
    await start(error);
    return askRunning(method, pathname, body);
  }
}

/** The answer of the daemon that runs. */
async function askRunning(method, pathname, body) {
  const socket = socketPath();
  check(socket);
  let answer;
  try {
    answer = await send(socket, method, pathname, body).catch((error) => {
      // A daemon that is being killed takes connections to the last: the next one answers.
      if (BROKEN.has(error.code)) return send(socket, method, pathname, body);
      throw error;
    });
  } catch (error) {
    if (NOBODY.has(error.code)) throw nobody(socket);
    if (BROKEN.has(error.code)) throw new PortleaseError("no_daemon", "the connection to the daemon broke", "portlease status");
    throw error;
  }
  const { status, text } = answer;
  let answered;
  try {
    answered = text === "" ? undefined : JSON.parse(text);
  } catch {
    throw new PortleaseError("garbled", `the answer on ${socket} is no daemon's`, "portlease status");
  }
  if (status >= 400) throw PortleaseError.refused(status, answered);
  return answered;
}

function nobody(socket) {
  return new PortleaseError("no_daemon", `no portlease daemon answers on ${socket}`, "portlease daemon");
}

/** Nobody but this user can have put a socket into a directory that is this user's alone. */
function check(socket) {
  const directory = path.dirname(socket);
  try {
    if (isPrivate(directory) && fs.lstatSync(socket).uid === process.geteuid()) return;
  } catch (error) {
    if (error.code === "ENOENT") throw nobody(socket);
    throw error;
  }
  throw new PortleaseError("not_ours", `${directory} is not this user's alone: nothing was sent to it`, "portlease doctor");
}

function send(socketPath, method, pathname, body) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = { host: "localhost", connection: "close" };
  if (text !== undefined) Object.assign(headers, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, method, path: pathname, headers, agent: false, timeout: PATIENCE }, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () => resolve({ status: answer.statusCode, text: Buffer.concat(chunks).toString() }));
    });
    request.on("timeout", () => {
      request.destroy(new PortleaseError("silent", `the daemon did not answer within ${PATIENCE / 1000} s`, "portlease doctor"));
    });
    request.on("error", reject);
    request.end(text);
  });
}

/** Has the command line start a daemon: one, however many want it at once. */
async function start(silent) {
  if (process.env.PORTLEASE_NO_AUTOSTART !== undefined) throw silent;
  const said = silent.detail;
  await new Promise((resolve, reject) => {
    const options = { timeout: START, maxBuffer: Infinity };
    const child = execFile("portlease", ["list", "--json"], options, (error, _stdout, stderr) => {
      if (!error) return resolve();
      if (error.code === "ENOENT") {
        const why = `${said}, and there is no portlease on PATH to start one`;
        return reject(new PortleaseError("no_daemon", why, "cargo install portlease"));
      }
      const why = stderr.trim() || error.message;
      reject(new PortleaseError("no_daemon", `${said}, and none can be started:\n${why}`, "portlease doctor"));
    });
    child.stdin?.end();
  });
}

module.exports = { ask, askRunning };
