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
  /** Ids that public records are written under (see open.ts); embedded ones by default. */
  readonly ids?: Partial<Record<RecordName, number>>;
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
  readonly events: EventCodec;
  readonly items: RecordCodec<Item>;
  readonly lists: RecommendationListCodec;
  readonly userStates: UserStateCodec;
  readonly deltas: ModelDeltaCodec;
  readonly snapshots: SnapshotChunkCodec;
  readonly #known = new Map<number, SchemaJson>();
  readonly #unknownUntil = new Map<number, number>();
  readonly #source: SchemaSource | null;
  readonly #now: () => number;

  constructor(options: SerdeOptions = {}) {
    const embedded = new EmbeddedSchemas();
    for (const id of Object.values(EMBEDDED_IDS)) this.#known.set(id, embedded.get(id)!);
    this.#source = options.source?.name === 'registry' ? options.source : null;
    this.#now = options.now ?? Date.now;
    const lookup = (id: number) => this.#known.get(id);
    const codec = (name: RecordName) => {
      const id = options.ids?.[name] ?? EMBEDDED_IDS[name];
      const schema: RecordJson = readSchema(name);
      this.#known.set(id, schema);
      return { id, schema, lookup };
    };
    this.events = new EventCodec(codec('BehaviorEvent'));
    this.items = new RecordCodec<Item>(codec('Item'));
    this.lists = new RecommendationListCodec(codec('RecommendationList'));
    this.userStates = new UserStateCodec(codec('UserState'));
    this.deltas = new ModelDeltaCodec(codec('ModelDelta'));
    this.snapshots = new SnapshotChunkCodec(codec('SnapshotChunk'));
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
