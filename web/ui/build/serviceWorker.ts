import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

const source = new URL('../src/service-worker.js', import.meta.url);

/** Writes /sw.js: the service worker with the list of files that this build is made of. */
export function serviceWorker(): Plugin {
  return {
    name: 'service-worker',
    apply: 'build',
    generateBundle(_, bundle) {
      const files = Object.keys(bundle).filter((f) => f.startsWith('assets/')).map((f) => `/${f}`).toSorted(); // a hash is in each name
      const code = readFileSync(source, 'utf8');
      const version = createHash('sha256').update(files.join()).update(code).digest('hex').slice(0, 12);
      const head = `const version = ${JSON.stringify(version)};\nconst files = ${JSON.stringify(files)};\n`;
      this.emitFile({ type: 'asset', fileName: 'sw.js', source: head + code });
    },
  };
}
