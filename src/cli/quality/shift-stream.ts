import { Random } from '../../online/random.js';

const GROUPS = 20;
const ITEMS_OF_GROUP = 50;
const ACTIVE_USERS = 500;
const EVENTS_OF_USER = 12;
/** Part of the events that go anywhere. */
const NOISE = 0.1;

/**
 * A stream, as CSV, in which what leads from one domain to the other changes at event `shift`. Users
 * come and go: each has a taste g, takes six items of group g in `here`, then six of group π(g) in
 * `there`. Up to the shift π(g) = g, after it π(g) = g + 10 modulo 20; items, tastes and popularity stay
 * as they were. So all that had been learned of who goes where is wrong from then on.
 */
export function shiftStream(events: number, shift: number, seed: number): string {
  const random = Random.of('shift-stream', seed);
  const users = Array.from({ length: ACTIVE_USERS }, (_, i) => ({ id: i, taste: 0, done: 0 }));
  let next = 0;
  const renew = (user: (typeof users)[number], done: number): void => {
    Object.assign(user, { id: next++, taste: random.below(GROUPS), done });
  };
  for (const user of users) renew(user, random.below(EVENTS_OF_USER));
  const lines = ['user_id,item_id,domain,sequence'];
  for (let event = 0; event < events; event++) {
    const user = users[random.below(ACTIVE_USERS)]!;
    if (user.done === EVENTS_OF_USER) renew(user, 0);
    const there = user.done >= EVENTS_OF_USER / 2;
    const moved = there && event >= shift ? user.taste + GROUPS / 2 : user.taste;
    const group = random.float() < NOISE ? random.below(GROUPS) : moved % GROUPS;
    // Squared: the first items of a group are the popular ones.
    const item = group * ITEMS_OF_GROUP + Math.floor(random.float() ** 2 * ITEMS_OF_GROUP);
    user.done++;
    lines.push(`u${user.id},i${item},${there ? 'there' : 'here'},${event}`);
  }
  return `${lines.join('\n')}\n`;
}
