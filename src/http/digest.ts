import type { ModelState, ServiceView } from './view.js';

/**
 * Hashing all rows takes long on big models, so it is done once for each version of the model, and
 * at most once a second. Who asks in between waits: the answer is never older than the question.
 */
export class ModelDigest {
  readonly #view: Pick<ServiceView, 'trainedEvents' | 'deltaOffsets' | 'model'>;
  readonly #clock: () => number;
  readonly #wait: (ms: number) => Promise<void>;
  #known: { version: string; state: ModelState; atMs: number } | undefined;
  #running: Promise<ModelState> | undefined;
  /** For those who asked when the running one had begun already. */
  #next: Promise<ModelState> | undefined;

  constructor(
    view: Pick<ServiceView, 'trainedEvents' | 'deltaOffsets' | 'model'>,
    time: { clock?: () => number; wait?: (ms: number) => Promise<void> } = {},
  ) {
    this.#view = view;
    this.#clock = time.clock ?? Date.now;
    this.#wait = time.wait ?? unreferencedWait;
  }

  get(): Promise<ModelState> {
    if (this.#running !== undefined) {
      this.#next ??= this.#running.then(
        () => this.#afterRunning(),
        () => this.#afterRunning(),
      );
      return this.#next;
    }
    if (this.#known?.version === this.#version()) return Promise.resolve(this.#known.state);
    this.#running = this.#compute().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  #afterRunning(): Promise<ModelState> {
    this.#next = undefined;
    return this.get();
  }

  async #compute(): Promise<ModelState> {
    if (this.#known !== undefined) {
      const early = this.#known.atMs + 1000 - this.#clock();
      if (early > 0) await this.#wait(early);
    }
    const version = this.#version();
    const state = await this.#view.model();
    this.#known = { version, state, atMs: this.#clock() };
    return state;
  }

  #version(): string {
    return `${this.#view.trainedEvents()}@${this.#view.deltaOffsets().join()}`;
  }
}

function unreferencedWait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
