import type { SourceKind } from './source.ts';

/** Whether this browser can bring a kind of source, and else why not. */
export type Support = 'yes' | 'insecure' | 'unsupported';
export type Browser = 'safari-ios' | 'safari' | 'firefox' | 'chromium' | 'other';

/** What a page can know without asking for a permission. */
export function support(kind: SourceKind): Support {
  if (kind === 'marker' || kind === 'demo') return 'yes';
  if (!globalThis.isSecureContext) return 'insecure';
  const has: Record<Exclude<SourceKind, 'marker' | 'demo'>, boolean> = {
    bluetooth: 'bluetooth' in navigator,
    motion: 'DeviceMotionEvent' in globalThis,
    orientation: 'DeviceOrientationEvent' in globalThis,
    location: 'geolocation' in navigator,
    microphone: navigator.mediaDevices !== undefined && 'AudioWorkletNode' in globalThis,
  };
  return has[kind] ? 'yes' : 'unsupported';
}

/** Which advice fits. On iPhones and iPads all browsers are Safari inside. */
export function browserOf(userAgent: string, touchPoints = 0): Browser {
  if (/iPhone|iPad|iPod/.test(userAgent) || (/Macintosh/.test(userAgent) && touchPoints > 1)) return 'safari-ios';
  if (/Firefox\//.test(userAgent)) return 'firefox';
  if (/Chrom(e|ium)\//.test(userAgent)) return 'chromium';
  return /Safari\//.test(userAgent) ? 'safari' : 'other';
}

/** A name for this browser and machine that people recognise in a list: "Chrome, Linux". */
export function machineName(userAgent: string): string {
  const browsers = [['Edg', 'Edge'], ['OPR', 'Opera'], ['SamsungBrowser', 'Samsung Internet'], ['Firefox', 'Firefox'], ['FxiOS', 'Firefox'], ['CriOS', 'Chrome'], ['Chrom(?:e|ium)', 'Chrome'], ['Safari', 'Safari']] as const;
  const systems = [['Android', 'Android'], ['iPhone', 'iPhone'], ['iPad', 'iPad'], ['Macintosh', 'Mac'], ['Windows', 'Windows'], ['CrOS', 'ChromeOS'], ['Linux', 'Linux']] as const;
  const browser = browsers.find(([sign]) => new RegExp(`${sign}/`).test(userAgent))?.[1] ?? 'Browser';
  const system = systems.find(([sign]) => userAgent.includes(sign))?.[1];
  return system ? `${browser}, ${system}` : browser;
}
