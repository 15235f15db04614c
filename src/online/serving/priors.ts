import type { Model } from '../model.js';

/** log(1 + c) for small counts, which is nearly all of them. */
const LOGS = Float64Array.from({ length: 4096 }, (_, count) => Math.log1p(count));

export function log1pCount(count: number): number {
  return LOGS[count] ?? Math.log1p(count);
}

/**
 * The part of an item's logit that no user changes, for all items of a domain:
 *
 *     base_j + constant = b_j + prior_t · logPrior_j
 *     logPrior_j = log((c_j + 1) / (N_t + M_t))
 *
 * with c_j the item's positive events, N_t those of the domain, M_t its items, and prior_t the
 * learned weight `prior/<t>`.
 */
export interface DomainPriors {
  /** The domain's rows, in the order of `Model.rowsOf`; (length) of them are in use. */
  readonly rows: Int32Array;
  readonly length: number;
  /** (length) b_j + prior_t · log(c_j + 1) */
  readonly base: Float32Array;
  /** (length) |v_j| */
  readonly norms: Float32Array;
  /** -prior_t · log(N_t + M_t) */
  readonly constant: number;
}

/** Computes priors by domain once per revision of the model. */
export class Priors {
  private readonly model: Model;
  private readonly known = new Map<number, { revision: number; priors: DomainPriors }>();

  constructor(model: Model) {
    this.model = model;
  }

  of(domain: number): DomainPriors {
    const { model } = this;
    const last = this.known.get(domain);
    if (last !== undefined && last.revision === model.revision) return last.priors;
    const { rows, length } = model.rowsOf(domain);
    const { biases, counts, norms: normsByRow } = model.items;
    const weight = model.block(`prior/${model.domainName(domain)}`)[0]!;
    const fits = last !== undefined && last.priors.base.length >= length;
    const capacity = Math.ceil(length * 1.25);
    const base = fits ? last.priors.base : new Float32Array(capacity);
    const norms = fits ? last.priors.norms : new Float32Array(capacity);
    for (let i = 0; i < length; i++) {
      const row = rows[i]!;
      base[i] = biases[row]! + weight * log1pCount(counts[row]!);
      norms[i] = normsByRow[row]!;
    }
    const constant = -weight * Math.log(Math.max(1, model.eventsOf(domain) + length));
    const priors = { rows, length, base, norms, constant };
    this.known.set(domain, { revision: model.revision, priors });
    return priors;
  }
}
