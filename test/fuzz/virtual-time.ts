import type { Clock } from '../../src/clock.js';

interface Timer {
  readonly clock: ProcessClock;
  readonly dueMs: number;
  readonly action: () => void;
}

/** Time that passes only when it is told to. */
export class VirtualTime {
  nowMs = 1_700_000_000_000;
  readonly timers = new Set<Timer>();

  /** A clock for one process. */
  clock(): ProcessClock {
    return new ProcessClock(this);
  }

  /** When the next timer of a process that is not frozen is due; null: there is none. */
  nextDueMs(): number | null {
    let next: number | null = null;
    for (const { clock, dueMs } of this.timers) {
      if (clock.frozen) continue;
      if (next === null || dueMs < next) next = dueMs;
    }
    return next;
  }

  advanceTo(nowMs: number): void {
    this.nowMs = Math.max(this.nowMs, nowMs);
    const due = [...this.timers].filter(({ clock, dueMs }) => !clock.frozen && dueMs <= this.nowMs);
    for (const timer of due.sort((a, b) => a.dueMs - b.dueMs)) {
      if (this.timers.delete(timer)) timer.action();
    }
  }
}

/** The clock of one process, whose timers stand still while it is frozen and are gone once it is dead. */
export class ProcessClock implements Clock {
  frozen = false;
  #dead = false;
  readonly #time: VirtualTime;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  readonly now = (): number => this.#time.nowMs;

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const callOff = this.later(milliseconds, () => {
        signal?.removeEventListener('abort', wake);
        resolve();
      });
      const wake = (): void => {
        callOff();
        resolve();
      };
      signal?.addEventListener('abort', wake, { once: true });
    });
  }

  later(milliseconds: number, action: () => void): () => void {
    if (this.#dead) return () => undefined;
    const timer: Timer = { clock: this, dueMs: this.#time.nowMs + milliseconds, action };
    this.#time.timers.add(timer);
    return () => this.#time.timers.delete(timer);
  }

  die(): void {
    this.#dead = true;
    for (const timer of this.#time.timers)
      if (timer.clock === this) this.#time.timers.delete(timer);
  }
}
