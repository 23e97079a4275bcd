import type { Rolldown } from 'vite';

/** The names of chunks with all that they import at once. */
export function closure(bundle: Rolldown.OutputBundle, from: readonly Rolldown.OutputChunk[]): ReadonlySet<string> {
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
