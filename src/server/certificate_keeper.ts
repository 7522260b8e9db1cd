/** The keeper of the certificate that `tls.acme` asks for, made from a configuration. */

import { AcmeFiles } from "../acme/files.ts";
import { CertificateKeeper } from "../acme/keeper.ts";
import type { ProofMethod, Proofs } from "../acme/proofs.ts";
import { steadyClock } from "../base/movable_clock.ts";
import type { Config } from "../config/config.ts";
import type { Certificates } from "./certificates.ts";
import type { Surroundings } from "./options.ts";

/** Undefined: the certificate is somebody else's care. */
export function certificateKeeper(
  around: Surroundings,
  { certificates, proofs }: { certificates: Certificates; proofs: Proofs },
): CertificateKeeper | undefined {
  const { config, clock, random, journal } = around;
  const acme = config.tls?.acme;
  if (!acme) return undefined;
  const methods: ProofMethod[] = [];
  if (config.listen.http.length > 0) methods.push("http-01");
  if (config.listen.https.length > 0) methods.push("tls-alpn-01");
  return new CertificateKeeper({
    ...acme,
    files: new AcmeFiles(config.dataDir, acme.directory),
    names: namesToProve(config),
    proofs,
    methods,
    clock: steadyClock(clock),
    random,
    journal,
    onCertificate: () => certificates.reload(),
    onFault: (text) => void (certificates.refusal = text),
  });
}

/** The server's own name, and where HTTPS is spoken the policy hosts of the domains that the world knows. */
function namesToProve({ hostname, domains, listen }: Config): [string, ...string[]] {
  const known = domains.filter((domain) => domain.includes("."));
  const policyHosts = listen.https.length > 0 ? known.map((domain) => `mta-sts.${domain}`) : [];
  return [hostname, ...policyHosts.filter((host) => host !== hostname)];
}
