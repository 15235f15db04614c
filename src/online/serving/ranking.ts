/**
 * The n best of scored places of a domain, best first, in columns: the larger score, of equal ones the lower place.
 * Kept and used again, since objects for all that come and go would be the dearest part of a list.
 */
export class Ranking {
  /** (length) Places in the domain's rows. */
  places = new Int32Array(16);
  /** (length) */
  scores = new Float64Array(16);
  /** (length) What a walk adds to the score for each unit of mass that it brings; 0 for what it does not reach. */
  perMass = new Float64Array(16);
  length = 0;
  /** The score that has to be reached to get in. */
  bar = Number.POSITIVE_INFINITY;
  private limit = 0;

  /** Starts afresh for n. */
  reset(n: number): void {
    this.limit = n;
    this.length = 0;
    this.bar = n === 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    if (n <= this.places.length) return;
    this.places = new Int32Array(n * 2);
    this.scores = new Float64Array(n * 2);
    this.perMass = new Float64Array(n * 2);
  }

  get isFull(): boolean {
    return this.length === this.limit;
  }

  has(place: number): boolean {
    for (let i = 0; i < this.length; i++) if (this.places[i] === place) return true;
    return false;
  }

  /** Takes a place in if it is among the n best so far. */
  insert(place: number, score: number, perMass: number): void {
    const { places, scores, perMass: shares } = this;
    let at = this.length;
    while (at > 0 && isBefore(score, place, scores[at - 1]!, places[at - 1]!)) at--;
    if (at === this.limit) return;
    const last = this.length < this.limit ? this.length++ : this.limit - 1;
    for (let i = last; i > at; i--) {
      places[i] = places[i - 1]!;
      scores[i] = scores[i - 1]!;
      shares[i] = shares[i - 1]!;
    }
    places[at] = place;
    scores[at] = score;
    shares[at] = perMass;
    if (this.length === this.limit) this.bar = scores[this.limit - 1]!;
  }
}

function isBefore(score: number, place: number, otherScore: number, other: number): boolean {
  return score > otherScore || (score === otherScore && place < other);
}
