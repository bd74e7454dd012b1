import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { getPort, release } from "portlease";
import { expect, inject, test } from "vitest";

test("the run's ports, and those of a test", async () => {
  const ports = inject("ports");
  const own = await getPort();
  const server = createServer((_request, answer) => answer.end("hello"));
  await new Promise<void>((listening) => server.listen(own, listening));
  expect(await (await fetch(`http://localhost:${own}`)).text()).toBe("hello");
  await new Promise((closed) => server.close(closed));
  expect(Object.values(ports)).not.toContain(own);
  appendFileSync(process.env.SEEN!, JSON.stringify({ ports, own }) + "\n");
  await release(own);
});
