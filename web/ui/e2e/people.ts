// People in browsers of their own, for the tests of what they do together.

import type { Browser, BrowserContext, Page } from '@playwright/test';
import { expect, type World } from './world.ts';

export const password = 'violet harbour sings at noon';

/** Somebody with a browser. */
export class Person {
  private constructor(
    readonly name: string,
    readonly page: Page,
    readonly context: BrowserContext,
    readonly url: string,
  ) {}

  /** Makes an account in a browser of its own. */
  static async signUp(browser: Browser, world: World, name: string, options: Parameters<Browser['newContext']>[0] = {}): Promise<Person> {
    const context = await world.context(browser, options);
    const person = new Person(name, await context.newPage(), context, world.url);
    await person.page.goto(`${world.url}/sign-in`);
    await person.api('POST', '/users', { name, email: `${name.toLowerCase()}@example.org`, password });
    return person;
  }

  /** Asks the HTTP API as this person. */
  async api<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T> {
    return this.page.evaluate(
      async ([method, path, body]) => {
        const options: RequestInit = { method: method as string };
        if (body !== undefined) Object.assign(options, { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
        const answer = await fetch(`/api/v1${path as string}`, options);
        const text = await answer.text();
        if (!answer.ok) throw new Error(`${answer.status} ${text}`);
        return text ? JSON.parse(text) : {};
      },
      [method, path, body] as const,
    ) as Promise<T>;
  }

  /** Brings simulated sensors that are this person's: PREFIX-1 and so on. */
  async bring(world: World, sensors: number, scenario: string, prefix: string): Promise<void> {
    const { token } = await this.api<{ token: string }>('POST', '/tokens', { name: prefix, scopes: ['ingest', 'view'] });
    world.simulate(sensors, scenario, { token, prefix });
    await expect
      .poll(async () => (await this.api<{ sensors: { sensor_id: string; own: boolean }[] }>('GET', '/sensors')).sensors.filter((s) => s.own).length)
      .toBeGreaterThanOrEqual(sensors);
  }

  /** Opens a page of the app. */
  go(path: string): Promise<unknown> {
    return this.page.goto(this.url + path);
  }

  toast(text: string | RegExp) {
    return this.page.getByRole('list', { name: 'Messages', includeHidden: true }).getByText(text);
  }
}
