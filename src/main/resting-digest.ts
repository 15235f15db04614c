import type { Clock } from '../clock.js';
import type { ServiceView } from '../http/view.js';

/**
 * Has the model hashed once whenever it has rested for a while, so that replicas at rest can be
 * compared. While it changes nothing is hashed: no two replicas would be at the same offsets.
 */
export class RestingDigest {
  readonly #view: Pick<ServiceView, 'trainedEvents' | 'deltaOffsets' | 'model'>;
  readonly #restMs: number;
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  #seen = '';
  #hashed = '';
  #cancel: () => void = () => undefined;
  #closed = false;

  constructor(parts: {
    readonly view: Pick<ServiceView, 'trainedEvents' | 'deltaOffsets' | 'model'>;
    /** It is looked at so often, and has rested where it is the same as at the last look. */
    readonly restMs: number;
    readonly clock: Clock;
    readonly onError: (error: unknown) => void;
  }) {
    this.#view = parts.view;
    this.#restMs = parts.restMs;
    this.#clock = parts.clock;
    this.#onError = parts.onError;
    this.#wait();
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  #wait(): void {
    if (this.#closed) return;
    this.#cancel = this.#clock.later(this.#restMs, () => {
      this.#look()
        .catch(this.#onError)
        .finally(() => this.#wait());
    });
  }

  async #look(): Promise<void> {
    const version = `${this.#view.trainedEvents()}@${this.#view.deltaOffsets().join()}`;
    const rests = version === this.#seen;
    this.#seen = version;
    if (!rests || version === this.#hashed || this.#view.trainedEvents() === 0) return;
    this.#hashed = version;
    await this.#view.model();
  }
}
