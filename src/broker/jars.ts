import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { brokerFetchFailed, mavenMissing } from './errors.js';

export const kafkaVersion = '4.3.1';

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>isthmus</groupId>
  <artifactId>embedded-kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${kafkaVersion}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>2.24.3</version>
    </dependency>
  </dependencies>
</project>
`;

/** Returns the cache folder: $ISTHMUS_CACHE, or .cache/isthmus in the home folder. */
export function defaultCacheDir(): string {
  return process.env.ISTHMUS_CACHE ?? join(homedir(), '.cache', 'isthmus');
}

/**
 * Returns the folder with Kafka's jars, fetched by Maven the first time. Two processes may do this
 * at once: each fetches into a folder of its own, and the first to finish gives it its final name.
 *
 * Errors: MAVEN_MISSING, BROKER_FETCH_FAILED (both usage).
 */
export async function kafkaJars(
  cacheDir: string,
  onProgress: (message: string) => void = () => undefined,
): Promise<string> {
  const target = join(cacheDir, `kafka-${kafkaVersion}`);
  if (existsSync(target)) return target;
  onProgress(`Fetching Apache Kafka ${kafkaVersion} by Maven (43 MB, once)`);
  await mkdir(cacheDir, { recursive: true });
  const work = await mkdtemp(join(cacheDir, 'fetch-'));
  try {
    await writeFile(join(work, 'pom.xml'), pom);
    await runMaven(work);
    await rename(join(work, 'jars'), target).catch((error: NodeJS.ErrnoException) => {
      // Another process was faster.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return target;
}

function runMaven(folder: string): Promise<void> {
  const args = ['-B', '-q', '-f', join(folder, 'pom.xml'), 'dependency:copy-dependencies'];
  args.push('-DincludeScope=runtime', `-DoutputDirectory=${join(folder, 'jars')}`);
  return new Promise((resolve, reject) => {
    const child = spawn('mvn', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-4_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'ENOENT' ? mavenMissing(error) : brokerFetchFailed(output, error));
    });
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(brokerFetchFailed(output.trim().split('\n').slice(-8).join('\n')));
    });
  });
}
