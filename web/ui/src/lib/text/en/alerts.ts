import { duration, measured } from '../format.ts';

type Condition = 'above' | 'below' | 'outside' | 'no_data' | 'battery_under';
/** What a rule's sentence is made of. */
export type Rule = { condition: Condition; low: number; high: number; after_seconds: number };

export const alerts = {
  none: () => 'No alerts yet',
  noneText: () => 'A rule tells you and others when a value leaves its bounds, when nothing comes any more, or when a battery runs low.',
  noSensors: () => 'Rules are about sensors: share one first.',
  intro: () => 'Your own rules for the sensors here.',
  create: () => 'New alert',
  change: () => 'Change alert',
  condition: (c: Condition) => ({ above: 'Above a value', below: 'Below a value', outside: 'Outside of bounds', no_data: 'No data', battery_under: 'Battery low' })[c],
  sentence: (r: Rule, attribute: string, unit: string) => {
    const low = `${measured(r.low)} ${unit}`.trim();
    const high = `${measured(r.high)} ${unit}`.trim();
    return {
      above: `${attribute} above ${high}`,
      below: `${attribute} below ${low}`,
      outside: `${attribute} below ${low} or above ${high}`,
      no_data: `nothing of ${attribute || 'any attribute'} for ${duration(r.after_seconds * 1000)}`,
      battery_under: `battery under ${measured(r.low)}`,
    }[r.condition];
  },
  fired: (when: string, value: string) => (value ? `last alert ${when}, at ${value}` : `last alert ${when}`),
  off: () => 'Off',
  silent: () => 'Not visible to you',
  firing: () => 'Firing',
  watching: () => 'Watching',
  test: () => 'Test',
  switchOff: () => 'Switch off',
  switchOn: () => 'Switch on',
  edit: (name: string) => `Edit ${name}`,
  delete: (name: string) => `Delete ${name}`,
  deleted: (name: string) => `The alert ${name} is deleted.`,
  way: (w: string) => ({ notification: 'Notification', email: 'E-mail', webhook: 'Webhook' })[w] ?? w,
  sensor: () => 'Sensor',
  when: () => 'When',
  attribute: () => 'Attribute',
  anyAttribute: () => 'Any attribute',
  low: () => 'Lower bound',
  high: () => 'Upper bound',
  batteryUnder: () => 'Battery under',
  hysteresis: () => 'Hysteresis',
  hysteresisHint: () => 'How far a value must come back before it can fire again.',
  after: () => 'After so many seconds',
  pause: () => 'Pause in seconds',
  pauseHint: () => 'Between two alerts, 60 at least.',
  name: () => 'Name',
  notify: () => 'Who is told',
  notifyHint: () => 'Only people who may see the sensor at that moment are told.',
  myself: () => 'Myself',
  email: () => 'Tell them by e-mail, too',
  webhook: () => 'Webhook',
  webhookHint: () => 'An address that the server calls for each alert, as Standard Webhooks describes.',
  secret: () => 'Secret of the webhook',
  secretOnce: () => 'With this secret the receiver checks that a call comes from here. It is shown only now.',
};
