import { createTower } from '../../online/tower/backend.js';
import { User } from '../../online/user.js';
import '../../main.js';
import { parent } from './child.js';
import { emptyModel } from './learning.js';

/** Items and users that are made; everything that the service loads is loaded. */
export interface MemoryTask {
  readonly items: number;
  readonly users: number;
}

export interface MemoryMessage {
  readonly kind: 'done';
  readonly rssBytes: number;
}

/** Items in the history of a user: 20, in two domains. */
const HISTORY = 20;
const DOMAINS = ['books', 'films'];

const { task, tell } = parent<MemoryMessage, MemoryTask>();
await createTower('auto');
const model = emptyModel();
for (let i = 0; i < task.items; i++) model.intern(DOMAINS[i % 2]!, `item-${i}`);
const users = new Map<string, User>();
for (let i = 0; i < task.users; i++) {
  const user = new User(`user-${i}`);
  for (let k = 0; k < HISTORY; k++) {
    const row = (i * 7 + k) % Math.max(1, task.items);
    user.push(row, k % 2, 1, 1_700_000_000_000 + k);
  }
  user.basedOn = { topic: 'events', partition: 0, offset: BigInt(i), occurredAtMs: i };
  users.set(user.id, user);
}
globalThis.gc?.();
tell({ kind: 'done', rssBytes: process.memoryUsage.rss() });
// Kept until it is measured.
process.on('SIGTERM', () => process.exit(users.size + model.items.size < 0 ? 1 : 0));
setInterval(() => undefined, 1000);
