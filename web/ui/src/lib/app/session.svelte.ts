import { ApiError, type components } from '@sensocto/client';
import { answer, api, token } from './api.ts';

export type Person = Readonly<components['schemas']['User']>;
/** How one may come in here. */
export type Registration = Readonly<components['schemas']['RegistrationAnswerBody']>;

// Tabs tell each other when somebody has signed in or out: what they show is
// somebody else's then.
const tabs = new BroadcastChannel('sensocto_session');

// What is nobody's secret stays when the server has the browser forget the rest.
const preferences = ['sensocto.theme', 'sensocto.language'];

async function keeping(keys: readonly string[], run: () => Promise<unknown>): Promise<void> {
  const kept = keys.map((key) => [key, localStorage.getItem(key)] as const);
  await run();
  for (const [key, value] of kept) if (value !== null) localStorage.setItem(key, value);
}

/** Who looks at the page. */
class Session {
  #person = $state.raw<Person>();
  #known = $state(false);
  #changes = $state(0);
  #guestsView = $state(false);

  /** Who is signed in; undefined for nobody, and while that is not known. */
  get person(): Person | undefined {
    return this.#person;
  }
  /** Whether the server has said who this is. */
  get known(): boolean {
    return this.#known;
  }
  /** Whether whoever this is may look at sensors at all; false while that is not known. */
  get mayView(): boolean {
    this.#changes; // a token of this tab comes and goes with it
    return this.#known && (this.#person !== undefined || token.get() !== undefined || this.#guestsView);
  }
  /** Counts changes of identity: what belongs to an identity is made anew with it. */
  get changes(): number {
    return this.#changes;
  }

  /** Asks the server who this is. It throws UnreachableError where the server does not answer. */
  async refresh(): Promise<void> {
    const person = await answer(api.GET('/api/v1/session')).catch((error: unknown) => {
      if (error instanceof ApiError && error.status < 500) return undefined; // a session that has ended, or a token that is not valid
      throw error;
    });
    this.#guestsView = person === undefined && (await registration()).guests.includes('view');
    if (this.#known && person?.id !== this.#person?.id) this.#changes++;
    this.#person = person;
    this.#known = true;
  }

  /** Follows what other tabs do for as long as the page lives. */
  start(): void {
    tabs.onmessage = ({ data }) => {
      if (data === 'out') token.set(undefined);
      void this.refresh().catch(() => undefined);
    };
    void this.#find();
  }

  /** Asks until the server answers: it may be away while the page opens. */
  async #find(): Promise<void> {
    for (let wait = 500; !this.#known; wait = Math.min(2 * wait, 10_000)) {
      await this.refresh().catch(() => new Promise((resolve) => setTimeout(resolve, wait)));
    }
  }

  /** Somebody has signed in: asks who, and tells other tabs. */
  async signedIn(): Promise<void> {
    await this.refresh();
    tabs.postMessage('in');
  }

  /** Uses a token in place of an account, in this tab. */
  async useToken(value: string): Promise<void> {
    const before = token.get();
    token.set(value);
    try {
      await answer(api.GET('/api/v1/sensors', { params: { query: { limit: 1 } } }));
    } catch (error) {
      token.set(before);
      throw error;
    }
    await this.refresh();
    this.#changes++;
  }

  async signOut(): Promise<void> {
    const byToken = token.get() !== undefined;
    token.set(undefined);
    if (this.#person && !byToken) await keeping(preferences, () => answer(api.DELETE('/api/v1/session')));
    tabs.postMessage('out');
    await this.refresh();
    if (byToken) this.#changes++;
  }
}

export const session = new Session();

export const registration = (): Promise<Registration> => answer(api.GET('/api/v1/registration'));
