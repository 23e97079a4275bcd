// The outbox: whatever crashes, breaks or comes twice, and in whatever order, the
// server has every sample that was saved exactly once.

import "fake-indexeddb/auto";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { Client, type Device, IndexedDBStore, MemoryStore, type OutboxStore, type StoreTransaction } from "../src/index.js";
import { MemoryLog, MemoryTransaction, type Writes } from "../src/outbox/memory.js";
import { KeyedQueue, Leads, Watchers } from "../src/outbox/queue.js";
import { FileStore } from "../src/node.js";
import { temporaryDirectory } from "../../../e2e/program.js";
import { type Fate, Model } from "./model.js";

/** A store of a tab that may crash: what it had under way is then kept or not, and it does nothing any more. */
class TabStore implements OutboxStore {
  crashed = false;
  keepsWhatIsUnderWay = false;
  #inner: OutboxStore;
  #leads: Leads | undefined;
  #ending = new AbortController();

  /** With leads, tabs have Web Locks; without, each believes that it leads. */
  constructor(inner: OutboxStore, leads: Leads | undefined) {
    this.#inner = inner;
    this.#leads = leads;
  }

  crash(keepsWhatIsUnderWay: boolean): void {
    this.crashed = true;
    this.keepsWhatIsUnderWay = keepsWhatIsUnderWay;
    this.#ending.abort(new Error("crashed"));
  }

  async transaction<T>(sensorId: string, work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    if (this.crashed) return new Promise(() => undefined);
    const result = await this.#inner
      .transaction(sensorId, async (tx) => {
        const done = await work(tx);
        if (this.crashed && !this.keepsWhatIsUnderWay) throw new Error("crashed");
        return done;
      })
      .catch((err: unknown) => (this.crashed ? new Promise<T>(() => undefined) : Promise.reject(err)));
    return this.crashed ? new Promise(() => undefined) : result;
  }

  lead(sensorId: string, signal: AbortSignal): Promise<void> {
    return this.#leads?.lead(sensorId, AbortSignal.any([signal, this.#ending.signal])) ?? Promise.resolve();
  }

  logs = () => this.#inner.logs();
  announce = (sensorId: string) => this.#inner.announce(sensorId);
  watch = (sensorId: string, changed: () => void) => this.#inner.watch(sensorId, () => this.crashed || changed());
  close = () => Promise.resolve();
}

/** A store whose last transactions a power cut takes back. */
class PowerStore implements OutboxStore {
  #writes: Writes[] = []; // of each transaction
  #state = new MemoryLog();
  #queue = new KeyedQueue();
  #watchers = new Watchers();

  get transactions(): number {
    return this.#writes.length;
  }

  /** Takes back as many transactions. */
  cut(transactions: number): void {
    this.#writes.splice(Math.max(0, this.#writes.length - transactions));
    this.#state = new MemoryLog();
    for (const writes of this.#writes) this.#state.apply(structuredClone(writes));
  }

  transaction<T>(sensorId: string, work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    return this.#queue.run(sensorId, async () => {
      const tx = new MemoryTransaction(this.#state);
      const result = await work(tx);
      this.#writes.push(structuredClone(tx.writes));
      this.#state.apply(tx.writes);
      return result;
    });
  }

  logs = () => Promise.resolve([]);
  lead = () => Promise.resolve();
  announce = (sensorId: string) => this.#watchers.announce(sensorId);
  watch = (sensorId: string, changed: () => void) => this.#watchers.watch(sensorId, changed);
  close = () => Promise.resolve();
}

interface Tab {
  store: TabStore;
  client: Client;
  device: Device;
  taken: number[]; // and not known to be saved
}

/** Tabs of one browser, and the server that they talk to. */
class Browser {
  readonly saved: number[] = [];
  readonly unsure: number[] = []; // taken by a tab that crashed before it had saved them
  #tabs: Tab[] = [];
  #values = 0;
  #locks: Leads | undefined;
  #stores: () => OutboxStore;
  #model: Model;

  constructor(model: Model, stores: () => OutboxStore, locks: boolean) {
    this.#model = model;
    this.#stores = stores;
    this.#locks = locks ? new Leads() : undefined;
  }

