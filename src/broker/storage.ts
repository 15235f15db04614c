import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kafkaVersion } from './jars.js';
import { serverProperties } from './properties.js';

/** Returns a random id as Kafka writes it: 16 bytes in URL-safe base64, no dash in front. */
export function newUuid(): string {
  for (;;) {
    const id = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url');
    if (!id.startsWith('-')) return id;
  }
}

/**
 * Makes `logDir` a formatted storage folder of one node. Kafka's tool takes a second of CPU for it,
 * so a formatted folder is kept in the cache, and copied with ids of its own. `format` runs the tool
 * with the server.properties that it is given.
 */
export async function formatStorage(
  cacheDir: string,
  logDir: string,
  format: (properties: string) => Promise<void>,
): Promise<void> {
  const template = join(cacheDir, `storage-${kafkaVersion}`);
  if (!existsSync(template)) await makeTemplate(cacheDir, template, format);
  await mkdir(logDir, { recursive: true });
  await cp(template, logDir, { recursive: true });
  const file = join(logDir, 'meta.properties');
  const text = await readFile(file, 'utf8');
  const fresh = text.replace(
    /^(cluster|directory)\.id=.*$/gm,
    (_, name) => `${name}.id=${newUuid()}`,
  );
  await writeFile(file, fresh);
}

async function makeTemplate(
  cacheDir: string,
  template: string,
  format: (properties: string) => Promise<void>,
): Promise<void> {
  await mkdir(cacheDir, { recursive: true });
  const work = await mkdtemp(join(cacheDir, 'format-'));
  try {
    const properties = join(work, 'server.properties');
    await writeFile(
      properties,
      serverProperties({ broker: 9092, controller: 9093 }, join(work, 'log')),
    );
    await format(properties);
    await rename(join(work, 'log'), template).catch((error: NodeJS.ErrnoException) => {
      // Another process was faster.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
