import { defineConfig } from "vitest/config";

// One server and one browser at a time; each test file has its own.
export default defineConfig({
  test: {
    include: ["browser_tests/*.test.ts"],
    environment: "node",
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    bail: 0,
  },
});
