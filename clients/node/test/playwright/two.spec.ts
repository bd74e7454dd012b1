import { expect, test } from "@playwright/test";
import { appendFileSync } from "node:fs";

test("the server is on the leased port", async ({ request, baseURL }, info) => {
  const port = Number(new URL(baseURL!).port);
  expect(await (await request.get("/")).json()).toEqual({ port, env: String(port) });
  const admin = Number(new URL(info.config.metadata.admin).port);
  expect((await (await request.get(`http://localhost:${admin}/`)).json()).port).toBe(admin);
  expect(admin).not.toBe(port);
  appendFileSync(process.env.SEEN!, JSON.stringify({ port, admin, pid: process.pid }) + "\n");
});
