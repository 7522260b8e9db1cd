/** Values that are there already, or are waited for: what is asked for each message costs no promise where it is known. */

/** A value, or the promise of one. `await` takes both. */
export type Awaitable<T> = T | Promise<T>;

/** What follows from a value: at once where it is there. What `next` throws is thrown at once, too. */
export function after<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** All values, waited for together where one has to be. */
export function allOf<T extends readonly unknown[]>(
  values: readonly [...{ [K in keyof T]: Awaitable<T[K]> }],
): Awaitable<T> {
  for (const value of values) {
    if (value instanceof Promise) return Promise.all(values) as unknown as Promise<T>;
  }
  return values as unknown as T;
}

/** Takes piece after piece until `take` answers false; at once where all are in memory and nothing is waited for. */
export function eachPiece<T>(
  pieces: AsyncIterable<T> | Iterable<T>,
  take: (piece: T) => Awaitable<boolean>,
): Awaitable<void> {
  if (!Array.isArray(pieces)) return eachRead(pieces, take);
  for (let i = 0; i < pieces.length; i++) {
    const goesOn = take(pieces[i] as T);
    if (goesOn instanceof Promise) {
      return goesOn.then((on) => on ? eachPiece(pieces.slice(i + 1) as T[], take) : undefined);
    }
    if (!goesOn) return;
  }
}

async function eachRead<T>(
  pieces: AsyncIterable<T> | Iterable<T>,
  take: (piece: T) => Awaitable<boolean>,
): Promise<void> {
  for await (const piece of pieces) {
    if (!await take(piece)) return;
  }
}
