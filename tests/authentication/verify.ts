/** The verification of a whole message at once. */

import { BodyHasher } from "../../src/authentication/dkim_body.ts";
import { rawFields } from "../../src/authentication/dkim_header.ts";
import type { DkimResult } from "../../src/authentication/dkim_result.ts";
import { DkimVerifier, type DkimVerifierOptions } from "../../src/authentication/dkim_verifier.ts";

/** Takes its header section with the blank line, and its body in pieces. Rejects when reading them does. */
export async function verifyDkim(
  message: { readonly header: Uint8Array; readonly body: AsyncIterable<Uint8Array> | Iterable<Uint8Array> },
  options: Omit<DkimVerifierOptions, "hasher">,
): Promise<DkimResult[]> {
  const hasher = new BodyHasher();
  const verifier = new DkimVerifier(rawFields(message.header), { ...options, hasher });
  for await (const piece of message.body) hasher.write(piece);
  hasher.end();
  return await verifier.results();
}
