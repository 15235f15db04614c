import type { Clock } from '../clock.js';
import { publish } from '../diagnostics.js';
import { IsthmusError } from '../errors.js';
import type { Serde } from '../serde/serde.js';
import type { Logger } from '../telemetry/logger.js';
import type { LogAdmin, Transport } from '../transport/transport.js';
import { Catalogue } from './catalogue.js';
import type { Refusal } from './errors.js';
import { deltasAfter, type LoadFollower, loadNewest } from './loader.js';
import { deltaOffsetsOf, type SnapshotInfo } from './manifest.js';
import { pruneSnapshots } from './prune.js';
import {
  chunkBytesFor,
  type SnapshotSource,
  snapshotWriterId,
  takeMoment,
  writeSnapshot,
} from './writer.js';

export interface SnapshotterSettings {
  readonly app: string;
  readonly snapshotTopic: string;
  readonly deltaTopic: string;
  /** A snapshot at the latest so long after the last one, if there were deltas; 0: never by time. */
  readonly intervalMs: number;
  /** A snapshot after so many bytes of deltas; 0: never by volume. */
  readonly deltaBytes: number;
  /** Snapshots that pruning keeps; 0: nothing is pruned. */
  readonly keep: number;
  readonly transactionTimeoutMs: number;
  /** That a record may have; chunks stay below. */
  readonly maxRecordBytes: number;
}

export interface SnapshotterParts {
  readonly settings: SnapshotterSettings;
  readonly transport: Transport;
  readonly admin: LogAdmin;
  readonly serde: Serde;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly source: SnapshotSource;
  /** Whether it is for this process to write: one of the application at a time says so. */
  readonly isWriter: () => boolean;
  /** Told of what is loaded. */
  readonly follower?: LoadFollower | null;
}

/** How often it looks whether a snapshot is due. */
const LOOK_MIN_MS = 20;
const LOOK_MAX_MS = 250;
/** After a failure, at the least. */
const RETRY_MS = 5_000;
/** A snapshot's transaction is open for longer than a task's. */
const TRANSACTION_TIMEOUT_MS = 300_000;

/**
 * The snapshots of one process: loads the newest at the start, then writes one when it is due and
 * this process is the writer, and prunes what the new one makes superfluous.
 *
 * Who writes: the process that has partition 0 of the input, so that usually nobody else tries. That
 * it is one at a time is the transactional id's doing: whoever begins fences the writer before, and
 * what that one had sent is aborted. A failure is told (log, metric) and never ends the process.
 */
export class Snapshotter {
  readonly #parts: SnapshotterParts;
  readonly #catalogue: Catalogue;
  readonly #stopping = new AbortController();
  /** What was passed over before any was found, for the message where nothing is left. */
  readonly #refused: Refusal[] = [];
  /** Ids of snapshots whose chunks were read and found right. */
  readonly #whole = new Set<string>();
  #newest: { readonly createdAtMs: number; readonly deltaOffsets: readonly bigint[] } | null = null;
  #deltaBytes = 0;
  #notBeforeMs = 0;
  readonly #startedAtMs: number;
  #running: Promise<void> = Promise.resolve();

