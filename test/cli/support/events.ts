/** An event as a row of a CSV file. */
export interface EventRow {
  readonly userId: string;
  readonly itemId: string;
  readonly domain: string;
}

/**
 * Events of users with a taste: each likes one of three groups of items, in both domains. The same
 * arguments give the same events.
 */
export function eventRows(count: number, users: number): EventRow[] {
  const rows: EventRow[] = [];
  let state = 12345;
  const below = (n: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) % n;
  };
  for (let i = 0; i < count; i++) {
    const user = below(users);
    const domain = below(3) === 0 ? 'films' : 'books';
    const item = (user % 3) + 3 * below(20);
    rows.push({ userId: `u${user}`, itemId: `${domain}-${item}`, domain });
  }
  return rows;
}

/** As a file that `produce` and `evaluate` read. */
export function csvOf(rows: readonly EventRow[], firstSequence = 0): string {
  const lines = rows.map(
    ({ userId, itemId, domain }, i) => `${userId},${itemId},${domain},1,${firstSequence + i}`,
  );
  return `user_id,item_id,domain,value,sequence\n${lines.join('\n')}\n`;
}
