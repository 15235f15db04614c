import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../../src/config.js';
import { itemsGroup } from '../../src/items/step.js';
import { vectorLengths } from '../../src/items/validation.js';
import { ItemsWork } from '../../src/items/work.js';
import type { Service } from '../../src/main.js';
import { ContentEncoder } from '../../src/online/content/encoder.js';
import { decodeDelta } from '../../src/online/delta-codec.js';
import { Model } from '../../src/online/model.js';
import { outputTopics, RecordMaker } from '../../src/producers/records.js';
import { Serde } from '../../src/serde/serde.js';
import type { Item } from '../../src/serde/types.js';
import { ModelReplica } from '../../src/tasks/replica.js';
import { noTracing } from '../../src/telemetry/tracing.js';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import type { LogRecord } from '../../src/transport/transport.js';
import { contentOf } from '../online/model-fixtures.js';
import {
  atRest,
  createTopics,
  eventRecord,
  readAll,
  startService,
  testConfig,
  until,
} from '../support/service.js';

const serde = new Serde();
const encoder = new ContentEncoder(1, 8);

function item(itemId: string, title: string, domain = 'films', more: Partial<Item> = {}): Item {
  return { itemId, domain, title, categories: [], tags: [], text: null, vectors: {}, ...more };
}

/** What a model holds of an item that is described so. */
function held(described: Item): readonly number[] {
  const { values, category, features } = encoder.encode(described);
  return [category, ...values, ...features];
}

describe('the items topic', () => {
  let transport: MemoryTransport;
  let config: Config;
  const services: Service[] = [];

  beforeEach(async () => {
    transport = new MemoryTransport(new MemoryLog());
    config = testConfig();
    await createTopics(transport, config, 2);
  });

  afterEach(async () => {
    await Promise.all(services.splice(0).map((service) => service.close()));
    await transport.close();
  });

  async function run(): Promise<Service> {
    const service = await startService(transport, config);
    services.push(service);
    return service;
  }

  async function say(items: readonly (readonly [key: string | null, Item | Buffer | null])[]) {
    const producer = await transport.producer();
    const values = items.map(([key, said]) => ({
      topic: config.itemsTopic,
      key,
      value: said === null || Buffer.isBuffer(said) ? said : serde.items.encode(said),
    }));
    await producer.send(values);
    await producer.close();
  }

  async function produce(count: number): Promise<void> {
    const producer = await transport.producer();
    await producer.send(
      Array.from({ length: count }, (_, i) =>
        eventRecord(config.inputTopic, {
          userId: `u${i % 5}`,
          itemId: `i${i % 11}`,
          domain: 'films',
          occurredAtMs: 1_700_000_000_000 + i * 1000,
        }),
      ),
    );
    await producer.close();
  }

  async function described(): Promise<void> {
    const admin = await transport.admin();
    await until(async () => {
      const marks = await admin.watermarks(config.itemsTopic);
      const committed = await admin.committed(itemsGroup(config.appId), config.itemsTopic);
      return marks.every(({ high }, partition) => (committed[partition] ?? 0n) >= high);
    }, 'all items are committed');
    await admin.close();
  }

  /** The sum of the log. */
  async function modelOfLog(): Promise<Model> {
    const { seed, dimension, initialScale } = config.learner;
    const model = new Model({ seed, dimension, initialScale });
    for (const { value } of await readAll(transport, config.modelDeltasTopic)) {
      model.apply(decodeDelta(serde.deltas.decode(value).payload));
    }
    return model;
  }

  it('is learned before and after the first events, and the log, a restart and a replica agree', async () => {
    const service = await run();
    const [early, late] = [item('i1', 'Alien'), item('i2', 'Heat', 'films', { tags: ['crime'] })];
    await say([
      ['films/i1', early],
      ['films/new', item('new', 'Alien 3')],
    ]);
    await described();
    await produce(60);
    await say([
      ['films/i2', late],
      ['films/i1', item('i1', 'another')],
      ['films/i1', early],
    ]);
    await produce(40);
    await atRest(transport, config);
    await described();
    const model = await modelOfLog();
    expect(contentOf(model)).toEqual({
      'films/i1': held(early),
      'films/i2': held(late),
      'films/new': held(item('new', 'Alien 3')),
    });
    expect(model.trainedEvents).toBe(100);
    const rest = async (one: Service) => {
      await until(async () => (await one.model()).sha256 === model.digest(), 'they agree');
    };
    await rest(service);
    await rest(await run());
    await service.close();
    await rest(await run());
  });

  it('follows items that change domain, and takes back what was said', async () => {
    await run();
    await say([
      ['i1', item('i1', 'Alien', 'films')],
      ['i2', item('i2', 'Heat', 'films')],
      ['i3', item('i3', 'Emma', 'books')],
    ]);
    await described();
    await say([
      ['i1', item('i1', 'Alien', 'books')],
      ['i2', null],
      ['never', null],
    ]);
    await described();
    expect(contentOf(await modelOfLog())).toEqual({
      'books/i1': held(item('i1', 'Alien', 'books')),
      'books/i3': held(item('i3', 'Emma', 'books')),
    });
  });

  it('sets aside what cannot be used, with the reason, and goes on; a text of a megabyte is read in part', async () => {
    config = testConfig({ ISTHMUS_CONTENT_VECTORS: 'image:3,text:2' });
    await run();
    const long = item('long', 'A', 'films', { text: 'many words '.repeat(100_000) });
    const image = (...values: number[]) => item('v', 'V', 'films', { vectors: { image: values } });
    const bad: [string, Item | Buffer][] = [
      ['films/v', image(1, 2)],
      ['films/v', image(1, 2, Number.NaN)],
      ['films/v', image(1, Number.POSITIVE_INFINITY, 3)],
      ['films/v', item('v', 'V', 'films', { vectors: { audio: [1] } })],
      ['another', item('v', 'V')],
      ['', item('', 'V')],
      ['v', item('v', 'V', 'no domain')],
      ['v', Buffer.from('no avro')],
    ];
    await say([...bad, ['films/long', long], ['films/v', image(1, 2, 3)]]);
    await described();
    const letters = await readAll(transport, config.deadLetterTopic);
    const reasons = letters.map(({ headers }) => String(headers['isthmus.reason'])).sort();
    expect(reasons).toEqual([
      'bad-domain',
      'bad-vector',
      'bad-vector',
      'bad-vector',
      'bad-vector',
      'item-key',
      'item-key',
      'not-wire-format',
    ]);
    expect(String(letters[0]!.headers['isthmus.topic'])).toBe(config.itemsTopic);
    expect(contentOf(await modelOfLog())).toEqual({
      'films/long': held(long),
      'films/v': held(image(1, 2, 3)),
    });
  });

  it('has items in lists that nobody has touched', async () => {
    const service = await run();
    await say([['films/new', item('new', 'Alien 3')]]);
    await described();
    await produce(60);
    await atRest(transport, config);
    await until(() => service.trainedEvents() === 60, 'all is learned');
    const [list] = service.recommendations('u1', 'films', 100);
    expect(list!.items.map(({ itemId }) => itemId)).toContain('new');
    const [popular] = service.recommendations('nobody', 'films', 100);
    expect(popular!.items.map(({ itemId }) => itemId)).not.toContain('new');
  });
});

