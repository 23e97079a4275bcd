import { svelte } from '@sveltejs/vite-plugin-svelte';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

// The server that `make ui-dev` forwards the API and the socket to.
const server = process.env['SENSOCTO_SERVER'] ?? 'http://127.0.0.1:4000';

/** Writes a .gz file beside each file worth compressing: the server sends it as it is. */
function gzip(): Plugin {
  const walk = (dir: string): string[] =>
    readdirSync(dir).flatMap((name) => {
      const path = join(dir, name);
      return statSync(path).isDirectory() ? walk(path) : [path];
    });
  return {
    name: 'gzip',
    apply: 'build',
    closeBundle() {
      for (const path of walk('dist').filter((p) => /\.(js|css|html|svg|webmanifest)$/.test(p))) {
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  plugins: [svelte(), gzip()],
  // The client is built with the app, from its source; its package has no build here.
  resolve: { alias: { '@sensocto/client': fileURLToPath(new URL('../client/src/index.ts', import.meta.url)) } },
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: {
    proxy: {
      '/api': { target: server },
      '/socket': { target: server, ws: true },
    },
  },
  test: { include: ['src/**/*.test.ts'] },
} as Parameters<typeof defineConfig>[0]);
