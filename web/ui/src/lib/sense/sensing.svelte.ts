import type { Client } from '@sensocto/client';
import { BluetoothClient } from './bluetooth/client.ts';
import type { KnownDevice } from './bluetooth/device.ts';
import { Catalog, type Entry } from './catalog.ts';
import { Sensed } from './sensed.svelte.ts';
import type { Source, SourceKind } from './source.ts';
import { DemoSource } from './sources/demo.ts';
import { LocationSource } from './sources/location.ts';
import { MarkerSource } from './sources/marker.ts';
import { MicrophoneSource } from './sources/microphone.ts';
import { MotionSource } from './sources/motion.ts';
import { OrientationSource } from './sources/orientation.ts';
import { machineName } from './support.ts';
import { ScreenLock, type WakeState } from './wakeLock.ts';

const updateMS = 500;

export type OwnKind = Exclude<SourceKind, 'bluetooth'>;

const make: Record<OwnKind, () => Source> = {
  motion: () => new MotionSource(),
  orientation: () => new OrientationSource(),
  location: () => new LocationSource(),
  microphone: () => new MicrophoneSource(),
  marker: () => new MarkerSource(),
  demo: () => new DemoSource(),
};

/** All sensors that this browser brings. It goes on in every view of the page. */
export class Sensing {
  #list = $state.raw<readonly Sensed[]>([]);
  #wake = $state<WakeState>('off');
  #isReady = $state(false);
  #owner: string | undefined;
  #client: Client | undefined;
  #catalog: Catalog | undefined;
  #bluetooth = new BluetoothClient();
  #lock = new ScreenLock((state) => (this.#wake = state));
  #timer: ReturnType<typeof setInterval> | undefined;
  #using: Promise<void> = Promise.resolve();
  /** Removed since the page was loaded: they may be put back, or be added again. */
  #removed: readonly Sensed[] = [];

  get list(): readonly Sensed[] {
    return this.#list;
  }
  /** Whether it is known what earlier visits left. */
  get isReady(): boolean {
    return this.#isReady;
  }
  /** Whether the screen stays on. */
  get wake(): WakeState {
    return this.#wake;
  }
  get bluetooth(): BluetoothClient {
    return this.#bluetooth;
  }

  /**
   * Brings sensors as somebody: those of earlier visits go on, what their outboxes hold is sent. Whoever was there
   * before is ended: their sensors must not go on under another name.
   *
   * @param owner undefined for nobody
   */
  use(client: Client, owner: string | undefined): Promise<void> {
    const next = this.#using.then(() => this.#use(client, owner));
    this.#using = next.catch(() => undefined); // told to who called; the next one begins anew
    return next;
  }

