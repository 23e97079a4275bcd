import { expect, test, vi } from 'vitest';
import { NoDecoder, scan } from './scan.ts';

const track = { stop: vi.fn() };
vi.stubGlobal('navigator', { mediaDevices: { getUserMedia: () => Promise.resolve({ getTracks: () => [track] }) } });
const video = (play: () => Promise<void>) => ({ play }) as unknown as HTMLVideoElement;
const ignore = () => undefined;

vi.mock('qr/decode.js', () => {
  throw new Error('no network');
});

test('the camera is off where its picture does not start', async () => {
  track.stop.mockClear();
  await expect(scan(video(() => Promise.reject(new Error('no play'))), ignore, new AbortController().signal)).rejects.toThrow('no play');
  expect(track.stop).toHaveBeenCalled();
});

test('the camera is off where the decoder does not load, and the error says so', async () => {
  track.stop.mockClear();
  await expect(scan(video(() => Promise.resolve()), ignore, new AbortController().signal)).rejects.toBeInstanceOf(NoDecoder);
  expect(track.stop).toHaveBeenCalled();
});

test('the camera is off where the page went on before it was there', async () => {
  track.stop.mockClear();
  await scan(video(() => Promise.resolve()), ignore, AbortSignal.abort());
  expect(track.stop).toHaveBeenCalled();
});
