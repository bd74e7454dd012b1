// Run by `getPortSync`: asks, and prints what came of it. The port belongs to whoever started this.
"use strict";
const { getPort, leaseOf } = require("./index.cjs");

getPort(JSON.parse(process.argv[2])).then(
  (port) => print({ lease: leaseOf(port) }),
  ({ code, message, detail = message, hint }) => print({ error: { code, detail, hint } }),
);

function print(said) {
  process.stdout.write(JSON.stringify(said));
}
