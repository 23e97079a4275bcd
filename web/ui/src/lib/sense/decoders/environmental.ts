import { Reader } from '../bytes.ts';

/**
 * Environmental Sensing Service 1.0, section 3.1: each quantity is a characteristic of its own. Formats, units and
 * the raw values that mean "not known" are those of the GATT Specification Supplement, section 3, under the name of
 * the characteristic.
 */
export interface Quantity {
  /** 16-bit UUID of the characteristic. */
  uuid: number;
  /** Name of the attribute. */
  id: string;
  unit: string;
  /** How the raw value is read. */
  read: 'u8' | 'i8' | 'u16' | 'i16' | 'u24' | 'i24' | 'u32';
  /** What the raw value is divided by; powers of ten, so that the result is the decimal as sent. */
  divisor: number;
  /** The raw value that means that the value is not known. */
  unknown?: number;
  /** The largest raw value that the format allows, where it is not that of its type. */
  most?: number;
}

export const quantities: readonly Quantity[] = [
  { uuid: 0x2a6e, id: 'temperature', unit: '°C', read: 'i16', divisor: 100, unknown: -0x8000 },
  { uuid: 0x2a6f, id: 'humidity', unit: '%', read: 'u16', divisor: 100, unknown: 0xffff, most: 10_000 },
  { uuid: 0x2a6d, id: 'pressure', unit: 'hPa', read: 'u32', divisor: 1000 }, // 0.1 Pa
  { uuid: 0x2a6c, id: 'elevation', unit: 'm', read: 'i24', divisor: 100, unknown: -0x800000 },
  { uuid: 0x2a7b, id: 'dew_point', unit: '°C', read: 'i8', divisor: 1 },
  { uuid: 0x2a7a, id: 'heat_index', unit: '°C', read: 'i8', divisor: 1 },
  { uuid: 0x2a79, id: 'wind_chill', unit: '°C', read: 'i8', divisor: 1 },
  { uuid: 0x2a70, id: 'true_wind_speed', unit: 'm/s', read: 'u16', divisor: 100 },
  { uuid: 0x2a71, id: 'true_wind_direction', unit: '°', read: 'u16', divisor: 100, most: 35_999 },
  { uuid: 0x2a72, id: 'apparent_wind_speed', unit: 'm/s', read: 'u16', divisor: 100 },
  { uuid: 0x2a73, id: 'apparent_wind_direction', unit: '°', read: 'u16', divisor: 100, most: 35_999 },
  { uuid: 0x2a74, id: 'gust_factor', unit: '', read: 'u8', divisor: 10 },
  { uuid: 0x2a75, id: 'pollen', unit: '1/m³', read: 'u24', divisor: 1 },
  { uuid: 0x2a76, id: 'uv_index', unit: '', read: 'u8', divisor: 1 },
  { uuid: 0x2a77, id: 'irradiance', unit: 'W/m²', read: 'u16', divisor: 10 },
  { uuid: 0x2a78, id: 'rainfall', unit: 'mm', read: 'u16', divisor: 1 },
  { uuid: 0x2a2c, id: 'magnetic_declination', unit: '°', read: 'u16', divisor: 100, most: 35_999 },
  { uuid: 0x2b8c, id: 'co2', unit: 'ppm', read: 'u16', divisor: 1, unknown: 0xffff },
  { uuid: 0x2afb, id: 'illuminance', unit: 'lx', read: 'u24', divisor: 100, unknown: 0xffffff },
];

/** The value in the unit of the quantity; null where the sensor says that it does not know it. */
export function decodeQuantity(quantity: Quantity, view: DataView): number | null {
  const r = new Reader(view, quantity.id);
  const raw = r[quantity.read](quantity.id);
  r.end();
  if (raw === quantity.unknown) return null;
  if (quantity.most !== undefined && raw > quantity.most) r.fail(`${raw} is more than ${quantity.most}`);
  return raw / quantity.divisor;
}

/** Magnetic Flux Density 3D (0x2AA1): three int16 of 0.1 µT. */
export function decodeMagneticFlux(view: DataView): { x: number; y: number; z: number } {
  const r = new Reader(view, 'Magnetic Flux Density - 3D');
  const flux = { x: r.i16('x') / 10, y: r.i16('y') / 10, z: r.i16('z') / 10 };
  r.end();
  return flux;
}
