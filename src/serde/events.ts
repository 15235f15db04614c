import type { BehaviorEvent } from '../online/types.js';
import { UndecodableError } from './errors.js';
import { decodeLean } from './lean-event.js';
import { RecordCodec, type SchemaLookup } from './record.js';
import { typeOf } from './resolution.js';
import type { RecordJson } from './schemas.js';
import { HEADER_BYTES, readSchemaId } from './wire.js';

/** An event as it is written: with the context that the learner does not read. */
export interface OutgoingEvent extends BehaviorEvent {
  readonly context?: Readonly<Record<string, string>> | null;
}

/** Our schema without the context, which nobody here reads. */
function leanReader(schema: RecordJson): RecordJson {
  return { ...schema, fields: schema.fields.filter((field) => field.name !== 'context') };
}

/**
 * The codec of the input topic. Reads everything but the context. Events that were written with our
 * own schema take a decoder of their own (see lean-event.ts); all others go through avsc's resolution.
 */
export class EventCodec {
  readonly #codec: RecordCodec<OutgoingEvent>;
  readonly #schema: RecordJson;
  readonly #lookup: SchemaLookup;
  readonly #lean = new Map<number, boolean>();

  constructor(options: { id: number; schema: RecordJson; lookup: SchemaLookup }) {
    this.#codec = new RecordCodec({ ...options, reader: leanReader(options.schema), event: true });
    this.#schema = options.schema;
    this.#lookup = options.lookup;
  }

  /** The schema id that is written. */
  get id(): number {
    return this.#codec.id;
  }

  encode(event: OutgoingEvent): Buffer {
    return this.#codec.encode(event.context === undefined ? { ...event, context: null } : event);
  }

  /** Returns the event. Errors: UndecodableError (UNDECODABLE_EVENT, dead-letter) with a reason. */
  decode(value: Buffer | null): BehaviorEvent {
    const id = readSchemaId(value, this.#codec.name, true);
    const lean = this.#lean.get(id) ?? this.#isLean(id);
    return lean ? decodeLean(value!, HEADER_BYTES) : this.#codec.decode(value);
  }

  /** Returns the event, or the error that makes it a dead letter. */
  tryDecode(value: Buffer | null): BehaviorEvent | UndecodableError {
    try {
      return this.decode(value);
    } catch (error) {
      if (error instanceof UndecodableError) return error;
      throw error;
    }
  }

  #isLean(id: number): boolean {
    const writer = this.#lookup(id);
    if (writer === undefined) return false;
    const lean = sameShape(writer, this.#schema);
    this.#lean.set(id, lean);
    return lean;
  }
}

/** Whether two schemas have the same fields, units included. */
function sameShape(writer: unknown, schema: RecordJson): boolean {
  const fields = (writer as Partial<RecordJson>).fields;
  if (fields === undefined) return false;
  try {
    const anonymous = (list: RecordJson['fields']) =>
      typeOf({ type: 'record', name: 'Shape', fields: list });
    const time = (list: RecordJson['fields']) =>
      JSON.stringify(list.find((field) => field.name === 'occurredAt')?.type);
    return (
      anonymous(fields).equals(anonymous(schema.fields)) && time(fields) === time(schema.fields)
    );
  } catch {
    return false;
  }
}
