/**
 * How surprising it is that the first of some things was chosen, and how that changes where each scores by a little of
 * a feature more:
 *
 *     L = log Σ_i exp(s_i - s_0),   dL/dw = Σ_i p_i f_i - f_0,   s_i + w f_i,   p_i = exp(s_i) / Σ exp(s)
 *
 *     choice([0, 0], [1, 0]); // { loss: log 2, slope: -1/2 }
 *
 * the conditional logit (McFadden 1978).
 *
 * @param scores (n) of which -Infinity takes no part.
 * @param features (n)
 * @param share Of the others that are looked at: each counts for 1 / share of them.
 */
export function choice(
  scores: ArrayLike<number>,
  features: ArrayLike<number>,
  share = 1,
): { readonly loss: number; readonly slope: number } {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < scores.length; i++) most = Math.max(most, scores[i]!);
  let total = 0;
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    const odds = Math.exp(scores[i]! - most) / (i === 0 ? 1 : share);
    total += odds;
    sum += odds * features[i]!;
  }
  return { loss: Math.log(total) + most - scores[0]!, slope: sum / total - features[0]! };
}
