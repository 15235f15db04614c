import { Random } from '../../online/random.js';

export interface ShiftWorld {
  /** Tastes, and groups of items in each domain; even. */
  readonly groups: number;
  readonly itemsOfGroup: number;
  /** Users about at a time. */
  readonly activeUsers: number;
}

const WORLD: ShiftWorld = { groups: 20, itemsOfGroup: 50, activeUsers: 500 };
const EVENTS_OF_USER = 12;
/** Part of the events that go anywhere. */
const NOISE = 0.1;

/**
 * A stream, as CSV, in which what leads from one domain to the other changes at event `shift`. Users
 * come and go: each has a taste g, takes six items of group g in `here`, then six of group π(g) in
 * `there`. Up to the shift π(g) = g, after it half of the groups farther on, g + 10 modulo 20; items,
 * tastes and popularity stay as they were. So all that had been learned of who goes where is wrong from then on.
 */
export function shiftStream(
  events: number,
  shift: number,
  seed: number,
  { groups, itemsOfGroup, activeUsers }: ShiftWorld = WORLD,
): string {
  const random = Random.of('shift-stream', seed);
  const users = Array.from({ length: activeUsers }, (_, i) => ({ id: i, taste: 0, done: 0 }));
  let next = 0;
  const renew = (user: (typeof users)[number], done: number): void => {
    Object.assign(user, { id: next++, taste: random.below(groups), done });
  };
  for (const user of users) renew(user, random.below(EVENTS_OF_USER));
  const lines = ['user_id,item_id,domain,sequence'];
  for (let event = 0; event < events; event++) {
    const user = users[random.below(activeUsers)]!;
    if (user.done === EVENTS_OF_USER) renew(user, 0);
    const there = user.done >= EVENTS_OF_USER / 2;
    const moved = there && event >= shift ? user.taste + groups / 2 : user.taste;
    const group = random.float() < NOISE ? random.below(groups) : moved % groups;
    // Squared: the first items of a group are the popular ones.
    const item = group * itemsOfGroup + Math.floor(random.float() ** 2 * itemsOfGroup);
    user.done++;
    lines.push(`u${user.id},i${item},${there ? 'there' : 'here'},${event}`);
  }
  return `${lines.join('\n')}\n`;
}