  async #use(client: Client, owner: string | undefined): Promise<void> {
    if (owner === this.#owner && client === this.#client) return;
    await this.#end();
    if (owner === undefined) return;
    this.#owner = owner;
    this.#client = client;
    const catalog = (this.#catalog = new Catalog(owner));
    const devices = await this.#bluetooth.recall(catalog.entries.flatMap((e) => (e.device ? [e.device] : [])));
    const source = (e: Entry) => (e.kind === 'bluetooth' ? devices.find((d) => d.known.id === e.device?.id) : make[e.kind]?.());
    const sensed = catalog.entries.flatMap((e) => ((s) => (s ? [this.#sensed(e, s)] : []))(source(e)));
    this.#list = sensed.filter((s) => !s.entry.removed);
    this.#isReady = true;
    const unsent = new Map((await client.unsent()).map((u) => [u.registration.sensorId, u.samples]));
    for (const s of sensed) void this.#recall(s, unsent.get(s.id) ?? 0);
  }

  /** Adds a part of this device and starts it, in a click or tap. */
  async add(kind: OwnKind, name: string): Promise<Sensed> {
    const id = this.#kept.idOf(kind);
    const sensed = this.#there((s) => s.id === id) ?? (await this.#added({ id, kind, name }, make[kind]()));
    await sensed.start();
    return sensed;
  }

  /** Lets the person pick a device over Bluetooth and starts it; null where they picked none. */
  async pick(name: string, options: { all?: boolean } = {}): Promise<Sensed | null> {
    const source = await this.#bluetooth.pick(options);
    if (!source) return null;
    const sensed = this.#there((s) => s.source === source) ?? (await this.#added(this.#entryOf(source.known, name), source));
    await sensed.start();
    return sensed;
  }

  /** Takes a sensor off the list. The function that is returned puts it back and starts it again if it ran. */
  remove(sensed: Sensed): () => void {
    const wasOn = sensed.isOn;
    const at = this.#list.indexOf(sensed);
    this.#list = this.#list.filter((s) => s !== sensed);
    this.#removed = [...this.#removed, sensed];
    void sensed.change({ removed: true });
    void sensed.stop().then(() => this.#forget(sensed));
    return () => {
      this.#putBack(sensed, at);
      if (wasOn) void sensed.start();
    };
  }

  /** Gives a sensor another name, here and on the server; where that does not know it yet, with the next join. */
  async rename(sensed: Sensed, name: string): Promise<void> {
    await sensed.change({ name });
    const request = { params: { path: { id: sensed.id } }, body: { sensor_name: name } };
    const answer = await this.#client?.api.PATCH('/api/v1/sensors/{id}', request);
    if (answer?.error && answer.response.status !== 404) throw new Error(answer.error.detail ?? answer.error.title ?? answer.response.statusText);
  }

  /** Ends all sources and connections. What is not acknowledged stays in the outbox. */
  async #end(): Promise<void> {
    await Promise.all([...this.#list, ...this.#removed].map((s) => s.close()));
    await this.#bluetooth.close();
    this.#list = this.#removed = [];
    this.#isReady = false;
    this.#owner = this.#client = this.#catalog = undefined;
    this.#follow();
  }

  get #kept(): Catalog {
    if (!this.#catalog) throw new Error('sensing.use() was not called');
    return this.#catalog;
  }

  #entryOf(device: KnownDevice, name: string): Entry {
    const id = this.#kept.idOf('bluetooth', device, (id) => this.#list.some((s) => s.id === id && s.isOn));
    const known = this.#kept.entries.find((e) => e.id === id);
    return { id, kind: 'bluetooth', name: known?.name ?? (device.name || name), device, ...(known?.room && { room: known.room }) };
  }

  /** One that is on the list, or was. */
  #there(is: (sensed: Sensed) => boolean): Sensed | undefined {
    const removed = this.#removed.find(is);
    if (removed) this.#putBack(removed, this.#list.length);
    return this.#list.find(is);
  }

  #putBack(sensed: Sensed, at: number): void {
    if (!this.#removed.includes(sensed)) return;
    this.#removed = this.#removed.filter((s) => s !== sensed);
    this.#list = this.#list.toSpliced(at, 0, sensed);
    void sensed.change({ removed: false });
  }

  /** One with the same id is the same device, which the browser did not remember: it makes room. */
  async #added(entry: Entry, source: Source): Promise<Sensed> {
    const replaced = [...this.#list, ...this.#removed].filter((s) => s.id === entry.id);
    await Promise.all(replaced.map((s) => s.close()));
    const sensed = this.#sensed(entry, source);
    this.#kept.put(entry);
    this.#removed = this.#removed.filter((s) => s.id !== entry.id);
    this.#list = [...this.#list.filter((s) => s.id !== entry.id), sensed];
    return sensed;
  }

  #sensed(entry: Entry, source: Source): Sensed {
    const connector = { id: this.#kept.machine, name: machineName(navigator.userAgent) };
    return new Sensed(entry, source, connector, () => this.#client as Client, (s) => this.#changed(s));
  }

  async #recall(sensed: Sensed, unsent: number): Promise<void> {
    if (!sensed.entry.removed) return sensed.recall(unsent);
    if (unsent > 0) await sensed.recall(unsent);
    this.#forget(sensed);
  }

  /** Once the server has everything, nothing is left to remember. */
  #forget(sensed: Sensed): void {
    if (sensed.entry.removed && !this.#list.includes(sensed)) this.#catalog?.remove(sensed.id);
  }

  #changed(sensed: Sensed): void {
    if (this.#list.includes(sensed) || sensed.entry.removed) this.#catalog?.put(sensed.entry);
    this.#follow();
  }

  /** The screen stays on while something is measured; the list is kept up to date until all of it was sent. */
  #follow(): void {
    void (this.#list.some((s) => s.isOn) ? this.#lock.hold() : this.#lock.release());
    if (this.#list.some((s) => s.isBusy)) this.#timer ??= setInterval(() => this.#update(), updateMS);
    else this.#rest();
  }

  #update(): void {
    for (const sensed of this.#list) sensed.update();
    if (!this.#list.some((s) => s.isBusy)) this.#rest();
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** What this page brings. */
export const sensing = new Sensing();
