import type { Config } from '../../src/config.js';
import { encodeDelta } from '../../src/online/delta-codec.js';
import { Model } from '../../src/online/model.js';
import type { Delta } from '../../src/online/types.js';
import { outputTopics, RecordMaker } from '../../src/producers/records.js';
import { Serde } from '../../src/serde/serde.js';
import type { SnapshotChunkRecord } from '../../src/serde/types.js';
import { Catalogue } from '../../src/snapshots/catalogue.js';
import type { Refusal } from '../../src/snapshots/errors.js';
import {
  type SnapshotSource,
  snapshotWriterId,
  takeMoment,
  type Written,
  writeSnapshot,
} from '../../src/snapshots/writer.js';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import type { LogAdmin, Transport } from '../../src/transport/transport.js';
import { DIMENSION, OPTIONS } from '../online/model-fixtures.js';
import { createTopics, readAll, testConfig } from '../support/service.js';

/** An application's delta and snapshot topics, without a service. */
export class SnapshotWorld {
  readonly transport: Transport;
  readonly serde = new Serde();
  readonly config: Config;
  readonly refused: Refusal[] = [];
  admin!: LogAdmin;
  catalogue!: Catalogue;
  nowMs = 1_700_000_000_000;
  #sequence = 0;

  constructor(
    env: Record<string, string> = {},
    transport: Transport = new MemoryTransport(new MemoryLog()),
  ) {
    this.transport = transport;
    this.config = testConfig({
      ISTHMUS_LEARNER_DIMENSION: String(DIMENSION),
      ISTHMUS_LEARNER_SEED: String(OPTIONS.seed),
      ISTHMUS_LEARNER_INITIAL_SCALE: String(OPTIONS.initialScale),
      ...env,
    });
  }

  async open(partitions = 2): Promise<this> {
    await createTopics(this.transport, this.config, partitions);
    this.admin = await this.transport.admin();
    this.catalogue = new Catalogue({
      app: this.config.appId,
      topic: this.config.modelSnapshotsTopic,
      transport: this.transport,
      admin: this.admin,
      serde: this.serde,
      onRefused: (refusal) => this.refused.push(refusal),
    });
    return this;
  }

  /** Writes deltas in one transaction, by turns to the partitions. */
  async learn(deltas: readonly Delta[]): Promise<void> {
    const { config, serde } = this;
    const maker = new RecordMaker({
      app: config.appId,
      process: 'p',
      topics: outputTopics(config),
      serde,
      model: new Model(OPTIONS),
      now: () => this.nowMs,
    });
    const producer = await this.transport.transactionalProducer(`${config.appId}-deltas`, 60_000);
    await producer.init();
    const transaction = await producer.begin();
    for (const delta of deltas) {
      this.#sequence += 1;
      const inputs = {
        topic: config.inputTopic,
        partition: this.#sequence % 2,
        firstOffset: 0n,
        nextOffset: 1n,
        records: 1,
      };
      await transaction.send(
        maker.deltas(inputs, this.#sequence, [{ delta, payload: encodeDelta(delta) }]),
      );
    }
    await transaction.commit();
    await producer.close();
  }

  /** Writes a snapshot of what `source` is now. */
  async write(source: SnapshotSource, chunkBytes = 700): Promise<Written> {
    const { config, serde, transport } = this;
    this.nowMs += 1000;
    const id = snapshotWriterId(config.appId);
    const producer = await transport.transactionalProducer(id, 60_000);
    await producer.init();
    try {
      return await writeSnapshot(await takeMoment(source, () => this.nowMs), {
        app: config.appId,
        snapshotTopic: config.modelSnapshotsTopic,
        deltaTopic: config.modelDeltasTopic,
        serde,
        producer,
        chunkBytes,
      });
    } finally {
      await producer.close();
    }
  }

  /** Writes a snapshot of the model that the log adds up to. */
  async snapshot(chunkBytes?: number): Promise<Written> {
    const { rebuildModel } = await import('../../src/snapshots/rebuild.js');
    const { model, deltaOffsets } = await rebuildModel(this.transport, this.config);
    return this.write({ model, pending: () => [], positions: () => deltaOffsets }, chunkBytes);
  }

  /** Copies the newest snapshot's records behind each other, changed: a snapshot with a fault. */
  async damaged(
    change: (records: SnapshotChunkRecord[]) => SnapshotChunkRecord[],
    newId = 'damaged',
  ): Promise<void> {
    const { modelSnapshotsTopic: topic } = this.config;
    const all = (await readAll(this.transport, topic)).map((r) =>
      this.serde.snapshots.decode(r.value),
    );
    const { snapshot } = all.at(-1)!;
    const copy = all.filter((r) => r.snapshot === snapshot).map((r) => ({ ...r, snapshot: newId }));
    const producer = await this.transport.producer();
    await producer.send(
      change(copy).map((record) => ({
        topic,
        partition: 0,
        key: `${record.snapshot}/${record.chunk}`,
        value: this.serde.snapshots.encode(record),
      })),
    );
    await producer.close();
  }

  async close(): Promise<void> {
    await this.admin.close();
    await this.transport.close();
  }
}

export function sum(deltas: readonly Delta[]): Model {
  const model = new Model(OPTIONS);
  for (const delta of deltas) model.apply(delta);
  return model;
}
