/** Part of the Shape Detection API that is used here; TypeScript's DOM types lack it. */
interface Detector {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}
type DetectorClass = { new (options: { formats: ['qr_code'] }): Detector; getSupportedFormats(): Promise<readonly string[]> };

/** Whether this page can use a camera: browsers give it only to https and localhost. */
export const canScan = (): boolean => navigator.mediaDevices?.getUserMedia !== undefined;

/** What reads QR codes could not be loaded. */
export class NoDecoder extends Error {}

/** What the browser has itself (Android, macOS), else a decoder in JavaScript, which is loaded then. */
async function detectorClass(): Promise<DetectorClass> {
  const own = (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector;
  const formats = await own?.getSupportedFormats().catch((): string[] => []);
  if (own && formats?.includes('qr_code')) return own;
  return import('qr/decode.js').then(
    (decoder) => decoder.BarcodeDetector,
    (cause: unknown) => Promise.reject(new NoDecoder('cannot load the QR decoder', { cause })),
  );
}

const everyMS = 200;
const nothing: { rawValue: string }[] = [];

/**
 * Shows the camera in a video element and calls found with each QR code that it sees, until the signal.
 * It throws NoDecoder, or what the browser says of the camera, which is off then.
 */
export async function scan(video: HTMLVideoElement, found: (text: string) => void, signal: AbortSignal): Promise<void> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
  const stop = () => stream.getTracks().forEach((track) => track.stop());
  signal.addEventListener('abort', stop);
  try {
    if (!signal.aborted) await read(stream, video, found, signal);
  } finally {
    stop();
  }
}

async function read(stream: MediaStream, video: HTMLVideoElement, found: (text: string) => void, signal: AbortSignal): Promise<void> {
  video.srcObject = stream;
  await video.play();
  const detector = new (await detectorClass())({ formats: ['qr_code'] });
  while (!signal.aborted) {
    for (const { rawValue } of await detector.detect(video).catch(() => nothing)) if (!signal.aborted) found(rawValue);
    await new Promise((resolve) => setTimeout(resolve, everyMS));
  }
}