  open(): Tab {
    const store = new TabStore(this.#stores(), this.#locks);
    const client = new Client({ url: "http://server", store, transport: this.#model.transport(() => store.crashed) });
    const tab: Tab = { store, client, device: client.device({ sensorId: "s" }), taken: [] };
    this.#tabs.push(tab);
    return tab;
  }

  tab(n: number): Tab {
    return this.#tabs[n % this.#tabs.length] ?? this.open();
  }

  measure(n: number, count: number, documents: boolean): void {
    const tab = this.tab(n);
    for (let i = 0; i < count; i++) {
      const value = ++this.#values;
      const payload = documents && value % 3 === 0 ? { n: value } : value;
      if (!tab.device.queueMeasurement({ attribute_id: "a", payload, timestamp: 1.7e12 + value })) throw new Error("refused");
      tab.taken.push(value);
    }
  }

  async save(n: number): Promise<void> {
    const tab = this.tab(n);
    const taken = tab.taken.splice(0);
    this.unsure.push(...taken); // until it is known
    await Promise.race([tab.device.saved(), turns(200)]);
    if (tab.store.crashed) return;
    await tab.device.saved();
    for (const value of taken) this.unsure.splice(this.unsure.indexOf(value), 1);
    this.saved.push(...taken);
  }

  crash(n: number, keeps: boolean): void {
    const tab = this.tab(n);
    tab.store.crash(keeps);
    this.unsure.push(...tab.taken);
    this.#tabs.splice(this.#tabs.indexOf(tab), 1);
  }

  /** All tabs crash. */
  crashAll(keeps: boolean): void {
    while (this.#tabs.length > 0) this.crash(0, keeps);
    this.#model.cut(); // connections of tabs that are gone
  }

  /** All tabs crash, and a new one sends the rest. */
  async finish(): Promise<void> {
    this.crashAll(true);
    this.#model.heal();
    const { device, client } = this.open();
    const synced = device.synced();
    let done = false;
    void synced.then(() => (done = true));
    while (!done) await turns(20, 100);
    await client.close();
  }
}

/** Lets everything that is ready happen, while timers move on. */
async function turns(n: number, ms = 5): Promise<void> {
  for (let i = 0; i < n; i++) {
    await vi.advanceTimersByTimeAsync(ms);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Every sample that was saved is there once, and none is there twice. */
function expectOnce(browser: Browser, model: Model): void {
  const times = (value: number) => model.stored.get(value) ?? 0;
  expect(browser.saved.filter((value) => times(value) !== 1)).toEqual([]);
  expect(browser.unsure.filter((value) => times(value) > 1)).toEqual([]);
  expect(model.stored.size).toBeLessThanOrEqual(browser.saved.length + browser.unsure.length);
}

const numRuns = Number(process.env["OUTBOX_RUNS"] ?? 30);

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("measure" as const), tab: fc.nat(2), count: fc.integer({ min: 1, max: 30 }), documents: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("save" as const), tab: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("flush" as const), tab: fc.nat(2) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("wait" as const), turns: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("open" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("crash" as const), tab: fc.nat(2), keeps: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cut" as const) }) },
);

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

async function take(browser: Browser, model: Model, s: Step): Promise<void> {
  switch (s.do) {
    case "measure":
      return browser.measure(s.tab, s.count, s.documents);
    case "save":
      return browser.save(s.tab);
    case "flush":
      return browser.tab(s.tab).device.flush();
    case "wait":
      return turns(s.turns);
    case "open":
      return void browser.open();
    case "cut":
      return model.cut();
    case "crash":
      return browser.crash(s.tab, s.keeps);
  }
}

const fates: fc.Arbitrary<Fate[]> = fc.array(fc.constantFrom<Fate>("ok", "ok", "ok", "lost", "unanswered", "twice", "unavailable"), { minLength: 1, maxLength: 12 });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

let databases = 0;

const stores = {
  IndexedDB: () => {
    const name = `test-${databases++}`;
    return () => new IndexedDBStore(name);
  },
  memory: () => {
    const store = new MemoryStore();
    return () => store;
  },
  files: () => {
    const store = new FileStore(temporaryDirectory());
    onTestFinished(() => store.close());
    return () => store;
  },
};

describe.each(["IndexedDB", "memory", "files"] as const)("%s", (kind) => {
  test.each([true, false])("every saved sample is on the server exactly once (Web Locks: %s)", async (locks) => {
    let crashes = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), fates, async (steps, fate) => {
        const model = new Model(fate);
        const browser = new Browser(model, stores[kind](), locks);
        for (const s of steps) {
          await take(browser, model, s);
          if (s.do === "crash") crashes++;
        }
        await browser.finish();
        expectOnce(browser, model);
      }),
      { numRuns },
    );
    expect(crashes).toBeGreaterThan(0);
  }, 120_000);
});

/** What finds a page that goes on with the numbers of a page before a power cut. */
const reusedNumbers: [Step[], number][] = [
  [[{ do: "measure", tab: 0, count: 20, documents: false }, { do: "wait", turns: 2 }, { do: "measure", tab: 0, count: 1, documents: false }], 4],
  [[{ do: "measure", tab: 0, count: 1, documents: false }, { do: "save", tab: 0 }, { do: "measure", tab: 0, count: 1, documents: false }], 0],
  [[{ do: "wait", turns: 1 }], 0],
];

test("a power cut that takes back the last transactions doubles nothing, and loses nothing that was on the disk", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.array(step, { minLength: 1, maxLength: 15 }), fc.nat(12)), { minLength: 1, maxLength: 4 }), fates, async (lives, fate) => {
      const model = new Model(fate);
      const store = new PowerStore();
      const browser = new Browser(model, () => store, false);
      const onDisk = new Map<number, number>(); // after how many transactions each sample was saved
      for (const [steps, takenBack] of lives) {
        for (const s of steps) {
          const known = browser.saved.length;
          await take(browser, model, s);
          for (const value of browser.saved.slice(known)) onDisk.set(value, store.transactions);
        }
        browser.crashAll(false);
        await turns(3);
        store.cut(takenBack);
        const lost = browser.saved.filter((value) => (onDisk.get(value) ?? 0) > store.transactions);
        for (const value of lost) browser.saved.splice(browser.saved.indexOf(value), 1);
        browser.unsure.push(...lost);
      }
      await browser.finish();
      expectOnce(browser, model);
    }),
    { numRuns, examples: [[reusedNumbers, ["ok"]]] },
  );
}, 120_000);

