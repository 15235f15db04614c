import { describe, expect, it } from 'vitest';
import { IsthmusError } from '../../src/errors.js';
import { createLogger, fieldsFirst, silentLogger } from '../../src/telemetry/logger.js';
import type { TransportLogger } from '../../src/transport/kafka/logging.js';

function captured(level: 'debug' | 'info' = 'info', pretty = false) {
  const lines: string[] = [];
  const logger = createLogger({
    level,
    pretty,
    fields: { app: 'shop' },
    destination: { write: (line) => void lines.push(line) },
  });
  return { logger, lines, json: () => lines.map((line) => JSON.parse(line)) };
}

describe('the log', () => {
  it('is one JSON object a line, with level, time, message and fields', () => {
    const { logger, json } = captured();
    logger.info('Task started', { partition: 2, offset: 12345678901234567890n });
    logger.child({ topic: 'behavior-events' }).warn('Lag grows');
    const [first, second] = json();
    expect(first).toMatchObject({ level: 'info', app: 'shop', message: 'Task started' });
    expect(first.partition).toBe(2);
    expect(Date.parse(first.time)).toBeGreaterThan(0);
    expect(second).toMatchObject({ level: 'warn', topic: 'behavior-events', message: 'Lag grows' });
  });

  it('writes bigints as numbers instead of failing', () => {
    const { logger, lines } = captured();
    logger.info('Committed', { offset: 12345678901234567890n });
    expect(lines[0]).toContain('"offset":12345678901234567890');
  });

  it('says of an error its code, place and causes', () => {
    const { logger, json } = captured();
    const error = new IsthmusError('TOPIC_MISSING', 'fatal', 'The topic is not there.', {
      cause: new Error('unknown topic'),
      place: { topic: 'items', partition: 1, offset: 7n },
    });
    logger.error('Stopping', { error });
    expect(json()[0].error).toMatchObject({
      code: 'TOPIC_MISSING',
      disposition: 'fatal',
      topic: 'items',
      partition: 1,
      offset: '7',
      cause: { type: 'Error', message: 'unknown topic' },
    });
  });

  it('keeps below its level still', () => {
    const { logger, lines } = captured('info');
    logger.debug('detail');
    expect(lines).toEqual([]);
    const loud = captured('debug');
    loud.logger.debug('detail');
    expect(loud.lines).toHaveLength(1);
    silentLogger.child({}).error('nothing');
  });

  it('takes the transport in, which says the fields first', () => {
    const { logger, json } = captured();
    const transportLogger: TransportLogger = fieldsFirst(logger);
    transportLogger.warn({ broker: 'b:9092' }, 'kafkajs Connection: refused');
    expect(json()[0]).toMatchObject({
      level: 'warn',
      broker: 'b:9092',
      message: 'kafkajs Connection: refused',
    });
  });

  it('is for people on a terminal', () => {
    const { logger, lines } = captured('info', true);
    logger.info('Task started', { partition: 2 });
    expect(lines.join('')).toMatch(/INFO.*Task started/);
    expect(() => JSON.parse(lines[0] ?? '')).toThrow();
  });
});
