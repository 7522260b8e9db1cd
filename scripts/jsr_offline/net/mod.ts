/**
 * A local stand-in for `jsr:@std/net`, used only in this checkout (a member of `workspace` in `deno.json`), with the part
 * of its interface that dinopost uses.
 */

/** Options of {@linkcode getAvailablePort}. */
export interface GetAvailablePortOptions {
  /** The port to try first. */
  preferredPort?: number;
}

/** Returns a TCP port that is free at this moment. */
export function getAvailablePort(options?: GetAvailablePortOptions): number {
  const tries = options?.preferredPort === undefined ? [0] : [options.preferredPort, 0];
  for (const port of tries) {
    try {
      const listener = Deno.listen({ port });
      const got = listener.addr.port;
      listener.close();
      return got;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse) || port === 0) throw error;
    }
  }
  throw new Deno.errors.AddrInUse("No port is free");
}