describe("a bounded outbox", () => {
  const measure = (device: Device, n: number) => device.queueMeasurement({ attribute_id: "a", payload: n, timestamp: 1.7e12 + n });

  test("refuses what it has no space for, says so, and goes on when there is space", async () => {
    const model = new Model(["unavailable"]);
    const client = new Client({ url: "http://server", store: new MemoryStore(), transport: model.transport(() => false) });
    const device = client.device({ sensorId: "s", outboxBytes: 16 * 100 });
    let told = 0;
    device.on("refused", ({ samples }) => (told += samples));
    const taken = Array.from({ length: 150 }, (_, n) => measure(device, n)).filter(Boolean).length;
    expect(taken).toBe(100);
    expect([told, device.refused, device.unsent]).toEqual([50, 50, 100]);
    expect(device.queueSamples("a", Float64Array.of(1e12, 1e12), Float64Array.of(1, 2))).toBe(false);
    expect(told).toBe(52);
    await turns(20);
    model.heal();
    let synced = false;
    void device.synced().then(() => (synced = true));
    while (!synced) await turns(20, 100);
    expect(measure(device, 1000)).toBe(true);
    void device.synced().then(() => (synced = false));
    while (synced) await turns(20, 100);
    expect(model.stored.size).toBe(101);
    await client.close();
  });

  test("a store that cannot be written is told and tried again: nothing is lost, and nothing is sent before", async () => {
    const model = new Model(["ok"]);
    const inner = new MemoryStore();
    let broken = true;
    const store: OutboxStore = Object.assign(Object.create(inner) as OutboxStore, {
      transaction: <T>(id: string, work: (tx: StoreTransaction) => Promise<T>) => (broken ? Promise.reject(new Error("disk full")) : inner.transaction(id, work)),
      lead: () => Promise.resolve(),
      watch: () => () => undefined,
      announce: () => undefined,
      close: () => Promise.resolve(),
    });
    const client = new Client({ url: "http://server", store, transport: model.transport(() => false) });
    const device = client.device({ sensorId: "s" });
    const errors: string[] = [];
    device.on("error", (err) => errors.push(err.message));
    measure(device, 1);
    device.flush();
    await turns(20, 100);
    expect(errors).toContain("disk full");
    expect([device.unsent, model.stored.size]).toEqual([1, 0]);
    broken = false;
    let synced = false;
    void device.synced().then(() => (synced = true));
    while (!synced) await turns(20, 100);
    expect(model.stored.size).toBe(1);
    await client.close();
  });

  test("what is no measurement is refused with a reason", async () => {
    const client = new Client({ url: "http://server", store: new MemoryStore(), transport: new Model(["ok"]).transport(() => false) });
    const device = client.device({ sensorId: "s" });
    const queue = (attribute_id: string, payload: unknown, timestamp: number) => () => device.queueMeasurement({ attribute_id, payload, timestamp });
    expect(queue("a b", 1, 1e12)).toThrow("no attribute id");
    expect(queue("a", NaN, 1e12)).toThrow("no payload");
    expect(queue("a", undefined, 1e12)).toThrow("no payload");
    expect(queue("a", "x".repeat(70_000), 1e12)).toThrow("64 KiB");
    expect(queue("a", 1, NaN)).toThrow("Unix time");
    expect(() => device.queueSamples("a", Float64Array.of(1), Float64Array.of(1, 2))).toThrow("one time for each value");
    expect(device.unsent).toBe(0);
    await client.close();
    expect(queue("a", 1, 1e12)).toThrow("closed");
  });

  test("a server that has forgotten the stream is given the rest under a new one, and that is told", async () => {
    const model = new Model(["ok"]);
    const client = new Client({ url: "http://server", store: new MemoryStore(), transport: model.transport(() => false) });
    const device = client.device({ sensorId: "s" });
    const forgotten: number[] = [];
    device.on("forgotten", ({ batches }) => forgotten.push(batches));
    const sync = async () => {
      let synced = false;
      void device.synced().then(() => (synced = true));
      while (!synced) await turns(20, 100);
    };
    measure(device, 1);
    await sync();
    measure(device, 2);
    await sync();
    model.forget();
    measure(device, 3);
    await sync();
    expect([...model.stored]).toEqual([[1, 1], [2, 1], [3, 1]]);
    expect(forgotten).toEqual([1]);
    await client.close();
  });
});
