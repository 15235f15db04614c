import { setTimeout as sleep } from 'node:timers/promises';
import type { LogAdmin } from '../transport/transport.js';

const POLL_MS = 40;

/** From a blow to the next commit of a partition that the victim had. */
export interface Takeover {
  readonly kind: string;
  readonly partition: number;
  readonly seconds: number;
}

interface Pending {
  readonly kind: string;
  readonly partition: number;
  readonly sinceMs: number;
  readonly from: bigint;
}

/** Watches the committed offsets of the application: whether the stream flows, and since when again. */
export class Flow {
  readonly takeovers: Takeover[] = [];
  committed: readonly bigint[];
  readonly #admin: LogAdmin;
  readonly #groupId: string;
  readonly #topic: string;
  #pending: Pending[] = [];
  #progressMs = performance.now();
  #stopped = false;
  readonly #loop: Promise<void>;

  constructor(admin: LogAdmin, groupId: string, topic: string, partitions: number) {
    this.#admin = admin;
    this.#groupId = groupId;
    this.#topic = topic;
    this.committed = new Array<bigint>(partitions).fill(0n);
    this.#loop = this.#watch();
  }

  /** When something was committed last, as `performance.now()` tells time. */
  get progressMs(): number {
    return this.#progressMs;
  }

  /**
   * Measures how long it takes, from `sinceMs` on, until these partitions flow again. To be called
   * when the one that had them can commit no more.
   */
  async expect(kind: string, partitions: readonly number[], sinceMs: number): Promise<void> {
    if (partitions.length === 0) return;
    const committed = await this.#admin.committed(this.#groupId, this.#topic).catch(() => null);
    if (committed === null) return;
    for (const partition of partitions) {
      this.#pending.push({ kind, partition, sinceMs, from: committed[partition] ?? 0n });
    }
  }

  /** Forgets what was to be measured: something else has come between. */
  forget(): void {
    this.#pending = [];
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loop;
  }

  async #watch(): Promise<void> {
    while (!this.#stopped) {
      await sleep(POLL_MS);
      try {
        const committed = await this.#admin.committed(this.#groupId, this.#topic);
        this.#take(committed.map((offset) => offset ?? 0n));
      } catch {
        // The broker is away, as planned.
      }
    }
  }

  #take(committed: readonly bigint[]): void {
    const now = performance.now();
    if (committed.some((offset, p) => offset > (this.committed[p] ?? 0n))) this.#progressMs = now;
    this.committed = committed;
    this.#pending = this.#pending.filter(({ kind, partition, sinceMs, from }) => {
      if ((committed[partition] ?? 0n) <= from) return true;
      this.takeovers.push({ kind, partition, seconds: (now - sinceMs) / 1000 });
      return false;
    });
  }
}
