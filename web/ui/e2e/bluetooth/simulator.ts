// Bluetooth devices for Chromium: a private system bus with bluez.py on it. What
// they are and do is TypeScript; Chromium takes them for real ones.

import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const python = fileURLToPath(new URL('../../../../.cache/bluetooth/bin/python', import.meta.url));

/** Why there are no simulated devices here; empty where there are. scripts/bluetooth.sh installs what they need. */
export function missing(): string {
  if (spawnSync('dbus-daemon', ['--version']).status !== 0) return 'dbus-daemon is not installed';
  return existsSync(python) ? '' : `${python} is missing: run scripts/bluetooth.sh`;
}

export interface Characteristic {
  uuid: string;
  flags: ('read' | 'write' | 'notify' | 'indicate')[];
  /** What a read gives, hexadecimal. */
  value?: string;
}

export interface Peripheral {
  address: string;
  name: string;
  services: { uuid: string; advertised?: boolean; characteristics: Characteristic[] }[];
}

export interface GattEvent {
  event: 'ready' | 'connected' | 'disconnected' | 'subscribed' | 'unsubscribed' | 'written';
  address: string;
  uuid: string;
  value: string;
}

/** The bus and the adapter. Events are emitted under the address of their device. */
export class Simulator extends EventEmitter {
  readonly #dir = mkdtempSync(join(tmpdir(), 'sensocto-bluetooth-'));
  #bus: ReturnType<typeof spawn>;
  #bluez: ChildProcessWithoutNullStreams | undefined;

  private constructor() {
    super();
    const config = join(this.#dir, 'bus.conf');
    writeFileSync(config, readFileSync(here('bus.conf.in'), 'utf8').replace('@SOCKET@', join(this.#dir, 'bus.sock')));
    this.#bus = spawn('dbus-daemon', [`--config-file=${config}`, '--nofork', '--nopidfile', '--print-address'], { stdio: ['ignore', 'pipe', 'inherit'] });
  }

  static async start(): Promise<Simulator> {
    const simulator = new Simulator();
    await new Promise<void>((resolve) => simulator.#bus.stdout!.once('data', () => resolve()));
    await simulator.#startBluez();
    return simulator;
  }

  /** What Chromium needs in its environment. */
  get environment(): Record<string, string> {
    return { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${join(this.#dir, 'bus.sock')}` };
  }

  command(command: object): void {
    this.#bluez?.stdin.write(`${JSON.stringify(command)}\n`);
  }

  stop(): void {
    this.#bluez?.kill();
    this.#bus.kill();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #startBluez(): Promise<void> {
    const bluez = (this.#bluez = spawn(python, [here('bluez.py')], { env: { ...process.env, ...this.environment } }));
    bluez.stderr.on('data', (text) => process.stderr.write(text));
    return new Promise((resolve, reject) => {
      bluez.once('exit', (code) => reject(new Error(`bluez.py ended with ${code}`)));
      createInterface({ input: bluez.stdout }).on('line', (line) => {
        const event = JSON.parse(line) as GattEvent;
        if (event.event === 'ready') resolve();
        else this.emit(event.address, event);
      });
    });
  }
}
