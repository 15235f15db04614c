import type { Config } from '../config.js';
import { Serde } from '../serde/serde.js';
import type { LogAdmin, Transport } from '../transport/transport.js';
import { Catalogue } from './catalogue.js';
import type { Refusal } from './errors.js';
import type { SnapshotInfo } from './manifest.js';
import { type Pruned, pruneSnapshots } from './prune.js';
import { rebuildModel } from './rebuild.js';
import {
  chunkBytesFor,
  snapshotWriterId,
  takeMoment,
  type Written,
  writeSnapshot,
} from './writer.js';

/** A snapshot in the log, and whether it can be used. */
export interface ListedSnapshot {
  readonly info: SnapshotInfo;
  /** Why it cannot be used; null where all chunks are there with their hashes. */
  readonly fault: Refusal | null;
}

export interface CommandOptions {
  /** Told of what is passed over. */
  readonly onRefused?: (refusal: Refusal) => void;
  readonly signal?: AbortSignal;
}

/** Returns the application's snapshots, newest first, each read in full. */
export async function listSnapshots(
  transport: Transport,
  config: Config,
  options: CommandOptions = {},
): Promise<ListedSnapshot[]> {
  return withCatalogue(transport, config, options, async (catalogue) => {
    const found: ListedSnapshot[] = [];
    for (let end: bigint | undefined; ; ) {
      const info = await catalogue.before(end);
      if (info === null) return found;
      const fault = await catalogue.fault(info);
      found.push({ info, fault });
      end = fault === null ? info.firstOffset : info.manifestOffset;
    }
  });
}

/**
 * Writes a snapshot of the committed model, made from the log alone, and returns it. A service that
 * is writing one gives its own up.
 *
 * Errors: those of `rebuildModel` and `writeSnapshot`.
 */
export async function createSnapshot(
  transport: Transport,
  config: Config,
  options: CommandOptions & {
    readonly now: () => number;
    readonly onProgress?: (done: number, total: number) => void;
  },
): Promise<Written> {
  const { model, deltaOffsets } = await rebuildModel(transport, config, options);
  const { signal, now } = options;
  const source = { model, pending: () => [], positions: () => deltaOffsets };
  const moment = await takeMoment(source, now, signal);
  const producer = await transport.transactionalProducer(
    snapshotWriterId(config.appId),
    config.transactionTimeoutMs,
  );
  try {
    await producer.init();
    return await writeSnapshot(moment, {
      app: config.appId,
      snapshotTopic: config.modelSnapshotsTopic,
      deltaTopic: config.modelDeltasTopic,
      serde: new Serde(),
      producer,
      chunkBytes: chunkBytesFor(config.maxRecordBytes),
      ...(signal === undefined ? {} : { signal }),
    });
  } finally {
    await producer.close();
  }
}

/** Keeps the newest snapshots that are whole and deletes what is below them; see `pruneSnapshots`. */
export async function prune(
  transport: Transport,
  config: Config,
  options: CommandOptions & { readonly keep: number },
): Promise<Pruned> {
  return withCatalogue(transport, config, options, (catalogue) =>
    pruneSnapshots(catalogue, { deltaTopic: config.modelDeltasTopic, keep: options.keep }),
  );
}

async function withCatalogue<T>(
  transport: Transport,
  config: Config,
  { onRefused, signal }: CommandOptions,
  work: (catalogue: Catalogue) => Promise<T>,
): Promise<T> {
  const admin: LogAdmin = await transport.admin();
  try {
    return await work(
      new Catalogue({
        app: config.appId,
        topic: config.modelSnapshotsTopic,
        transport,
        admin,
        serde: new Serde(),
        onRefused: onRefused ?? (() => undefined),
        ...(signal === undefined ? {} : { signal }),
      }),
    );
  } finally {
    await admin.close();
  }
}
