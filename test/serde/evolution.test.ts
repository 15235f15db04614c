import { describe, expect, it } from 'vitest';
import { UndecodableError } from '../../src/serde/errors.js';
import { resolve, typeOf } from '../../src/serde/resolution.js';
import { type FieldJson, type RecordJson, readSchema, withUnits } from '../../src/serde/schemas.js';
import { Serde } from '../../src/serde/serde.js';
import type { SchemaSource } from '../../src/serde/source.js';
import { frame } from '../../src/serde/wire.js';

const OURS = readSchema('BehaviorEvent');
const WRITTEN = {
  userId: 'u',
  itemId: 'i',
  domain: 'd',
  action: 'view',
  value: 2.5,
  occurredAt: 1_700_000_000_000,
  eventId: 'e',
  context: { k: 'v' },
};
const READ = {
  userId: 'u',
  itemId: 'i',
  domain: 'd',
  action: 'view',
  value: 2.5,
  occurredAtMs: 1_700_000_000_000,
  eventId: 'e',
};

/** Our schema with some fields replaced, taken away (undefined) or added at the front. */
function changed(changes: Record<string, Partial<FieldJson> | undefined>, name = 'BehaviorEvent') {
  const kept = OURS.fields
    .filter((field) => !(field.name in changes) || changes[field.name] !== undefined)
    .map((field) => ({ ...field, ...changes[field.name] }));
  const added = Object.entries(changes)
    .filter(([key]) => !OURS.fields.some((field) => field.name === key))
    .map(([key, field]) => ({ name: key, ...field }) as FieldJson);
  return { ...OURS, name, fields: [...added, ...kept] } as RecordJson;
}

/** A serde whose registry has one schema, with the id 7. */
async function serdeWith(schema: RecordJson): Promise<Serde> {
  const source: SchemaSource = {
    name: 'registry',
    schema: async (id) => (id === 7 ? schema : null),
    idFor: async () => 7,
  };
  const serde = new Serde({ source });
  await serde.load([frame(7, Buffer.alloc(1))]);
  return serde;
}

const encode = (schema: RecordJson, value: object) => frame(7, typeOf(schema).toBuffer(value));

describe('an event written with another schema is read', () => {
  const enumType = { type: 'enum' as const, name: 'Action', symbols: ['view', 'buy'] };
  const cases: [name: string, schema: RecordJson, value: object, read: object][] = [
    ['with the same fields', changed({}), WRITTEN, READ],
    ['with a field more', changed({ score: { type: 'int' } }), { ...WRITTEN, score: 3 }, READ],
    [
      'with arrays more',
      changed({ tags: { type: { type: 'array', items: 'string' } } }),
      { ...WRITTEN, tags: ['a', 'b'] },
      READ,
    ],
    [
      'without a field that has a default',
      changed({ value: undefined }),
      WRITTEN,
      { ...READ, value: null },
    ],
    ['by another name and namespace', changed({}, 'Click'), WRITTEN, READ],
    [
      'with int for double',
      changed({ value: { type: 'int', default: 0 } }),
      { ...WRITTEN, value: 2 },
      { ...READ, value: 2 },
    ],
    [
      'with int for long',
      changed({ occurredAt: { type: 'int' } }),
      { ...WRITTEN, occurredAt: 5 },
      { ...READ, occurredAtMs: 5 },
    ],
    [
      'with a value that is never null',
      changed({ value: { type: 'double', default: 0 } }),
      WRITTEN,
      READ,
    ],
    [
      'with an enum for a string',
      changed({ action: { type: enumType } }),
      { ...WRITTEN, action: 'buy' },
      { ...READ, action: 'buy' },
    ],
    [
      'with a nullable user that is there',
      changed({ userId: { type: ['null', 'string'] } }),
      WRITTEN,
      READ,
    ],
    [
      'with bytes for a string',
      changed({ itemId: { type: 'bytes' } }),
      { ...WRITTEN, itemId: Buffer.from('i') },
      READ,
    ],
  ];
  for (const [name, schema, value, read] of cases) {
    it(name, async () => {
      const serde = await serdeWith(schema);
      const decoded = serde.events.decode(encode(schema, value));
      expect({ ...decoded }).toEqual(read);
    });
  }
});

