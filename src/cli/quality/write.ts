import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeError } from '../../errors.js';
import type { QualityOptions } from './options.js';
import { withPart } from './page.js';
import { Evaluator } from './run.js';
import type { Section } from './sections/index.js';

/**
 * Makes the sections one after the other, and writes each into the page as soon as it is made. Returns
 * the names of those that failed: they are told, their old figures stay.
 */
export async function writeQuality(
  sections: readonly Section[],
  options: QualityOptions,
  say: (sentence: string) => void,
): Promise<string[]> {
  const scratch = await mkdtemp(join(tmpdir(), 'isthmus-quality-'));
  const context = { options, evaluator: new Evaluator(options.data ?? ''), scratch, say };
  const page = join(options.out, 'quality.md');
  const plots = join(options.out, 'quality');
  const failed: string[] = [];
  try {
    for (const section of sections) {
      if (options.only.length > 0 && !options.only.includes(section.name)) continue;
      if (section.needsData && options.data === undefined) {
        say(`${section.name} stays as it is: it wants --data`);
        continue;
      }
      try {
        const made = await section.make(context);
        await mkdir(plots, { recursive: true });
        for (const [name, svg] of Object.entries(made.plots ?? {})) {
          await writeFile(join(plots, name), svg);
        }
        await writeFile(page, withPart(await readFile(page, 'utf8'), section.name, made.markdown));
        say(`${section.name} is written`);
      } catch (error) {
        failed.push(section.name);
        say(`! ${section.name} failed and stays as it was: ${describeError(error)}`);
      }
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return failed;
}
