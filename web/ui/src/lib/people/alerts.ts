import { answer, api } from '../app/api.ts';
import type { AlertRule, Delivery } from './types.ts';
import { whole } from './whole.ts';

export const conditions = ['above', 'below', 'outside', 'no_data', 'battery_under'] as const;
export type Condition = (typeof conditions)[number];

/** What may be said of a rule. */
export type AlertDraft = {
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
};

/** Which bounds a condition looks at. */
export const looksAt = (c: Condition): { low: boolean; high: boolean; time: boolean; attribute: boolean } => ({
  low: c === 'below' || c === 'outside' || c === 'battery_under',
  high: c === 'above' || c === 'outside',
  time: c === 'no_data',
  attribute: c !== 'battery_under',
});

const rule = (id: string) => ({ params: { path: { id } } });

/** All of one's own rules: at most a hundred. */
export const alertRules = (signal?: AbortSignal): Promise<AlertRule[]> =>
  whole((query) => answer(api.GET('/api/v1/alerts', { params: { query }, ...(signal && { signal }) })), ({ alerts }) => alerts);

/** Makes a rule. The secret of its webhook is in this answer alone. */
export const createAlert = (draft: AlertDraft): Promise<AlertRule> => answer(api.POST('/api/v1/alerts', { body: draft }));
export const changeAlert = (id: string, change: Partial<Omit<AlertDraft, 'sensor_id'>> & { renew_secret?: boolean }): Promise<AlertRule> =>
  answer(api.PATCH('/api/v1/alerts/{id}', { ...rule(id), body: change }));
export const deleteAlert = (id: string): Promise<void> => answer(api.DELETE('/api/v1/alerts/{id}', rule(id)));

/** Tells everybody of the rule as if it had fired. */
export const testAlert = async (id: string): Promise<Delivery[]> => (await answer(api.POST('/api/v1/alerts/{id}/test', rule(id)))).deliveries;
