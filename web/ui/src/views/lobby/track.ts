import { traceColour, type SampleRing, type Theme } from '../../lib/chart/index.ts';
import type { Surface } from '../../lib/chart/surface.ts';

const metresPerDegree = 111_320;
const least = 20; // metres across, so that the noise of a fix at rest does not look like a walk

/** The extent of a track in metres, and its middle in degrees. */
export interface Extent {
  readonly latitude: number;
  readonly longitude: number;
  readonly metres: number;
  readonly metresPerLongitude: number;
}

export function extentOf(latitudes: SampleRing, longitudes: SampleRing): Extent | undefined {
  const n = Math.min(latitudes.length, longitudes.length);
  if (n === 0) return undefined;
  let [south, north, west, east] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < n; i++) {
    const [lat, lon] = [latitudes.value(latitudes.first + i), longitudes.value(longitudes.first + i)];
    [south, north, west, east] = [Math.min(south, lat), Math.max(north, lat), Math.min(west, lon), Math.max(east, lon)];
  }
  const latitude = (south + north) / 2;
  const metresPerLongitude = metresPerDegree * Math.cos((latitude * Math.PI) / 180);
  const metres = Math.max(least, (north - south) * metresPerDegree, (east - west) * metresPerLongitude);
  return { latitude, longitude: (west + east) / 2, metres, metresPerLongitude };
}

/** A round length that takes about a third of so many metres: 1, 2 or 5 times a power of ten. */
export function scaleLength(metres: number): number {
  const power = 10 ** Math.floor(Math.log10(metres / 3));
  return ([5, 2, 1].find((k) => k * power <= metres / 3) ?? 1) * power;
}

/** Draws where something was, north up, with a bar for the scale and a dot where it is. */
export function paintTrack({ pen, width, height, ratio }: Surface, t: Theme, latitudes: SampleRing, longitudes: SampleRing, lengthText: (metres: number) => string): void {
  pen.fillStyle = t.surface;
  pen.fillRect(0, 0, width, height);
  const extent = extentOf(latitudes, longitudes);
  if (!extent || width === 0) return;
  const inset = 10 * ratio;
  const perMetre = (Math.min(width, height) - 2 * inset) / extent.metres;
  const n = Math.min(latitudes.length, longitudes.length);
  const x = (i: number) => width / 2 + (longitudes.value(longitudes.first + i) - extent.longitude) * extent.metresPerLongitude * perMetre;
  const y = (i: number) => height / 2 - (latitudes.value(latitudes.first + i) - extent.latitude) * metresPerDegree * perMetre;
  pen.beginPath();
  for (let i = 0; i < n; i++) pen.lineTo(x(i), y(i));
  pen.strokeStyle = pen.fillStyle = traceColour(t, 4);
  pen.lineWidth = 1.5 * ratio;
  pen.lineJoin = 'round';
  pen.stroke();
  pen.beginPath();
  pen.arc(x(n - 1), y(n - 1), 4 * ratio, 0, 2 * Math.PI);
  pen.fill();
  const length = scaleLength(extent.metres);
  pen.fillStyle = t.muted;
  pen.fillRect(6 * ratio, height - 6 * ratio, length * perMetre, 1.5 * ratio);
  pen.font = `${10 * ratio}px ${t.font}`;
  pen.textBaseline = 'bottom';
  pen.fillText(lengthText(length), 6 * ratio, height - 8 * ratio);
}
