import { EventEmitter } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { encodeDelta } from '../../src/online/delta-codec.js';
import { Random } from '../../src/online/random.js';
import { createTower } from '../../src/online/tower/backend.js';
import { User } from '../../src/online/user.js';
import { Serde } from '../../src/serde/serde.js';
import type { RecommendationList } from '../../src/serde/types.js';
import { ListEncoder, type MadeLists } from '../../src/serving/encoded.js';
import { type HostMessage, ServingHost } from '../../src/serving/host.js';
import { modelOf, recommenderOf } from '../../src/serving/settings.js';
import { ServingThread, type ThreadData, type ThreadPort } from '../../src/serving/thread.js';
import type { EncodedList, ListJob, ListRequest } from '../../src/tasks/lists.js';
import { type DeltaId, ModelReplica } from '../../src/tasks/replica.js';
import { DIMENSION, OPTIONS, randomDelta } from '../online/model-fixtures.js';
import { testConfig } from '../support/service.js';

export const NOW_MS = 1_700_000_000_000;
const DOMAINS = ['books', 'films', 'games'];
const serde = new Serde();

/** A host behind a port of this thread: all that goes over is cloned and handed over as between threads. */
export async function hostPort({ settings, backend }: ThreadData): Promise<ThreadPort> {
  const { tower } = await createTower(backend, settings.learner.phi);
  const model = modelOf(settings);
  const encoder = new ListEncoder(model, recommenderOf(model, tower, settings), () => NOW_MS);
  const host = new ServingHost(model, encoder);
  const { port1, port2 } = new MessageChannel();
  const events = new EventEmitter();
  port2.on('message', (message: HostMessage) => {
    try {
      const answer = host.handle(message);
      if (answer !== null) port2.postMessage(answer);
    } catch (error) {
      events.emit('error', error);
    }
  });
  port1.on('message', (answer) => events.emit('message', answer));
  return {
    on: (event, listener: (...values: never[]) => void) =>
      events.on(event, (value) => listener(value as never)),
    postMessage: (message: unknown, handed?: readonly ArrayBuffer[]) =>
      port1.postMessage(message, handed ?? []),
    ref: () => port1.ref(),
    unref: () => undefined,
    terminate: async () => {
      port1.close();
      return 0;
    },
  };
}

/** A replica that a serving thread follows, under a random life. */
export class ServingWorld {
  readonly random: Random;
  readonly config = testConfig({
    ISTHMUS_LEARNER_SEED: String(OPTIONS.seed),
    ISTHMUS_LEARNER_DIMENSION: String(DIMENSION),
    ISTHMUS_LEARNER_INITIAL_SCALE: String(OPTIONS.initialScale),
    ISTHMUS_BACKEND: 'simd',
  });
  readonly model = modelOf(this.config);
  readonly #direct: Promise<ListEncoder>;
  #thread: ServingThread | null = null;
  #replica: ModelReplica | null = null;
  readonly #pending: DeltaId[] = [];
  #sequence = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.#direct = createTower('simd', this.config.learner.phi).then(
      ({ tower }) =>
        new ListEncoder(this.model, recommenderOf(this.model, tower, this.config), () => NOW_MS),
    );
  }

  /** @param open Makes the port to the other side; default: a real thread. */
  open(open?: (data: ThreadData) => ThreadPort): this {
    this.#thread = new ServingThread({
      app: this.config.appId,
      settings: this.config,
      backend: 'simd',
      schemaId: () => serde.lists.id,
      model: this.model,
      ...(open === undefined ? {} : { open }),
    });
    this.#replica = new ModelReplica(this.model, this.#thread);
    return this;
  }

  get thread(): ServingThread {
    return this.#thread!;
  }

  /** Something happens to the model: computed and committed, aborted, or read from another process. */
  step(): void {
    const { random } = this;
    const replica = this.#replica!;
    const delta = randomDelta(random);
    const payload = encodeDelta(delta);
    const what = random.below(5);
    const id = this.#pending.at(-1);
    if (what === 0 && id !== undefined) {
      replica.withdraw(id);
      this.#pending.pop();
    } else if (what === 1 && id !== undefined) {
      replica.read(id, payload);
      this.#pending.pop();
    } else if (what === 2) {
      replica.read(null, payload);
    } else {
      const batch = `batch-${++this.#sequence}`;
      const part = `part-${this.#sequence}`;
      replica.computed(batch, delta);
      // As a cycle does that is given up before its end.
      if (random.below(4) === 0) replica.withdraw(batch);
      else {
        replica.coalesce([batch], new Map([[part, { delta, payload }]]));
        this.#pending.push(part);
      }
    }
  }

  /** Some users who touched some items, known to the model or not, with lists wanted in some domains. */
  requests(): ListRequest[] {
    const { model, random } = this;
    return Array.from({ length: random.below(100) }, (_, u) => {
      const user = new User(`user-${u}`);
      for (let events = random.below(12); events > 0; events--) {
        const row = model.intern(DOMAINS[random.below(3)]!, String(random.below(20)));
        user.push(row, model.domainOf(row), random.below(3) / 2, NOW_MS - random.below(1e6));
      }
      const basedOn = {
        topic: `input-${random.below(2)}`,
        partition: random.below(4),
        offset: BigInt(random.below(1e9)),
        occurredAtMs: NOW_MS,
      };
      user.basedOn = basedOn;
      const domains = DOMAINS.map((name) => model.domainIndex(name));
      return { user, basedOn, domains: domains.filter(() => random.below(3) > 0) };
    });
  }

  job(requests: readonly ListRequest[]): ListJob {
    return { partition: 0, requests, n: 5, breathe: () => Promise.resolve() };
  }

  /** The lists out of the model itself, pass by pass. */
  async passes(requests: readonly ListRequest[]): Promise<MadeLists[]> {
    return [...(await this.#direct).passes(requests, 5, serde.lists.id)];
  }

  /** The same lists out of the model itself. */
  async expected(requests: readonly ListRequest[]): Promise<Told[]> {
    return (await this.passes(requests)).flatMap(({ encoded }) =>
      encoded.map(({ request, value }) => told(requests[request]!.user.id, value)),
    );
  }

  /** What the gate gave in each of them. */
  async expectedTransfers(requests: readonly ListRequest[]): Promise<unknown[]> {
    return (await this.passes(requests)).flatMap(({ lists }) =>
      lists.map(({ domain, transfer }) => ({ domain, transfer })),
    );
  }
}

interface Told {
  readonly user: string;
  readonly list: RecommendationList;
}

/** What a list says, with the moment at which it was made taken out: threads have clocks of their own. */
function told(user: string, value: Buffer): Told {
  return { user, list: { ...serde.lists.decode(value), generatedAtMs: 0 } };
}

export function toldOf(lists: readonly EncodedList[]): Told[] {
  return lists.map(({ user, value }) => told(user.id, value));
}
