import { Command } from 'commander';
import type { Config } from '../config.js';
import type { ModelState } from '../http/view.js';
import type { Transport } from '../transport/transport.js';
import { type CommonOptions, withCommon } from './arguments.js';
import { withKafka } from './context.js';
import { figure, say, sayJson } from './output.js';
import { lateProgress } from './progress.js';

/** `isthmus digest`: the model as the sum of the log, without a service. */
export function digestCommand(): Command {
  const command = new Command('digest')
    .description('Rebuild the model from the log alone and print its hash')
    .option('--no-snapshots', 'from the deltas alone; fails where they were pruned')
    .option('--json', 'print {trainedEvents, sha256, deltaOffsets}', false);
  return withCommon(command, [
    'isthmus digest',
    'isthmus digest --json    # the same as GET /model of a service that is at rest',
  ]).action(async (options: CommonOptions & { json: boolean; snapshots: boolean }) => {
    const { trainedEvents, sha256, deltaOffsets } = await withKafka(
      options,
      ({ config, transport }) => digestOfLog(config, transport, options.snapshots),
    );
    if (options.json) {
      return sayJson({ trainedEvents, sha256, deltaOffsets: deltaOffsets.map(Number) });
    }
    say(`trained events  ${figure(trainedEvents)}`);
    say(`sha256          ${sha256}`);
    say(`delta offsets   ${deltaOffsets.join(', ')}`);
  });
}

/**
 * Returns the model that the committed deltas of the log add up to, as of the high watermarks: from
 * the newest snapshot and what follows it, or from the deltas alone.
 *
 * Errors: those of `rebuildModel`; MODEL_LOG_TRUNCATED (fatal) among them, where deltas were pruned
 * and no snapshot is to be used.
 */
export async function digestOfLog(
  config: Config,
  transport: Transport,
  useSnapshots = true,
): Promise<ModelState> {
  const { rebuildModel } = await import('../snapshots/rebuild.js');
  const progress = lateProgress();
  try {
    const { model, deltaOffsets } = await rebuildModel(transport, config, {
      useSnapshots,
      onProgress: (done, total) => {
        progress.update(done, total);
      },
    });
    return { trainedEvents: model.trainedEvents, sha256: model.digest(), deltaOffsets };
  } finally {
    progress.close();
  }
}
