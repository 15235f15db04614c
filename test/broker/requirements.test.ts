import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { kafkaJars } from '../../src/broker/jars.js';
import { checkJava, javaCommand } from '../../src/broker/java.js';
import { freePort } from '../../src/broker/ports.js';
import { serverProperties } from '../../src/broker/properties.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isthmus-test-'));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

async function command(name: string, script: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

test('where Java is missing the message says what to install and what else there is', async () => {
  await expect(checkJava(join(folder, 'no-java'))).rejects.toMatchObject({
    code: 'JAVA_MISSING',
    disposition: 'usage',
    message: expect.stringMatching(/Java 17.*docker compose up.*--transport memory/s),
  });
});

test.each([
  ['1.8.0_392', false],
  ['11.0.2', false],
  ['17.0.15', true],
  ['21', true],
])('Java %s is enough: %s', async (version, enough) => {
  const java = await command('java', `echo 'openjdk version "${version}" 2025-01-01' >&2`);
  const checked = checkJava(java);
  if (enough) expect(await checked).toBeGreaterThanOrEqual(17);
  else await expect(checked).rejects.toMatchObject({ code: 'JAVA_MISSING' });
});

test('JAVA_HOME decides which Java is used', () => {
  vi.stubEnv('JAVA_HOME', '/opt/jdk');
  expect(javaCommand()).toBe('/opt/jdk/bin/java');
  vi.stubEnv('JAVA_HOME', '');
  expect(javaCommand()).toBe('java');
});

test('where Maven is missing the message says so, and nothing is left in the cache', async () => {
  vi.stubEnv('PATH', folder);
  await expect(kafkaJars(folder)).rejects.toMatchObject({
    code: 'MAVEN_MISSING',
    disposition: 'usage',
    message: expect.stringMatching(/Maven.*docker compose up.*--transport memory/s),
  });
  expect(await readdir(folder)).toEqual([]);
});

test('a fetch that fails shows the last lines of Maven, and nothing is left in the cache', async () => {
  await command('mvn', 'echo "[ERROR] no route to host"; exit 1');
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
  const cache = join(folder, 'cache');
  await expect(kafkaJars(cache)).rejects.toMatchObject({
    code: 'BROKER_FETCH_FAILED',
    message: expect.stringContaining('no route to host'),
  });
  expect(await readdir(cache)).toEqual([]);
});

test('of several fetches at once each gets the same whole folder', async () => {
  await command(
    'mvn',
    'for a; do case $a in -DoutputDirectory=*) d=$(echo $a | cut -d= -f2);; esac; done; mkdir -p $d; sleep 0.05; echo jar > $d/kafka.jar',
  );
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
  const cache = join(folder, 'cache');
  const found = await Promise.all([kafkaJars(cache), kafkaJars(cache), kafkaJars(cache)]);
  expect(new Set(found).size).toBe(1);
  expect(await readdir(found[0]!)).toEqual(['kafka.jar']);
  expect((await readdir(cache)).length).toBe(1);
});

test('a free port is found, and the broker listens on 127.0.0.1 alone', async () => {
  const port = await freePort();
  expect(port).toBeGreaterThan(0);
  const properties = serverProperties({ broker: port, controller: port + 1 }, '/data');
  expect(properties).toContain(`advertised.listeners=BROKER://127.0.0.1:${port}\n`);
  expect(properties).not.toContain('0.0.0.0:');
});
