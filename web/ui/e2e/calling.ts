// Callers in browsers of their own, for the tests of calls.

import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from '@playwright/test';
import { build, type Plugin } from 'vite';
import type { Call, CallOptions, CallPeer, Client } from '../../client/src/index.ts';
import config from './playwright.config.ts';
import { expect, openServer, type World } from './world.ts';

declare global {
  interface Window {
    sensocto: { Client: typeof Client };
    example: { joinCall(options: object): () => void };
    leave: () => void;
    client: Client;
    call: Call;
    /** When the call was last joined, in ms since 1970. */
    joinedAt: number;
    /** When the first picture and the first sound of each peer came, by its id. */
    firstMedia: Record<string, { picture?: number; sound?: number }>;
    ended: { reason: string; limit: unknown } | undefined;
    goneAt: number | undefined;
    /** The app's connections use TURN servers alone. */
    relayed: boolean | undefined;
    /** All connections that the page made. */
    connections: RTCPeerConnection[];
    /** All tracks of microphones and cameras that it opened. */
    tracks: MediaStreamTrack[];
  }
}

/** A camera that shows a test picture, a microphone that beeps, and nobody who is asked. */
export const fakeDevices = {
  ...config.use?.launchOptions,
  args: [
    ...(config.use?.launchOptions?.args ?? []),
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    '--auto-select-desktop-capture-source=Entire screen',
    '--autoplay-policy=no-user-gesture-required',
    '--allow-loopback-in-peer-connection',
  ],
};

/** A UDP port that is free at present. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

/** The flags of an open server that has a TURN server on loopback. */
export const turnServer = async () => [...openServer, '--turn-listen', `127.0.0.1:${await freePort()}`, '--turn-public', '127.0.0.1', '--turn-private'];

/** Keeps the connections and the tracks of a page, which the tests look at. */
function keepMedia(): void {
  window.tracks = [];
  if (!navigator.mediaDevices) return; // the empty page before the first
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (constraints) => {
    const media = await open(constraints);
    window.tracks.push(...media.getTracks());
    return media;
  };
  const kept: RTCPeerConnection[] = (window.connections = []);
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration?: RTCConfiguration) {
      super(window.relayed ? { ...configuration, iceTransportPolicy: 'relay' } : configuration);
      kept.push(this);
    }
  };
}

let client: Promise<string> | undefined;

/** The client as one script that sets window.sensocto. */
function bundledClient(): Promise<string> {
  const entry = fileURLToPath(new URL('../../client/src/index.ts', import.meta.url));
  return (client ??= bundle('sensocto', `export * from ${JSON.stringify(entry)}`));
}

async function bundle(name: string, code: string): Promise<string> {
  const source: Plugin = { name: 'source', resolveId: (id) => (id.endsWith('/virtual-source') ? '\0source' : null), load: (id) => (id === '\0source' ? code : null) };
  const lib = { entry: '/virtual-source', formats: ['iife' as const], name };
  const built = await build({ configFile: false, logLevel: 'warn', plugins: [source], build: { write: false, minify: false, lib } });
  const [chunk] = (built as { output: { code: string }[] }[])[0]!.output;
  return `${chunk!.code}\nwindow.${name} = ${name};`;
}

/** The example of docs/calls.md as one script that sets window.example. */
export async function bundledExample(): Promise<string> {
  const guide = readFileSync(new URL('../../../docs/calls.md', import.meta.url), 'utf8');
  const code = /<!-- example -->\n```js\n([^]*?)```/.exec(guide)?.[1];
  if (!code) throw new Error('docs/calls.md has no example');
  const phoenix = fileURLToPath(import.meta.resolve('phoenix'));
  return bundle('example', code.replace('"phoenix"', JSON.stringify(phoenix)));
}

/** How media of one peer arrive. */
export interface Arrived {
  name: string;
  state: CallPeer['state'];
  frames: number;
  /** The energy of the sound that was heard; only sound adds to it. */
  sound: number;
  /** Packets of sound, which come also while it is silent. */
  soundPackets: number;
  width: number;
  relayed: boolean;
}

/** Somebody with an account and a browser, who can call. */
export class Caller {
  private constructor(
    readonly name: string,
    readonly id: string,
    readonly page: Page,
    readonly context: BrowserContext,
  ) {}

