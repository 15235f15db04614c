import { type Config, loadConfig, requireBrokers } from '../config.js';
import { IsthmusError } from '../errors.js';
import { createLogger, type Logger, type LogLevel } from '../telemetry/logger.js';
import type { Transport } from '../transport/transport.js';
import type { CommonOptions } from './arguments.js';
import { openKafka } from './kafka-transport.js';

/** Returns the settings in force. Errors: SETTING_INVALID, SETTING_UNKNOWN (usage). */
export function settingsOf(options: CommonOptions): Config {
  return loadConfig(process.env, options.config);
}

/** Returns the log, on stderr, at the level that is set. */
export function loggerOf(config: Config): Logger {
  return createLogger({ level: levelOf(config.logLevel), fields: { app: config.appId } });
}

function levelOf(level: Config['logLevel']): LogLevel {
  if (level === 'trace') return 'debug';
  return level === 'fatal' ? 'error' : level;
}

/**
 * Returns the transport to Kafka. Nothing is connected yet.
 *
 * Errors (usage): SETTING_INVALID where nobody has said where Kafka is, or the log is one in memory,
 * which no other process has; those of `openKafka`.
 *
 * @param adminTimeoutMs How long a question to the broker may take before BROKER_UNREACHABLE.
 */
export async function kafkaOf(
  config: Config,
  logger: Logger,
  adminTimeoutMs = 10_000,
): Promise<Transport> {
  requireBrokers(config);
  if (config.transport === 'memory') {
    throw new IsthmusError(
      'SETTING_INVALID',
      'usage',
      'ISTHMUS_TRANSPORT is "memory": wants kafka for this command, since a log in memory ends with the process that has it. `isthmus demo --transport memory` shows the whole road in one process',
    );
  }
  return openKafka(config, logger, adminTimeoutMs);
}

/** Hands the transport to `work` and closes it afterwards, whatever happens. */
export async function withKafka<T>(
  options: CommonOptions,
  work: (parts: { config: Config; logger: Logger; transport: Transport }) => Promise<T>,
): Promise<T> {
  const config = settingsOf(options);
  const logger = loggerOf(config);
  const transport = await kafkaOf(config, logger);
  try {
    return await work({ config, logger, transport });
  } finally {
    await transport.close();
  }
}
