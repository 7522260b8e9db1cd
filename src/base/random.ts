/** Randomness: the one place that draws random numbers. */

/** Chance as a parameter. */
export interface Random {
  /** A number from 0 up to, not including, 1. */
  float(): number;
  /** `length` bytes; from the system's generator they are fit for secrets. */
  bytes(length: number): Uint8Array<ArrayBuffer>;
}

/** The system's own generator. */
export const systemRandom: Random = {
  float: () => Math.random(),
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
};

/** A generator (mulberry32) that repeats itself for the same seed, for tests. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  function float(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  return { float, bytes: (length) => Uint8Array.from({ length }, () => Math.floor(float() * 256)) };
}

/** A copy of the list in random order (Fisher–Yates). */
export function shuffled<T>(list: readonly T[], random: Random): T[] {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random.float() * (i + 1));
    [copy[i], copy[j]] = [copy[j]!, copy[i]!];
  }
  return copy;
}
