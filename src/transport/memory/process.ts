/** Where the in-memory transport can be broken. `:before` the log does it, `:after` it did, before the answer. */
export type FaultPoint =
  | 'init:before'
  | 'init:after'
  | 'begin'
  | 'send:before'
  | 'send:after'
  | 'offsets:before'
  | 'offsets:after'
  | 'commit:before'
  | 'commit:after'
  | 'abort:before'
  | 'abort:after'
  | 'produce:before'
  | 'produce:after'
  | 'group-commit:before'
  | 'group-commit:after'
  | 'assign'
  | 'deliver'
  | 'follow'
  | 'admin';

export interface FaultContext {
  /** The process, as named in the transport's options. */
  readonly process: string;
  readonly transactionalId?: string;
  readonly groupId?: string;
  readonly topic?: string;
  readonly partition?: number;
}

/**
 * Called at every await point of the transport. It may throw (the call fails), wait (the call is
 * late), or kill or freeze the process. A throw at `commit:before` or `commit:after` is a commit
 * whose answer was lost: the caller gets COMMIT_OUTCOME_UNKNOWN, unless what was thrown is an
 * IsthmusError, which is passed as it is.
 */
export type Fault = (point: FaultPoint, context: FaultContext) => Promise<void> | void;

const never = new Promise<never>(() => undefined);

/**
 * One simulated process: what a killed one had called never returns, what a frozen one calls returns
 * once it thaws.
 */
export class MemoryProcess {
  readonly name: string;
  readonly #fault: Fault | undefined;
  #killed = false;
  #frozen: { promise: Promise<void>; thaw: () => void } | null = null;
  #repeats = 0;
  readonly #listeners = new Set<(event: 'kill' | 'freeze' | 'thaw') => void>();

  constructor(name: string, fault: Fault | undefined) {
    this.name = name;
    this.#fault = fault;
  }

  get killed(): boolean {
    return this.#killed;
  }

  get frozen(): boolean {
    return this.#frozen !== null;
  }

  on(listener: (event: 'kill' | 'freeze' | 'thaw') => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** As kill -9: nothing of this process goes on; its sessions time out, its transaction stays open. */
  kill(): void {
    if (this.#killed) return;
    this.#killed = true;
    for (const listener of [...this.#listeners]) listener('kill');
    this.#frozen?.thaw();
    this.#frozen = null;
  }

  /** As SIGSTOP. */
  freeze(): void {
    if (this.#frozen !== null || this.#killed) return;
    let thaw: () => void = () => undefined;
    const promise = new Promise<void>((resolve) => {
      thaw = resolve;
    });
    this.#frozen = { promise, thaw };
    for (const listener of [...this.#listeners]) listener('freeze');
  }

  /** As SIGCONT. */
  thaw(): void {
    const frozen = this.#frozen;
    if (frozen === null) return;
    this.#frozen = null;
    for (const listener of [...this.#listeners]) listener('thaw');
    frozen.thaw();
  }

  /** What is delivered next to this process comes twice. */
  repeatNext(): void {
    this.#repeats += 1;
  }

  /** How often what is delivered now is to come. */
  deliveries(): number {
    if (this.#repeats === 0) return 1;
    this.#repeats -= 1;
    return 2;
  }

  /** Passes at once, late, never, or throws. */
  async gate(point: FaultPoint, context: Omit<FaultContext, 'process'> = {}): Promise<void> {
    if (this.#fault !== undefined) await this.#fault(point, { process: this.name, ...context });
    while (this.#frozen !== null) await this.#frozen.promise;
    if (this.#killed) await never;
  }
}
