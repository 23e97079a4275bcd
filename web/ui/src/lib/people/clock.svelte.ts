import { createSubscriber } from 'svelte/reactivity';

const everyMS = 1000;

/** The time, for texts that go on by the second. It ticks only while something shows it. */
class Clock {
  #now = Date.now();
  #subscribe = createSubscriber((update) => {
    const timer = setInterval(() => {
      this.#now = Date.now();
      update();
    }, everyMS);
    return () => clearInterval(timer);
  });

  get now(): number {
    this.#subscribe();
    return Math.max(this.#now, Date.now() - everyMS);
  }
}

export const clock = new Clock();
