/**
 * The users to whom a list is owed, in the order in which they became due: their newest event has
 * not been answered. What is owed is part of the user's state (`answeredOffset`), so this index can
 * be made anew after a restart.
 */
export class Owed {
  readonly #dueMs = new Map<string, number>();
  /** The oldest debt; null where it is not known at the moment. */
  #oldest: { readonly userId: string; readonly dueMs: number } | null = null;

  get size(): number {
    return this.#dueMs.size;
  }

  has(userId: string): boolean {
    return this.#dueMs.has(userId);
  }

  /** Owes a list from `dueMs` on; an earlier date stays. */
  add(userId: string, dueMs: number): void {
    if (this.#dueMs.has(userId)) return;
    this.#dueMs.set(userId, dueMs);
    if (this.#dueMs.size === 1 || (this.#oldest !== null && dueMs < this.#oldest.dueMs)) {
      this.#oldest = { userId, dueMs };
    }
  }

  delete(userId: string): void {
    this.#dueMs.delete(userId);
    if (this.#oldest?.userId === userId) this.#oldest = null;
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

  /** When the oldest debt is due, or null where nothing is owed. */
  nextDueMs(): number | null {
    if (this.#oldest === null) {
      for (const [userId, dueMs] of this.#dueMs) {
        if (this.#oldest === null || dueMs < this.#oldest.dueMs) this.#oldest = { userId, dueMs };
      }
    }
    return this.#oldest?.dueMs ?? null;
  }
}
