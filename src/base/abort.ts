/** The listeners of a signal that very many wait for. */

const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls when the signal is aborted, and answers what takes that back; nothing is called for one that is aborted already.
 * For signals that each connection listens to: the platform looks through all of their listeners for each that comes or
 * goes, here it has one.
 */
export function onAbort(signal: AbortSignal, call: () => void): () => void {
  let calls = waiting.get(signal);
  if (!calls) waiting.set(signal, calls = listenTo(signal));
  calls.add(call);
  return () => void calls.delete(call);
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const calls = new Set<() => void>();
  signal.addEventListener("abort", () => {
    for (const call of calls) call();
    calls.clear();
  }, { once: true });
  return calls;
}
