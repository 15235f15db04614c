import { describe, expect, it } from 'vitest';
import { UndecodableError } from '../../src/serde/errors.js';
import { Serde } from '../../src/serde/serde.js';
import { EMBEDDED_IDS } from '../../src/serde/source.js';
import { frame } from '../../src/serde/wire.js';

const serde = new Serde();
const EVENT = {
  userId: 'u',
  itemId: 'i',
  domain: 'd',
  action: 'a',
  value: null,
  occurredAtMs: 1,
  eventId: null,
};
const ID = EMBEDDED_IDS.BehaviorEvent;
const body = (hex: string) => frame(ID, Buffer.from(hex.replaceAll(' ', ''), 'hex'));

describe('bytes of an event', () => {
  // userId u, itemId i, domain d, action a, value, occurredAt, eventId, context
  const valid: [name: string, value: Buffer, part: object][] = [
    ['no value, id or context', body('0275 0269 0264 0261 00 02 00 00'), EVENT],
    [
      'a value of 1.5',
      body('0275 0269 0264 0261 02 000000000000f83f 02 00 00'),
      { ...EVENT, value: 1.5 },
    ],
    ['an eventId e', body('0275 0269 0264 0261 00 02 02 0265 00'), { ...EVENT, eventId: 'e' }],
    ['an empty context', body('0275 0269 0264 0261 00 02 00 02 00'), EVENT],
    ['a context k = v', body('0275 0269 0264 0261 00 02 00 02 02 026b 0276 00'), EVENT],
    [
      'a context whose block says its size',
      body('0275 0269 0264 0261 00 02 00 02 01 08 026b 0276 00'),
      EVENT,
    ],
    ['a time before 1970', body('0275 0269 0264 0261 00 01 00 00'), { ...EVENT, occurredAtMs: -1 }],
    ['empty ids', body('00 00 0264 0261 00 02 00 00'), { ...EVENT, userId: '', itemId: '' }],
    ['two bytes a character', body('04c3a9 0269 0264 0261 00 02 00 00'), { ...EVENT, userId: 'é' }],
  ];
  for (const [name, value, part] of valid) {
    it(`with ${name} are read`, () => expect(serde.events.decode(value)).toEqual(part));
  }

  const invalid: [name: string, value: Buffer | null, reason: string][] = [
    ['null', null, 'empty-value'],
    ['no bytes', Buffer.alloc(0), 'empty-value'],
    ['JSON', Buffer.from('{"userId":"u"}'), 'not-wire-format'],
    ['a header that is cut', Buffer.from([0, 0, 0, 0]), 'not-wire-format'],
    ['another magic byte', Buffer.from([1, 0, 0, 0, 1, 0]), 'not-wire-format'],
    ['an id that nobody knows', frame(7, Buffer.from([0])), 'unknown-schema-id'],
    ['a negative id', frame(-1, Buffer.from([0])), 'unknown-schema-id'],
    ['a header alone', body(''), 'truncated'],
    ['a string longer than the body', body('0a75'), 'truncated'],
    ['a string of negative length', body('0175'), 'truncated'],
    ['a body without its end', body('0275 0269 0264 0261 00 02'), 'truncated'],
    [
      'a context of 2^40 entries',
      body('0275 0269 0264 0261 00 02 00 02 80808080808040'),
      'truncated',
    ],
    ['bytes after the end', body('0275 0269 0264 0261 00 02 00 00 ff'), 'trailing-bytes'],
    ['a union branch that is not there', body('0275 0269 0264 0261 04 02 00 00'), 'invalid-body'],
    [
      'a time beyond 2^53',
      body('0275 0269 0264 0261 00 feffffffffffffffff01 00 00'),
      'invalid-body',
    ],
    [
      'a long of eleven bytes',
      body('0275 0269 0264 0261 00 ffffffffffffffffffff01 00 00'),
      'invalid-body',
    ],
  ];
  for (const [name, value, reason] of invalid) {
    it(`that are ${name} are a dead letter (${reason})`, () => {
      const outcome = serde.events.tryDecode(value);
      expect(outcome).toMatchObject({
        code: 'UNDECODABLE_EVENT',
        disposition: 'dead-letter',
        reason,
      });
    });
  }
});

it('a record of ours that cannot be read stops the process', () => {
  const outcome = () => serde.userStates.decode(frame(EMBEDDED_IDS.UserState, Buffer.from([2])));
  expect(outcome).toThrow(UndecodableError);
  expect(outcome).toThrow(expect.objectContaining({ disposition: 'fatal', reason: 'truncated' }));
});

it('a list that was written before lists had reasons is read', () => {
  const value = body('0275 0266 02 0269 0000003f 00 06 0274 00 02 00 00 00');
  value.writeInt32BE(2_000_000_003, 1);
  expect(serde.lists.decode(value)).toMatchObject({
    userId: 'u',
    domain: 'f',
    items: [{ itemId: 'i', score: 0.5, because: [] }],
    modelVersion: 3,
    basedOn: { topic: 't', partition: 0, offset: 1n },
  });
});

it('the ids of the embedded schemas never change', () => {
  expect(EMBEDDED_IDS).toEqual({
    BehaviorEvent: 2_000_000_001,
    Item: 2_000_000_008,
    RecommendationList: 2_000_000_007,
    UserState: 2_000_000_004,
    ModelDelta: 2_000_000_005,
    SnapshotChunk: 2_000_000_006,
  });
});

it('a value that is none of the schema is refused when it is encoded', () => {
  expect(() => serde.events.encode({ ...EVENT, userId: 7 as unknown as string })).toThrow(
    'invalid "string": 7',
  );
});

it('a record larger than the scratch buffer is encoded whole', () => {
  const userId = 'x'.repeat(100_000);
  const event = { ...EVENT, userId };
  expect(serde.events.decode(serde.events.encode(event))).toEqual(event);
});
