import type { Client } from '@sensocto/client';
import { toasts } from '../design/index.ts';
import { m } from '../text/index.svelte.ts';
import { invitations, notifications, readNotification } from './inbox.ts';
import type { Invitation, Notification } from './types.ts';

const shown = 50;

/** What is for one person: invitations and the newest notifications, kept up to date on every page. */
class Inbox {
  #invitations = $state.raw<readonly Invitation[]>([]);
  #newest = $state.raw<readonly Notification[]>([]);
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
      this.#newest = [n, ...this.#newest.filter((o) => o.id !== n.id)].slice(0, shown);
      toasts.show(m.inbox.text(n.kind, n.data));
    });
    live.on('invitation', (i) => (this.#invitations = [i, ...this.#invitations.filter((o) => o.id !== i.id)]));
    return () => {
      void live.close();
      this.#invitations = [];
      this.#newest = [];
    };
  }

  /** Reads all of it again. */
  async refresh(): Promise<void> {
    const [invited, page] = await Promise.all([invitations(), notifications('', new AbortController().signal)]);
    this.#invitations = invited;
    this.#newest = page.items;
  }

  /** Notes that notifications were read. */
  async markRead(ids: readonly string[]): Promise<void> {
    await Promise.all(ids.map(readNotification));
    const at = new Date().toISOString();
    this.#newest = this.#newest.map((n) => (ids.includes(n.id) ? { ...n, read_at: n.read_at ?? at } : n));
  }
}

export const inbox = new Inbox();
