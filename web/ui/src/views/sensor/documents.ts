import type { Client } from '@sensocto/client';

/** All documents of an attribute, oldest first. */
export async function samplesOf(client: Client, sensorId: string, attributeId: string): Promise<{ times: Float64Array; payloads: unknown[] }[]> {
  const list: { times: Float64Array; payloads: unknown[] }[] = [];
  for await (const runs of client.samples(sensorId, attributeId)) {
    for (const run of runs) if (run.kind === 'documents') list.push(run);
  }
  return list;
}
