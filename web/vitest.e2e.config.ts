import { defineConfig } from 'vitest/config';

/**
 * Browser tests against a real daemon and simulator: `npm run e2e` with FENGSUI_BIN and FENGSUI_SIM_BIN. One file after the
 * other; every test starts its own campus on free ports. FENGSUI_SHOTS names a folder for pictures.
 */
export default defineConfig({
  test: { include: ['e2e/**/*.test.ts'], fileParallelism: false, testTimeout: 120_000, hookTimeout: 60_000, retry: 0 },
});
