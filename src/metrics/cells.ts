import type { PrequentialSample } from '../online/types.js';
import { Decayed } from './decayed.js';
import type { MetricContext } from './group.js';

/** Half-life of the means of the newest events, in events of the same domain and bucket. */
const HALF_LIFE_EVENTS = 1000;

/** Of one domain and bucket: sums of figures, and their means over about the last 1,000 events. */
export interface Cell {
  readonly labels: { readonly domain: string; readonly bucket: string };
  events: number;
  readonly sums: Float64Array;
  readonly recent: readonly Decayed[];
}

/** Figures of predicted events, by domain and by the user's own history there. */
export class Cells {
  private readonly domains: MetricContext['domains'];
  private readonly figures: readonly ((sample: PrequentialSample) => number)[];
  private readonly cells = new Map<string, Cell>();

  constructor(
    domains: MetricContext['domains'],
    figures: readonly ((sample: PrequentialSample) => number)[],
  ) {
    this.domains = domains;
    this.figures = figures;
  }

  observe(sample: PrequentialSample): void {
    const cell = this.cellOf(sample);
    cell.events++;
    for (let i = 0; i < this.figures.length; i++) {
      const value = this.figures[i]!(sample);
      cell.sums[i]! += value;
      cell.recent[i]!.add(value);
    }
  }

  values(): Iterable<Cell> {
    return this.cells.values();
  }

  private cellOf({ domain, bucket }: PrequentialSample): Cell {
    const label = this.domains.admit(domain);
    const key = `${bucket}/${label}`;
    let cell = this.cells.get(key);
    if (cell === undefined) {
      cell = {
        labels: { domain: label, bucket },
        events: 0,
        sums: new Float64Array(this.figures.length),
        recent: this.figures.map(() => new Decayed(HALF_LIFE_EVENTS)),
      };
      this.cells.set(key, cell);
    }
    return cell;
  }
}
