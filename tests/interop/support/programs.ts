/** Programs that run beside a test: whether they answer, and how they end. */

const PATIENCE_MS = 40_000;

/** Ends a program: politely, and after ten seconds for sure. */
export async function end(child: Deno.ChildProcess): Promise<void> {
  try {
    child.kill("SIGTERM");
  } catch {
    // it has ended
  }
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await child.status;
  clearTimeout(timer);
}

/** Waits until somebody listens there. */
export async function answers(hostname: string, port: number): Promise<void> {
  await until(`${hostname}:${port}`, async () => {
    try {
      (await Deno.connect({ hostname, port })).close();
      return true;
    } catch {
      return undefined;
    }
  });
}

/** Asks again and again until there is an answer, within a time that only a failure needs. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  for (const late = performance.now() + PATIENCE_MS; performance.now() < late;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Waited in vain for ${what}`);
}

/** Removes a directory into which a program that has been ended may have left children that still write. */
export async function removeTree(dir: string): Promise<void> {
  await until(`an end of what writes to ${dir}`, async () => {
    try {
      await Deno.remove(dir, { recursive: true });
      return true;
    } catch (error) {
      // ENOTEMPTY has no class of its own: a file came between the listing of a directory and its removal.
      if (error instanceof Error && /os error 39/.test(error.message)) return undefined;
      throw error;
    }
  });
}
