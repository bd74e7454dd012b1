// The real vitest.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { Home, run } from "./home.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const vitest = path.join(here, "../node_modules/.bin/vitest");

async function vitestRun(home, setup, pool) {
  const seen = path.join(home.temp, `seen-${pool}`);
  const env = { ...process.env, SETUP: setup, POOL: pool, SEEN: seen, NO_COLOR: "1" };
  const ran = await run(vitest, ["run"], { cwd: path.join(here, "vitest"), env });
  const lines = fs.existsSync(seen) ? fs.readFileSync(seen, "utf8").trim().split("\n").map((line) => JSON.parse(line)) : [];
  return { ...ran, lines };
}

for (const [setup, pool, names] of [
  ["./setup.ts", "forks", ["api", "web"]],
  ["./setup.ts", "threads", ["api", "web"]],
  ["portlease/vitest", "forks", ["default"]],
]) {
  test(`${setup} in ${pool}`, async (t) => {
    const home = await new Home(t).start();
    const { status, said, lines } = await vitestRun(home, setup, pool);
    assert.equal(status, 0, said);
    assert.equal(lines.length, 2);
    assert.deepEqual(lines[0].ports, lines[1].ports);
    assert.deepEqual(Object.keys(lines[0].ports).sort(), names);
    assert.equal(new Set(Object.values(lines[0].ports)).size, names.length);
    assert.deepEqual(await home.leases(), []);
  });
}

test("nobody answers", async (t) => {
  const home = new Home(t);
  const { status, said } = await vitestRun(home, "./setup.ts", "forks");
  assert.notEqual(status, 0);
  assert.match(said, /no portlease daemon answers on .*\nhint: cargo install portlease/);
});
