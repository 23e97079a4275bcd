import { gzipSync } from 'node:zlib';
import type { Plugin, Rolldown } from 'vite';

type Chunk = Rolldown.OutputChunk;

/**
 * Fails the build where a view takes more script than the budget on a first
 * load: the entry, one language, the view, and all that these import at once.
 *
 * @param budget bytes, compressed
 */
export function budget(budget: number): Plugin {
  return {
    name: 'budget',
    apply: 'build',
    writeBundle(_, bundle) {
      const chunks = Object.values(bundle).filter((c): c is Chunk => c.type === 'chunk');
      const size = new Map(chunks.map((c) => [c.fileName, gzipSync(c.code, { level: 9 }).length]));
      const entries = chunks.filter((c) => c.isEntry);
      const language = chunks.find((c) => c.facadeModuleId?.endsWith('/text/de/index.ts'));
      const views = chunks.filter((c) => c.facadeModuleId && /\/views\/[^/]+\.svelte$/.test(c.facadeModuleId));
      if (entries.length !== 1 || !language || views.length === 0) this.error('the budget does not know the parts of this build: see build/budget.ts');
      for (const view of views) {
        const files = closure(bundle, [...entries, language, view]);
        const total = [...files].reduce((sum, f) => sum + (size.get(f) ?? 0), 0);
        const text = `first load of ${view.name}: ${Math.ceil(total / 1000)} KB of script (gzip)`;
        if (total > budget) this.error(`${text} is over the budget of ${budget / 1000} KB: load parts of it later, by import()`);
        this.info(text);
      }
    },
  };
}

/** The chunks with all that they import at once. */
function closure(bundle: Rolldown.OutputBundle, from: readonly Chunk[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const visit = (name: string) => {
    const chunk = bundle[name];
    if (seen.has(name) || chunk?.type !== 'chunk') return;
    seen.add(name);
    chunk.imports.forEach(visit);
  };
  from.forEach((c) => visit(c.fileName));
  return seen;
}
