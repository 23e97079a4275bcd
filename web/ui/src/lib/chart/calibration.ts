/** Width of a bank card (ISO/IEC 7810 ID-1) in mm: what a screen is calibrated with. */
export const CARD_MM = 85.6;
/** A CSS pixel is 1/96 inch, unless the screen was calibrated. */
const CSS_PIXELS_PER_MM = 96 / 25.4;
const KEY = 'sensocto.pixelsPerMM';

/** CSS pixels that make a mm on this screen, and whether somebody measured that. */
export interface Calibration {
  readonly pixelsPerMM: number;
  readonly measured: boolean;
}

type Storage = Pick<globalThis.Storage, 'getItem' | 'setItem'>;

/** The calibration that this browser remembers. Zoom of the page changes what a CSS pixel is, so it is kept without it. */
export function loadCalibration(storage: Storage = localStorage, ratio = devicePixelRatio): Calibration {
  const kept = Number(storage.getItem(KEY));
  if (!(kept > 1 && kept < 100)) return { pixelsPerMM: CSS_PIXELS_PER_MM, measured: false };
  return { pixelsPerMM: kept / ratio, measured: true };
}

/** Remembers how many CSS pixels wide a card is on this screen. */
export function saveCalibration(cardPixels: number, storage: Storage = localStorage, ratio = devicePixelRatio): Calibration {
  const pixelsPerMM = cardPixels / CARD_MM;
  storage.setItem(KEY, String(pixelsPerMM * ratio));
  return { pixelsPerMM, measured: true };
}
