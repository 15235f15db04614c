import {
  drawOverlapping,
  OverlappingUsers,
  type Place,
  type PlacesOfUsers,
} from './overlapping-users.js';
import type { Random } from './random.js';
import { User } from './user.js';

/** The users that a mini-batch is learned with. */
export interface LearnedUsers {
  /** A user to be changed; a new one where none is known. */
  edit(userId: string): User;
  /** Told of a user who has come to a second domain. */
  overlaps(user: User): void;
  /** Somebody who has been in more than one domain; undefined where nobody has. To be read only. */
  drawOverlapping(random: Random): User | undefined;
}

/** Users by id, and which of them have been in more than one domain. */
export class UserStore implements LearnedUsers, UsersInOrder {
  private readonly users = new Map<string, User>();
  private readonly overlapping = new OverlappingUsers();

  get size(): number {
    return this.users.size;
  }

  get(userId: string): User | undefined {
    return this.users.get(userId);
  }

  values(): IterableIterator<User> {
    return this.users.values();
  }

  set(user: User): void {
    const before = this.users.get(user.id);
    this.users.set(user.id, user);
    const overlapped = before !== undefined && isOverlapping(before);
    if (overlapped === isOverlapping(user)) return;
    if (overlapped) this.overlapping.delete(user.id);
    else this.overlapping.add(user.id);
  }

  delete(userId: string): void {
    this.users.delete(userId);
    this.overlapping.delete(userId);
  }

  edit(userId: string): User {
    let user = this.users.get(userId);
    if (user === undefined) {
      user = new User(userId);
      this.users.set(userId, user);
    }
    return user;
  }

  overlaps(user: User): void {
    this.overlapping.add(user.id);
  }

  after(place: Place): Place | undefined {
    return this.overlapping.after(place);
  }

  drawOverlapping(random: Random): User | undefined {
    return drawUser(this, random);
  }
}

/** Users who are looked up, and drawn. */
export interface UsersInOrder extends PlacesOfUsers {
  get(userId: string): User | undefined;
}

/** Somebody of them who has been in more than one domain; undefined where nobody has. */
export function drawUser(users: UsersInOrder, random: Random): User | undefined {
  const id = drawOverlapping(users, random);
  return id === undefined ? undefined : users.get(id);
}

/** Whether a user has been in more than one domain. */
export function isOverlapping(user: User): boolean {
  return user.histories.length > 1;
}
