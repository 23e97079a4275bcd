import type { BrowserContext } from '@playwright/test';

/** From a navigation to something of a trace on the screen, in ms, in a context that was never there. */
export function firstTrace(context: BrowserContext, url: string): Promise<number>;
