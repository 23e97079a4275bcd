import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Source, SourceEvents, SourceState } from '../source.ts';
import { hex, packet } from '../testing.ts';
import { BluetoothClient } from './client.ts';
import { FakeCharacteristic, FakeDevice, fakeBluetooth } from './fake.ts';
import { uuid } from './profile.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function strap() {
  const rate = new FakeCharacteristic(uuid(0x2a37), 'n');
  const level = new FakeCharacteristic(uuid(0x2a19), 'rn', packet('57'));
  const device = new FakeDevice('id-1', 'Polar H10 0001', { [uuid(0x180d)]: [rate], [uuid(0x180f)]: [level] });
  return { device, rate, level };
}

/** What a source says, by event. */
function listen(source: Source) {
  const states: SourceState[] = [];
  const numbers: [string, number[]][] = [];
  const heard: Partial<{ [Name in keyof SourceEvents]: SourceEvents[Name] }> = {};
  source.on('status', ({ state }) => states.push(state));
  source.on('numbers', ({ attribute, values }) => numbers.push([attribute, [...values]]));
  for (const name of ['battery', 'contact', 'refused', 'signal'] as const) source.on(name, (e) => ((heard as Record<string, unknown>)[name] = e));
  return { states, numbers, heard };
}

describe('BluetoothClient', () => {
  test('says that the browser cannot, that nothing was picked, that Bluetooth is off', async () => {
    const none = new BluetoothClient(undefined);
    expect(none.isSupported).toBe(false);
    expect(await none.isOn()).toBe(false);
    await expect(none.pick()).rejects.toMatchObject({ why: 'unsupported' });
    expect(await new BluetoothClient(fakeBluetooth(null)).pick()).toBeNull();
    await expect(new BluetoothClient(fakeBluetooth(null, { on: false })).pick()).rejects.toMatchObject({ why: 'off' });
  });

  test('picks by what is understood, asks for all of it, and gives one source for one device', async () => {
    const bluetooth = fakeBluetooth(strap().device);
    const client = new BluetoothClient(bluetooth);
    const source = await client.pick();
    expect(await client.pick()).toBe(source);
    expect(bluetooth.requestDevice.mock.calls[0]).toEqual([
      { filters: expect.arrayContaining([{ services: [uuid(0x180d)] }, { namePrefix: 'Polar' }]), optionalServices: expect.arrayContaining([uuid(0x180f)]) },
    ]);
  });

  test('a device of an earlier visit starts by itself where the browser remembers it', async () => {
    const { device } = strap();
    const client = new BluetoothClient(fakeBluetooth(device, { remembers: true }));
    const [source] = await client.recall([{ id: 'id-1', name: 'Polar H10 0001' }]);
    expect(source!.status.state).toBe('stopped');
    await source!.start();
    expect(source!.status.state).toBe('live');
  });

  test('and needs one tap where it does not', async () => {
    const bluetooth = fakeBluetooth(strap().device);
    const client = new BluetoothClient(bluetooth);
    const [source] = await client.recall([{ id: 'old', name: 'Polar H10 0001' }]);
    expect(source!.status.state).toBe('tap');
    await source!.start();
    expect(source!.status.state).toBe('live');
    expect(bluetooth.requestDevice).toHaveBeenCalledWith(expect.objectContaining({ filters: [{ name: 'Polar H10 0001' }] }));
  });
});

