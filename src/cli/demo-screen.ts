import cliProgress from 'cli-progress';
import type { LiveFigures, LiveSnapshot } from '../telemetry/live.js';

const PLAIN_EVERY_MS = 2_000;
const DRAW_EVERY_MS = 200;

/** What the demo shows while it runs: a progress bar with figures on a terminal, lines elsewhere. */
export class DemoScreen {
  readonly #live: LiveFigures;
  readonly #total: number;
  readonly #output: NodeJS.WriteStream;
  readonly #bars: cliProgress.MultiBar | null;
  readonly #progress: cliProgress.SingleBar | null;
  readonly #figures: cliProgress.SingleBar | null;
  readonly #quality = new Map<string, cliProgress.SingleBar>();
  readonly #timer: NodeJS.Timeout;
  #sent = 0;

  constructor(live: LiveFigures, total: number, output: NodeJS.WriteStream) {
    this.#live = live;
    this.#total = total;
    this.#output = output;
    if (output.isTTY) {
      this.#bars = new cliProgress.MultiBar({
        stream: output,
        hideCursor: true,
        clearOnComplete: true,
        format: '{line}',
      });
      this.#progress = this.#bars.create(
        total,
        0,
        {},
        {
          format: 'replaying  [{bar}] {percentage}%  {value} of {total} ratings',
        },
      );
      this.#figures = this.#bars.create(1, 0, { line: '' });
      this.#timer = setInterval(() => this.#draw(), DRAW_EVERY_MS);
    } else {
      this.#bars = null;
      this.#progress = null;
      this.#figures = null;
      this.#timer = setInterval(() => this.#print(), PLAIN_EVERY_MS);
    }
  }

  /** Ratings that Kafka has. */
  sent(count: number): void {
    this.#sent = count;
  }

  /** Stops drawing; what was on the screen is gone from a terminal. */
  close(): void {
    clearInterval(this.#timer);
    this.#bars?.stop();
  }

  #draw(): void {
    const snapshot = this.#live.snapshot();
    this.#progress?.update(this.#sent);
    this.#figures?.update(0, { line: figures(snapshot) });
    for (const row of snapshot.quality) {
      let bar = this.#quality.get(row.domain);
      if (bar === undefined) {
        bar = this.#bars?.create(1, 0, { line: '' });
        if (bar !== undefined) this.#quality.set(row.domain, bar);
      }
      const ours = percent(row.recentHr10).padStart(6);
      bar?.update(0, {
        line: `  ${row.domain.padEnd(12)} HR@10 ${ours} ${gauge(row.recentHr10)}  popularity ${percent(row.recentPopularityHr10).padStart(6)} ${gauge(row.recentPopularityHr10)}`,
      });
    }
  }

  #print(): void {
    const snapshot = this.#live.snapshot();
    const share = Math.round((100 * this.#sent) / this.#total);
    this.#output.write(`${String(share).padStart(3)}%  ${figures(snapshot)}\n`);
  }
}

function figures({ eventsPerSecond, lagRecords, freshness }: LiveSnapshot): string {
  const rate = Math.round(eventsPerSecond).toLocaleString('en').padStart(6);
  const lag = lagRecords.toLocaleString('en').padStart(6);
  return `${rate} events/s   lag ${lag}   freshness p50 ${milliseconds(freshness.p50Ms)}  p99 ${milliseconds(freshness.p99Ms)}`;
}

/** `38 ms`, or a dash where nothing was measured. */
export function milliseconds(value: number | null): string {
  return value === null ? '-' : `${Math.round(value)} ms`;
}

/** `12.3%` */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

function gauge(share: number): string {
  const width = 20;
  const filled = Math.min(width, Math.round(share * width));
  return '█'.repeat(filled) + '░'.repeat(width - filled);
}
