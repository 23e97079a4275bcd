import type { Client, Room, Sensor } from '@sensocto/client';
import { byName } from '../text/format.ts';
import { sorted } from './presence.ts';
import { recordings } from './recordings.ts';
import type { Member, Recording, Role } from './types.ts';

/** How one stands with a room: outside: it cannot be entered; removed: not any more; deleted: nobody can. */
export type Standing = 'loading' | 'inside' | 'outside' | 'removed' | 'deleted';

/** One room, kept up to date. Where one may not see it any more, nothing of it is left here. */
export class OpenRoom {
  #standing = $state<Standing>('loading');
  #room = $state.raw<Room>();
  #members = $state.raw<readonly Member[]>([]);
  #sensors = $state.raw<readonly Sensor[]>([]);
  #role = $state<Role>();
  #recording = $state.raw<Recording>();
  #recorded = $state(0);

  get standing(): Standing {
    return this.#standing;
  }
  get room(): Room | undefined {
    return this.#room;
  }
  /** Who is there comes first. */
  get members(): readonly Member[] {
    return this.#members;
  }
  get sensors(): readonly Sensor[] {
    return this.#sensors;
  }
  /** The recording that runs. */
  get recording(): Recording | undefined {
    return this.#recording;
  }
  /** Counts recordings that began or ended: their list has changed with it. */
  get recorded(): number {
    return this.#recorded;
  }
  /** One's own role, which others may change at any time. */
  get role(): Role | undefined {
    return this.#role;
  }
  /** Owners and administrators of the room keep order in it. */
  get keeper(): boolean {
    return this.#role === 'owner' || this.#role === 'admin';
  }

  /** Follows a room for a user until the function that it returns is called. */
  follow(client: Client, roomId: string, userId: string): () => void {
    this.#clear('loading');
    const view = client.room(roomId);
    const stop = new AbortController();
    view.on('changed', () => {
      if (!view.room) return;
      if (this.#standing !== 'inside') void this.#findRecording(roomId, stop.signal);
      this.#standing = 'inside';
      this.#room = view.room;
      this.#role = (view.members.get(userId)?.role ?? view.room.role) as Role | undefined;
      this.#members = sorted(view.members.values(), byName);
      this.#sensors = [...view.sensors.values()].sort((a, b) => byName(a.sensor_name || a.sensor_id, b.sensor_name || b.sensor_id));
    });
    view.on('recordingStarted', (recording) => this.#setRecording(recording));
    view.on('recordingStopped', () => this.#setRecording(undefined));
    view.on('closed', () => this.#clear('deleted'));
    view.on('ended', () => {
      if (this.#standing !== 'deleted') this.#clear(this.#standing === 'inside' ? 'removed' : 'outside');
    });
    return () => {
      stop.abort();
      void view.close();
    };
  }

  #setRecording(recording: Recording | undefined): void {
    this.#recording = recording;
    this.#recorded++;
  }

  /** One may run since before the room was opened: the newest, then. */
  async #findRecording(roomId: string, signal: AbortSignal): Promise<void> {
    const newest = (await recordings(roomId, '', signal).catch(() => undefined))?.items[0];
    if (newest && newest.ended_at === null && !signal.aborted && this.#standing === 'inside') this.#recording = newest;
  }

  #clear(standing: Standing): void {
    this.#standing = standing;
    this.#room = this.#role = undefined;
    this.#members = [];
    this.#sensors = [];
    this.#recording = undefined;
  }
}
