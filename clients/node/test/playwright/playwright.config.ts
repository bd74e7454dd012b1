import { defineConfig } from "@playwright/test";
import { webServer } from "portlease/playwright";

const web = webServer({ command: "node server.mjs {port}", stdout: "ignore", timeout: 60_000 });
const admin = webServer({ command: "node server.mjs {port}", name: "admin", url: "http://127.0.0.1:{port}/health" });

export default defineConfig({
  workers: 2,
  reporter: "line",
  webServer: [web, admin],
  use: { baseURL: web.url },
  metadata: { admin: admin.url },
});
