import { Worker } from 'node:worker_threads';
import { publish } from '../diagnostics.js';
import { IsthmusError } from '../errors.js';
import type { Model } from '../online/model.js';
import type { BackendName } from '../online/tower/backend.js';
import type { LoadFollower } from '../snapshots/loader.js';
import type { EncodedList, ListJob, ListMaker } from '../tasks/lists.js';
import type { DeltaId, ReplicaFollower } from '../tasks/replica.js';
import type { HostAnswer, HostMessage } from './host.js';
import { unpackLists, unpackTransfers } from './packed-lists.js';
import { NameTeller, packRequests } from './packed-requests.js';
import { type ServingSettings, servingSettings } from './settings.js';

/** What a thread is given when it starts. */
export interface ThreadData {
  readonly settings: ServingSettings;
  readonly backend: BackendName;
}

/** What is needed of a `Worker`. */
export type ThreadPort = Pick<Worker, 'postMessage' | 'ref' | 'unref' | 'terminate'> & {
  on(event: 'message', listener: (answer: HostAnswer) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
};

/** Young objects of the thread: lists die young, and the heap of the process is not to double. */
const YOUNG_MB = 48;

/**
 * A thread that makes lists beside the event loop, out of a model of its own. That model follows the
 * process's (as `ReplicaFollower` and `LoadFollower`): it is told of everything that changes it, over
 * the port that jobs go over too, so a list is made of the model as of the moment at which it was
 * asked for. Sums of deltas are exact, so both models agree bit for bit.
 *
 * Where the thread fails the process cannot go on. Errors (fatal): SERVING_THREAD_FAILED, of `failure` and of
 * whoever waits for lists.
 */
export class ServingThread implements ListMaker, ReplicaFollower, LoadFollower {
  /** Fulfilled when the thread has failed. */
  readonly failure: Promise<IsthmusError>;

  readonly #app: string;
  readonly #schemaId: () => number;
  readonly #worker: ThreadPort;
  readonly #jobs = new Map<
    number,
    { resolve: (answer: HostAnswer) => void; reject: (error: unknown) => void }
  >();
  readonly #names: NameTeller;
  #lastJob = 0;
  #error: IsthmusError | null = null;
  #closing = false;

  constructor(parts: {
    readonly app: string;
    readonly settings: ServingSettings;
    /** That the process's tower runs on. */
    readonly backend: BackendName;
    /** Of RecommendationList; known once it is registered. */
    readonly schemaId: () => number;
    /** The process's: requests have its numbers. */
    readonly model: Model;
    /** Starts the thread. */
    readonly open?: (data: ThreadData) => ThreadPort;
  }) {
    this.#app = parts.app;
    this.#names = new NameTeller(parts.model);
    this.#schemaId = parts.schemaId;
    const data: ThreadData = {
      settings: servingSettings(parts.settings),
      backend: parts.backend,
    };
    this.#worker = (parts.open ?? openThread)(data);
    // It keeps the process alive while somebody waits for lists, and no longer.
    this.#worker.unref();
    this.#worker.on('message', (answer: HostAnswer) => this.#answered(answer));
    this.failure = new Promise((resolve) => {
      const fail = (cause: unknown): void => {
        if (this.#closing || this.#error !== null) return;
        const message = 'the thread that makes lists has failed, so the process cannot go on';
        this.#error = new IsthmusError('SERVING_THREAD_FAILED', 'fatal', message, { cause });
        this.#rejectAll(this.#error);
        resolve(this.#error);
      };
      this.#worker.on('error', fail);
      this.#worker.on('exit', (code) => fail(new Error(`it ended with code ${code}`)));
    });
  }

  async make({ partition, requests, n }: ListJob): Promise<EncodedList[]> {
    if (requests.length === 0) return [];
    const packed = packRequests(requests);
    const names = this.#names.news();
    const job = ++this.#lastJob;
    const answer = await new Promise<HostAnswer>((resolve, reject) => {
      if (this.#error !== null) return reject(this.#error);
      if (this.#jobs.size === 0) this.#worker.ref();
      this.#jobs.set(job, { resolve, reject });
      const schemaId = this.#schemaId();
      this.#tell({ kind: 'lists', job, names, requests: packed, n, schemaId }, [
        packed.whole,
        packed.real,
      ]);
    });
    publish('isthmus:recommend', {
      app: this.#app,
      partition,
      users: requests.length,
      lists: answer.lists.made,
      seconds: answer.seconds,
      transfers: unpackTransfers(answer.lists),
    });
    return unpackLists(answer.lists).map(({ request, domain, value }) => {
      const { user, basedOn } = requests[request]!;
      return { user, basedOn, domain, value };
    });
  }

  added(id: DeltaId, payload: Uint8Array): void {
    this.#send(payload, (copy) => ({ kind: 'added', id, payload: copy }));
  }

  withdrawn(id: DeltaId): void {
    this.#tell({ kind: 'withdrawn', id });
  }

  settled(id: DeltaId): void {
    this.#tell({ kind: 'settled', id });
  }

  read(payload: Uint8Array): void {
    this.#send(payload, (copy) => ({ kind: 'read', payload: copy }));
  }

  cleared(): void {
    this.#tell({ kind: 'clear' });
  }

  chunk(payload: Uint8Array): void {
    this.#send(payload, (copy) => ({ kind: 'chunk', payload: copy }));
  }

  loaded(): void {
    this.#tell({ kind: 'loaded' });
  }

  /** Ends the thread; lists that are under way are not made any more. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#worker.terminate();
    this.#rejectAll(new Error('the service is closing'));
  }

  #answered(answer: HostAnswer): void {
    const job = this.#jobs.get(answer.job);
    this.#jobs.delete(answer.job);
    if (this.#jobs.size === 0) this.#worker.unref();
    job?.resolve(answer);
  }

  #rejectAll(error: unknown): void {
    for (const { reject } of this.#jobs.values()) reject(error);
    this.#jobs.clear();
  }

  /** Bytes go over as a copy of their own: they are a view into much more, or still needed here. */
  #send(payload: Uint8Array, message: (copy: Uint8Array) => HostMessage): void {
    const copy = new Uint8Array(payload);
    this.#tell(message(copy), [copy]);
  }

  #tell(message: HostMessage, handed: readonly ArrayBufferView[] = []): void {
    this.#worker.postMessage(
      message,
      handed.map(({ buffer }) => buffer as ArrayBuffer),
    );
  }
}

function openThread(workerData: ThreadData): Worker {
  return new Worker(new URL('./thread-entry.js', import.meta.url), {
    name: 'serving',
    workerData,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
}
