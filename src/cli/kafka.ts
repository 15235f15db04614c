import { Command } from 'commander';
import { IsthmusError } from '../errors.js';
import { type CommonOptions, whole, withCommon } from './arguments.js';
import { settingsOf } from './context.js';
import { say } from './output.js';
import { aborted, stopSignal } from './signals.js';

interface KafkaOptions extends CommonOptions {
  readonly port: number;
  readonly dataDir?: string;
}

/** `isthmus kafka`: the embedded broker in the foreground. */
export function kafkaCommand(): Command {
  const command = new Command('kafka')
    .description('Start a real Kafka on this machine and keep it up until Ctrl-C')
    .option('--port <port>', 'port on 127.0.0.1; 0: any that is free', whole(0, 65_535), 0)
    .option('--data-dir <folder>', 'keep the data here; otherwise they go when it stops');
  return withCommon(command, [
    'isthmus kafka                                  # prints KAFKA_BROKERS=127.0.0.1:PORT',
    'isthmus kafka --port 9092 --data-dir ./kafka   # the same data at the next start',
  ]).action(async (options: KafkaOptions) => {
    settingsOf(options);
    const signal = stopSignal();
    const { EmbeddedKafka } = await import('../broker/embedded.js');
    let broke: (error: unknown) => void = () => {};
    const ended = new Promise<never>((_, reject) => {
      broke = reject;
    });
    const kafka = await EmbeddedKafka.start({
      port: options.port,
      ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
      onProgress: (message) => process.stderr.write(`${message}\n`),
      onExit: (code, logTail) => broke(brokerEnded(code, logTail)),
    });
    try {
      say(`KAFKA_BROKERS=${kafka.bootstrap}`);
      if (!signal.aborted) process.stderr.write('Kafka is up. Ctrl-C stops it.\n');
      await Promise.race([aborted(signal), ended]);
    } finally {
      await kafka.stop();
    }
  });
}

/** The broker ended by itself. Its data folder is left as it is. */
function brokerEnded(code: number, logTail: string): IsthmusError {
  return new IsthmusError(
    'BROKER_ENDED',
    'fatal',
    `The embedded Kafka ended by itself with ${code}; start it again. The last lines of its log:\n${logTail}`,
  );
}
