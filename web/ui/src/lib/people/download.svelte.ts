import { reached, read, token } from '../app/api.ts';

/** A download with its progress. The browser keeps large ones on disk while they come. */
export class Download {
  #bytes = $state(0);
  #running = $state(false);
  #stop: AbortController | undefined;

  /** How much has come. */
  get bytes(): number {
    return this.#bytes;
  }
  get running(): boolean {
    return this.#running;
  }

  /**
   * Reads what follows /api/v1 and saves it as a file, on behalf of another token where one is given.
   * False: it was cancelled. It throws as `answer` does.
   */
  async run(path: string, name: string, bearer = token.get()): Promise<boolean> {
    this.#stop?.abort();
    const stop = (this.#stop = new AbortController());
    this.#bytes = 0;
    this.#running = true;
    try {
      save(await this.#read(path, bearer, stop.signal), name);
      return true;
    } catch (error) {
      if (stop.signal.aborted) return false;
      throw error;
    } finally {
      if (this.#stop === stop) this.#running = false;
    }
  }

  cancel(): void {
    this.#stop?.abort();
  }

  async #read(path: string, bearer: string | undefined, signal: AbortSignal): Promise<Blob> {
    const answer = await read(`/api/v1${path}`, signal, { ...(bearer && { bearer }) });
    const count = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, to) => {
        this.#bytes += chunk.byteLength;
        to.enqueue(chunk);
      },
    });
    const counted = new Response(answer.body?.pipeThrough(count), { headers: { 'Content-Type': answer.headers.get('Content-Type') ?? '' } });
    return reached(counted.blob(), signal);
  }
}

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser reads it meanwhile
}

/** A file name of what somebody called something. */
export function fileName(name: string, extension: string): string {
  const safe = name.normalize('NFC').replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[-.]+|[-.]+$/g, '').slice(0, 80);
  return `${safe || 'sensocto'}.${extension}`;
}
