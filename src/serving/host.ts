import { decodeDelta } from '../online/delta-codec.js';
import type { Model } from '../online/model.js';
import { SnapshotAssembler } from '../online/snapshot/assemble.js';
import type { ListEncoder } from './encoded.js';
import { type PackedLists, packLists } from './packed-lists.js';
import {
  ForeignNumbers,
  type NewNames,
  type PackedRequests,
  unpackRequests,
} from './packed-requests.js';

/** What a serving host is told, in order: how the model changes, and which lists are wanted. */
export type HostMessage =
  | { readonly kind: 'clear' }
  | { readonly kind: 'chunk'; readonly payload: Uint8Array }
  | { readonly kind: 'loaded' }
  | { readonly kind: 'added'; readonly id: string; readonly payload: Uint8Array }
  | { readonly kind: 'withdrawn'; readonly id: string }
  | { readonly kind: 'settled'; readonly id: string }
  | { readonly kind: 'read'; readonly payload: Uint8Array }
  | {
      readonly kind: 'lists';
      readonly job: number;
      readonly names: NewNames | null;
      readonly requests: PackedRequests;
      readonly n: number;
      /** Of RecommendationList. */
      readonly schemaId: number;
    };

/** The lists of a job. */
export interface HostAnswer {
  readonly job: number;
  readonly lists: PackedLists;
  /** That they took. */
  readonly seconds: number;
}

/**
 * The other side of a `ServingThread`: a model of its own, kept up by the same additions and
 * subtractions, and the lists that are made of it. Messages are done one after the other, so the model
 * of a job is that of the moment at which it was asked for.
 */
export class ServingHost {
  readonly #model: Model;
  readonly #encoder: ListEncoder;
  readonly #numbers: ForeignNumbers;
  /** Own deltas of the process that may have to be taken away again, encoded. */
  readonly #pending = new Map<string, Uint8Array>();
  #assembler: SnapshotAssembler | null = null;

  constructor(model: Model, encoder: ListEncoder) {
    this.#model = model;
    this.#encoder = encoder;
    this.#numbers = new ForeignNumbers(model);
  }

  /** Returns the answer to a job, null to everything else. Whatever it throws is the end of it. */
  handle(message: HostMessage): HostAnswer | null {
    switch (message.kind) {
      case 'clear':
        this.#model.clear();
        this.#assembler = null;
        return null;
      case 'chunk':
        this.#assembler ??= new SnapshotAssembler(this.#model);
        this.#assembler.add(message.payload);
        return null;
      case 'loaded':
        this.#assembler?.finish();
        this.#assembler = null;
        return null;
      case 'added':
        this.#model.applyBytes(message.payload);
        this.#pending.set(message.id, message.payload);
        return null;
      case 'withdrawn':
        this.#withdraw(message.id);
        return null;
      case 'settled':
        this.#pending.delete(message.id);
        return null;
      case 'read':
        this.#model.applyBytes(message.payload);
        return null;
      case 'lists':
        return this.#lists(message);
    }
  }

  #withdraw(id: string): void {
    const payload = this.#pending.get(id);
    if (payload === undefined) throw new RangeError(`The delta ${id} is not pending`);
    this.#pending.delete(id);
    this.#model.revert(decodeDelta(payload));
  }

  #lists({ job, names, requests, n, schemaId }: HostMessage & { kind: 'lists' }): HostAnswer {
    const begin = performance.now();
    if (names !== null) this.#numbers.learn(names);
    const wanted = unpackRequests(requests, this.#numbers);
    const lists = packLists([...this.#encoder.passes(wanted, n, schemaId)]);
    return { job, lists, seconds: (performance.now() - begin) / 1000 };
  }
}
