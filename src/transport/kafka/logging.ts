import type { logCreator } from 'kafkajs';

/** Where the transport says what it meets. pino fits. */
export interface TransportLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const silentLogger: TransportLogger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/**
 * Returns kafkajs's logs on ours, as debug lines: whatever it calls an error is met by our own retries,
 * or explained (refusals.ts), and these report what matters themselves. Among what it calls refused
 * credentials are connections that were closed while they authenticated.
 */
export function kafkajsLogs(logger: TransportLogger): logCreator {
  return () => (entry) => {
    const { message, timestamp: _timestamp, logger: _name, stack: _stack, ...fields } = entry.log;
    logger.debug(fields, `kafkajs ${entry.namespace}: ${message}`);
  };
}
