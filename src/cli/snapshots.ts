import { Command } from 'commander';
import type { ListedSnapshot } from '../snapshots/commands.js';
import type { Refusal } from '../snapshots/errors.js';
import type { Logger } from '../telemetry/logger.js';
import { type CommonOptions, whole, withCommon } from './arguments.js';
import { withKafka } from './context.js';
import { figure, say, sayJson, table } from './output.js';
import { lateProgress } from './progress.js';

interface JsonOptions extends CommonOptions {
  readonly json: boolean;
}

/** `isthmus snapshots list|create|prune` */
export function snapshotsCommand(): Command {
  const command = new Command('snapshots').description(
    'List, write or prune the snapshots of the model',
  );
  command.addCommand(listCommand());
  command.addCommand(createCommand());
  command.addCommand(pruneCommand());
  return command;
}

function listCommand(): Command {
  const command = new Command('list')
    .description('List the snapshots in the log, newest first, and whether each is whole')
    .option(
      '--json',
      'print an array of {id, createdAt, trainedEvents, sha256, rows, bytes, chunks, deltaOffsets, complete, fault}',
      false,
    );
  return withCommon(command, ['isthmus snapshots list', 'isthmus snapshots list --json']).action(
    async (options: JsonOptions) => {
      const { listSnapshots } = await import('../snapshots/commands.js');
      const listed = await withKafka(options, ({ config, logger, transport }) =>
        listSnapshots(transport, config, { onRefused: teller(logger) }),
      );
      if (options.json) return sayJson(listed.map(row));
      if (listed.length === 0) return say('There are no snapshots.');
      const rows = listed.map(({ info, fault }) => [
        info.id,
        figure(info.manifest.trainedEvents),
        figure(info.manifest.rows),
        figure(info.manifest.bytes),
        String(info.manifest.chunkSha256.length),
        info.manifest.sha256.slice(0, 16),
        info.manifest.deltaOffsets.map(({ offset }) => String(offset)).join(', '),
        fault === null ? 'yes' : `no: ${fault.detail}`,
      ]);
      const right = ['events', 'rows', 'bytes', 'chunks'];
      say(table(['id', ...right, 'sha256', 'delta offsets', 'whole'], rows, right));
    },
  );
}

function row({ info: { id, manifest }, fault }: ListedSnapshot) {
  return {
    id,
    createdAt: new Date(manifest.createdAtMs).toISOString(),
    trainedEvents: manifest.trainedEvents,
    sha256: manifest.sha256,
    rows: manifest.rows,
    bytes: manifest.bytes,
    chunks: manifest.chunkSha256.length,
    deltaOffsets: manifest.deltaOffsets.map(({ offset }) => Number(offset)),
    complete: fault === null,
    fault: fault?.detail ?? null,
  };
}

function createCommand(): Command {
  const command = new Command('create')
    .description('Rebuild the model from the log and write a snapshot of it; no service need run')
    .option('--json', 'print {id, trainedEvents, sha256, rows, bytes, chunks}', false);
  return withCommon(command, ['isthmus snapshots create']).action(async (options: JsonOptions) => {
    const { createSnapshot } = await import('../snapshots/commands.js');
    const { id, manifest } = await withKafka(options, async ({ config, logger, transport }) => {
      const progress = lateProgress();
      try {
        return await createSnapshot(transport, config, {
          now: Date.now,
          onRefused: teller(logger),
          onProgress: (done, total) => {
            progress.update(done, total);
          },
        });
      } finally {
        progress.close();
      }
    });
    const { trainedEvents, sha256, rows, bytes, chunkSha256 } = manifest;
    if (options.json) {
      return sayJson({ id, trainedEvents, sha256, rows, bytes, chunks: chunkSha256.length });
    }
    say(`wrote ${id}: ${figure(trainedEvents)} events, ${figure(rows)} rows, sha256 ${sha256}`);
  });
}

function pruneCommand(): Command {
  const command = new Command('prune')
    .description('Delete older snapshots and the deltas that they alone need')
    .option('--keep <n>', 'snapshots to keep, newest first', whole(1, 1000), 2)
    .option('--json', 'print {kept, snapshotRecords, deltaRecords}', false);
  return withCommon(command, ['isthmus snapshots prune --keep 3']).action(
    async (options: JsonOptions & { keep: number }) => {
      const { prune } = await import('../snapshots/commands.js');
      const pruned = await withKafka(options, ({ config, logger, transport }) =>
        prune(transport, config, { keep: options.keep, onRefused: teller(logger) }),
      );
      if (options.json) return sayJson(pruned);
      const { kept, snapshotRecords, deltaRecords } = pruned;
      if (kept.length < options.keep) {
        return say(`There are ${kept.length} whole snapshots, so nothing was deleted.`);
      }
      say(`kept ${kept.join(', ')}`);
      say(`deleted ${figure(snapshotRecords)} snapshot and ${figure(deltaRecords)} delta offsets`);
    },
  );
}

function teller(logger: Logger): (refusal: Refusal) => void {
  return (refusal) => logger.warn('a snapshot cannot be used', { ...refusal });
}
