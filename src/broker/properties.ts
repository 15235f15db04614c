export interface BrokerPorts {
  readonly broker: number;
  readonly controller: number;
}

/** Properties of a broker by name. */
export type Properties = Readonly<Record<string, string | number>>;

/**
 * Returns the server.properties of one KRaft node on 127.0.0.1, fit for development and tests.
 *
 * @param others Added to what stands here, or put in its place.
 */
export function serverProperties(
  ports: BrokerPorts,
  logDir: string,
  others: Properties = {},
): string {
  const settings: Record<string, string | number> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${ports.controller}`,
    listeners: `BROKER://127.0.0.1:${ports.broker},CONTROLLER://127.0.0.1:${ports.controller}`,
    'advertised.listeners': `BROKER://127.0.0.1:${ports.broker}`,
    'listener.security.protocol.map': 'BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'BROKER',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': logDir,
    'auto.create.topics.enable': 'false',
    'offsets.topic.num.partitions': 1,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1_000,
    // A broker that was killed is let in again when the session of its former life has ended; one that
    // gets no CPU for so long counts as gone, and no topic can be made then.
    'broker.session.timeout.ms': 6_000,
    'broker.heartbeat.interval.ms': 500,
    // How often expired transactions are looked for.
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1_000,
    'num.network.threads': 2,
    'num.io.threads': 4,
    'num.recovery.threads.per.data.dir': 2,
    // The default of 128 MB would be a quarter of the heap.
    'log.cleaner.dedupe.buffer.size': 16_777_216,
  };
  return Object.entries({ ...settings, ...others })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** Returns the log4j2 settings: warnings, and the line that says that the broker is ready. */
export function loggingProperties(): string {
  return `status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %m (%c{1})%n%throwable
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
logger.exit.name = org.apache.kafka.common.utils.Exit
logger.exit.level = info
`;
}
