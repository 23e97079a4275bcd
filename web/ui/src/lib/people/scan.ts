/** Part of the Shape Detection API that is used here; TypeScript's DOM types lack it. */
interface Detector {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}
type DetectorClass = { new (options: { formats: string[] }): Detector; getSupportedFormats(): Promise<string[]> };

const detectorClass = (): DetectorClass | undefined => (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector;

/** Whether this browser can read QR codes with the camera. */
export async function canScan(): Promise<boolean> {
  if (!navigator.mediaDevices?.getUserMedia) return false;
  const formats = await detectorClass()?.getSupportedFormats().catch((): string[] => []);
  return formats?.includes('qr_code') ?? false;
}

const everyMS = 200;
const nothing: { rawValue: string }[] = [];

/** Shows the camera in a video element and calls found with each QR code that it sees, until the signal. */
export async function scan(video: HTMLVideoElement, found: (text: string) => void, signal: AbortSignal): Promise<void> {
  const Detector = detectorClass();
  if (!Detector) return;
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
  const stop = () => stream.getTracks().forEach((track) => track.stop());
  if (signal.aborted) return stop();
  signal.addEventListener('abort', stop);
  video.srcObject = stream;
  await video.play();
  const detector = new Detector({ formats: ['qr_code'] });
  while (!signal.aborted) {
    for (const { rawValue } of await detector.detect(video).catch(() => nothing)) if (!signal.aborted) found(rawValue);
    await new Promise((resolve) => setTimeout(resolve, everyMS));
  }
}
