/** The logins of a server that captures: whoever asks is let in, by any name and with any password or token. */

import { decode, encode } from "../base/bytes.ts";
import type { Identity, Sasl, SaslMechanism, SaslStep } from "./sasl.ts";

/** What a mechanism is asked to be told before it lets in: the challenges, and who the answers say it is. */
interface Script {
  /** Each is answered by the client; the first one only where it sent no initial response. */
  readonly challenges: readonly string[];
  /** The name in the answers. */
  name(answers: readonly string[]): string;
}

/**
 * PLAIN (RFC 4616), LOGIN, CRAM-MD5 (RFC 2195), XOAUTH2 and OAUTHBEARER (RFC 7628). SCRAM is not among them: there the
 * server has to prove that it knows the password.
 */
const SCRIPTS: Readonly<Record<string, Script>> = {
  "PLAIN": { challenges: [""], name: ([message = ""]) => message.split("\0")[1] ?? message },
  "LOGIN": { challenges: ["Username:", "Password:"], name: ([name = ""]) => name },
  // nobody computes what the answer should be, so the challenge need not be another one each time
  "CRAM-MD5": { challenges: ["<1.0@dinopost>"], name: ([answer = ""]) => answer.split(" ")[0]! },
  "XOAUTH2": { challenges: [""], name: ([message = ""]) => /^user=(\P{Cc}*)/u.exec(message)?.[1] ?? "" },
  "OAUTHBEARER": { challenges: [""], name: ([message = ""]) => /^[^,]*,a=([^,]*)/.exec(message)?.[1] ?? "" },
};

/** Lets everybody in. */
export class AnyLogin implements Sasl {
  readonly #identify: (name: string) => Identity;
  readonly offered: readonly string[];

  /** `identify` says whose the name is; `only` are the mechanisms to offer: all. */
  constructor(identify: (name: string) => Identity, only: readonly string[] = Object.keys(SCRIPTS)) {
    this.#identify = identify;
    this.offered = only;
  }

  begin(mechanism: string): SaslMechanism | undefined {
    const name = mechanism.toUpperCase();
    return this.offered.includes(name) ? new Welcome(name, SCRIPTS[name]!, this.#identify) : undefined;
  }
}

class Welcome implements SaslMechanism {
  user = "";
  readonly #answers: string[] = [];

  constructor(
    readonly name: string,
    private readonly script: Script,
    private readonly identify: (name: string) => Identity,
  ) {}

  get opening(): Uint8Array {
    return encode(this.script.challenges[0]!);
  }

  step(message: Uint8Array): SaslStep {
    const { challenges, name } = this.script;
    this.#answers.push(decode(message));
    const next = challenges[this.#answers.length];
    this.user = name(this.#answers);
    if (next !== undefined) return { kind: "challenge", challenge: encode(next) };
    return { kind: "success", account: this.identify(this.user) };
  }
}
