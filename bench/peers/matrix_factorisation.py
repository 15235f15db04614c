"""A matrix factorisation updated with each event, under the protocol of `isthmus evaluate`.

    pip install -r requirements.txt
    python matrix_factorisation.py events.csv --json

Reads `user_id,item_id,domain,value,positive` in the order of the stream (`npm run quality` writes such
a file of the MovieLens ratings). Every event with `positive` 1 is ranked before it is learned: its item
among 999 random other items of its domain that have had a positive event (all, if there are fewer), ties
counted against the model. Then it is learned at once, not by mini-batch.

    score(u, j) = mu + b_u + b_j + p_u . q_j

by SGD on the squared error (Koren, Bell and Volinsky 2009). Two ways to learn it:

    implicit   1 for the positive event, 0 for `--negatives` random items of the domain
    stars      the value of every event, as a predictor of ratings would

River's BiasedMF does the learning where River is installed; else the same equations in plain numpy, and
the answer says which (`library`).
"""

from __future__ import annotations

import argparse
import collections
import csv
import json
import sys
import time

import numpy as np

try:
    import river
    from river import optim, reco
except ImportError:
    river = None


class PlainBiasedMF:
    """The equations of River's BiasedMF in numpy."""

    def __init__(self, factors: int, rate: float, l2: float, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.rate, self.l2 = rate, l2
        self.total, self.n = 0.0, 0
        self.u_biases = collections.defaultdict(float)
        self.i_biases = collections.defaultdict(float)
        self.u_latents = collections.defaultdict(lambda: random.normal(0, 0.1, factors))
        self.i_latents = collections.defaultdict(lambda: random.normal(0, 0.1, factors))

    def learn_one(self, user: str, item: str, y: float) -> None:
        self.total += y
        self.n += 1
        p, q = self.u_latents[user], self.i_latents[item]
        bu, bi = self.u_biases[user], self.i_biases[item]
        gradient = 2 * (self.total / self.n + bu + bi + p @ q - y)
        self.u_biases[user] = bu - self.rate * (gradient + self.l2 * bu)
        self.i_biases[item] = bi - self.rate * (gradient + self.l2 * bi)
        self.u_latents[user] = p - self.rate * (gradient * q + self.l2 * p)
        self.i_latents[item] = q - self.rate * (gradient * p + self.l2 * q)


def model_of(factors: int, rate: float, l2: float, seed: int):
    if river is None:
        return PlainBiasedMF(factors, rate, l2, seed)
    return reco.BiasedMF(
        n_factors=factors,
        bias_optimizer=optim.SGD(rate),
        latent_optimizer=optim.SGD(rate),
        l2_bias=l2,
        l2_latent=l2,
        latent_initializer=optim.initializers.Normal(sigma=0.1, seed=seed),
        seed=seed,
    )


class Items:
    """Biases and vectors of the items as arrays, so that a thousand are scored at once."""

    def __init__(self, factors: int) -> None:
        self.numbers: dict[str, int] = {}
        self.names: list[str] = []
        self.biases = np.zeros(1024)
        self.vectors = np.zeros((1024, factors))
        self.by_domain: dict[str, list[int]] = {}
        self.met: set[int] = set()

    def number(self, item: str) -> int:
        found = self.numbers.get(item)
        if found is None:
            found = self.numbers[item] = len(self.names)
            self.names.append(item)
            if found == len(self.biases):
                self.biases = np.concatenate([self.biases, np.zeros_like(self.biases)])
                self.vectors = np.concatenate([self.vectors, np.zeros_like(self.vectors)])
        return found

    def follow(self, model, item: str) -> None:
        at = self.number(item)
        self.biases[at] = model.i_biases[item]
        self.vectors[at] = model.i_latents[item]

    def meet(self, item: str, domain: str) -> None:
        at = self.number(item)
        if at not in self.met:
            self.met.add(at)
            self.by_domain.setdefault(domain, []).append(at)


def others(random: np.random.Generator, places: list[int], truth: int, wanted: int) -> np.ndarray:
    """Different random places without the true one: all where there are not more."""
    array = np.asarray(places, dtype=np.int64)
    array = array[array != truth]
    if len(array) <= wanted:
        return array
    return random.choice(array, wanted, replace=False, shuffle=False)


class Sums:
    def __init__(self) -> None:
        self.events, self.hits, self.gain = 0, 0, 0.0

    def add(self, rank: int) -> None:
        self.events += 1
        if rank < 10:
            self.hits += 1
            self.gain += 1 / np.log2(rank + 2)

    def figures(self) -> dict:
        n = max(1, self.events)
        return {"events": self.events, "hr10": self.hits / n, "ndcg10": self.gain / n}


def evaluate(rows: list[dict], options: argparse.Namespace) -> dict:
    random = np.random.default_rng(options.seed)
    model = model_of(options.factors, options.rate, options.l2, options.seed)
    items = Items(options.factors)
    total, domains = Sums(), collections.defaultdict(Sums)
    learning = 0.0
    for row in rows:
        user, item, domain = row["user_id"], row["item_id"], row["domain"]
        positive = row["positive"] == "1"
        truth = items.number(item)
        if positive:
            if item not in model.i_latents:
                items.follow(model, item)
            rivals = others(random, items.by_domain.get(domain, []), truth, options.candidates)
            p = model.u_latents[user]
            scores = items.biases[rivals] + items.vectors[rivals] @ p
            rank = int(np.sum(scores >= items.biases[truth] + items.vectors[truth] @ p))
            total.add(rank)
            domains[domain].add(rank)
        begin = time.perf_counter()
        if options.learn == "stars":
            model.learn_one(user, item, float(row["value"]))
            items.follow(model, item)
        elif positive:
            learn_implicit(model, items, random, user, item, domain, options.negatives)
        if positive:
            items.meet(item, domain)
        learning += time.perf_counter() - begin
    return {
        "peer": "BiasedMF",
        "library": "numpy" if river is None else f"river {river.__version__}",
        "learn": options.learn,
        "eventsPerSecond": len(rows) / max(learning, 1e-9),
        "total": total.figures(),
        "domains": [{"domain": name, **domains[name].figures()} for name in sorted(domains)],
    }


def learn_implicit(model, items, random, user, item, domain, negatives) -> None:
    model.learn_one(user, item, 1.0)
    items.follow(model, item)
    met = items.by_domain.get(domain, [])
    for _ in range(negatives if met else 0):
        other = items.names[met[random.integers(len(met))]]
        if other == item:
            continue
        model.learn_one(user, other, 0.0)
        items.follow(model, other)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("events")
    parser.add_argument("--learn", choices=["implicit", "stars"], default="implicit")
    parser.add_argument("--factors", type=int, default=32)
    parser.add_argument("--rate", type=float, default=0.02)
    parser.add_argument("--l2", type=float, default=0.01)
    parser.add_argument("--negatives", type=int, default=4)
    parser.add_argument("--candidates", type=int, default=999)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with open(options.events, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[: options.limit]
    result = evaluate(rows, options)
    if options.json:
        json.dump(result, sys.stdout)
        print()
        return
    print(f"{result['peer']} ({result['library']}, {result['learn']}), HR@10 / NDCG@10 in percent")
    for row in [*result["domains"], {"domain": "all", **result["total"]}]:
        print(f"{row['domain']:12} {100 * row['hr10']:5.1f} / {100 * row['ndcg10']:.1f}  of {row['events']:,}")


if __name__ == "__main__":
    main()
