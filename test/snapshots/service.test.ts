import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config.js';
import { type DiagnosticEvents, subscribe } from '../../src/diagnostics.js';
import type { Service } from '../../src/main.js';
import { rebuildModel } from '../../src/snapshots/rebuild.js';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import {
  atRest,
  createTopics,
  eventRecord,
  startService,
  testConfig,
  until,
} from '../support/service.js';

/** One partition and mini-batches cut by offset alone: the same bits in every run. */
const SETTINGS = { ISTHMUS_MINI_BATCH: '16', ISTHMUS_MINI_BATCH_CUT: 'offset' };
const OFTEN = { ISTHMUS_SNAPSHOT_INTERVAL_MS: '80' };
const NEVER = { ISTHMUS_SNAPSHOT_INTERVAL_MS: '0', ISTHMUS_SNAPSHOT_DELTA_BYTES: '0' };

class Application {
  readonly log = new MemoryLog();
  readonly transport = new MemoryTransport(this.log);
  readonly config: Config;
  readonly services: Service[] = [];
  #produced = 0;

  constructor(env: Record<string, string>) {
    this.config = testConfig({ ...SETTINGS, ...env });
  }

  async run(): Promise<Service> {
    const service = await startService(this.transport, this.config);
    this.services.push(service);
    await until(() => service.readiness().ok, 'the service is ready');
    return service;
  }

  async learn(count: number): Promise<void> {
    const from = this.#produced;
    this.#produced += count;
    const producer = await this.transport.producer();
    await producer.send(
      Array.from({ length: count }, (_, k) => {
        const i = from + k;
        return eventRecord(this.config.inputTopic, {
          userId: `u${i % 5}`,
          itemId: `i${(i * 7) % 31}`,
          domain: i % 3 === 0 ? 'films' : 'books',
          occurredAtMs: 1_700_000_000_000 + i * 1000,
        });
      }),
    );
    await producer.close();
    await atRest(this.transport, this.config);
  }

  async stop(): Promise<void> {
    await Promise.all(this.services.splice(0).map((service) => service.close()));
  }

  /** Snapshots and deltas that are in the log. */
  async offsets(): Promise<{ snapshots: bigint; deltasLow: bigint }> {
    const admin = await this.transport.admin();
    const [snapshots] = await admin.watermarks(this.config.modelSnapshotsTopic);
    const [deltas] = await admin.watermarks(this.config.modelDeltasTopic);
    await admin.close();
    return { snapshots: snapshots!.high, deltasLow: deltas!.low };
  }
}

describe('a service with snapshots', () => {
  const applications: Application[] = [];
  const written: DiagnosticEvents['isthmus:snapshot'][] = [];
  let unsubscribe = (): void => {};

  beforeEach(() => {
    written.length = 0;
    unsubscribe = subscribe('isthmus:snapshot', (event) => written.push(event));
  });

  afterEach(async () => {
    unsubscribe();
    for (const application of applications.splice(0)) {
      await application.stop();
      await application.transport.close();
    }
  });

  async function application(env: Record<string, string>, partitions = 1): Promise<Application> {
    const made = new Application(env);
    applications.push(made);
    await createTopics(made.transport, made.config, partitions);
    return made;
  }

  const count = (): number => written.filter(({ outcome }) => outcome === 'written').length;

  test('goes on from them, after the deltas below were deleted, bit for bit as one that never stopped', async () => {
    const never = await application(NEVER);
    const straight = await never.run();
    for (let i = 0; i < 3; i++) await never.learn(80);

    const often = await application(OFTEN);
    for (let i = 0; i < 3; i++) {
      await often.run();
      const before = count();
      await often.learn(80);
      await until(() => count() > before, 'a snapshot is written');
      // Pruning comes after writing, and a stop may be quicker.
      const pruned = async (): Promise<boolean> => (await often.offsets()).deltasLow > 0n;
      if (i === 2) await until(pruned, 'the deltas below are deleted');
      await often.stop();
    }
    const last = await often.run();
    await until(() => last.trainedEvents() === 240, 'all is known');
    const { sha256 } = await straight.model();
    expect((await last.model()).sha256).toBe(sha256);
    expect((await often.offsets()).deltasLow).toBeGreaterThan(0n);
    expect((await never.offsets()).snapshots).toBe(0n);
    const { model, snapshot } = await rebuildModel(often.transport, often.config);
    expect(snapshot).not.toBeNull();
    expect(model.digest()).toBe(sha256);
  });

  test('writes none where nothing was learned since the last one', async () => {
    const quiet = await application(OFTEN);
    await quiet.run();
    await quiet.learn(32);
    const newest = () => rebuildModel(quiet.transport, quiet.config);
    // Of all that was learned: no delta comes after it.
    await until(async () => {
      const { snapshot, deltaRecords } = await newest();
      return snapshot !== null && deltaRecords === 0;
    }, 'one of all is written');
    const settled = (await newest()).snapshot;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await newest()).snapshot).toEqual(settled);
  });

  test('writes one after so many bytes of deltas', async () => {
    const env = { ISTHMUS_SNAPSHOT_INTERVAL_MS: '0', ISTHMUS_SNAPSHOT_DELTA_BYTES: '500' };
    const voluminous = await application(env);
    await voluminous.run();
    await voluminous.learn(64);
    await until(() => count() === 1, 'a snapshot is written');
  });

  test('is the only one of its application that writes', async () => {
    const several = await application(OFTEN, 2);
    await Promise.all([several.run(), several.run()]);
    for (let i = 0; i < 3; i++) {
      const before = count();
      await several.learn(64);
      await until(() => count() > before, 'a snapshot is written');
    }
    expect(written.every(({ outcome }) => outcome === 'written')).toBe(true);
    const slow = await rebuildModel(several.transport, several.config);
    expect(slow.refused).toEqual([]);
  });

  test('tells its age, its cost and what was refused at /metrics', async () => {
    const watched = await application(OFTEN);
    const service = await watched.run();
    await watched.learn(32);
    await until(() => count() > 0, 'a snapshot is written');
    const text = await (await fetch(`${service.url}/metrics`)).text();
    const value = (name: string): number =>
      Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
    expect(value('isthmus_snapshots_total{outcome="written"}')).toBeGreaterThan(0);
    expect(value('isthmus_snapshot_bytes')).toBeGreaterThan(100);
    expect(value('isthmus_snapshot_age_seconds')).toBeLessThan(5);
    expect(value('isthmus_snapshot_pause_seconds_count')).toBeGreaterThan(0);
  });

  test('does not start where it would be wrong', async () => {
    const truncated = await application(NEVER);
    await truncated.run();
    await truncated.learn(64);
    await truncated.stop();
    const admin = await truncated.transport.admin();
    await admin.deleteRecords(truncated.config.modelDeltasTopic, new Map([[0, 1n]]));
    await admin.close();
    const service = await startService(truncated.transport, truncated.config);
    truncated.services.push(service);
    await expect(service.ended).rejects.toMatchObject({ code: 'MODEL_LOG_TRUNCATED' });
  });
});
