import { Command } from 'commander';
import type { Config } from '../config.js';
import type { ModelState } from '../http/view.js';
import type { Transport } from '../transport/transport.js';
import { type CommonOptions, withCommon } from './arguments.js';
import { withKafka } from './context.js';
import { figure, say, sayJson } from './output.js';
import { startProgress } from './progress.js';

/** `isthmus digest`: the model as the sum of the log, without a service. */
export function digestCommand(): Command {
  const command = new Command('digest')
    .description('Rebuild the model from the log alone and print its hash')
    .option('--json', 'print {trainedEvents, sha256, deltaOffsets}', false);
  return withCommon(command, [
    'isthmus digest',
    'isthmus digest --json    # the same as GET /model of a service that is at rest',
  ]).action(async (options: CommonOptions & { json: boolean }) => {
    const { trainedEvents, sha256, deltaOffsets } = await withKafka(
      options,
      ({ config, transport }) => digestOfLog(config, transport),
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
 * Returns the model that the committed deltas of the log add up to, as of the high watermarks.
 *
 * Errors: TOPIC_MISSING (usage); UNDECODABLE_RECORD (fatal) for a record that is no delta.
 */
export async function digestOfLog(config: Config, transport: Transport): Promise<ModelState> {
  const [{ DeltaReader }, { decodeDelta }, { Model }, { Serde }] = await Promise.all([
    import('../consumers/delta-reader.js'),
    import('../online/delta-codec.js'),
    import('../online/model.js'),
    import('../serde/serde.js'),
  ]);
  const { seed, dimension, initialScale } = config.learner;
  const model = new Model({ seed, dimension, initialScale });
  const serde = new Serde();
  const topic = config.modelDeltasTopic;
  const admin = await transport.admin();
  const marks = await admin.watermarks(topic);
  await admin.close();
  const total = marks.reduce((sum, { low, high }) => sum + Number(high - low), 0);
  const progress = startProgress('offsets', total);
  const failed = new AbortController();
  const reader = transport.reader([topic], (error) => failed.abort(error));
  const deltas = new DeltaReader({
    topic,
    reader,
    apply: (record) => {
      // What came after the question is left to the next one.
      if (record.offset >= marks[record.partition]!.high) return;
      try {
        model.apply(decodeDelta(serde.deltas.decode(record.value).payload));
      } catch (error) {
        failed.abort(error);
      }
    },
    onProgress: () => {
      const done = deltas.positions.reduce((sum, position, partition) => {
        const { low, high } = marks[partition]!;
        return sum + Math.min(Number(position), Number(high)) - Number(low);
      }, 0);
      progress.update(done);
    },
  });
  try {
    await reader.run();
    deltas.start(marks.map(({ low }) => low));
    await deltas.reached(marks, failed.signal);
  } finally {
    progress.close();
    deltas.stop();
    await reader.close();
  }
  return {
    trainedEvents: model.trainedEvents,
    sha256: model.digest(),
    deltaOffsets: marks.map(({ high }) => high),
  };
}
