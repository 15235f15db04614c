/** HR@10: 1 where the true item is among the first ten (rank 0 is best), otherwise 0. */
export function hitAt10(rank: number): number {
  return rank < 10 ? 1 : 0;
}

/** NDCG@10 with one relevant item: 1 / log2(rank + 2) among the first ten, otherwise 0. */
export function ndcgAt10(rank: number): number {
  return rank < 10 ? 1 / Math.log2(rank + 2) : 0;
}
