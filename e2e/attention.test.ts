// The rules of docs/attention.md, row by row, through the official client.

import { readFileSync } from "node:fs";
import type { Channel } from "phoenix";
import { expect, test } from "vitest";
import { connect, device, Events, join, reply } from "./official";
import { Program } from "./program";

interface Rule {
  topic: string;
  steps: { event: string; payload: object }[];
  level: string;
}

/** The cells of the first table below a heading. */
function table(heading: string): string[][] {
  const text = readFileSync(new URL("../docs/attention.md", import.meta.url), "utf8");
  const below = text.slice(text.indexOf(`# ${heading}\n`));
  const rows = /(?:^\|.*\n)+/m.exec(below)![0].trim().split("\n").slice(2);
  return rows.map((row) => row.slice(1, -1).split("|").map((cell) => cell.trim()));
}

const code = /`([^`]*)`/g;

function rules(): Rule[] {
  return table("What a viewer does, and what counts").map(([topic, steps, level]) => ({
    topic: topic!.replaceAll("`", ""),
    steps: [...steps!.matchAll(code)].map(([, span]) => {
      const [event, ...payload] = span!.split(" ");
      return { event: event!, payload: JSON.parse(payload.join(" ") || "{}") };
    }),
    level: level!.replaceAll("`", ""),
  }));
}

/** What the protocol's table says of a level, without load. */
const asked: Record<string, object> = {
  high: { attention_level: "high", recommended_batch_size: 1, recommended_batch_window: 50, paused: false },
  medium: { attention_level: "medium", recommended_batch_size: 5, recommended_batch_window: 200, paused: false },
  low: { attention_level: "low", recommended_batch_size: 10, recommended_batch_window: 1000, paused: false },
  none: { attention_level: "none", recommended_batch_size: 20, recommended_batch_window: 5000, paused: false },
};

const quiet = ["--attention-hold", "20ms", "--load-cores", "1000", "--load-memory", "1000GiB"];

test("the rules of the document", async () => {
  const program = await Program.start(...quiet);
  const token = await program.token("ingest,view");
  const configs = Events.of(await device(connect(program, token), "s"), "backpressure_config");
  let last = await configs.next();
  const becomes = async (level: string) => {
    while (last.attention_level !== level) last = await configs.next();
    expect(last).toMatchObject(asked[level]!);
  };
  for (const rule of rules()) {
    const socket = connect(program, token);
    let channel: Channel | undefined;
    for (const { event, payload } of rule.steps) {
      if (event === "phx_join") channel = (await join(socket, rule.topic, payload)).channel;
      else if (event === "phx_leave") await reply(channel!.leave());
      else await reply(channel!.push(event, payload));
    }
    await becomes(rule.level);
    await new Promise<void>((done) => socket.disconnect(done));
    await becomes("none");
  }
  expect(rules().length).toBeGreaterThan(30);
}, 120_000);
