import { defineConfig } from "vitest/config";

// Nothing is asserted on timing: the patience is for slow machines.
export default defineConfig({ test: { testTimeout: 60_000, hookTimeout: 30_000, maxWorkers: 2, setupFiles: ["test/setup.ts"], include: ["test/**/*.test.ts"] } });
