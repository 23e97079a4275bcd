import type { Connection } from "./connection.js";
import { Emitter } from "./emitter.js";
import { isObject, list, object, sensor, sensors, text } from "./guards.js";
import { Topic } from "./topic.js";
import type { Invitation, Member, Notification, Room, RoomRecording, Sensor } from "./types.js";

export interface RoomEvents {
  /** Anything of the room has changed: `room`, `members` or `sensors`. */
  changed: void;
  recordingStarted: RoomRecording;
  recordingStopped: RoomRecording;
  /** The room was deleted. */
  closed: void;
  /** The right to see the room has ended, or the join was refused. */
  ended: Error;
}

/** One room: its members and who of them is there, its sensors and settings, kept up to date. */
export class RoomView extends Emitter<RoomEvents> {
  readonly roomId: string;
  #topic: Topic;
  #room: Room | undefined;
  #members = new Map<string, Member>();
  #sensors = new Map<string, Sensor>();

  /** Use `client.room(…)`. */
  constructor(connection: Connection, roomId: string) {
    super();
    this.roomId = roomId;
    const recording = (payload: unknown) => payload as RoomRecording;
    this.#topic = new Topic(connection, `room:${roomId}`, {
      onEnd: (error) => this.emit("ended", error),
      events: {
        room_state: (payload) => this.#replace(payload),
        member_joined: (payload) => this.#memberChanged(payload),
        member_left: (payload) => this.#memberChanged(payload),
        sensor_added: (payload) => this.#sensorAdded(payload),
        sensor_removed: (payload) => this.#sensorRemoved(payload),
        settings_updated: (payload) => this.#roomChanged(payload),
        recording_started: (payload) => this.emit("recordingStarted", recording(payload)),
        recording_stopped: (payload) => this.emit("recordingStopped", recording(payload)),
        room_closed: () => this.emit("closed", undefined),
      },
    });
  }

  /** Undefined until the first state has come. */
  get room(): Room | undefined {
    return this.#room;
  }

  /** The members by user id; `online` says who has the room open. */
  get members(): ReadonlyMap<string, Member> {
    return this.#members;
  }

  /** The sensors in the room by id. */
  get sensors(): ReadonlyMap<string, Sensor> {
    return this.#sensors;
  }

  close(): Promise<void> {
    this.removeAllListeners();
    return this.#topic.leave();
  }

  #replace(payload: unknown): void {
    const state = object(payload);
    if (isObject(state["room"])) this.#room = roomOf(state["room"]);
    this.#members = new Map(list(state["members"]).map((m) => [text(object(m)["user_id"]), m as Member]));
    this.#sensors = new Map(sensors(state["sensors"]).map((s) => [s.sensor_id, s]));
    this.emit("changed", undefined);
  }

  /** Who is no member any more is gone, whatever connection is still open. */
  #memberChanged(payload: unknown): void {
    const p = object(payload);
    const userId = text(p["user_id"]);
    if (p["member"] === true) {
      const before = this.#members.get(userId);
      this.#members.set(userId, {
        user_id: userId,
        name: text(p["name"]),
        role: text(p["role"]),
        joined_at: before?.joined_at ?? new Date().toISOString(),
        online: p["online"] === true,
      });
    } else {
      this.#members.delete(userId);
    }
    this.emit("changed", undefined);
  }

  #sensorAdded(payload: unknown): void {
    const added = sensor(object(payload)["sensor"]);
    this.#sensors.set(added.sensor_id, added);
    this.emit("changed", undefined);
  }

  #sensorRemoved(payload: unknown): void {
    this.#sensors.delete(text(object(payload)["sensor_id"]));
    this.emit("changed", undefined);
  }

  #roomChanged(payload: unknown): void {
    this.#room = roomOf(payload);
    this.emit("changed", undefined);
  }
}

export interface RoomListEvents {
  /** Rooms came, changed or went. */
  changed: void;
  ended: Error;
}

/** The rooms of the viewer, and public ones, kept up to date. */
export class RoomList extends Emitter<RoomListEvents> {
  #topic: Topic;
  #rooms = new Map<string, Room>();

  /** Use `client.rooms()`. */
  constructor(connection: Connection) {
    super();
    const changed = (payload: unknown) => this.#set(roomOf(payload));
    this.#topic = new Topic(connection, "rooms:updates", {
      onJoin: (response) => this.#replace(list(response["rooms"]).map(roomOf)),
      onEnd: (error) => this.emit("ended", error),
      events: { room_created: changed, room_updated: changed, room_deleted: (payload) => this.#delete(text(object(payload)["room_id"])) },
    });
  }

  /** The rooms by id. */
  get rooms(): ReadonlyMap<string, Room> {
    return this.#rooms;
  }

  /** Resolves when the list is there. */
  loaded(): Promise<void> {
    return this.#topic.whenJoined();
  }

  close(): Promise<void> {
    this.removeAllListeners();
    return this.#topic.leave();
  }

  #replace(rooms: Room[]): void {
    this.#rooms = new Map(rooms.map((room) => [room.id, room]));
    this.emit("changed", undefined);
  }

  #set(room: Room): void {
    this.#rooms.set(room.id, room);
    this.emit("changed", undefined);
  }

  #delete(id: string): void {
    this.#rooms.delete(id);
    this.emit("changed", undefined);
  }
}

export interface InboxEvents {
  notification: Notification;
  invitation: Invitation;
  /** Notifications that came while the connection was away are read over HTTP: see `client.api`. */
  joined: { again: boolean };
  ended: Error;
}

/** What is for one person alone: notifications and invitations. */
export class Inbox extends Emitter<InboxEvents> {
  #topic: Topic;
  #joins = 0;

  /** Use `client.inbox(…)`. */
  constructor(connection: Connection, userId: string) {
    super();
    this.#topic = new Topic(connection, `user:${userId}`, {
      onJoin: () => this.emit("joined", { again: this.#joins++ > 0 }),
      onEnd: (error) => this.emit("ended", error),
      events: {
        notification: (payload) => this.emit("notification", payload as Notification),
        invitation: (payload) => this.emit("invitation", payload as Invitation),
      },
    });
  }

  /** Notes that a notification was read. */
  async markRead(id: string): Promise<void> {
    await this.#topic.request("notification_read", { id });
  }

  close(): Promise<void> {
    this.removeAllListeners();
    return this.#topic.leave();
  }
}

function roomOf(value: unknown): Room {
  const room = object(value);
  return { ...room, sensors: sensors(room["sensors"]) } as Room;
}
