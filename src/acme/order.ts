/** One certificate from its order to its chain: names are proved, all at once, and the request is handed in. */

import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { TlsMaterial } from "../wire/tls.ts";
import type { AccountKey } from "./account_key.ts";
import type { AcmeClient, Authorization, Challenge } from "./acme_client.ts";
import { makeProof, makeRequest } from "./certificates.ts";
import type { ProofMethod, Proofs } from "./proofs.ts";

/** How names are proved. */
export interface Proving {
  readonly client: AcmeClient;
  /** The client's account. */
  readonly key: AccountKey;
  /** What is shown meanwhile. */
  readonly proofs: Proofs;
  /** The ways that are open here, the preferred one first. */
  readonly methods: readonly ProofMethod[];
  readonly clock: Clock;
}

/** Names that the authority could not find to be ours, each with its words. */
export class UnprovenNames extends Error {
  override readonly name = "UnprovenNames";

  constructor(readonly names: ReadonlyMap<string, string>) {
    super([...names].map(([name, why]) => `${name}: ${why}`).join("; "));
  }
}

/**
 * Gets a certificate for all of the names; `replaces` is the id of the one before it. Throws {@linkcode UnprovenNames} when
 * some could be proved in none of the ways.
 */
export async function obtainCertificate(
  { names, replaces }: { names: readonly string[]; replaces?: string | undefined },
  proving: Proving,
): Promise<TlsMaterial> {
  const { client, methods } = proving;
  let unproven: UnprovenNames | undefined;
  for (const method of methods) {
    const order = await client.newOrder(names, replaces);
    const attempts = await Promise.all(order.authorizations.map((url) => prove(url, method, proving)));
    const failed = attempts.filter((one) => one !== undefined);
    if (failed.length > 0) {
      unproven = new UnprovenNames(new Map(failed));
      continue;
    }
    const { der, key } = await makeRequest(names);
    return { cert: await client.finish(order, der), key };
  }
  throw unproven ?? new Error("There is no way to prove a name");
}

/** Undefined: it is proved; else its name, and why not. */
async function prove(
  url: string,
  method: ProofMethod,
  { client, key, proofs, clock }: Proving,
): Promise<[string, string] | undefined> {
  const authorization = await client.authorization(url);
  const { name, status } = authorization;
  if (status === "valid") return undefined; // from an order before
  const challenge = authorization.challenges.find(({ type }) => type === method);
  if (status !== "pending" || !challenge) return [name, `the authority offers no ${method} for it`];
  const text = await key.authorization(challenge.token);
  if (method === "http-01") proofs.http.set(challenge.token, text);
  else proofs.tls.set(name, await makeProof(name, text, clock.now()));
  try {
    const done = await client.prove(url, challenge);
    return done.status === "valid" ? undefined : [name, reasonOf(done, challenge)];
  } catch (error) {
    return [name, messageOf(error)];
  } finally {
    proofs.http.delete(challenge.token);
    proofs.tls.delete(name);
  }
}

function reasonOf({ status, challenges }: Authorization, { url, type }: Challenge): string {
  return challenges.find((one) => one.url === url)?.error ?? `${type} came to "${status}"`;
}
