const first = 1000;
const longest = 30_000;

/** How long to wait in ms before an attempt, from 0: twice as long each time, up to half a minute, spread by a quarter. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  return Math.min(first * 2 ** attempt, longest) * (0.75 + random() / 2);
}