describe('the work of an items task', () => {
  const config = testConfig();
  const model = () => new Model({ seed: 1, dimension: 8, initialScale: 0.02 });
  const record = (offset: number, key: string, said: Item | null): LogRecord => ({
    topic: 'items',
    partition: 0,
    offset: BigInt(offset),
    key: Buffer.from(key),
    value: said === null ? null : serde.items.encode(said),
    headers: {},
    timestampMs: 0,
  });

  function workOf(replica: ModelReplica): ItemsWork {
    const records = new RecordMaker({
      app: 'a',
      process: 'p',
      topics: outputTopics(config),
      serde,
      model: replica.model,
      now: () => 0,
    });
    return new ItemsWork(
      {
        app: 'a',
        partition: { topic: 'items', partition: 5 },
        deltaPartitions: 2,
        maxRecordBytes: 1_000_000,
        vectors: vectorLengths([]),
      },
      { serde, encoder, replica, records, tracing: noTracing },
    );
  }

  it('leaves nothing of cycles that are taken back, and does them again alike', async () => {
    const replica = new ModelReplica(model());
    const work = workOf(replica);
    work.startAt(0n);
    const first = [record(0, 'a', item('a', 'Alien')), record(1, 'b', item('b', 'Heat'))];
    const second = [record(2, 'a', item('a', 'Aliens')), record(3, 'b', null)];
    const empty = replica.model.digest();
    const one = await work.compute(first);
    const two = await work.compute(second);
    const both = replica.model.digest();
    expect(contentOf(replica.model)).toEqual({ 'films/a': held(item('a', 'Aliens')) });
    work.undo(two);
    work.undo(one);
    expect(replica.model.digest()).toBe(empty);
    expect(replica.pending).toBe(0);
    await work.compute(first);
    await work.compute(second);
    expect(replica.model.digest()).toBe(both);
    expect(one.output.map(({ topic, partition }) => [topic, partition])).toEqual([
      [config.modelDeltasTopic, 1],
    ]);
  });

  it('writes no delta for what is known already', async () => {
    const replica = new ModelReplica(model());
    const work = workOf(replica);
    const said = [record(0, 'a', item('a', 'Alien'))];
    await work.compute(said);
    const again = await work.compute(said);
    expect(again.output).toEqual([]);
    expect(again.nextOffset).toBe(1n);
  });
});