describe('a heart-rate strap', () => {
  async function live() {
    const { device, rate, level } = strap();
    const client = new BluetoothClient(fakeBluetooth(device));
    const source = (await client.pick())!;
    const said = listen(source);
    await source.start();
    return { client, source, device, rate, level, said };
  }

  test('measures, and shows battery and contact', async () => {
    const { source, rate, said } = await live();
    rate.notify(packet('16 48 00 04 00 04'));
    expect(said.states).toEqual(['starting', 'live']);
    expect(said.numbers).toEqual([
      ['battery', [0.87]],
      ['heartrate', [72]],
      ['rr_interval', [1000, 1000]],
    ]);
    expect(said.heard).toMatchObject({ battery: 87, contact: true });
    expect(source.attributes.map((a) => `${a.id} ${a.unit}`)).toEqual(['heartrate bpm', 'battery ', 'rr_interval ms']);
  });

  test('a bad packet is reported and costs no other', async () => {
    const { rate, said } = await live();
    rate.notify(packet('16'));
    expect(said.heard.refused?.message).toBe('Heart Rate Measurement: cut: heart rate needs 1 byte, 0 left');
    rate.notify(packet('00 48'));
    expect(said.numbers.at(-1)).toEqual(['heartrate', [72]]);
  });

  test('comes back after a lost connection, with longer and longer waits', async () => {
    const { source, device, rate, said } = await live();
    device.reachable = false;
    device.drop();
    expect(source.status).toMatchObject({ state: 'waiting', retryAt: expect.any(Number) });
    for (let i = 0; i < 6; i++) await vi.advanceTimersByTimeAsync(40_000);
    expect(device.connects.mock.calls.length).toBeGreaterThan(6);
    expect(device.connects.mock.calls.length).toBeLessThan(20);
    device.reachable = true;
    await vi.advanceTimersByTimeAsync(40_000);
    expect(said.states.at(-1)).toBe('live');
    rate.notify(packet('00 48'));
    expect(said.numbers.filter(([id]) => id === 'heartrate')).toEqual([['heartrate', [72]]]); // once, although subscribed anew
  });

  test('a tap does not wait for the next attempt', async () => {
    const { source, device } = await live();
    device.drop();
    await source.start();
    expect(source.status.state).toBe('live');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(device.connects).toHaveBeenCalledTimes(2);
  });

  test('a device that is heard again is connected at once', async () => {
    const { device, said } = await live();
    device.watchAdvertisements = async () => undefined;
    device.drop();
    device.dispatchEvent(Object.assign(new Event('advertisementreceived'), { rssi: -60 }));
    await vi.advanceTimersByTimeAsync(0);
    expect(said.states.at(-1)).toBe('live');
    expect(said.heard.signal).toBe(-60);
  });

  test('close() ends everything: connection, attempts, events', async () => {
    const { client, device, said } = await live();
    device.reachable = false;
    device.drop();
    await client.close();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(device.connects).toHaveBeenCalledTimes(1);
    expect(said.states.at(-1)).toBe('stopped');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a stop while it connects is obeyed', async () => {
    const { device } = strap();
    const source = (await new BluetoothClient(fakeBluetooth(device)).pick())!;
    const starting = source.start();
    await source.stop();
    await starting;
    expect([source.status.state, device.gatt.connected]).toEqual(['stopped', false]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('a device without anything that is understood says so and is not tried again', async () => {
  const device = new FakeDevice('id-2', 'Lamp', {});
  const source = (await new BluetoothClient(fakeBluetooth(device)).pick({ all: true }))!;
  await source.start();
  expect(source.status).toMatchObject({ state: 'failed', error: { why: 'noProfile' } });
  expect([device.gatt.connected, vi.getTimerCount()]).toEqual([false, 0]);
});

describe('a Polar sensor', () => {
  const id = (n: number) => `fb005c8${n}-02e7-f387-1cad-8acd2d8df0c8`;

  async function live(answers: Record<string, string>) {
    const control = new FakeCharacteristic(id(1), 'nrw', packet('0f 05'));
    const data = new FakeCharacteristic(id(2), 'n');
    control.onwrite = (bytes) => {
      const answer = answers[hex(bytes)];
      if (answer) control.notify(packet(answer));
    };
    const device = new FakeDevice('id-3', 'Polar H10 0002', { [id(0)]: [control, data] });
    const source = (await new BluetoothClient(fakeBluetooth(device)).pick())!;
    const said = listen(source);
    const starting = source.start();
    await vi.advanceTimersByTimeAsync(15_000);
    await starting;
    return { source, device, control, data, said };
  }

  const ecgAlone = {
    '01 00': 'f0 01 00 00 00 00 01 82 00 01 01 0e 00',
    '02 00 00 01 82 00 01 01 0e 00': 'f0 02 00 00 00',
  };

  test('asks for the settings, starts the ECG with them, and keeps the time of the device', async () => {
    const { source, data, said } = await live(ecgAlone);
    data.notify(packet('00 00 ca 9a 3b 00 00 00 00 00 10 27 00 f0 d8 ff'));
    expect(source.attributes).toContainEqual({ id: 'ecg', name: 'ECG', type: 'ecg', unit: 'mV', rate: 130 });
    expect(said.numbers).toEqual([
      ['ecg', [10, -10]],
      ['ecg_device_time', [1000]],
    ]);
    expect(said.heard.refused?.message).toBe('Polar: no answer to "settings acc"');
  });

  test('a refused measurement costs no other; frames of what was not started are refused', async () => {
    const { data, said } = await live({ ...ecgAlone, '01 02': 'f0 01 02 0d' });
    expect(said.heard.refused?.message).toBe('Polar: settings acc: the device is in its charger');
    data.notify(packet('02 00 ca 9a 3b 00 00 00 00 01 e8 03 18 fc 01 00'));
    expect(said.heard.refused?.message).toBe('Polar data frame: acc was not started');
    data.notify(packet('00 00 ca 9a 3b 00 00 00 00 00 10 27 00'));
    expect(said.numbers[0]).toEqual(['ecg', [10]]);
  });

  test('a frame that comes twice is taken once; an orderly stop stops the measurement', async () => {
    const { source, data, said, control } = await live(ecgAlone);
    for (let i = 0; i < 2; i++) data.notify(packet('00 00 ca 9a 3b 00 00 00 00 00 10 27 00'));
    expect(said.numbers.filter(([name]) => name === 'ecg')).toHaveLength(1);
    await source.stop();
    expect(hex(control.written.at(-1)!)).toBe('03 00');
  });
});
