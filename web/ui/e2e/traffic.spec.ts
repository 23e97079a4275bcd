// What a tab costs the server: docs/attention.md says what is sent at each level, and here that is counted on the wire.

import { expect, setHidden, test, type Page } from './world.ts';

// Two tiles fit: the others are scrolled away.
test.use({ viewport: { width: 420, height: 620 } });

type Entry = { payload?: number; count?: number; timestamp?: number };
type Frame = [joinRef: unknown, ref: unknown, topic: string, event: string, payload: { batch?: Record<string, Record<string, Entry[]>> }];

/** What came of one sensor in a while. */
interface Traffic {
  frames: number;
  /** Single measurements, and buckets of merged ones. */
  single: number;
  merged: number;
  bytes: number;
}

/** Counts what the page is sent of measurements. */
class Wire {
  #frames: Frame[] = [];

  constructor(private readonly page: Page) {
    page.on('websocket', (socket) =>
      socket.on('framereceived', ({ payload }) => {
        if (typeof payload !== 'string') throw new Error('a binary frame: this test reads JSON');
        const frame = JSON.parse(payload) as Frame;
        if (frame[3] === 'sensor_batch' || frame[3].startsWith('measurement')) this.#frames.push(frame);
      }),
    );
  }

  /** Watches for about so many seconds; what comes of a sensor, a second. */
  async during(seconds: number): Promise<(sensorId: string) => Traffic> {
    this.#frames = [];
    const began = performance.now();
    await this.page.waitForTimeout(1000 * seconds);
    seconds = (performance.now() - began) / 1000; // a busy machine takes longer
    const frames = this.#frames;
    return (sensorId) => {
      const mine = frames.flatMap(([, , topic, , p]) => (topic === `data:${sensorId}` ? [p] : p.batch?.[sensorId] ? [p.batch[sensorId]] : []));
      const entries = mine.flatMap((attributes) => Object.values(attributes as Record<string, Entry[]>).flat());
      const single = entries.filter((e) => e.payload !== undefined).length;
      return { frames: mine.length / seconds, single: single / seconds, merged: (entries.length - single) / seconds, bytes: mine.reduce((n, p) => n + JSON.stringify(p).length, 0) / seconds };
    };
  }
}

test('high, medium, low and hidden: each is sent what the table says, and no more', async ({ page, world }) => {
  const wire = new Wire(page);
  world.simulate(8, 'ecg'); // 512 Hz
  await page.goto(world.url);
  await page.getByRole('button', { name: 'Skip' }).click();
  await expect(page.getByRole('article', { name: 'sim-2' })).toBeVisible();
  await page.getByRole('link', { name: 'sim-1', exact: true }).focus(); // as pointing at it
  const settled = async () => {
    const of = await wire.during(1);
    const all = (id: string) => of(id).single + of(id).merged;
    return of('sim-1').single > 100 && all('sim-2') > 0 && all('sim-2') < 100 && all('sim-8') < 20;
  };
  await expect.poll(settled, { message: 'each is at its level' }).toBe(true);
  const of = await wire.during(4);
  const [high, medium, low] = [of('sim-1'), of('sim-2'), of('sim-8')];
  test.info().annotations.push({ type: 'traffic', description: JSON.stringify({ high, medium, low }) });

  expect(high.single, 'high: measurements one by one').toBeGreaterThan(100); // the device sends 512, where the machine lets it
  // More than the table says: on a busy machine some of what was sent before the four seconds comes in them.
  expect(medium.frames, 'medium: every 200 ms').toBeLessThanOrEqual(7.5);
  expect(medium.merged, 'medium: cells of 20 ms').toBeLessThanOrEqual(75);
  expect(medium.merged + medium.single).toBeGreaterThan(10);
  expect(low.frames, 'low: every second').toBeLessThanOrEqual(2);
  expect(low.merged, 'low: cells of 250 ms').toBeLessThanOrEqual(8);
  expect(low.merged).toBeGreaterThan(1);
  expect(medium.bytes).toBeLessThan(high.bytes / 2);
  expect(low.bytes).toBeLessThan(medium.bytes / 4);

  await setHidden(page, true);
  const bytes = async () => {
    const of = await wire.during(2);
    return Array.from({ length: 8 }, (_, i) => of(`sim-${i + 1}`).bytes).reduce((a, b) => a + b);
  };
  await expect.poll(bytes, { message: 'what was on its way has come' }).toBe(0);
  const hidden = await wire.during(3);
  for (let i = 1; i <= 8; i++) expect(hidden(`sim-${i}`).bytes, 'hidden: nothing of any sensor').toBe(0);

  await setHidden(page, false);
  await expect.poll(async () => (await wire.during(1))('sim-2').frames, { message: 'and it goes on' }).toBeGreaterThan(0);
});
