/**
 * Turns of the event loop, dealt out to computations that would hold it: whoever waits goes on in a turn
 * of their own. With an immediate each, all of them would go on in one turn, and an answer of the broker
 * would wait for a slice of every task instead of one.
 *
 * Of those that wait the one with the lowest rank goes on, of equal ones the one that has waited longest.
 * Cycles are ranked by when they began: one after the other, half of them are done sooner than all of them
 * would be beside one another, and none later.
 */
export class Turns {
  /** By rank. */
  readonly #waiting: { readonly rank: number; readonly resume: () => void }[] = [];
  readonly #next = (): void => {
    this.#waiting.shift()?.resume();
    if (this.#waiting.length > 0) setImmediate(this.#next);
  };

  wait(rank: number): Promise<void> {
    return new Promise((resume) => {
      const waiting = this.#waiting;
      let at = waiting.length;
      while (at > 0 && waiting[at - 1]!.rank > rank) at--;
      waiting.splice(at, 0, { rank, resume });
      if (waiting.length === 1) setImmediate(this.#next);
    });
  }
}
