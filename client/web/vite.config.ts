import { defineConfig } from "vitest/config";

// What the server's Content-Security-Policy allows is all that may be built: no code and no style
// within the document, nothing as a data: address.
export default defineConfig({
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
