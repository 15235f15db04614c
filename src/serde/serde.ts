import {
  ModelDeltaCodec,
  RecommendationListCodec,
  SnapshotChunkCodec,
  UserStateCodec,
} from './codecs.js';
import { EventCodec } from './events.js';
import { RecordCodec } from './record.js';
import { type RecordJson, type RecordName, readSchema, type SchemaJson } from './schemas.js';
import { EMBEDDED_IDS, EmbeddedSchemas, type SchemaSource } from './source.js';
import type { Item } from './types.js';
import { HEADER_BYTES, MAGIC } from './wire.js';

export interface SerdeOptions {
  /** Where ids that are not embedded come from; none: they are unknown. */
  readonly source?: SchemaSource;
  /** Milliseconds, for forgetting that an id was unknown. */
  readonly now?: () => number;
}

/** How long an id that the registry does not know is not asked for again. */
const UNKNOWN_FOR_MS = 30_000;

/**
 * All codecs, over one table of schemas. The records that are ours alone (user state, deltas,
 * snapshots) always have embedded ids.
 *
 *     await serde.load(values);           // asks the registry for ids that are new; usually nothing
 *     serde.events.tryDecode(values[0]);  // event, or the error that makes it a dead letter
 */
export class Serde {
  #events: EventCodec;
  #items: RecordCodec<Item>;
  #lists: RecommendationListCodec;
  readonly userStates: UserStateCodec;
  readonly deltas: ModelDeltaCodec;
  readonly snapshots: SnapshotChunkCodec;
  readonly #known = new Map<number, SchemaJson>();
  readonly #unknownUntil = new Map<number, number>();
  readonly #source: SchemaSource | null;
  readonly #now: () => number;

  constructor(options: SerdeOptions = {}) {
    const embedded = new EmbeddedSchemas();
    for (const [id, schema] of embedded.entries()) this.#known.set(id, schema);
    this.#source = options.source?.name === 'registry' ? options.source : null;
    this.#now = options.now ?? Date.now;
    this.#events = new EventCodec(this.#codec('BehaviorEvent'));
    this.#items = new RecordCodec<Item>(this.#codec('Item'));
    this.#lists = new RecommendationListCodec(this.#codec('RecommendationList'));
    this.userStates = new UserStateCodec(this.#codec('UserState'));
    this.deltas = new ModelDeltaCodec(this.#codec('ModelDelta'));
    this.snapshots = new SnapshotChunkCodec(this.#codec('SnapshotChunk'));
  }

  get events(): EventCodec {
    return this.#events;
  }

  get items(): RecordCodec<Item> {
    return this.#items;
  }

  get lists(): RecommendationListCodec {
    return this.#lists;
  }

  /**
   * Has these public records written under the ids that the registry gives them from now on; without a
   * registry they keep the embedded ones. Errors: those of `SchemaSource.idFor`.
   */
  async register(
    writes: Partial<Record<'BehaviorEvent' | 'Item' | 'RecommendationList', string>>,
  ): Promise<void> {
    const source = this.#source;
    if (source === null) return;
    const codec = async (topic: string, name: RecordName) =>
      this.#codec(name, await source.idFor(topic, name));
    const { BehaviorEvent: events, Item: items, RecommendationList: lists } = writes;
    if (events !== undefined) this.#events = new EventCodec(await codec(events, 'BehaviorEvent'));
    if (items !== undefined) this.#items = new RecordCodec<Item>(await codec(items, 'Item'));
    if (lists !== undefined) {
      this.#lists = new RecommendationListCodec(await codec(lists, 'RecommendationList'));
    }
  }

  #codec(name: RecordName, id = EMBEDDED_IDS[name]) {
    const schema: RecordJson = readSchema(name);
    this.#known.set(id, schema);
    return { id, schema, lookup: (wanted: number) => this.#known.get(wanted) };
  }

  /**
   * Makes the schemas of these values available to `decode`. Returns undefined, at once, where
   * nothing is missing. Errors: SCHEMA_REGISTRY_UNAVAILABLE (retry). An id that the registry does
   * not know is no error here: `decode` calls it `unknown-schema-id`.
   */
  load(values: Iterable<Buffer | null>): Promise<void> | undefined {
    if (this.#source === null) return undefined;
    let missing: Set<number> | undefined;
    for (const value of values) {
      if (value === null || value.length < HEADER_BYTES || value[0] !== MAGIC) continue;
      const id = value.readInt32BE(1);
      if (id < 0 || this.#known.has(id)) continue;
      missing ??= new Set();
      missing.add(id);
    }
    return missing === undefined ? undefined : this.#fetch(missing, this.#source);
  }

  async #fetch(ids: ReadonlySet<number>, source: SchemaSource): Promise<void> {
    for (const id of ids) {
      if ((this.#unknownUntil.get(id) ?? 0) > this.#now()) continue;
      const schema = await source.schema(id);
      if (schema === null) {
        // Forged ids could be many.
        if (this.#unknownUntil.size > 10_000) this.#unknownUntil.clear();
        this.#unknownUntil.set(id, this.#now() + UNKNOWN_FOR_MS);
      } else {
        this.#known.set(id, schema);
        this.#unknownUntil.delete(id);
      }
    }
  }
}
