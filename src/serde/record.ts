import type { Type } from 'avsc';
import { UndecodableError } from './errors.js';
import { type Resolution, resolve, typeOf } from './resolution.js';
import { type RecordJson, type SchemaJson, withUnits } from './schemas.js';
import { HEADER_BYTES, readSchemaId, writeHeader } from './wire.js';

/** Where a codec finds the schemas of those ids that it has not met. */
export type SchemaLookup = (id: number) => SchemaJson | undefined;

export interface RecordCodecOptions {
  /** The id that is written. */
  readonly id: number;
  /** The schema that is written. */
  readonly schema: RecordJson;
  /** The schema that is read as; leaner or newer than what was written. `schema` by default. */
  readonly reader?: RecordJson;
  /** Schemas by id that are at hand (without waiting). */
  readonly lookup: SchemaLookup;
  /** An undecodable event goes to the dead letters; an undecodable record of ours is fatal. */
  readonly event?: boolean;
}

/**
 * Encodes and decodes one kind of record, in the wire format. `T` has the fields of the schema,
 * timestamps as `xMs` (see `withUnits`).
 *
 *     codec.decode(codec.encode(value)) = value
 */
export class RecordCodec<T> {
  readonly name: string;
  readonly id: number;
  readonly event: boolean;
  readonly #type: Type;
  readonly #reader: RecordJson;
  readonly #lookup: SchemaLookup;
  readonly #resolutions = new Map<number, Resolution<T> | UndecodableError>();
  #scratch = Buffer.allocUnsafeSlow(4096);

  constructor(options: RecordCodecOptions) {
    this.name = options.schema.name;
    this.id = options.id;
    this.event = options.event ?? false;
    this.#type = typeOf(withUnits(options.schema));
    this.#reader = withUnits(options.reader ?? options.schema);
    this.#lookup = options.lookup;
  }

  /** Returns the bytes. Throws TypeError where the value is none of the schema (a bug of ours). */
  encode(value: T): Buffer {
    let end = this.#type.encode(value, this.#scratch, HEADER_BYTES);
    if (end < 0) {
      this.#scratch = Buffer.allocUnsafeSlow((this.#scratch.length - end) * 2);
      end = this.#type.encode(value, this.#scratch, HEADER_BYTES);
    }
    writeHeader(this.#scratch, this.id);
    const bytes = Buffer.allocUnsafe(end);
    this.#scratch.copy(bytes, 0, 0, end);
    return bytes;
  }

  /**
   * Returns the record. Errors: UndecodableError with a reason. An id that is not at hand is
   * `unknown-schema-id`: where there is a registry, `Serde.load` has to come first.
   */
  decode(value: Buffer | null): T {
    const id = readSchemaId(value, this.name, this.event);
    const resolution = this.#resolutions.get(id) ?? this.#resolve(id);
    if (resolution instanceof UndecodableError) throw resolution;
    return resolution.read(value!, HEADER_BYTES);
  }

  /** An incompatible schema is remembered too: finding that out is dear. */
  #resolve(id: number): Resolution<T> | UndecodableError {
    const writer = this.#lookup(id);
    if (writer === undefined) {
      const detail = `no schema has the id ${id}`;
      return new UndecodableError(this.name, 'unknown-schema-id', detail, { event: this.event });
    }
    let resolution: Resolution<T> | UndecodableError;
    try {
      resolution = resolve<T>(this.#reader, writer, { event: this.event });
    } catch (error) {
      if (!(error instanceof UndecodableError)) throw error;
      resolution = error;
    }
    this.#resolutions.set(id, resolution);
    return resolution;
  }
}
