import { afterEach, describe, expect, test, vi } from 'vitest';
import { Owed } from '../../src/tasks/owed.js';
import { ModelReplica } from '../../src/tasks/replica.js';
import type { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import type {
  FollowHandlers,
  LogReader,
  LogRecord,
  Transaction,
  TransactionalProducer,
  Transport,
} from '../../src/transport/transport.js';
import { Unseen } from '../../src/transport/unseen.js';
import type { HistorySpec } from './history.js';
import { check, everyPoint, specOf } from './seeded.js';
import { serde } from './world.js';

/** Histories in which a planted bug has to show, twice as many. */
const HISTORIES = 60;
const POINTS = 30;

type Wrap = NonNullable<HistorySpec['wrap']>;

/** A transport in which some functions are replaced. */
function altered(transport: MemoryTransport, changes: Partial<Transport>): Transport {
  return {
    name: 'memory',
    admin: () => transport.admin(),
    producer: () => transport.producer(),
    transactionalProducer: (id, timeoutMs) => transport.transactionalProducer(id, timeoutMs),
    groupConsumer: (options) => transport.groupConsumer(options),
    reader: (topics, onCrash) => transport.reader(topics, onCrash),
    close: () => transport.close(),
    ...changes,
  };
}

/** A producer that commits offsets as soon as it gets them, whatever becomes of the transaction. */
function offsetsApart(producer: TransactionalProducer, log: MemoryLog): TransactionalProducer {
  return {
    transactionalId: producer.transactionalId,
    init: () => producer.init(),
    close: () => producer.close(),
    async begin(): Promise<Transaction> {
      const transaction = await producer.begin();
      return {
        send: (records) => transaction.send(records),
        commit: () => transaction.commit(),
        abort: () => transaction.abort(),
        async sendOffsets(groupId, offsets) {
          await transaction.sendOffsets(groupId, []);
          for (const { topic, partition, offset } of offsets)
            log.group(groupId).commit(topic, partition, offset);
        },
      };
    },
  };
}

/** A producer that loses the last list of each transaction with several. */
function withoutLastList(producer: TransactionalProducer): TransactionalProducer {
  return {
    transactionalId: producer.transactionalId,
    init: () => producer.init(),
    close: () => producer.close(),
    async begin(): Promise<Transaction> {
      const transaction = await producer.begin();
      return {
        send: (records) => {
          const lists = records.filter(({ topic }) => topic === 'recommendations');
          const lost = lists.length > 1 ? lists.at(-1) : undefined;
          return transaction.send(records.filter((record) => record !== lost));
        },
        sendOffsets: (groupId, offsets) => transaction.sendOffsets(groupId, offsets),
        commit: () => transaction.commit(),
        abort: () => transaction.abort(),
      };
    },
  };
}

/** A reader that shows every delta as one of another process. */
function withoutOwnDeltas(reader: LogReader): LogReader {
  const strange = (record: LogRecord): LogRecord => {
    const delta = serde.deltas.decode(record.value);
    return { ...record, value: serde.deltas.encode({ ...delta, process: 'another' }) };
  };
  return {
    run: () => reader.run(),
    close: () => reader.close(),
    follow: (place, from, handlers: FollowHandlers) =>
      reader.follow(place, from, {
        onRecords: (records, ...rest) =>
          handlers.onRecords(
            place.topic.endsWith('.model-deltas') ? records.map(strange) : records,
            ...rest,
          ),
      }),
  };
}

/** Runs histories, changed like that, until one fails; returns what it found. */
async function firstProblems(changes: Partial<HistorySpec> = {}): Promise<readonly string[]> {
  for (const spec of histories()) {
    const { problems } = await check({ ...spec, ...changes });
    if (problems.length > 0) return problems;
  }
  return [];
}

/** The same, with something put between each process and the log. */
function firstWrapped(wrap: Wrap): Promise<readonly string[]> {
  return firstProblems({ wrap });
}

/** Blows at single points and seeded histories, in turn. */
function* histories(): Generator<HistorySpec> {
  const alone = { partitions: 1, processes: 1, cut: 'offset', events: 16 } as const;
  const single = [...everyPoint(POINTS, alone)];
  for (let i = 0; i < HISTORIES; i++) {
    // 13 has no divisor in common with the number of kinds: all of them come up at all points.
    yield single[(i * 13) % single.length]!;
    yield specOf(i);
  }
}

describe('a bug that is planted shows', { timeout: 60_000 }, () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test('offsets that are committed outside the transaction', async () => {
    const problems = await firstWrapped((transport, log) =>
      altered(transport, {
        transactionalProducer: async (id, timeoutMs) =>
          offsetsApart(await transport.transactionalProducer(id, timeoutMs), log),
      }),
    );
    expect(problems).not.toEqual([]);
  });

  test('an own delta that is applied twice, when it is read back', async () => {
    const problems = await firstWrapped((transport) =>
      altered(transport, {
        reader: (topics, onCrash) => withoutOwnDeltas(transport.reader(topics, onCrash)),
      }),
    );
    expect(problems.join('\n')).toMatch(/hash/);
  });

  test('a revert that is forgotten when a transaction is aborted', async () => {
    vi.spyOn(ModelReplica.prototype, 'withdraw').mockImplementation(function (
      this: ModelReplica,
      id: string,
    ) {
      this.coalesce([id], new Map());
      return true;
    });
    expect((await firstProblems()).join('\n')).toMatch(/hash/);
  });

  test('a delta that is added again when it is delivered again', async () => {
    vi.spyOn(Unseen.prototype, 'of').mockImplementation((records) => records);
    expect((await firstProblems()).join('\n')).toMatch(/hash/);
  });

  test('a list that is not in the transaction of its event', async () => {
    const problems = await firstWrapped((transport) =>
      altered(transport, {
        transactionalProducer: async (id, timeoutMs) =>
          withoutLastList(await transport.transactionalProducer(id, timeoutMs)),
      }),
    );
    expect(problems.join('\n')).toMatch(/list of \w+/);
  });

  test('a debt that is forgotten', async () => {
    vi.spyOn(Owed.prototype, 'add').mockImplementation(() => undefined);
    const problems = await firstProblems({ catchUpLag: 1, listIntervalMs: 0 });
    expect(problems.join('\n')).toMatch(/owed lists although all input/);
  });

  test('a process that is not fenced by the next owner of its partition', async () => {
    let processes = 0;
    const problems = await firstWrapped((transport) => {
      processes += 1;
      const name = processes;
      return altered(transport, {
        transactionalProducer: (id, timeoutMs) =>
          transport.transactionalProducer(`${id}-${name}`, timeoutMs),
      });
    });
    expect(problems).not.toEqual([]);
  });
});
