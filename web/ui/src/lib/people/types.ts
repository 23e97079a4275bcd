import type { components } from '@sensocto/client';

type Schemas = components['schemas'];

export type AlertRule = Schemas['Alert'];
export type Delivery = Schemas['AlertDelivery'];
export type AuditEvent = Schemas['Audit'];
export type Invitation = Schemas['Invitation'];
export type KeptSensor = Schemas['KeptSensor'];
export type Member = Schemas['Member'];
export type Notification = Schemas['Notification'];
export type OwnSensor = Schemas['Sensor'];
export type Passkey = Schemas['Passkey'];
export type Recording = Schemas['RoomRecording'];
export type Retention = Schemas['Retention'];
export type Room = Schemas['Room'];
export type RoomSharing = Schemas['P2PRoom'];
export type ServerSharing = Schemas['P2PStatus'];
export type Terms = Schemas['TermsBody'];
export type Ticket = Schemas['P2PTicket'];
export type Token = Schemas['Token'];
export type User = Schemas['User'];
export type Attention = Schemas['Attention'];
export type Role = 'guest' | 'member' | 'admin' | 'owner';

/** One page of a list: next is what the following page is asked with, empty at the end. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string;
}
