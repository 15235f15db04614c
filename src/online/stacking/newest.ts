/** Items of one history, oldest first, with weights in [0, 1] and times in milliseconds. */
export interface TimedHistory {
  /** Index of the domain. */
  readonly domain: number;
  readonly rows: ArrayLike<number>;
  readonly weights: ArrayLike<number>;
  readonly times: ArrayLike<number>;
}

/**
 * The newest items that a user liked, wherever that was: their rows, the newest first, `most` at the most; of equally
 * old ones that of the first history goes first.
 */
export function newestLiked(histories: readonly TimedHistory[], most: number): number[] {
  const next = histories.map(({ rows }) => rows.length - 1);
  const liked: number[] = [];
  while (liked.length < most) {
    const from = newest(histories, next);
    if (from < 0) break;
    liked.push(histories[from]!.rows[next[from]!--]!);
  }
  return liked;
}

/** The history whose item `next` says is the newest of all that were liked; of equal ones the first; -1: none is left. */
function newest(histories: readonly TimedHistory[], next: number[]): number {
  let best = -1;
  let time = Number.NEGATIVE_INFINITY;
  for (let h = 0; h < histories.length; h++) {
    const { weights, times } = histories[h]!;
    while (next[h]! >= 0 && !(weights[next[h]!]! > 0)) next[h]!--;
    if (next[h]! < 0) continue;
    const at = times[next[h]!]!;
    if (best >= 0 && at <= time) continue;
    best = h;
    time = at;
  }
  return best;
}
