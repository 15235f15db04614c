import { UndecodableError } from './errors.js';

/**
 * The Confluent wire format: one byte 0, four bytes of schema id (big-endian), the Avro body.
 * Source: docs.confluent.io, "Wire format" of the schema registry's serializers.
 */
export const MAGIC = 0;
export const HEADER_BYTES = 5;

/** Writes the header to the first five bytes of `target`. */
export function writeHeader(target: Buffer, schemaId: number): void {
  target[0] = MAGIC;
  target.writeInt32BE(schemaId, 1);
}

/**
 * Returns the id of the writer's schema. Errors: UndecodableError with reason `empty-value` or
 * `not-wire-format`.
 *
 * @param record What is being decoded, for the message.
 * @param event Whether it is an event (dead-letter) or a record of ours (fatal).
 */
export function readSchemaId(value: Buffer | null, record: string, event: boolean): number {
  if (value === null || value.length === 0) {
    throw new UndecodableError(record, 'empty-value', 'the value is empty', { event });
  }
  if (value.length < HEADER_BYTES || value[0] !== MAGIC) {
    const start = value.subarray(0, HEADER_BYTES).toString('hex');
    throw new UndecodableError(
      record,
      'not-wire-format',
      `the value begins with 0x${start}, not with 0x00 and a schema id of four bytes`,
      { event },
    );
  }
  return value.readInt32BE(1);
}

/** Returns header and body in one buffer. */
export function frame(schemaId: number, body: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  writeHeader(framed, schemaId);
  framed.set(body, HEADER_BYTES);
  return framed;
}
