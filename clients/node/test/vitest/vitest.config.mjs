import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["*.spec.ts"], globalSetup: [process.env.SETUP], pool: process.env.POOL, fileParallelism: true },
});
