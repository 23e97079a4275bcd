import { ask } from '../app/api.ts';
import { query } from './query.ts';

/** Reads all pages of a list that is short; key is where an answer has its items. */
export async function whole<T>(path: string, key: string, signal?: AbortSignal): Promise<T[]> {
  const all: T[] = [];
  for (let after = ''; ; ) {
    const page = await ask<Record<string, T[]> & { next: string }>('GET', path + query({ after, limit: 500 }), undefined, signal);
    all.push(...(page[key] ?? []));
    if (page.next === '') return all;
    after = page.next;
  }
}
