import { expect, test, vi } from 'vitest';

vi.stubGlobal('sessionStorage', { getItem: () => null });
const { Download, fileName } = await import('./download.svelte.ts');

test.each([
  ['Night of Ada', 'zip', 'Night-of-Ada.zip'],
  ['Größe: 5/7 "x"', 'csv', 'Größe-5-7-x.csv'],
  ['../../etc/passwd', 'zip', 'etc-passwd.zip'],
  ['???', 'zip', 'sensocto.zip'],
])('%s as %s', (name, extension, want) => expect(fileName(name, extension)).toBe(want));

function stub(body: ReadableStream<Uint8Array> | string, status = 200): string[] {
  const saved: string[] = [];
  vi.stubGlobal('fetch', async (_: string, { signal }: RequestInit) => {
    if (body instanceof ReadableStream) signal?.addEventListener('abort', () => void 0);
    return new Response(body, { status });
  });
  vi.stubGlobal('document', { createElement: () => ({ download: '', click(this: { download: string }) { saved.push(this.download); } }) });
  vi.spyOn(URL, 'createObjectURL').mockReturnValue('blob:x');
  return saved;
}

test('counts what comes and saves it', async () => {
  const saved = stub('0123456789');
  const download = new Download();
  await expect(download.run('/backup', 'a.zip')).resolves.toBe(true);
  expect([download.bytes, download.running, saved]).toEqual([10, false, ['a.zip']]);
});

test('a refusal is the server’s explanation', async () => {
  stub('{"detail":"too many exports run now","reason":"busy"}', 409);
  await expect(new Download().run('/backup', 'a.zip')).rejects.toMatchObject({ detail: 'too many exports run now', status: 409, reason: 'busy' });
});

test('a connection that breaks in the middle saves nothing', async () => {
  let pulls = 0;
  const saved = stub(new ReadableStream({ pull: (c) => (pulls++ === 0 ? c.enqueue(new Uint8Array(5)) : c.error(new Error('reset'))) }));
  await expect(new Download().run('/backup', 'a.zip')).rejects.toMatchObject({ name: 'UnreachableError' });
  expect(saved).toEqual([]);
});

test('cancel ends it', async () => {
  const saved: string[] = [];
  vi.stubGlobal('fetch', (_: string, { signal }: RequestInit) => new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted')))));
  const download = new Download();
  const done = download.run('/backup', 'a.zip');
  expect(download.running).toBe(true);
  download.cancel();
  await expect(done).resolves.toBe(false);
  expect([download.running, saved]).toEqual([false, []]);
});
