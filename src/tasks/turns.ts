/**
 * Turns of the event loop, dealt out to computations that would hold it: whoever waits goes on in a turn
 * of their own, in the order of the calls. With an immediate each, all of them would go on in one turn,
 * and an answer of the broker would wait for a slice of every task instead of one.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  readonly #next = (): void => {
    this.#waiting.shift()?.();
    if (this.#waiting.length > 0) setImmediate(this.#next);
  };

  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) setImmediate(this.#next);
    });
  }
}
