import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Devices } from './devices.svelte.ts';

/** A track whose device can be unplugged. */
class FakeTrack extends EventTarget {
  readonly stop = vi.fn();
  getSettings = () => ({});
}

const getUserMedia = vi.fn<(constraints: MediaStreamConstraints) => Promise<unknown>>();
const media = (track: FakeTrack) => ({ getTracks: () => [track] });
const changed = vi.fn();
let devices: Devices;

beforeEach(() => {
  vi.resetAllMocks();
  vi.stubGlobal('navigator', { mediaDevices: { getUserMedia, enumerateDevices: async () => [] } });
  devices = new Devices(changed);
});
afterEach(() => vi.unstubAllGlobals());

describe('opening', () => {
  test('released while the browser asks for the microphone: the camera is not opened, the microphone is stopped', async () => {
    await devices.choose('video', 'camera'); // it is chosen, but there is none
    getUserMedia.mockClear();
    let allow: (media: unknown) => void = () => undefined;
    getUserMedia.mockReturnValue(new Promise((resolve) => (allow = resolve)));
    const opened = devices.open();
    devices.release();
    const microphone = new FakeTrack();
    allow(media(microphone));
    await opened;
    expect(getUserMedia).toHaveBeenCalledTimes(1);
    expect(microphone.stop).toHaveBeenCalledOnce();
    expect(devices.audio).toBeNull();
  });

  test('microphone and camera, where nothing is released', async () => {
    await devices.choose('video', 'camera');
    getUserMedia.mockClear();
    getUserMedia.mockImplementation(async () => media(new FakeTrack()));
    await devices.open();
    expect(getUserMedia.mock.calls.map(([c]) => Object.keys(c))).toEqual([['audio'], ['video']]);
    expect(devices.video).not.toBeNull();
  });
});

describe('a device that was unplugged', () => {
  test.each(['', 'microphone'])('chosen as "%s": the one that the browser picks takes its place', async (id) => {
    const [first, second] = [new FakeTrack(), new FakeTrack()];
    getUserMedia.mockResolvedValueOnce(media(first)).mockResolvedValueOnce(media(second));
    await devices.choose('audio', id);
    first.dispatchEvent(new Event('ended'));
    await vi.waitFor(() => expect(devices.audio).toBe(second));
    expect(devices.problem('audio')).toBeUndefined();
  });

  test('where there is no other one, that is said', async () => {
    const first = new FakeTrack();
    getUserMedia.mockResolvedValueOnce(media(first)).mockRejectedValueOnce(new DOMException('', 'NotFoundError'));
    await devices.choose('audio', '');
    first.dispatchEvent(new Event('ended'));
    await vi.waitFor(() => expect(devices.problem('audio')).toBe('missing'));
    expect(devices.audio).toBeNull();
  });
});
