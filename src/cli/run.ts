import { Command } from 'commander';
import type { Config } from '../config.js';
import type { Logger } from '../telemetry/logger.js';
import { applicationTopics } from '../topics.js';
import type { Transport } from '../transport/transport.js';
import { type CommonOptions, withCommon } from './arguments.js';
import { withBackend } from './backend.js';
import { kafkaOf, loggerOf, settingsOf } from './context.js';
import { collectAlone } from './heap.js';
import { aborted, stopSignal } from './signals.js';

/** A stop is over within this time, whatever the broker does; what is not committed is done again. */
const CLOSE_WITHIN_MS = 4_000;
/** The service asks again for as long as it must, and says so each time. */
const ASK_WITHIN_MS = 3_000;
/** Partitions of the log in memory. */
const MEMORY_PARTITIONS = 4;

/** `isthmus run`: the service. */
export function runCommand(): Command {
  const command = new Command('run').description(
    'Run the service: learn the input, write recommendations, answer over HTTP',
  );
  return withCommon(command, [
    'KAFKA_BROKERS=127.0.0.1:9092 isthmus run',
    'KAFKA_BROKERS=127.0.0.1:9092 ISTHMUS_HTTP_PORT=0 isthmus run --config settings.json',
    '',
    'SIGTERM or Ctrl-C: commits what is at hand, leaves the group and exits 0 within 5 s; once more: at once.',
  ]).action(async (options: CommonOptions) => {
    collectAlone();
    const config = settingsOf(options);
    const logger = loggerOf(config);
    const signal = stopSignal();
    const transport =
      config.transport === 'memory'
        ? await memoryLog(config, logger)
        : await kafkaOf(config, logger, ASK_WITHIN_MS);
    await serve(config, transport, logger, signal);
  });
}

/** Runs until the signal, or until the service cannot go on: then its error is thrown. */
async function serve(
  config: Config,
  transport: Transport,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const [{ Service }, { logRestores }, { startTracing }, { VERSION }] = await Promise.all([
    import('../main.js'),
    import('../telemetry/restore-log.js'),
    import('../telemetry/tracing.js'),
    import('../version.js'),
  ]);
  const tracing = await startTracing({ serviceName: config.appId, serviceVersion: VERSION });
  const service = await withBackend(() => Service.create({ config, transport, logger, tracing }));
  const quiet = logRestores(config.appId, logger);
  const close = async (): Promise<void> => {
    await service.close();
    quiet();
    await Promise.all([transport.close(), tracing.close()]);
  };
  try {
    await service.start();
    await Promise.race([service.ended, aborted(signal)]);
    logger.info('stopping', { reason: (signal.reason as Error | undefined)?.message ?? 'ended' });
  } finally {
    if (!(await within(CLOSE_WITHIN_MS, close()))) {
      logger.warn(
        'stopped before all was closed; what was not committed is done again at the next start',
      );
    }
  }
  logger.info('stopped');
}

/** Whether it came to its end in time. */
async function within(milliseconds: number, work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  try {
    return await Promise.race([work.then(() => true as const), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A log that only this process has, with its topics: the page and the metrics can be looked at. */
async function memoryLog(config: Config, logger: Logger): Promise<Transport> {
  const { MemoryLog, MemoryTransport } = await import('../transport/memory/index.js');
  const transport = new MemoryTransport(new MemoryLog());
  const admin = await transport.admin();
  await admin.createTopics(applicationTopics(config, MEMORY_PARTITIONS));
  await admin.close();
  logger.warn(
    'ISTHMUS_TRANSPORT is memory: no other process can write events to this log, and it is gone at the end; `isthmus demo --transport memory` shows one with events',
  );
  return transport;
}
