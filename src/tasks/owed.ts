/**
 * The users to whom a list is owed, in the order in which they became due: their newest event has
 * not been answered. What is owed is part of the user's state (`answeredOffset`), so this index can
 * be made anew after a restart.
 */
export class Owed {
  readonly #dueMs = new Map<string, number>();

  get size(): number {
    return this.#dueMs.size;
  }

  has(userId: string): boolean {
    return this.#dueMs.has(userId);
  }

  /** Owes a list from `dueMs` on; an earlier date stays. */
  add(userId: string, dueMs: number): void {
    if (!this.#dueMs.has(userId)) this.#dueMs.set(userId, dueMs);
  }

  delete(userId: string): void {
    this.#dueMs.delete(userId);
  }

  /** Up to `limit` users whose lists are due, oldest debts first. They stay owed until `delete`. */
  due(nowMs: number, limit: number): string[] {
    const users: string[] = [];
    for (const [userId, dueMs] of this.#dueMs) {
      if (users.length >= limit) break;
      if (dueMs <= nowMs) users.push(userId);
    }
    return users;
  }

  /** When the oldest debt is due, or null where nothing is owed. With one interval for all, the first is the oldest. */
  nextDueMs(): number | null {
    for (const dueMs of this.#dueMs.values()) return dueMs;
    return null;
  }
}
