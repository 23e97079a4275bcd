import { readFileSync } from 'node:fs';
import type { Plugin, Rolldown } from 'vite';
import { closure } from './closure.ts';

const routes = new URL('../src/lib/app/routes.ts', import.meta.url);
const languages = ['en', 'de'];

/**
 * Writes preload.json: the script that each view and each language needs beyond
 * what the page itself names. The server names it beside the page, so that the
 * browser fetches all of it at once and not one after the other.
 */
export function preload(): Plugin {
  return {
    name: 'preload',
    apply: 'build',
    generateBundle(_, bundle) {
      const chunks = Object.values(bundle).filter((c): c is Rolldown.OutputChunk => c.type === 'chunk');
      const named = closure(bundle, chunks.filter((c) => c.isEntry));
      const files = (module: string) => {
        const chunk = chunks.find((c) => c.facadeModuleId?.endsWith(module));
        if (!chunk) return this.error(`preload: no chunk of this build is ${module}`);
        return [...closure(bundle, [chunk])].filter((f) => !named.has(f)).toSorted();
      };
      const views = [...readFileSync(routes, 'utf8').matchAll(/path: '([^']+)'.*import\('[./]*(\/views\/[^']+)'\)/g)];
      if (views.length === 0) this.error('preload: no view is found in src/lib/app/routes.ts');
      const source = JSON.stringify({
        views: Object.fromEntries(views.map(([, path, module]) => [path, files(module ?? '')])),
        languages: Object.fromEntries(languages.map((l) => [l, files(`/text/${l}/index.ts`)])),
      });
      this.emitFile({ type: 'asset', fileName: 'preload.json', source });
    },
  };
}
