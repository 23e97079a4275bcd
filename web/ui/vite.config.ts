import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { budget } from './build/budget.ts';
import { gzip } from './build/gzip.ts';
import { serviceWorker } from './build/serviceWorker.ts';

// The server that `make ui-dev` forwards the API and the socket to.
const server = process.env['SENSOCTO_SERVER'] ?? 'http://127.0.0.1:4000';

export default defineConfig({
  plugins: [svelte(), budget(200_000), serviceWorker(), gzip()],
  // The client is built with the app, from its source; its package has no build here.
  resolve: { alias: { '@sensocto/client': fileURLToPath(new URL('../client/src/index.ts', import.meta.url)) } },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What every view needs is one file: two dozen small ones take several round trips over HTTP/1.1.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'app', tags: ['$initial'], test: (id) => !/(main\.ts|index\.html)$/.test(id) }] } } },
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
