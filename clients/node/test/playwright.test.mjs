// The real playwright, without a browser: its runner, its workers and its `webServer`.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { Home, run } from "./home.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const playwright = path.join(here, "../node_modules/.bin/playwright");

function playwrightTest(home, config, more = {}) {
  const env = { ...process.env, SEEN: path.join(home.temp, "seen"), NO_COLOR: "1", ...more };
  delete env.NODE_TEST_CONTEXT;
  return run(playwright, ["test", "--config", config], { cwd: path.join(here, "playwright"), env });
}

for (const config of ["playwright.config.ts", "module.config.mts"]) {
  test(`one port for the server and all workers: ${config}`, async (t) => {
    const home = await new Home(t).start();
    // An outer runner's ports are its own.
    const outer = JSON.stringify({ pid: 1, ports: { [JSON.stringify(["", "", "node server.mjs {port}"])]: 9 } });
    const { status, said } = await playwrightTest(home, config, { PORTLEASE_PLAYWRIGHT: outer });
    assert.equal(status, 0, said);
    const seen = fs.readFileSync(path.join(home.temp, "seen"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
    assert.equal(seen.length, 2);
    assert.notEqual(seen[0].pid, seen[1].pid);
    assert.deepEqual([seen[0].port, seen[0].admin], [seen[1].port, seen[1].admin]);
    assert.notEqual(seen[0].port, 9);
    // They end with the runner.
    await home.untilNone();
  });
}

test("nobody answers", async (t) => {
  const { status, said } = await playwrightTest(new Home(t), "playwright.config.ts");
  assert.equal(status, 1);
  assert.match(said, /no portlease daemon answers on .*\nhint: cargo install portlease/);
});
