import { randomBytes } from 'node:crypto';
import type { Config } from '../../config.js';
import { matchingInputs } from '../../topics.js';
import type { LogAdmin, LogRecord, Transport } from '../../transport/transport.js';
import { type Finding, found, looked, ok, skipped } from './report.js';

const READ_WITHIN_MS = 10_000;
/** More than that and events of the one are from the other's future. */
const SKEW_WARN_MS = 1_000;

const TRANSACTIONS = 'transactions';
const CLOCK = 'clock';
const RIGHTS =
  'Transactions need Kafka 2.5 or later, and rights on the transactional ids and topics that begin with the application id.';

/**
 * Writes one record in a transaction to a topic made for it, reads it back committed, and takes the
 * broker's clock off it: the topic's records are stamped when they are appended. The topic is deleted
 * again.
 */
export async function checkByProbe(
  config: Config,
  transport: Transport,
  admin: LogAdmin,
): Promise<Finding[]> {
  const topic = `${config.appId}.doctor-${randomBytes(4).toString('hex')}`;
  if (matchingInputs(config, [{ topic, partitions: 1 }]).length > 0) {
    const detail = `Topic ${topic} would match ISTHMUS_INPUT_TOPIC, so it was not made.`;
    return [skipped(TRANSACTIONS, detail), skipped(CLOCK, detail)];
  }
  try {
    await admin.createTopics([
      { topic, partitions: 1, config: { 'message.timestamp.type': 'LogAppendTime' } },
    ]);
  } catch {
    const detail = `Topic ${topic} could not be made, so nothing was written; somebody else may have to make topics here.`;
    return [skipped(TRANSACTIONS, detail), skipped(CLOCK, detail)];
  }
  let record: LogRecord | null = null;
  let sentMs = 0;
  try {
    const written = await looked(TRANSACTIONS, RIGHTS, async () => {
      const id = `${config.appId}-doctor`;
      const producer = await transport.transactionalProducer(id, config.transactionTimeoutMs);
      const begin = performance.now();
      try {
        await producer.init();
        const transaction = await producer.begin();
        sentMs = Date.now();
        await transaction.send([{ topic, key: 'doctor', value: Buffer.from('probe') }]);
        await transaction.commit();
      } finally {
        await producer.close();
      }
      record = await firstOf(transport, topic);
      const took = Math.round(performance.now() - begin);
      return ok(TRANSACTIONS, `A record was committed and read back in ${took} ms.`);
    });
    return [written, clockOf(record, sentMs, transport.name, config)];
  } finally {
    await admin.deleteTopics([topic]).catch(() => undefined);
  }
}

function clockOf(
  record: LogRecord | null,
  sentMs: number,
  transport: Transport['name'],
  { futureToleranceMs }: Pick<Config, 'futureToleranceMs'>,
): Finding {
  if (record === null) return skipped(CLOCK, 'No record came back to compare clocks by.');
  if (transport === 'memory')
    return skipped(CLOCK, 'A log in memory has the clock of its process.');
  return clockFinding(record.timestampMs - sentMs, futureToleranceMs);
}

/** @param aheadMs How far the broker's clock is ahead of ours, the way there included. */
export function clockFinding(aheadMs: number, futureToleranceMs: number): Finding {
  const away = Math.abs(aheadMs);
  const detail = `The broker's clock is ${away} ms ${aheadMs < 0 ? 'behind' : 'ahead of'} this machine's.`;
  if (away <= SKEW_WARN_MS) return ok(CLOCK, detail);
  return found(
    CLOCK,
    away > futureToleranceMs ? 'fail' : 'warn',
    detail,
    'Let NTP or chrony set both clocks: freshness is measured by them, and events from the future are dead letters (ISTHMUS_FUTURE_TOLERANCE_MS).',
  );
}

/** The topic's first committed record. */
async function firstOf(transport: Transport, topic: string): Promise<LogRecord> {
  let fail: (error: Error) => void = () => undefined;
  const reader = transport.reader([topic], (error) => fail(error));
  let timer: NodeJS.Timeout | undefined;
  try {
    await reader.run();
    return await new Promise<LogRecord>((resolve, reject) => {
      fail = reject;
      timer = setTimeout(
        () => reject(new Error(`the record did not come back within ${READ_WITHIN_MS} ms`)),
        READ_WITHIN_MS,
      );
      reader.follow({ topic, partition: 0 }, 0n, {
        onRecords: ([first]) => {
          if (first !== undefined) resolve(first);
        },
      });
    });
  } finally {
    clearTimeout(timer);
    await reader.close();
  }
}
