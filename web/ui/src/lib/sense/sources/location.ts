import { Source, SourceError } from '../source.ts';

/** Positions as the browser has them: from satellites, networks or a cable, with their accuracy in metres. */
export class LocationSource extends Source {
  readonly kind = 'location';
  #watch: number | undefined;
  #last = 0;

  async start(): Promise<void> {
    if (this.#watch !== undefined) return;
    if (!globalThis.isSecureContext) return this.become({ state: 'failed', error: new SourceError('insecure') });
    if (!('geolocation' in navigator)) return this.become({ state: 'failed', error: new SourceError('unsupported') });
    this.become({ state: 'starting' });
    this.#watch = navigator.geolocation.watchPosition(this.#moved, this.#failed, { enableHighAccuracy: true, maximumAge: 0 });
  }

  async stop(): Promise<void> {
    this.#clear();
    this.become({ state: 'stopped' });
  }

  #clear(): void {
    if (this.#watch !== undefined) navigator.geolocation.clearWatch(this.#watch);
    this.#watch = undefined;
  }

  #moved = ({ coords, timestamp }: GeolocationPosition): void => {
    this.attribute({ id: 'geolocation', name: 'Position', type: 'geolocation', unit: '' });
    if (this.status.state !== 'live') this.become({ state: 'live' });
    if (timestamp === this.#last) return; // browsers repeat a position that they keep
    this.#last = timestamp;
    this.document('geolocation', timestamp, known({
      latitude: coords.latitude,
      longitude: coords.longitude,
      accuracy: coords.accuracy,
      altitude: coords.altitude,
      altitude_accuracy: coords.altitudeAccuracy,
      heading: coords.heading,
      speed: coords.speed,
    }));
  };

  /** Without a permission it is over; without a fix the browser goes on looking for one. */
  #failed = (error: GeolocationPositionError): void => {
    if (error.code !== error.PERMISSION_DENIED) return this.become({ state: 'waiting', error: new SourceError('silent', error) });
    this.#clear();
    this.become({ state: 'failed', error: new SourceError('denied', error) });
  };
}

/** Without what is not known: null, or NaN for the heading of somebody who stands. */
function known(fields: Record<string, number | null>): Record<string, number> {
  return Object.fromEntries(Object.entries(fields).filter((f): f is [string, number] => f[1] !== null && Number.isFinite(f[1])));
}
