import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawOverlapping, OverlappingUsers } from '../../src/online/overlapping-users.js';
import { Random } from '../../src/online/random.js';
import { User } from '../../src/online/user.js';
import { UserStore } from '../../src/online/user-store.js';
import { UserOverlay } from '../../src/tasks/cycle.js';

const ids = (n: number): string[] => Array.from({ length: n }, (_, i) => `user-${i}`);

function draws(users: Parameters<typeof drawOverlapping>[0], n: number): (string | undefined)[] {
  const random = Random.of('draws');
  return Array.from({ length: n }, () => drawOverlapping(users, random));
}

/** Somebody who has been in two domains. */
function overlapping(id: string): User {
  const user = new User(id);
  user.push(0, 0, 1, 0);
  user.push(1, 1, 1, 0);
  return user;
}

describe('overlapping users', () => {
  it('are drawn alike in whatever order they came, and whoever came and went between', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 60 }),
        fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 20 }),
        (come, pass) => {
          const [one, other] = [new OverlappingUsers(), new OverlappingUsers()];
          for (const id of come) one.add(id);
          const gone = pass.filter((id) => !come.includes(id));
          for (const id of [...gone, ...come.toReversed(), ...come]) other.add(id);
          for (const id of [...gone, ...gone]) other.delete(id);
          expect(other.size).toBe(come.length);
          expect(draws(other, 50)).toEqual(draws(one, 50));
        },
      ),
    );
  });

  it('are each drawn about as often as any other', () => {
    const users = new OverlappingUsers();
    for (const id of ids(500)) users.add(id);
    const times = new Map<string, number>();
    for (const id of draws(users, 50_000)) times.set(id!, (times.get(id!) ?? 0) + 1);
    expect(times.size).toBe(500);
    // 100 times in the mean: the gaps between 16 hashes differ by a quarter, and so do the draws of one.
    expect(Math.max(...times.values())).toBeLessThan(250);
    expect(Math.min(...times.values())).toBeGreaterThan(20);
  });

  it('are nobody where there is none', () => {
    expect(draws(new OverlappingUsers(), 2)).toEqual([undefined, undefined]);
  });

  it('are the same seen through overlays as in a store that has them all', () => {
    const all = new UserStore();
    const below = new UserStore();
    const cycle = new UserOverlay(below);
    const batch = new UserOverlay(cycle);
    for (const [i, id] of ids(90).entries()) {
      all.set(overlapping(id));
      if (i % 3 === 0) below.set(overlapping(id));
      else {
        const overlay = i % 3 === 1 ? cycle : batch;
        const user = overlay.edit(id);
        user.push(0, 0, 1, 0);
        user.push(1, 1, 1, 0);
        overlay.overlaps(user);
      }
    }
    // Changed, and as much in two domains as before.
    batch.edit('user-0').push(0, 0, 1, 1);
    const wanted = draws(all, 200);
    expect(draws(batch, 200)).toEqual(wanted);
    const random = Random.of('draws');
    expect(wanted.map(() => batch.drawOverlapping(random)?.id)).toEqual(wanted);
    cycle.keep(batch);
    expect(draws(cycle, 200)).toEqual(wanted);
    for (const user of cycle.changed.values()) below.set(user);
    expect(draws(below, 200)).toEqual(wanted);
  });

  it('are so no more when what made them so is taken back', () => {
    const store = new UserStore();
    store.set(overlapping('a'));
    expect(store.drawOverlapping(Random.of(1))?.id).toBe('a');
    const before = new User('a');
    before.push(0, 0, 1, 0);
    store.set(before);
    expect(store.drawOverlapping(Random.of(1))).toBeUndefined();
    store.set(overlapping('b'));
    store.delete('b');
    expect(store.drawOverlapping(Random.of(1))).toBeUndefined();
  });
});
