/** Reads all pages of a list that is short; items takes them out of an answer. */
export async function whole<P extends { next?: string }, T>(read: (page: { after?: string; limit: number }) => Promise<P>, items: (page: P) => readonly T[]): Promise<T[]> {
  const all: T[] = [];
  for (let after: string | undefined; ; ) {
    const page = await read({ limit: 500, ...(after && { after }) });
    all.push(...items(page));
    if (!page.next) return all;
    after = page.next;
  }
}
