/** The last few seconds, one slot a second; slots are reused. The clock is the caller's. */
export class Slots<T> {
  readonly #slots: { second: number; readonly value: T }[];
  readonly #clear: (value: T) => void;

  constructor(seconds: number, make: () => T, clear: (value: T) => void) {
    this.#slots = Array.from({ length: seconds }, () => ({
      second: Number.NEGATIVE_INFINITY,
      value: make(),
    }));
    this.#clear = clear;
  }

  /** The slot of the current second. */
  at(nowMs: number): T {
    const second = Math.floor(nowMs / 1000);
    const slot = this.#slots[second % this.#slots.length]!;
    if (slot.second !== second) {
      slot.second = second;
      this.#clear(slot.value);
    }
    return slot.value;
  }

  /** The slots that are not too old. */
  *recent(nowMs: number): Generator<T> {
    const oldest = Math.floor(nowMs / 1000) - this.#slots.length;
    for (const { second, value } of this.#slots) if (second > oldest) yield value;
  }
}

/** How many a second, over the last few seconds. */
export class RateWindow {
  readonly #slots: Slots<{ n: number }>;
  readonly #seconds: number;
  #firstMs = Number.POSITIVE_INFINITY;

  constructor(seconds = 5) {
    this.#seconds = seconds;
    this.#slots = new Slots(
      seconds,
      () => ({ n: 0 }),
      (slot) => {
        slot.n = 0;
      },
    );
  }

  add(n: number, nowMs: number): void {
    this.#slots.at(nowMs).n += n;
    this.#firstMs = Math.min(this.#firstMs, nowMs);
  }

  /** 0 before the first; over the time since the first as long as the window is not full. */
  perSecond(nowMs: number): number {
    let sum = 0;
    for (const { n } of this.#slots.recent(nowMs)) sum += n;
    if (sum === 0) return 0;
    const window = this.#seconds - 1 + (nowMs % 1000) / 1000;
    const since = Math.max(1, (nowMs - this.#firstMs) / 1000);
    return sum / Math.max(0.001, Math.min(window, since));
  }
}