describe('an event that cannot be read as ours is a dead letter that names the field', () => {
  const cases: [name: string, schema: RecordJson, value: object, field: string][] = [
    [
      'userId is a number',
      changed({ userId: { type: 'long' } }),
      { ...WRITTEN, userId: 7 },
      'userId',
    ],
    ['itemId is missing', changed({ itemId: undefined }), WRITTEN, 'itemId'],
    [
      'value is a string',
      changed({ value: { type: 'string', default: '' } }),
      { ...WRITTEN, value: 'x' },
      'value',
    ],
    [
      'userId is null',
      changed({ userId: { type: ['null', 'string'] } }),
      { ...WRITTEN, userId: null },
      'userId',
    ],
    [
      'the time is in microseconds',
      changed({ occurredAt: { type: { type: 'long', logicalType: 'timestamp-micros' } } }),
      WRITTEN,
      'occurredAt',
    ],
  ];
  for (const [name, schema, value, field] of cases) {
    it(name, async () => {
      const serde = await serdeWith(schema);
      const outcome = serde.events.tryDecode(encode(schema, value)) as UndecodableError;
      expect(outcome).toBeInstanceOf(UndecodableError);
      expect(outcome).toMatchObject({ reason: 'schema-incompatible', field });
      expect(outcome.message).toContain(field);
    });
  }

  it('a forged array of 2^50 elements ends at once', async () => {
    const schema = changed({ tags: { type: { type: 'array', items: 'string' } } });
    const serde = await serdeWith(schema);
    const outcome = serde.events.tryDecode(frame(7, Buffer.from('8080808080808004', 'hex')));
    expect(outcome).toMatchObject({ reason: 'truncated' });
  });
});

describe('a newer or older reader', () => {
  const record = (fields: FieldJson[]): RecordJson => ({ type: 'record', name: 'R', fields });
  const color = (symbols: string[], fallback?: string) => ({
    type: 'enum' as const,
    name: 'Color',
    symbols,
    ...(fallback === undefined ? {} : { default: fallback }),
  });
  const read = (reader: RecordJson, writer: RecordJson, value: object) => ({
    ...resolve<object>(reader, writer, { event: true }).read(typeOf(writer).toBuffer(value), 0),
  });

  it('gives a new field its default', () => {
    const writer = record([{ name: 'a', type: 'int' }]);
    const reader = record([
      { name: 'a', type: 'long' },
      { name: 'b', type: 'string', default: 'x' },
    ]);
    expect(read(reader, writer, { a: 1 })).toEqual({ a: 1, b: 'x' });
  });

  it('reads an enum symbol that it does not know as the default', () => {
    const writer = record([{ name: 'c', type: color(['RED', 'BLUE']) }]);
    const reader = record([{ name: 'c', type: color(['OTHER', 'RED'], 'OTHER') }]);
    expect(read(reader, writer, { c: 'BLUE' })).toEqual({ c: 'OTHER' });
    expect(read(reader, writer, { c: 'RED' })).toEqual({ c: 'RED' });
  });

  it('finds a renamed field by its alias', () => {
    const writer = record([{ name: 'old', type: 'string' }]);
    const reader = record([{ name: 'fresh', type: 'string', aliases: ['old'] }]);
    expect(read(reader, writer, { old: 'x' })).toEqual({ fresh: 'x' });
  });

  it('reads our own records of an older schema', () => {
    const ours = readSchema('UserState');
    const older = {
      ...ours,
      fields: ours.fields.filter((field) => field.name !== 'recentEventIds'),
    };
    const value = {
      formatVersion: 1,
      userId: 'u',
      histories: [],
      basedOn: null,
      answeredOffset: -1,
      lastListAt: 0,
      minute: 0,
      minuteCount: 0,
    };
    expect(read(withUnits(ours), older, value)).toMatchObject({
      userId: 'u',
      recentEventIds: [],
      lastListAtMs: 0,
    });
  });
});
