import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { missingAcl } from '../../src/transport/kafka/authorisation.js';
import type { ProtocolRequest } from '../../src/transport/kafka/internals.js';
import { bumpEpochRequest } from '../../src/transport/kafka/produce-protocol.js';

const require = createRequire(import.meta.url);

type Request = ProtocolRequest['request'];

/** kafkajs's own request of that name, in the newest version that it has. */
function requestOf(name: string, fields: object): Request {
  const { versions, protocol } = require(`kafkajs/src/protocol/requests/${name}`) as {
    versions: string[];
    protocol(wanted: { version: string }): (fields: object) => { request: Request };
  };
  return protocol({ version: versions.at(-1)! })(fields).request;
}

const id = { transactionalId: 'shop-0', producerId: '7', producerEpoch: 3 };
const places = [{ topic: 'clicks', partitions: [{ partition: 0, offset: '5', metadata: null }] }];

it.each<[what: string, request: Request, answer: unknown, said: string]>([
  [
    'a transaction that may not write to one of its topics',
    requestOf('addPartitionsToTxn', { ...id, topics: [{ topic: 'lists', partitions: [0] }] }),
    {
      errors: [
        { topic: 'state', partitionErrors: [{ partition: 0, errorCode: 55 }] },
        { topic: 'lists', partitionErrors: [{ partition: 0, errorCode: 29 }] },
      ],
    },
    "Write on topic 'lists'",
  ],
  [
    'offsets in a transaction, of a group that is not ours',
    requestOf('addOffsetsToTxn', { ...id, groupId: 'shop' }),
    { errorCode: 30 },
    "Read on group 'shop'",
  ],
  [
    'offsets in a transaction that is not ours',
    requestOf('addOffsetsToTxn', { ...id, groupId: 'shop' }),
    { errorCode: 53 },
    "Write on transactional id 'shop-0'",
  ],
  [
    'offsets written for a group that is not ours',
    requestOf('txnOffsetCommit', { ...id, groupId: 'shop', topics: places }),
    { topics: [{ topic: 'clicks', partitions: [{ partition: 0, errorCode: 30 }] }] },
    "Read on group 'shop'",
  ],
  [
    'offsets written for a topic that we may not read',
    requestOf('txnOffsetCommit', { ...id, groupId: 'shop', topics: places }),
    { topics: [{ topic: 'clicks', partitions: [{ partition: 0, errorCode: 29 }] }] },
    "Read on topic 'clicks'",
  ],
  [
    "a group's offsets that we may not see",
    requestOf('offsetFetch', { groupId: 'shop', topics: places }),
    { responses: [], errorCode: 30 },
    "Describe on group 'shop'",
  ],
  [
    'a group that we may not look at',
    requestOf('describeGroups', { groupIds: ['shop'] }),
    { groups: [{ groupId: 'shop', errorCode: 30 }] },
    "Describe on group 'shop'",
  ],
  [
    'an epoch of a transactional id that was ours',
    bumpEpochRequest('shop-0', 60_000, '7', 3).request,
    { errorCode: 53 },
    "Write on transactional id 'shop-0'",
  ],
  [
    'an epoch of a long one',
    bumpEpochRequest('i'.repeat(200), 60_000, '7', 3).request,
    { errorCode: 53 },
    `Write on transactional id '${'i'.repeat(200)}'`,
  ],
  [
    'topics of which two are refused',
    requestOf('metadata', { topics: ['a', 'b'] }),
    {
      topicMetadata: [
        { topic: 'b', topicErrorCode: 29 },
        { topic: 'a', topicErrorCode: 29 },
      ],
    },
    "Describe on topic 'a', 'b'",
  ],
])('%s is named', async (_, request, answer, said) => {
  const error = await missingAcl(request, answer);
  expect(error).toMatchObject({ code: 'NOT_AUTHORISED', disposition: 'usage' });
  expect(error?.message).toContain(`does not allow this client ${said}.`);
});

it('answers that refuse nothing, or fail otherwise, name none', async () => {
  const request = requestOf('metadata', { topics: ['a'] });
  for (const answer of [
    null,
    { errorCode: 0 },
    { topicMetadata: [{ topic: 'a', topicErrorCode: 3 }] },
    { memberAssignment: Buffer.from([29]), errorCode: 27 },
  ]) {
    expect(await missingAcl(request, answer)).toBeNull();
  }
});
