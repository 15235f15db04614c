import type { IsthmusError } from '../../errors.js';
import { type AclResource, notAuthorised } from '../errors.js';
import type { ProtocolRequest } from './internals.js';

/**
 * Says which ACL is missing, where the broker says only that one is: the operation follows from the
 * request and from what was refused (https://kafka.apache.org/documentation/#operations_in_kafka),
 * topics stand in the answer, groups and transactional ids at the head of the request.
 */

export const topicRefused = 29;
const groupRefused = 30;
const clusterRefused = 31;
const idRefused = 53;

type Code = typeof topicRefused | typeof groupRefused | typeof clusterRefused | typeof idRefused;

const kinds: Record<Code, AclResource['type']> = {
  [topicRefused]: 'topic',
  [groupRefused]: 'group',
  [clusterRefused]: 'cluster',
  [idRefused]: 'transactional id',
};

/** Other requests of ours than these want what `otherwise` says. */
const operations: Record<Code, Readonly<Record<string, string>> & { readonly otherwise: string }> =
  {
    [topicRefused]: {
      AddPartitionsToTxn: 'Write',
      CreateTopics: 'Create',
      DeleteRecords: 'Delete',
      DeleteTopics: 'Delete',
      OffsetCommit: 'Read',
      TxnOffsetCommit: 'Read',
      otherwise: 'Describe',
    },
    [groupRefused]: {
      GroupCoordinator: 'Describe',
      DescribeGroups: 'Describe',
      OffsetFetch: 'Describe',
      otherwise: 'Read',
    },
    [clusterRefused]: { InitProducerId: 'IdempotentWrite', otherwise: 'Create' },
    [idRefused]: { GroupCoordinator: 'Describe', otherwise: 'Write' },
  };

interface Refused {
  readonly code: Code;
  readonly topic: string | null;
}

/** Returns the error that names what is missing; null where the answer refuses nothing. */
export async function missingAcl(
  request: ProtocolRequest['request'],
  answer: unknown,
): Promise<IsthmusError | null> {
  const refused = [...refusedIn(answer, null)];
  const code = refused[0]?.code;
  if (code === undefined) return null;
  const topics = refused.filter((one) => one.code === code).flatMap(({ topic }) => topic ?? []);
  const names = code === topicRefused ? topics : [await nameIn(request, code)];
  const table = operations[code];
  const operation = table[request.apiName] ?? table.otherwise;
  return notAuthorised(operation, { type: kinds[code], names: [...new Set(names)].sort() });
}

function* refusedIn(value: unknown, topic: string | null): Generator<Refused> {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return;
  const { topic: named, errorCode, topicErrorCode } = value as Readonly<Record<string, unknown>>;
  const here = typeof named === 'string' ? named : topic;
  const code = Number(errorCode ?? topicErrorCode);
  if (code in kinds) yield { code: code as Code, topic: here };
  for (const inner of Object.values(value)) yield* refusedIn(inner, here);
}

/** The group or the transactional id that the request is about. */
async function nameIn(request: ProtocolRequest['request'], code: Code): Promise<string> {
  const { buffer } = await request.encode();
  if (request.apiName === 'InitProducerId' && request.apiVersion >= 2) {
    // After the tags of the header, of which there are none.
    return compactStringAt(buffer, 1);
  }
  const first = stringAt(buffer, request.apiName === 'DescribeGroups' ? 4 : 0);
  if (code === groupRefused && request.apiName === 'TxnOffsetCommit') {
    return stringAt(buffer, first.end).text;
  }
  if (code === groupRefused && request.apiName === 'AddOffsetsToTxn') {
    // Between the two: the producer's id and epoch.
    return stringAt(buffer, first.end + 10).text;
  }
  return first.text;
}

/** A string of a flexible version: its length and one, as a varint, stands before it. */
function compactStringAt(buffer: Buffer, at: number): string {
  const low = buffer.readUInt8(at);
  const long = low >= 0x80;
  const length = (low & 0x7f) + (long ? buffer.readUInt8(at + 1) * 0x80 : 0) - 1;
  const start = at + (long ? 2 : 1);
  return buffer.toString('utf8', start, start + length);
}

function stringAt(buffer: Buffer, at: number): { text: string; end: number } {
  const end = at + 2 + Math.max(buffer.readInt16BE(at), 0);
  return { text: buffer.toString('utf8', at + 2, end), end };
}
