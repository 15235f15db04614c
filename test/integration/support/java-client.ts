import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { defaultCacheDir, kafkaJars } from '../../../src/broker/jars.js';
import { javaCommand } from '../../../src/broker/java.js';

const program = fileURLToPath(new URL('JavaClient.java', import.meta.url));

/**
 * Runs JavaClient.java on the jars of the embedded broker, and returns the lines that it printed.
 * It needs a JDK, not only a JRE: the program is compiled as it starts.
 */
export async function javaClient(args: readonly string[]): Promise<string[]> {
  const jars = await kafkaJars(defaultCacheDir());
  const flags = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-cp', join(jars, '*'), program];
  const { stdout } = await promisify(execFile)(javaCommand(), [...flags, ...args], {
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout.split('\n').filter((line) => line !== '');
}
