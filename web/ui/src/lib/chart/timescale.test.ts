import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE, TimeFormat, tickStep, timeTicks } from './timescale.ts';

/** Node takes the time zone of the process from here whenever it is set. */
function inZone(zone: string, body: () => void): void {
  describe(zone, () => {
    const before = process.env['TZ'];
    beforeAll(() => void (process.env['TZ'] = zone));
    afterAll(() => void (before === undefined ? delete process.env['TZ'] : (process.env['TZ'] = before)));
    body();
  });
}

const iso = (list: { time: number }[]): string[] => list.map((t) => new Date(t.time).toISOString());
const at = (text: string): number => Date.parse(text);

for (const zone of ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Apia', 'America/Sao_Paulo']) {
  inZone(zone, () => {
    it('ticks are in order, inside, on the calendar, and not too close', () => {
      const time = fc.double({ min: at('1996-01-01'), max: at('2040-01-01'), noNaN: true });
      const span = fc.double({ min: Math.log(20), max: Math.log(100 * 366 * DAY), noNaN: true });
      fc.assert(
        fc.property(time, span, (from, logSpan) => {
          const to = from + Math.exp(logSpan);
          const s = tickStep((to - from) / 10);
          const ticks = timeTicks(from, to, s);
          expect(ticks.length).toBeGreaterThan(0);
          expect(ticks.length).toBeLessThanOrEqual(24);
          ticks.forEach((t, i) => {
            expect(t.time).toBeGreaterThanOrEqual(from);
            expect(t.time).toBeLessThanOrEqual(to);
            const before = ticks[i - 1];
            if (before) expect(t.time - before.time).toBeGreaterThanOrEqual(0.45 * s.ms);
            const d = new Date(t.time);
            if (s.unit === 'year') expect(d.getFullYear() % s.count).toBe(0);
            if (s.unit === 'year' || s.unit === 'month') expect(d.getDate()).toBe(1);
            // Where clocks change at midnight the day begins at one o'clock.
            if (s.unit === 'day') expect(d.getHours()).toBeLessThanOrEqual(1);
            if (s.unit === 'hour') expect(d.getMinutes() % 30).toBe(0);
            if (s.unit === 'ms' && s.count >= MINUTE && s.count <= 15 * MINUTE) expect(d.getMinutes() % (s.count / MINUTE)).toBe(0);
          });
        }),
        { numRuns: 300 },
      );
    });
  });
}

inZone('Europe/Berlin', () => {
  it('has both hours when clocks are put back, and skips the one that is not there', () => {
    const hour = tickStep(HOUR);
    expect(iso(timeTicks(at('2026-10-24T23:00Z'), at('2026-10-25T03:00Z'), hour))).toEqual([
      '2026-10-24T23:00:00.000Z', '2026-10-25T00:00:00.000Z', '2026-10-25T01:00:00.000Z', '2026-10-25T02:00:00.000Z', '2026-10-25T03:00:00.000Z',
    ]);
    const f = new TimeFormat('en-GB');
    expect(timeTicks(at('2026-10-24T23:30Z'), at('2026-10-25T02:30Z'), hour).map((t) => f.tick(t, hour))).toEqual(['02:00', '02:00', '03:00']);
    expect(timeTicks(at('2026-03-29T00:00Z'), at('2026-03-29T02:00Z'), hour).map((t) => f.tick(t, hour))).toEqual(['01:00', '03:00', '04:00']);
  });

  it('puts ticks of six hours and of days on local midnight in summer and winter', () => {
    expect(iso(timeTicks(at('2026-03-28T12:00Z'), at('2026-03-30T12:00Z'), tickStep(6 * HOUR)))).toEqual([
      '2026-03-28T17:00:00.000Z', '2026-03-28T23:00:00.000Z', '2026-03-29T04:00:00.000Z', '2026-03-29T10:00:00.000Z', '2026-03-29T16:00:00.000Z',
      '2026-03-29T22:00:00.000Z', '2026-03-30T04:00:00.000Z', '2026-03-30T10:00:00.000Z',
    ]);
    expect(iso(timeTicks(at('2026-03-28T00:00Z'), at('2026-03-31T00:00Z'), tickStep(DAY)))).toEqual([
      '2026-03-28T23:00:00.000Z', '2026-03-29T22:00:00.000Z', '2026-03-30T22:00:00.000Z',
    ]);
  });
});

inZone('UTC', () => {
  it('knows leap days, months and years', () => {
    const days = iso(timeTicks(at('2028-02-27'), at('2028-03-02'), tickStep(DAY)));
    expect(days).toContain('2028-02-29T00:00:00.000Z');
    const months = timeTicks(at('2027-11-15'), at('2028-04-15'), tickStep(28 * DAY));
    expect(iso(months).map((t) => t.slice(0, 10))).toEqual(['2027-12-01', '2028-01-01', '2028-02-01', '2028-03-01', '2028-04-01']);
    expect(months.map((t) => t.major)).toEqual([false, true, false, false, false]);
    expect(iso(timeTicks(at('1999-06-01'), at('2026-01-01'), tickStep(5 * 365 * DAY))).map((t) => t.slice(0, 4))).toEqual(['2000', '2005', '2010', '2015', '2020', '2025']);
  });

  it('writes what the step needs', () => {
    const f = new TimeFormat('en-GB');
    const write = (from: string, to: string, least: number): string[] => {
      const s = tickStep(least);
      return timeTicks(at(from), at(to), s).map((t) => f.tick(t, s));
    };
    expect(write('2026-05-01T10:00:00.001Z', '2026-05-01T10:00:00.007Z', 2)).toEqual(['00:00.002', '00:00.004', '00:00.006']);
    expect(write('2026-05-01T10:00:01Z', '2026-05-01T10:00:12Z', 5000)).toEqual(['10:00:05', '10:00:10']);
    expect(write('2026-05-01T22:00:00Z', '2026-05-02T01:00:00Z', HOUR)).toEqual(['22:00', '23:00', '2 May', '01:00']);
    expect(f.context(at('2026-05-01'), tickStep(1))).toBe('Fri, 1 May 2026');
    expect(new TimeFormat('de').context(at('2026-05-01'), tickStep(1))).toBe('Fr., 1. Mai 2026');
    expect(f.exact(at('2026-05-01T10:00:00.123Z'), 1)).toBe('1 May 2026 10:00:00.123');
  });
});
