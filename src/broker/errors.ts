import { IsthmusError } from '../errors.js';

const otherwise =
  'or point KAFKA_BROKERS at a broker (docker compose up), or use the log in memory: --transport memory';

/** No Java 17 or later is on the path. The command stops; install one, or use another broker. */
export function javaMissing(found: string | null, cause?: unknown): IsthmusError {
  const what = found === null ? 'Java was not found' : `Java ${found} is too old`;
  return new IsthmusError(
    'JAVA_MISSING',
    'usage',
    `${what}: the embedded Kafka needs Java 17 or later. Install it (for instance openjdk-17-jre-headless), ${otherwise}.`,
    { cause },
  );
}

/** Maven is not on the path, and Kafka is not in the cache yet. The command stops; install it. */
export function mavenMissing(cause?: unknown): IsthmusError {
  return new IsthmusError(
    'MAVEN_MISSING',
    'usage',
    `Maven was not found: it fetches the embedded Kafka. Install it (for instance apt-get install maven), ${otherwise}.`,
    { cause },
  );
}

/** Maven could not fetch Kafka. Nothing was left half done in the cache; try again. */
export function brokerFetchFailed(output: string, cause?: unknown): IsthmusError {
  return new IsthmusError(
    'BROKER_FETCH_FAILED',
    'usage',
    `Maven could not fetch Apache Kafka. Check the network and Maven's settings, ${otherwise}. Its last lines:\n${output}`,
    { cause },
  );
}

/** The port is taken by another program. The command stops; name another, or none for a free one. */
export function portInUse(port: number, cause?: unknown): IsthmusError {
  return new IsthmusError(
    'PORT_IN_USE',
    'usage',
    `Port ${port} is in use. Stop what listens there, name another port, or none to take a free one.`,
    { cause },
  );
}

/** The broker ended, or was not ready in time, at its start. Its data folder is left as it is. */
export function brokerStartFailed(reason: string, logTail: string): IsthmusError {
  return new IsthmusError(
    'BROKER_START_FAILED',
    'usage',
    `The embedded Kafka did not start: ${reason}. The last lines of its log:\n${logTail}`,
  );
}
