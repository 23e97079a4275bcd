import type { Client } from '@sensocto/client';
import { toasts } from '../design/index.ts';
import { m } from '../text/index.svelte.ts';
import { invitations, notifications, readNotification } from './inbox.ts';
import type { Invitation, Notification } from './types.ts';

const shown = 50;

/** The list with those that came before the others. */
const ahead = <T extends { readonly id: string }>(came: readonly T[], list: readonly T[]): T[] => [...came, ...list.filter((o) => !came.some((c) => c.id === o.id))];

/** What came while all was read: the answer may be older. */
interface Meanwhile {
  invitations: readonly Invitation[];
  notifications: readonly Notification[];
}

/** What is for one person: invitations and the newest notifications, kept up to date on every page. */
class Inbox {
  #invitations = $state.raw<readonly Invitation[]>([]);
  #newest = $state.raw<readonly Notification[]>([]);
  readonly #reads = new Set<Meanwhile>();
  #unread = $derived(this.#newest.filter((n) => n.read_at === null).length);

  get invitations(): readonly Invitation[] {
    return this.#invitations;
  }
  /** The newest notifications, newest first. */
  get newest(): readonly Notification[] {
    return this.#newest;
  }
  /** How many of them were not read. */
  get unread(): number {
    return this.#unread;
  }

  /** Follows what comes for a person until the function that it returns is called. */
  follow(client: Client, userId: string): () => void {
    const live = client.inbox(userId);
    live.on('joined', () => void this.refresh().catch(() => undefined)); // also what came while the connection was away
    live.on('notification', (n) => {
      this.#newest = ahead([n], this.#newest).slice(0, shown);
      for (const read of this.#reads) read.notifications = ahead([n], read.notifications);
      toasts.show(m.inbox.text(n.kind, n.data));
    });
    live.on('invitation', (i) => {
      this.#invitations = ahead([i], this.#invitations);
      for (const read of this.#reads) read.invitations = ahead([i], read.invitations);
    });
    return () => {
      void live.close();
      this.#invitations = [];
      this.#newest = [];
    };
  }

  /** Reads all of it again. */
  async refresh(): Promise<void> {
    const meanwhile: Meanwhile = { invitations: [], notifications: [] };
    this.#reads.add(meanwhile);
    try {
      const [invited, page] = await Promise.all([invitations(), notifications('', new AbortController().signal)]);
      this.#invitations = ahead(meanwhile.invitations, invited);
      this.#newest = ahead(meanwhile.notifications, page.items).slice(0, shown);
    } finally {
      this.#reads.delete(meanwhile);
    }
  }

  /** Notes that notifications were read. */
  async markRead(ids: readonly string[]): Promise<void> {
    await Promise.all(ids.map(readNotification));
    const at = new Date().toISOString();
    this.#newest = this.#newest.map((n) => (ids.includes(n.id) ? { ...n, read_at: n.read_at ?? at } : n));
  }
}

export const inbox = new Inbox();
