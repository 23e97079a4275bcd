import type { Sensor } from '@sensocto/client';

interface Named {
  readonly id: string;
  readonly name: string;
  /** What tells it from others of its name sooner than its id does. */
  readonly owner?: string | undefined;
}

/** What each is called, by its id. Of equal names each has its owner's name behind it, or its id where the owner is the same or unknown. */
export function distinctNames(all: readonly Named[]): Map<string, string> {
  const nameOf = (n: Named): string => n.name || n.id;
  const withOwner = (n: Named): string => `${nameOf(n)} (${n.owner})`;
  const [names, owned] = [counts(all.map(nameOf)), counts(all.map(withOwner))];
  const called = (n: Named): string => {
    if (names.get(nameOf(n)) === 1) return nameOf(n);
    return n.owner && owned.get(withOwner(n)) === 1 ? withOwner(n) : `${nameOf(n)} (${n.id})`;
  };
  return new Map(all.map((n) => [n.id, called(n)]));
}

function counts(list: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const text of list) found.set(text, (found.get(text) ?? 0) + 1);
  return found;
}

/** What sensors are called, by id. */
export const sensorNames = (sensors: readonly Pick<Sensor, 'sensor_id' | 'sensor_name' | 'owner_name'>[]): Map<string, string> =>
  distinctNames(sensors.map((s) => ({ id: s.sensor_id, name: s.sensor_name, owner: s.owner_name })));

/** What the attributes of one sensor are called, by id. */
export const attributeNames = (attributes: readonly { readonly id: string; readonly attribute_name: string }[]): Map<string, string> =>
  distinctNames(attributes.map((a) => ({ id: a.id, name: a.attribute_name })));
