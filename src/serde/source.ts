import type { RecordJson, RecordName, SchemaJson } from './schemas.js';
import { readPastSchema, readSchema } from './schemas.js';

/** Where writers' schemas come from. */
export interface SchemaSource {
  readonly name: 'embedded' | 'registry';
  /**
   * Returns the schema with this id, or null where the source does not know it (dead letter).
   * Errors: SCHEMA_REGISTRY_UNAVAILABLE (retry) where there was no answer.
   */
  schema(id: number): Promise<SchemaJson | null>;
  /** Returns the id under which records of the topic are written. Errors as `schema`. */
  idFor(topic: string, name: RecordName): Promise<number>;
}

/**
 * The ids of the embedded schemas: fixed, and far above what a registry gives out, so that our own
 * records stay readable when a registry is added later. An id never changes its meaning; a new
 * version of a schema gets a new id, and the old one stays here.
 */
export const EMBEDDED_IDS: Readonly<Record<RecordName, number>> = {
  BehaviorEvent: 2_000_000_001,
  Item: 2_000_000_008,
  RecommendationList: 2_000_000_007,
  UserState: 2_000_000_004,
  ModelDelta: 2_000_000_005,
  SnapshotChunk: 2_000_000_006,
};

/** Ids that are read and not written any more, with the files in `schemas/past/`. */
const PAST_IDS: Readonly<Record<number, string>> = {
  2000000002: 'Item-1',
  2000000003: 'RecommendationList-1',
};

/** The schemas in `schemas/`, without a registry. */
export class EmbeddedSchemas implements SchemaSource {
  readonly name = 'embedded';
  readonly #byId = new Map<number, RecordJson>();

  constructor() {
    for (const [name, id] of Object.entries(EMBEDDED_IDS)) {
      this.#byId.set(id, readSchema(name as RecordName));
    }
    for (const [id, file] of Object.entries(PAST_IDS)) {
      this.#byId.set(Number(id), readPastSchema(file));
    }
  }

  /** All of them, those of the past included. */
  entries(): Iterable<readonly [number, RecordJson]> {
    return this.#byId;
  }

  /** Returns the embedded schema with this id; undefined where there is none. */
  get(id: number): RecordJson | undefined {
    return this.#byId.get(id);
  }

  async schema(id: number): Promise<SchemaJson | null> {
    return this.#byId.get(id) ?? null;
  }

  async idFor(_topic: string, name: RecordName): Promise<number> {
    return EMBEDDED_IDS[name];
  }
}
