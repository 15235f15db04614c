import { Command } from 'commander';
import type { Config } from '../config.js';
import { IsthmusError } from '../errors.js';
import type { TraceSend } from '../producers/replay/traced.js';
import { startTracing } from '../telemetry/tracing.js';
import { inputNames } from '../topics.js';
import type { Transport } from '../transport/transport.js';
import { VERSION } from '../version.js';
import { type CommonOptions, filled, rate, whole, withCommon } from './arguments.js';
import { withKafka } from './context.js';
import { figure, say, sayJson } from './output.js';
import { countRows, startProgress } from './progress.js';
import { EXIT_INTERRUPTED, stopSignal } from './signals.js';

interface ProduceOptions extends CommonOptions {
  readonly file?: string;
  readonly items?: string;
  readonly action?: string;
  readonly rate: number;
  readonly limit?: number;
  readonly skip: number;
  readonly strict: boolean;
  readonly json: boolean;
}

/** Broken rows that are told one by one. */
const TOLD = 10;

/** `isthmus produce`: CSV → events on the input topic. */
export function produceCommand(): Command {
  const command = new Command('produce')
    .description('Write the events of a CSV file to the input topic, in order per user')
    .option('--file <file>', 'events: CSV, or CSV.gz')
    .option('--items <file>', 'items instead, to the items topic: CSV, or CSV.gz')
    .option('--action <name>', 'what rows without an action stand for (default: interact)', filled)
    .option('--rate <n>', 'events per second; 0: as fast as the log takes them', rate, 0)
    .option('--limit <n>', 'write at most so many', whole(0))
    .option('--skip <n>', 'leave out so many at the start', whole(0), 0)
    .option('--strict', 'stop at the first broken row, instead of counting it', false)
    .option('--json', 'print {sent, broken, seconds, eventsPerSecond}', false);
  return withCommon(command, [
    'isthmus produce --file events.csv.gz --rate 5000',
    'isthmus produce --file events.csv --skip 1000 --limit 500 --strict',
    'isthmus produce --file purchases.csv --action buy',
    'isthmus produce --items items.csv.gz',
    '',
    'The header is user_id,item_id,domain and time (milliseconds or ISO 8601) or sequence; value, action',
    'and event_id may be there as well, in any order. Of items it is item_id,domain, and any of title, categories',
    'and tags (several between |), text, and vector:<name> (numbers between spaces).',
  ]).action(async (options: ProduceOptions) => {
    const signal = stopSignal();
    const { items, file } = options;
    if (items !== undefined && file === undefined) return produceItems(items, options, signal);
    if (file === undefined || items !== undefined) throw onePlace();
    const result = await withKafka(options, ({ config, transport }) =>
      produce(config, transport, { ...options, file }, signal),
    );
    if (!result.complete) process.exitCode = EXIT_INTERRUPTED;
    const { sent, broken, seconds } = result;
    const eventsPerSecond = Math.round(sent / Math.max(seconds, 1e-3));
    if (options.json) return sayJson({ sent, broken, seconds, eventsPerSecond });
    const left = broken === 0 ? '' : `, ${figure(broken)} broken rows left out`;
    say(
      `${figure(sent)} events sent in ${seconds.toFixed(1)} s (${figure(eventsPerSecond)}/s)${left}`,
    );
  });
}

