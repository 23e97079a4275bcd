import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { budget } from './build/budget.ts';
import { gzip } from './build/gzip.ts';
import { serviceWorker } from './build/serviceWorker.ts';

// The server that `make ui-dev` forwards the API and the socket to.
const server = process.env['SENSOCTO_SERVER'] ?? 'http://127.0.0.1:4000';

// Of what a group matches: what several views load, without what only some of it imports (a dialog's library).
const shared = { minShareCount: 3, includeDependenciesRecursively: false };

export default defineConfig({
  plugins: [svelte(), budget(200_000), serviceWorker(), gzip()],
  // The client is built with the app, from its source; its package has no build here.
  resolve: { alias: { '@sensocto/client': fileURLToPath(new URL('../client/src/index.ts', import.meta.url)) } },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Two dozen small files take several round trips over HTTP/1.1. So what every view needs is one file, what several
    // need are two, and the styles of all, 10 KB compressed, are one.
    cssCodeSplit: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: 'app', tags: ['$initial'], test: (id) => !/(main\.ts|index\.html)$/.test(id), priority: 2 },
            { name: 'parts', test: /lucide|\/design\/(?!Dialog|Menu|Tabs|Tooltip)|\/text\/format|\/app\/(errors|passkey)|\/people\/[a-z.]+\.ts$/, ...shared },
            { name: 'traces', test: /\/chart\//, ...shared },
          ],
        },
      },
    },
  },
  server: {
    proxy: {
      '/api': { target: server },
      '/metrics': { target: server },
      '/static': { target: server },
      '/socket': { target: server, ws: true },
    },
  },
  test: { include: ['src/**/*.test.ts'] },
});
