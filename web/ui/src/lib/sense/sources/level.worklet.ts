import { LevelMeter } from './level.ts';

// Runs in the audio thread, so that a page in the background misses nothing. Only levels leave it.

declare const sampleRate: number;
declare const currentTime: number;
declare function registerProcessor(name: string, processor: unknown): void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

/** Levels a second. */
const rate = 10;

class LevelProcessor extends AudioWorkletProcessor {
  #meter = new LevelMeter(Math.round(sampleRate / rate));

  process([input]: [Float32Array[]]): boolean {
    const channel = input[0];
    if (channel) for (const level of this.#meter.push(channel)) this.port.postMessage({ level, time: currentTime * 1000 });
    return true;
  }
}

registerProcessor('level', LevelProcessor);
