import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { uuid } from './bluetooth/profile.ts';
import { profiles } from './bluetooth/profiles/index.ts';
import { quantities } from './decoders/environmental.ts';

const page = readFileSync(new URL('../../../../../docs/browser-sensors.md', import.meta.url), 'utf8');

test('docs/browser-sensors.md has every service and every quantity', () => {
  const sig = uuid(0).slice(8);
  const names = profiles.map(({ service }) => (service.endsWith(sig) ? `0x${service.slice(4, 8).toUpperCase()}` : service.slice(0, 8).toUpperCase()));
  expect(names.filter((name) => !page.includes(name))).toEqual([]);
  expect(quantities.filter((q) => !page.includes(`\`${q.id}\``))).toEqual([]);
});

test('no two profiles share a service or an id', () => {
  expect(new Set(profiles.map((p) => p.service)).size).toBe(profiles.length);
  expect(new Set(profiles.map((p) => p.id)).size).toBe(profiles.length);
});