async function produceItems(
  file: string,
  options: ProduceOptions,
  signal: AbortSignal,
): Promise<void> {
  const begin = performance.now();
  let sent = 0;
  let broken = 0;
  await withKafka(options, async ({ config, transport }) => {
    const topic = config.itemsTopic;
    await mustBeThere(transport, topic);
    const [{ readItems }, { sendItems }, { openSerde }] = await Promise.all([
      import('../producers/replay/items.js'),
      import('../producers/replay/send-items.js'),
      import('../serde/open.js'),
    ]);
    const serde = await openSerde(config, { Item: topic });
    const onBroken = (line: number, why: string): void => {
      broken++;
      if (broken <= TOLD) process.stderr.write(`${file}, line ${line}: ${why}; left out\n`);
    };
    const { trace, close } = await tracingOf(config, topic);
    const producer = await transport.producer();
    try {
      for await (const items of readItems(file, { strict: options.strict, onBroken, signal })) {
        await sendItems(items, producer, { topic, serde, trace });
        sent += items.length;
      }
    } finally {
      await producer.close();
      await close();
    }
  });
  if (signal.aborted) process.exitCode = EXIT_INTERRUPTED;
  const seconds = (performance.now() - begin) / 1000;
  if (options.json) return sayJson({ sent, broken, seconds });
  const left = broken === 0 ? '' : `, ${figure(broken)} broken rows left out`;
  say(`${figure(sent)} items sent in ${seconds.toFixed(1)} s${left}`);
}

/** What begins a trace for what is sent to a topic, where traces are wanted. */
async function tracingOf(
  { appId }: Config,
  topic: string,
): Promise<{ trace: TraceSend; close: () => Promise<void> }> {
  const tracing = await startTracing({
    serviceName: `${appId}-produce`,
    serviceVersion: VERSION,
  });
  return { trace: (records) => tracing.send(topic, records), close: () => tracing.close() };
}

function onePlace(): IsthmusError {
  return new IsthmusError(
    'ARGUMENT_INVALID',
    'usage',
    'produce wants events (--file FILE) or items (--items FILE), one of the two',
  );
}

async function produce(
  config: Config,
  transport: Transport,
  options: ProduceOptions & { readonly file: string },
  signal: AbortSignal,
): Promise<{ sent: number; broken: number; seconds: number; complete: boolean }> {
  const topic = await inputOf(config, transport);
  const [{ readEvents }, { replay }, { openSerde }] = await Promise.all([
    import('../producers/replay/events.js'),
    import('../producers/replay/replay.js'),
    import('../serde/open.js'),
  ]);
  const { file, strict, skip, limit, action } = options;
  const serde = await openSerde(config, { BehaviorEvent: topic });
  const rows = process.stderr.isTTY ? await countRows(file) : 0;
  const progress = startProgress('events', Math.min(Math.max(0, rows - skip), limit ?? Infinity));
  let broken = 0;
  const onBroken = (line: number, why: string): void => {
    broken++;
    if (broken <= TOLD) process.stderr.write(`${file}, line ${line}: ${why}; left out\n`);
    if (broken === TOLD + 1) process.stderr.write('further broken rows are only counted\n');
  };
  const { trace, close } = await tracingOf(config, topic);
  const producer = await transport.producer();
  try {
    const reading = { strict, onBroken, signal, ...(action === undefined ? {} : { action }) };
    const result = await replay(readEvents(file, reading), producer, {
      topic,
      encode: (event) => serde.events.encode(event),
      rate: options.rate,
      skip,
      ...(limit === undefined ? {} : { limit }),
      signal,
      trace,
      onProgress: ({ sent }) => progress.update(sent),
    });
    return { ...result, broken };
  } finally {
    progress.close();
    await producer.close();
    await close();
  }
}

/** The topic to write to: the first one where the input is several. */
async function inputOf(config: Config, transport: Transport): Promise<string> {
  const [topic] = inputNames(config);
  if (topic === undefined) {
    throw new IsthmusError(
      'SETTING_INVALID',
      'usage',
      `ISTHMUS_INPUT_TOPIC is the pattern ${config.inputTopic}: wants the name of the topic to write to, for this command`,
    );
  }
  await mustBeThere(transport, topic);
  return topic;
}

async function mustBeThere(transport: Transport, topic: string): Promise<void> {
  const admin = await transport.admin();
  const there = await admin.listTopics([topic]);
  await admin.close();
  if (there.length > 0) return;
  throw new IsthmusError(
    'TOPIC_MISSING',
    'usage',
    `Topic ${topic} does not exist: run \`isthmus topics create\``,
    { place: { topic } },
  );
}
