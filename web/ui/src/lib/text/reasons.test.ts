// The reasons that the server gives have texts here, so that no German reads English, and nobody a word for programs.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { reasons } from './en/errors.ts';

const repository = fileURLToPath(new URL('../../../../../', import.meta.url));

/** What only devices, commands and the client meet, which tell it in a way of their own or not at all. */
const notForPeople = [
  'binary_frame', 'frame_too_large', 'not_a_websocket', 'invalid_reason', 'malformed_frame', 'overloaded', 'protocol_error', 'too_many_frames',
  'ambiguous_name', 'call_full', 'candidate_too_large', 'command_too_large', 'deleted', 'description_too_large', 'duplicate', 'duplicate_fields', 'incomplete', 'invalid_action', 'invalid_attribute_id',
  'invalid_batch', 'invalid_candidate', 'invalid_columns', 'invalid_description', 'invalid_import', 'invalid_level', 'invalid_measurement', 'invalid_report', 'invalid_sampling_rate',
  'invalid_seq', 'invalid_settings', 'invalid_stream', 'invalid_timestamp', 'missing_fields', 'not_in_order', 'pending', 'reply_too_large', 'reserved_sensor_id',
  'silent', 'too_many_pings', 'too_many_signals', 'too_many_topics', 'too_many_watched', 'unknown_peer',
  'write_timeout',
];

/** Where the server's sentence names what no text here could: an address, a role, a format. */
const ofSeveralMeanings = ['insufficient_scope', 'invalid_email', 'invalid_role', 'invalid_scope', 'invalid_sensor_id', 'not_exportable', 'too_many_sensors'];

const skipped = /^(\..*|node_modules|bin|bench|.+test)$/;

function sources(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return skipped.test(entry.name) ? [] : sources(`${dir}${entry.name}/`);
    return /\.go$/.test(entry.name) && !entry.name.endsWith('_test.go') ? [`${dir}${entry.name}`] : [];
  });
}

const given = new Set(
  sources(repository).flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/Reason: +"([a-z0-9_]+[a-z0-9])"/g)].map((found) => found[1]!)),
);

test('each reason that a person can meet has a text', () => {
  expect(given.size).toBeGreaterThan(100); // the sources were found
  const known = new Set([...Object.keys(reasons), ...notForPeople, ...ofSeveralMeanings]);
  expect([...given].filter((reason) => !known.has(reason)).sort()).toEqual([]);
});

test('what has no text is still a reason of the server', () => {
  expect([...notForPeople, ...ofSeveralMeanings].filter((reason) => !given.has(reason) || Object.hasOwn(reasons, reason))).toEqual([]);
});
