import { ask } from '../app/api.ts';
import { part } from './query.ts';
import type { AlertRule, Delivery } from './types.ts';
import { whole } from './whole.ts';

export const conditions = ['above', 'below', 'outside', 'no_data', 'battery_under'] as const;
export type Condition = (typeof conditions)[number];

/** What may be said of a rule. */
export interface AlertDraft {
  sensor_id: string;
  attribute_id?: string;
  name: string;
  condition: Condition;
  low?: number;
  high?: number;
  hysteresis?: number;
  after_seconds?: number;
  pause_seconds?: number;
  notify?: string[];
  email?: boolean;
  webhook_url?: string;
  enabled?: boolean;
}

/** Which bounds a condition looks at. */
export const looksAt = (c: Condition): { low: boolean; high: boolean; time: boolean; attribute: boolean } => ({
  low: c === 'below' || c === 'outside' || c === 'battery_under',
  high: c === 'above' || c === 'outside',
  time: c === 'no_data',
  attribute: c !== 'battery_under',
});

/** All of one's own rules: at most a hundred. */
export const alertRules = (signal?: AbortSignal): Promise<AlertRule[]> => whole('/alerts', 'alerts', signal);

const path = (id: string) => `/alerts/${part(id)}`;

/** Makes a rule. The secret of its webhook is in this answer alone. */
export const createAlert = (draft: AlertDraft): Promise<AlertRule> => ask('POST', '/alerts', draft);
export const changeAlert = (id: string, change: Partial<Omit<AlertDraft, 'sensor_id'>> & { renew_secret?: boolean }): Promise<AlertRule> =>
  ask('PATCH', path(id), change);
export const deleteAlert = (id: string): Promise<void> => ask('DELETE', path(id));

/** Tells everybody of the rule as if it had fired. */
export const testAlert = async (id: string): Promise<Delivery[]> => (await ask<{ deliveries: Delivery[] }>('POST', `${path(id)}/test`)).deliveries;
