import { array, assert, double, property, record } from "fast-check";
import { describe, expect, test } from "vitest";
import { type Exchange, readClock } from "../src/index.js";
import { world } from "./world.js";

/** An exchange with a clock that is off by so much, over ways that take so long. */
const exchange = (offset: number, there: number, back: number, asked = 0): Exchange => ({ asked, received: asked + there + offset, sent: asked + there + 1 + offset, answered: asked + there + 1 + back });

describe("reading a clock", () => {
  test("nothing is known without an answer", () => expect(readClock([], 0)).toBeUndefined());

  test("ways of the same length give the offset itself", () => {
    expect(readClock([exchange(500, 10, 10)], 21)!.offset).toBe(500);
    expect(readClock([exchange(-86_400_000, 3, 3)], 7)!.offset).toBe(-86_400_000);
  });

  test("the answer that came soonest counts, until it is old", () => {
    const quick = exchange(500, 2, 4);
    const slow = (asked: number) => exchange(500, 300, 10, asked);
    expect(readClock([slow(100), quick], 500)!.offset).toBe(499);
    expect(readClock([slow(10_000_000), quick], 10_000_400)!.offset).toBe(645);
  });

  test("the true offset is never further away than the error says", () => {
    const ms = double({ min: 0, max: 2000, noNaN: true });
    const offset = double({ min: -1e9, max: 1e9, noNaN: true });
    assert(property(offset, array(record({ there: ms, back: ms }), { minLength: 1, maxLength: 20 }), (offset, ways) => {
      const read = readClock(ways.map(({ there, back }) => exchange(offset, there, back)), 4001)!;
      expect(Math.abs(read.offset - offset)).toBeLessThanOrEqual(read.error + 1e-3);
    }));
  });
});

test("the server's clock, over a connection", async () => {
  const client = (await world()).client();
  const list = client.sensors(); // it opens the connection
  const end = client.clock.follow();
  await expect.poll(() => client.clock.reading, { timeout: 10_000 }).toBeDefined();
  const { offset, error } = client.clock.reading!;
  expect(Math.abs(offset)).toBeLessThanOrEqual(error + 2); // both are this machine's, whose fine clock may be a moment off
  expect(Math.abs(client.clock.now() - Date.now())).toBeLessThanOrEqual(error + 3);
  end();
  await list.close();
});
