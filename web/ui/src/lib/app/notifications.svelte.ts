import type { Client, Notification } from '@sensocto/client';
import { ask } from './api.ts';

const most = 50;

/** The newest notifications of whoever is signed in, kept up to date. */
export class Notifications {
  #list = $state.raw<readonly Notification[]>([]);
  #unread = $derived(this.#list.filter((n) => !n.read_at).length);

  /** The newest first. */
  get list(): readonly Notification[] {
    return this.#list;
  }
  get unread(): number {
    return this.#unread;
  }

  /** Follows those of a person until the function that it returns is called. */
  follow(client: Client, userId: string): () => void {
    const inbox = client.inbox(userId);
    const load = () => void this.#load().catch(() => undefined); // the next join loads them again
    inbox.on('joined', load);
    inbox.on('notification', (n) => (this.#list = [n, ...this.#list.filter((o) => o.id !== n.id)].slice(0, most)));
    return () => {
      this.#list = [];
      void inbox.close();
    };
  }

  async read(...ids: string[]): Promise<void> {
    const now = new Date().toISOString();
    this.#list = this.#list.map((n) => (ids.includes(n.id) && !n.read_at ? { ...n, read_at: now } : n));
    await Promise.all(ids.map((id) => ask('POST', `/notifications/${encodeURIComponent(id)}/read`)));
  }

  async #load(): Promise<void> {
    const { notifications } = await ask<{ notifications: Notification[] }>('GET', `/notifications?limit=${most}`);
    this.#list = notifications;
  }
}
