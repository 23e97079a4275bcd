import { existsSync } from 'node:fs';
import { defineConfig } from '@playwright/test';

// Debian's Chromium; scripts/chromium.sh installs it.
const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);

// Tests that measure, or that take all of the machine. The others mostly wait, and may do so side by side (`--workers 2`).
const alone = /(calls.*|speed|traffic)\.spec\.ts$/;

// The patience is for slow machines. How long something takes is only asserted where the machine has nothing else to
// do, which SENSOCTO_TEST_IDLE=1 says (world.ts, took); elsewhere it is only noted.
export default defineConfig({
  testDir: '.',
  projects: [
    { name: 'together', testMatch: '*.spec.ts', testIgnore: alone },
    { name: 'alone', testMatch: alone },
  ],
  outputDir: '../../../.cache/browser/results',
  timeout: 240_000,
  expect: { timeout: 30_000 },
  workers: 1,
  reportSlowTests: { max: 10, threshold: 30_000 }, // files, at the end
  reporter: process.env['CI'] ? 'line' : 'list',
  use: {
    locale: 'en-GB',
    viewport: { width: 1280, height: 800 },
    trace: 'retain-on-failure',
    launchOptions: { args: ['--no-sandbox'], ...(executablePath && { executablePath }) },
  },
});
