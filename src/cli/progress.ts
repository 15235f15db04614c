import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import cliProgress from 'cli-progress';
import { figure } from './output.js';

const PLAIN_EVERY_MS = 5_000;

/** How far something is, on stderr: a bar on a terminal, a line now and then elsewhere. */
export interface Progress {
  update(done: number): void;
  close(): void;
}

/**
 * @param what What is counted: `events`.
 * @param total 0 where nobody knows.
 */
export function startProgress(
  what: string,
  total: number,
  output: NodeJS.WriteStream = process.stderr,
): Progress {
  const startedMs = Date.now();
  const perSecond = (done: number): string =>
    figure((1000 * done) / Math.max(1, Date.now() - startedMs));
  if (output.isTTY === true && total > 0) {
    const bar = new cliProgress.SingleBar({
      stream: output,
      hideCursor: true,
      clearOnComplete: true,
      format: `[{bar}] {percentage}%  {value} of {total} ${what}  {speed}/s`,
    });
    bar.start(total, 0, { speed: '-' });
    return {
      update: (done) => bar.update(Math.min(done, total), { speed: perSecond(done) }),
      close: () => bar.stop(),
    };
  }
  let saidMs = startedMs;
  return {
    update(done) {
      if (Date.now() - saidMs < PLAIN_EVERY_MS) return;
      saidMs = Date.now();
      const of = total > 0 ? ` of ${figure(total)}` : '';
      output.write(`${figure(done)}${of} ${what}  ${perSecond(done)}/s\n`);
    },
    close() {},
  };
}

/** As `startProgress` with offsets of the log, for a total that is known only at the first update. */
export function lateProgress(): { update(done: number, total: number): void; close(): void } {
  let progress: Progress | undefined;
  return {
    update(done, total) {
      progress ??= startProgress('offsets', total);
      progress.update(done);
    },
    close: () => progress?.close(),
  };
}

/**
 * Returns how many rows a CSV file has below its header, for the progress bar; 0 where it cannot be
 * read (whoever reads it next says why).
 */
export async function countRows(file: string): Promise<number> {
  try {
    const raw = createReadStream(file);
    const source = file.endsWith('.gz') ? raw.pipe(createGunzip()) : raw;
    raw.on('error', (error) => source.destroy(error));
    let lines = 0;
    for await (const chunk of source as AsyncIterable<Buffer>) {
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
    }
    return Math.max(0, lines - 1);
  } catch {
    return 0;
  }
}
