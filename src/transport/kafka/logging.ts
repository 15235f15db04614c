import { type logCreator, logLevel } from 'kafkajs';

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
 * Returns kafkajs's logs on ours. Whatever it calls an error is met by our own retries, which report
 * what matters themselves: its errors and warnings become debug lines, except refused credentials.
 */
export function kafkajsLogs(logger: TransportLogger): logCreator {
  return () => (entry) => {
    const { message, timestamp: _timestamp, logger: _name, stack: _stack, ...fields } = entry.log;
    const text = `kafkajs ${entry.namespace}: ${message}`;
    if (entry.level === logLevel.ERROR && /SASL|authenticat/i.test(message)) {
      logger.error(fields, text);
    } else {
      logger.debug(fields, text);
    }
  };
}