  static async signUp(browser: Browser, world: World, name: string): Promise<Caller> {
    const context = await world.context(browser, { permissions: ['camera', 'microphone'] });
    await context.addInitScript(keepMedia);
    await context.addInitScript(await bundledClient());
    const page = await context.newPage();
    await page.goto(`${world.url}/sign-in`);
    const account = { name, email: `${name.toLowerCase()}@example.org`, password: 'violet harbour sings at noon' };
    const id = (await send<{ id: string }>(page, 'POST', '/users', account)).id;
    return new Caller(name, id, page, context);
  }

  /** Somebody without an account, such as on a phone. */
  static async guest(browser: Browser, world: World, options: BrowserContextOptions = {}): Promise<Caller> {
    const context = await world.context(browser, { permissions: ['camera', 'microphone'], ...options });
    await context.addInitScript(keepMedia);
    return new Caller('', '', await context.newPage(), context);
  }

  /** The same person in another tab of the browser. */
  async anotherTab(): Promise<Caller> {
    const tab = new Caller(this.name, this.id, await this.context.newPage(), this.context);
    await tab.page.goto(this.page.url());
    return tab;
  }

  /** Calls by a token of its own from now on, not by the session. */
  async useToken(token: string): Promise<void> {
    await this.page.evaluate((token) => void (window.client = new window.sensocto.Client({ url: location.origin, token })), token);
  }

  api<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T> {
    return send<T>(this.page, method, path, body);
  }

  /** Joins the call of a room with camera and microphone. */
  async join(roomId: string, options: CallOptions = {}, { width = 320, frameRate = 15 } = {}): Promise<void> {
    await this.page.evaluate(
      async ([roomId, options, width, frameRate]) => {
        const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width, height: (width * 3) / 4, frameRate } });
        window.client ??= new window.sensocto.Client({ url: location.origin });
        for (const video of document.querySelectorAll('video')) video.remove(); // of an earlier call
        window.ended = undefined;
        window.firstMedia = {};
        const now = () => performance.timeOrigin + performance.now();
        window.joinedAt = now();
        const call = (window.call = window.client.call(roomId, { audio: media.getAudioTracks()[0]!, video: media.getVideoTracks()[0]!, ...options }));
        call.on('ended', (error) => {
          const refused = error as Error & { reason?: string; response?: { limit?: unknown } };
          window.ended = { reason: refused.reason ?? error.name, limit: refused.response?.limit };
        });
        call.on('peers', () => {
          for (const [id, peer] of call.peers) {
            const shown = document.getElementById(id) as HTMLVideoElement | null;
            if (shown && shown.srcObject !== peer.stream) shown.srcObject = peer.stream; // after a rejoin
            if (shown) continue;
            const video = Object.assign(document.createElement('video'), { id, autoplay: true, srcObject: peer.stream });
            document.body.append(video);
            const first: { picture?: number; sound?: number } = (window.firstMedia[id] = {});
            video.requestVideoFrameCallback(() => (first.picture = now()));
            const listen = () => {
              if (!call.peers.has(id)) return;
              const receivers = window.connections.flatMap((c) => c.getReceivers());
              const receiver = receivers.find((r) => r.track === call.peers.get(id)!.stream.getAudioTracks()[0]);
              if (receiver?.getSynchronizationSources().length) first.sound = now();
              else setTimeout(listen, 5);
            };
            listen();
          }
        });
        await call.joined().catch(() => undefined);
      },
      [roomId, options, width, frameRate] as const,
    );
  }

  /** When the first picture and the first sound of a peer had come, in ms since 1970; undefined before. */
  mediaOf(peerId: string): Promise<number | undefined> {
    return this.page.evaluate((id) => {
      const { picture, sound } = window.firstMedia[id] ?? {};
      return picture !== undefined && sound !== undefined ? Math.max(picture, sound) : undefined;
    }, peerId);
  }

  /** This peer's id in the call. */
  peerId(): Promise<string> {
    return this.page.evaluate(() => window.call.peerId);
  }

  leave(): Promise<void> {
    return this.page.evaluate(() => window.call.leave());
  }

  /** What arrives of each other peer, as the browser counts it. */
  arrived(): Promise<Arrived[]> {
    return this.page.evaluate(async () => {
      const arrived: Arrived[] = [];
      for (const peer of window.call.peers.values()) {
        const now: Arrived = { name: peer.name, state: peer.state, frames: 0, sound: 0, soundPackets: 0, width: 0, relayed: false };
        for (const track of peer.stream.getTracks()) {
          const pc = window.connections.find((c) => c.getReceivers().some((r) => r.track === track));
          const stats = await pc?.getStats(track);
          stats?.forEach((s) => {
            if (s.type === 'inbound-rtp' && s.kind === 'video') [now.frames, now.width] = [s.framesDecoded ?? 0, s.frameWidth ?? 0];
            if (s.type === 'inbound-rtp' && s.kind === 'audio') [now.sound, now.soundPackets] = [s.totalAudioEnergy ?? 0, s.packetsReceived ?? 0];
          });
          const all = await pc?.getStats();
          const ends = new Map<string, string>();
          all?.forEach((s) => ends.set(s.id, s.candidateType));
          all?.forEach((s) => {
            if (s.type === 'candidate-pair' && s.nominated && s.state === 'succeeded') now.relayed = ends.get(s.localCandidateId) === 'relay';
          });
        }
        arrived.push(now);
      }
      return arrived;
    });
  }

  /** How many lines of its camera's picture it has each of its connections send; 0 where it sends none. What arrives may have less: Chromium saves when it is short of time. */
  sentLines(): Promise<number[]> {
    return this.page.evaluate(() =>
      window.connections.filter((c) => c.signalingState !== 'closed').map((c) => {
        const sender = c.getSenders().find((s) => s.track?.kind === 'video');
        const encoding = sender?.getParameters().encodings[0];
        return encoding?.active ? Math.round((sender?.track?.getSettings().height ?? 0) / (encoding.scaleResolutionDownBy ?? 1)) : 0;
      }),
    );
  }

  /** Waits until the named peers are seen and heard, with pictures and sound that go on. */
  async seesAndHears(...others: Caller[]): Promise<void> {
    await this.#gets('sees and hears', others, (now, before) => now.frames > before.frames + 10 && now.sound > before.sound + 1e-5);
  }

  /** Waits until pictures of the named peers go on. */
  async sees(...others: Caller[]): Promise<void> {
    await this.#gets('sees', others, (now, before) => now.frames > before.frames + 10);
  }

  /** Waits until a peer is heard, whoever else may be. */
  async hears(other: Caller): Promise<void> {
    const sound = async () => (await this.arrived()).find((a) => a.name === other.name)?.sound ?? 0;
    const before = await sound();
    await expect.poll(sound, { message: `${this.name} hears ${other.name}`, timeout: 120_000 }).toBeGreaterThan(before + 1e-5);
  }

  async #gets(what: string, others: Caller[], flows: (now: Pick<Arrived, 'frames' | 'sound'>, before: Pick<Arrived, 'frames' | 'sound'>) => boolean): Promise<void> {
    const names = others.map((o) => o.name).sort();
    const before = new Map((await this.arrived()).map((a) => [a.name, a]));
    const flowing = async () => (await this.arrived()).filter((a) => flows(a, before.get(a.name) ?? { frames: 0, sound: 0 })).map((a) => a.name).sort();
    await expect.poll(flowing, { message: `${this.name} ${what}`, timeout: 120_000 }).toEqual(names);
  }
}

