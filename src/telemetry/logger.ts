import {
  type DestinationStream,
  destination,
  type Logger as Pino,
  pino,
  stdTimeFunctions,
} from 'pino';
import { prettyFactory } from 'pino-pretty';
import { IsthmusError } from '../errors.js';

/** What a line says beside its message. Values must be JSON, errors or bigints. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The little that the service needs of a log. Messages are sentences; figures go into `fields`. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to each line. */
  child(fields: LogFields): Logger;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];

export interface LoggerOptions {
  readonly level?: LogLevel;
  /** On each line. */
  readonly fields?: LogFields;
  /** For people instead of JSON; left out, by whether stderr is a terminal. */
  readonly pretty?: boolean;
  /** Where the lines go. Default stderr, so that the stdout of `--json` stays clean. */
  readonly destination?: { write(line: string): void };
}

/**
 * A logger that writes one JSON line a message: `{"level":"info","time":"2026-..Z","message":..}`
 * and the fields. Errors under the key `error` are written with code, disposition, place, causes
 * and stack. Writing is synchronous: what was said before a crash is there after it.
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const pretty =
    options.pretty ?? (options.destination === undefined && process.stderr.isTTY === true);
  const target: DestinationStream = options.destination ?? destination({ fd: 2, sync: true });
  const stream = pretty ? prettyStream(target, options.destination === undefined) : target;
  return new PinoLogger(
    pino(
      {
        level: options.level ?? 'info',
        base: { ...options.fields },
        messageKey: 'message',
        timestamp: stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        serializers: { error: serialiseError },
      },
      stream,
    ),
  );
}

class PinoLogger implements Logger {
  readonly #pino: Pino;

  constructor(target: Pino) {
    this.#pino = target;
  }

  debug(message: string, fields?: LogFields): void {
    this.#pino.debug(fields ?? {}, message);
  }

  info(message: string, fields?: LogFields): void {
    this.#pino.info(fields ?? {}, message);
  }

  warn(message: string, fields?: LogFields): void {
    this.#pino.warn(fields ?? {}, message);
  }

  error(message: string, fields?: LogFields): void {
    this.#pino.error(fields ?? {}, message);
  }

  child(fields: LogFields): Logger {
    return new PinoLogger(this.#pino.child(fields));
  }
}

function prettyStream(target: DestinationStream, colours: boolean): DestinationStream {
  // The formatter alone: pino-pretty's own stream would be asynchronous.
  const format = prettyFactory({
    messageKey: 'message',
    timestampKey: 'time',
    translateTime: 'SYS:HH:MM:ss.l',
    colorize: colours && process.env.NO_COLOR === undefined,
    ignore: 'app',
  });
  return {
    write(line) {
      target.write(format(line));
    },
  };
}

/** A logger that says nothing. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};

/** The same log with the fields first, as pino and the transport have it. */
export function fieldsFirst(logger: Logger): {
  readonly [level in 'debug' | 'info' | 'warn' | 'error']: (
    fields: object,
    message: string,
  ) => void;
} {
  return {
    debug: (fields, message) => logger.debug(message, { ...fields }),
    info: (fields, message) => logger.info(message, { ...fields }),
    warn: (fields, message) => logger.warn(message, { ...fields }),
    error: (fields, message) => logger.error(message, { ...fields }),
  };
}

/** The error as JSON, with its code, place and causes (five at most). */
export function serialiseError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error;
  const own = error instanceof IsthmusError ? placed(error) : { type: error.name };
  return {
    ...own,
    message: error.message,
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(error.cause === undefined || depth >= 4
      ? {}
      : { cause: serialiseError(error.cause, depth + 1) }),
  };
}

function placed(error: IsthmusError): Record<string, unknown> {
  return {
    code: error.code,
    disposition: error.disposition,
    ...error.place,
    ...(error.place.offset === undefined ? {} : { offset: error.place.offset.toString() }),
  };
}
