import { PrequentialSummary, type RankMeans } from '../online/prequential-summary.js';
import type { PrequentialSample } from '../online/types.js';

export interface CurveOptions {
  /** Events of the stream that a point looks back on. */
  readonly window: number;
  /** Events from point to point. */
  readonly step: number;
}

/** The rows of all domains together: no domain has this name. */
const ALL = '*';

/**
 * How quality goes over the stream: at every `step` events, the means over the last `window` of them,
 * by domain and for all. Where the stream has been shorter than the window, over all that there was.
 */
export class Curve {
  readonly #options: CurveOptions;
  readonly #names: readonly string[];
  readonly #samples: { readonly event: number; readonly sample: PrequentialSample }[] = [];
  readonly #lines: string[] = [];
  #oldest = 0;
  #next: number;

  constructor(names: readonly string[], options: CurveOptions) {
    this.#options = options;
    this.#names = names;
    this.#next = options.step;
    const figures = ['', ...names.map((name) => `${name}_`)];
    const head = figures.flatMap((prefix) => [`${prefix}hr10`, `${prefix}ndcg10`]);
    this.#lines.push(['events', 'domain', 'samples', ...head].join(','));
  }

  /** Takes what was found for the events of a mini-batch, at whose end so many have been. */
  add(samples: readonly PrequentialSample[], events: number): void {
    for (const sample of samples) this.#samples.push({ event: events, sample });
    if (events < this.#next) return;
    while (this.#next <= events) this.#next += this.#options.step;
    this.#write(events);
  }

  /** The curve as CSV: `events,domain,samples,hr10,ndcg10`, then both of each baseline. */
  csv(): string {
    return `${this.#lines.join('\n')}\n`;
  }

  #write(events: number): void {
    const from = events - this.#options.window;
    while ((this.#samples[this.#oldest]?.event ?? events) <= from) this.#oldest++;
    if (this.#oldest > this.#samples.length / 2) {
      this.#samples.splice(0, this.#oldest);
      this.#oldest = 0;
    }
    const summary = new PrequentialSummary();
    for (let i = this.#oldest; i < this.#samples.length; i++) summary.add(this.#samples[i]!.sample);
    for (const row of [{ domain: ALL, ...summary.total() }, ...summary.byDomain()]) {
      const figures: readonly RankMeans[] = [row, ...this.#names.map((_, i) => row.rivals[i]!)];
      const cells = figures.flatMap(({ hr10, ndcg10 }) => [hr10.toFixed(5), ndcg10.toFixed(5)]);
      this.#lines.push([events, row.domain, row.samples, ...cells].join(','));
    }
  }
}
