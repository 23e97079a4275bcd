import { Source, SourceError } from '../source.ts';
import { SampleClock } from '../timing/sampleClock.ts';
import { wallClock } from '../timing/wallClock.ts';
import worklet from './level.worklet.ts?worker&url';

const rate = 10;

/** How loud it is: the level of the microphone. The sound itself leaves the audio thread as little as the browser. */
export class MicrophoneSource extends Source {
  readonly kind = 'microphone';
  #stream: MediaStream | null = null;
  #context: AudioContext | null = null;
  #run = 0;

  async start(): Promise<void> {
    if (this.status.state === 'live' || this.status.state === 'starting') return;
    const run = ++this.#run;
    this.become({ state: 'starting' });
    try {
      const stream = await microphone();
      if (run !== this.#run) return release(stream);
      this.#stream = stream;
      await this.#measure(stream);
      if (run === this.#run) this.become({ state: 'live' });
    } catch (error) {
      if (run !== this.#run) return;
      await this.#end();
      this.become({ state: 'failed', error: error as Error });
    }
  }

  /** Nobody should find a microphone open that they did not just open; browsers want a tap for sound, too. */
  override async recall(): Promise<void> {
    this.become({ state: 'tap' });
  }

  async stop(): Promise<void> {
    this.#run++;
    await this.#end();
    this.become({ state: 'stopped' });
  }

  async #measure(stream: MediaStream): Promise<void> {
    const context = (this.#context = new AudioContext());
    await context.audioWorklet.addModule(worklet);
    const meter = new AudioWorkletNode(context, 'level', { numberOfOutputs: 0 });
    const clock = new SampleClock({ rate, stamp: 'last' });
    meter.port.onmessage = ({ data }: MessageEvent<{ level: number; time: number }>) => {
      const times = clock.place(1, data.time, wallClock.now());
      if (times) this.number('sound_level', times[0] as number, Math.round(data.level * 100) / 100);
    };
    this.attribute({ id: 'sound_level', name: 'Sound level', type: 'sound_level', unit: 'dBFS', rate });
    context.createMediaStreamSource(stream).connect(meter);
    await context.resume();
    for (const track of stream.getTracks()) track.onended = () => void this.#unplugged();
  }

  async #unplugged(): Promise<void> {
    await this.stop();
    this.become({ state: 'failed', error: new SourceError('silent') });
  }

  async #end(): Promise<void> {
    if (this.#stream) release(this.#stream);
    this.#stream = null;
    const context = this.#context;
    this.#context = null;
    await context?.close();
  }
}

/** Without what makes speech pleasant and levels wrong. */
async function microphone(): Promise<MediaStream> {
  if (!globalThis.isSecureContext) throw new SourceError('insecure');
  if (!navigator.mediaDevices || typeof AudioWorkletNode === 'undefined') throw new SourceError('unsupported');
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : '';
    throw new SourceError(name === 'NotFoundError' ? 'silent' : 'denied', error);
  }
}

function release(stream: MediaStream): void {
  for (const track of stream.getTracks()) {
    track.onended = null;
    track.stop();
  }
}