async function send<T>(page: Page, method: string, path: string, body?: unknown): Promise<T> {
  return page.evaluate(
    async ([method, path, body]) => {
      const options: RequestInit = { method: method as string };
      if (body !== undefined) Object.assign(options, { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
      const answer = await fetch(`/api/v1${path as string}`, options);
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${answer.status} ${text}`);
      return text ? JSON.parse(text) : {};
    },
    [method, path, body] as const,
  ) as Promise<T>;
}

/** A room with its owner first, and members. */
export async function roomOf(owner: Caller, ...members: Caller[]): Promise<string> {
  const { id } = await owner.api<{ id: string }>('POST', '/rooms', { name: 'Lab' });
  for (const member of members) {
    await owner.api('POST', `/rooms/${id}/invitations`, { user_id: member.id, role: 'member' });
    const { invitations } = await member.api<{ invitations: { id: string }[] }>('GET', '/invitations');
    await member.api('POST', `/invitations/${invitations[0]!.id}/accept`);
  }
  return id;
}

/** Waits until pictures arrive, or packets of sound: until there are more than a moment before. */
export async function moves(caller: Caller, what: 'frames' | 'soundPackets' = 'frames'): Promise<void> {
  let before = Infinity;
  const more = async () => {
    const n = (await caller.arrived())[0]?.[what] ?? 0;
    const grew = n > before;
    before = n;
    return grew;
  };
  await expect.poll(more, { intervals: [50], timeout: 60_000 }).toBe(true);
}