  constructor(parts: SnapshotterParts) {
    this.#parts = parts;
    this.#startedAtMs = parts.clock.now();
    const { settings, transport, admin, serde } = parts;
    this.#catalogue = new Catalogue({
      app: settings.app,
      topic: settings.snapshotTopic,
      transport,
      admin,
      serde,
      onRefused: (refusal) => this.#refuse(refusal),
      signal: this.#stopping.signal,
    });
  }

  /**
   * Loads the newest snapshot that is whole into the (empty) model, and returns the offsets by
   * partition from which the deltas go on. Errors: those of `loadNewest` and `deltasAfter`.
   */
  async restore(): Promise<bigint[]> {
    const { settings, admin, source, logger, follower = null } = this.#parts;
    const begin = performance.now();
    const report = (info: SnapshotInfo, chunk: number): void =>
      publish('isthmus:restore', {
        app: settings.app,
        partition: 0,
        what: 'snapshot',
        position: info.firstOffset + BigInt(chunk),
        end: info.manifestOffset,
        seconds: (performance.now() - begin) / 1000,
        done: chunk === info.manifest.chunkSha256.length,
      });
    const loaded = await loadNewest(source.model, this.#catalogue, report, follower);
    const marks = await admin.watermarks(settings.deltaTopic);
    const from = deltasAfter(loaded, settings.deltaTopic, marks, this.#refused);
    if (loaded !== null) {
      this.#whole.add(loaded.id);
      this.#learnOf(loaded);
      logger.info('the model was loaded from a snapshot', {
        snapshot: loaded.id,
        trainedEvents: loaded.manifest.trainedEvents,
        rows: loaded.manifest.rows,
        seconds: (performance.now() - begin) / 1000,
      });
    }
    return from;
  }

  /** A record of the delta topic was applied. */
  noteDelta(bytes: number): void {
    this.#deltaBytes += bytes;
  }

  /** Begins to write snapshots when they are due. */
  start(): void {
    const { intervalMs, deltaBytes } = this.#parts.settings;
    if (intervalMs > 0 || deltaBytes > 0) this.#running = this.#live();
  }

  /** Gives up the snapshot under way, which nobody will see. */
  async close(): Promise<void> {
    this.#stopping.abort(new Error('the service is closing'));
    await this.#running;
  }

  async #live(): Promise<void> {
    const { intervalMs } = this.#parts.settings;
    const { signal } = this.#stopping;
    const look = intervalMs === 0 ? LOOK_MAX_MS : intervalMs / 4;
    const lookMs = Math.min(LOOK_MAX_MS, Math.max(LOOK_MIN_MS, look));
    while (!signal.aborted) {
      await this.#parts.clock.sleep(lookMs, signal);
      if (signal.aborted) return;
      if (!this.#isDue()) continue;
      try {
        await this.#attempt();
      } catch (error) {
        if (signal.aborted) return;
        this.#failed(error);
      }
    }
  }

  #isDue(): boolean {
    const { settings, isWriter, clock, source } = this.#parts;
    const at = clock.now();
    if (at < this.#notBeforeMs || !isWriter()) return false;
    const last = this.#newest?.createdAtMs ?? this.#startedAtMs;
    const byTime = settings.intervalMs > 0 && at - last >= settings.intervalMs;
    const byVolume = settings.deltaBytes > 0 && this.#deltaBytes >= settings.deltaBytes;
    if (!byTime && !byVolume) return false;
    const known = this.#newest?.deltaOffsets;
    return source.positions().some((position, partition) => position > (known?.[partition] ?? 0n));
  }

  async #attempt(): Promise<void> {
    const { settings, transport, serde, logger, clock, source } = this.#parts;
    const { app, snapshotTopic, deltaTopic } = settings;
    const { signal } = this.#stopping;
    // Another process may have written one since we looked.
    const newest = await this.#catalogue.before();
    if (newest !== null && newest.manifest.createdAtMs > (this.#newest?.createdAtMs ?? 0)) {
      this.#learnOf(newest);
      if (!this.#isDue()) return;
    }
    const begin = performance.now();
    const producer = await transport.transactionalProducer(
      snapshotWriterId(app),
      Math.max(settings.transactionTimeoutMs, TRANSACTION_TIMEOUT_MS),
    );
    try {
      await producer.init();
      let bytesBefore = 0;
      const counted: SnapshotSource = {
        model: source.model,
        pending: () => source.pending(),
        positions: () => {
          bytesBefore = this.#deltaBytes;
          return source.positions();
        },
      };
      const moment = await takeMoment(counted, clock.now, signal);
      const { id, manifest } = await writeSnapshot(moment, {
        app,
        snapshotTopic,
        deltaTopic,
        serde,
        producer,
        signal,
        chunkBytes: chunkBytesFor(settings.maxRecordBytes),
      });
      this.#newest = { createdAtMs: manifest.createdAtMs, deltaOffsets: moment.deltaOffsets };
      this.#deltaBytes -= bytesBefore;
      const seconds = (performance.now() - begin) / 1000;
      publish('isthmus:snapshot', {
        app,
        outcome: 'written',
        seconds,
        pauseSeconds: moment.pauseSeconds,
        bytes: manifest.bytes,
      });
      publish('isthmus:snapshot-known', { app, createdAtMs: manifest.createdAtMs });
      logger.info('a snapshot was written', {
        snapshot: id,
        trainedEvents: manifest.trainedEvents,
        rows: manifest.rows,
        bytes: manifest.bytes,
        chunks: manifest.chunkSha256.length,
        pauseMs: moment.pauseSeconds * 1000,
        seconds,
      });
    } finally {
      await producer.close().catch(() => undefined);
    }
    if (settings.keep > 0) await this.#prune();
  }

  async #prune(): Promise<void> {
    const { deltaTopic, keep } = this.#parts.settings;
    const pruned = await pruneSnapshots(this.#catalogue, { deltaTopic, keep, whole: this.#whole });
    const kept = new Set(pruned.kept);
    for (const id of this.#whole) if (!kept.has(id)) this.#whole.delete(id);
    if (pruned.snapshotRecords + pruned.deltaRecords === 0) return;
    this.#parts.logger.info('superfluous snapshots and deltas were deleted', { ...pruned });
  }

  #learnOf(info: SnapshotInfo): void {
    const { settings, source } = this.#parts;
    const { createdAtMs } = info.manifest;
    this.#newest = {
      createdAtMs,
      deltaOffsets: deltaOffsetsOf(
        info,
        settings.deltaTopic,
        Math.max(source.positions().length, info.manifest.deltaOffsets.length),
      ),
    };
    this.#deltaBytes = 0;
    publish('isthmus:snapshot-known', { app: settings.app, createdAtMs });
  }

  #failed(error: unknown): void {
    const { settings, logger, clock } = this.#parts;
    const fenced = error instanceof IsthmusError && error.code === 'PRODUCER_FENCED';
    const outcome = fenced ? 'fenced' : 'failed';
    publish('isthmus:snapshot', {
      app: settings.app,
      outcome,
      seconds: 0,
      pauseSeconds: 0,
      bytes: 0,
    });
    const retryMs = Math.max(RETRY_MS, settings.intervalMs / 10);
    this.#notBeforeMs = clock.now() + retryMs;
    const message = fenced
      ? 'another process began a snapshot, so this one was given up'
      : 'a snapshot could not be written';
    logger.warn(message, { retryMs, error });
  }

  #refuse(refusal: Refusal): void {
    const { settings, logger } = this.#parts;
    if (this.#newest === null) this.#refused.push(refusal);
    publish('isthmus:snapshot-refused', { app: settings.app, reason: refusal.reason });
    logger.warn('a snapshot cannot be used; the one before is tried', { ...refusal });
  }
}
