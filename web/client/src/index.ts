/**
 * The client of SensOcto: devices that lose nothing, viewers that are given typed
 * arrays, history, rooms and the whole HTTP API.
 */

export { type Api, answerOf, apiError, makeApi } from "./api.js";
export type { components, paths } from "./api.gen.js";
export type { Shown } from "./call/bitrates.js";
export { Call } from "./call/call.js";
export { ReplacedError, type CallEvents, type CallOptions, type CallPeer, type CallState } from "./call/types.js";
export type { Media } from "./call/media.js";
export type { MediaKind } from "./call/link.js";
export type { LinkState } from "./call/negotiation.js";
export type { Quality, Rating } from "./call/quality.js";
export { Client, type ClientOptions, type Unsent } from "./client.js";
export { type ClockReading, type Exchange, readClock, ServerClock } from "./clock.js";
export { type Column, ColumnsError, decodeColumns, encodeColumns, type Samples } from "./columns.js";
export type { ConnectionEvent, ConnectionState } from "./connection.js";
export { BackpressureManager } from "./device/backpressure.js";
export { Device, type DeviceAttribute, type DeviceEvents, type DeviceOptions, type DeviceState, type Registration } from "./device/device.js";
export type { Rejection } from "./device/sender.js";
export { Emitter } from "./emitter.js";
export { ApiError, ClosedError, NoReplyError, ReplyError } from "./errors.js";
export { envelope, type History, type HistoryQuery, type SamplesQuery } from "./history.js";
export { IndexedDBStore } from "./outbox/indexeddb.js";
export { MemoryStore } from "./outbox/memory.js";
export type { Block, Epoch, Log, LogRecord, OutboxStore, StoreTransaction } from "./outbox/store.js";
export { Inbox, type InboxEvents, type RoomEvents, RoomList, type RoomListEvents, RoomView } from "./rooms.js";
export type * from "./types.js";
export { followPage, type Looking } from "./viewer/page.js";
export { SensorView, type SensorViewEvents, type SensorViewOptions } from "./viewer/sensor.js";
export { SensorList, type SensorListEvents, SensorState, type SensorStateEvents } from "./viewer/sensors.js";
export { Viewer, type ViewerEvents, type Watched } from "./viewer/viewer.js";
