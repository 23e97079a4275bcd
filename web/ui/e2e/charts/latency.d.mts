import type { Page } from '@playwright/test';

/** From a device's send to the pixel, in ms, for so many steps; the page opens a sensor of its own. */
export function latencies(tab: Page, url: string, steps: number): Promise<number[]>;
