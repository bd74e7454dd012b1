import { defineConfig } from "@playwright/test";
import { getPort } from "portlease";
import { webServer } from "portlease/playwright";

// An ES module may wait; what it leases so is each process's own.
const own = await getPort();
const web = webServer({ command: "node server.mjs {port}", env: { OWN: String(own) } });
const admin = webServer({ command: "node server.mjs {port}", name: "admin" });

export default defineConfig({ workers: 2, reporter: "line", webServer: [web, admin], use: { baseURL: web.url }, metadata: { admin: admin.url } });
