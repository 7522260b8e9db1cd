/** The parts of a server, opened in order and closed again. */

import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { isLoopbackPeer } from "../base/ip.ts";
import { steadyClock } from "../base/movable_clock.ts";
import type { Deliverability } from "../deliverability/domain_check.ts";
import { IdMaker } from "../base/ids.ts";
import { systemRandom } from "../base/random.ts";
import type { Config } from "../config/config.ts";
import type { FaultRules } from "../faults/rules.ts";
import type { RemoteAgent } from "../delivery/remote_agent.ts";
import { type Resolver, SystemResolver } from "../dns/resolver.ts";
import { WatchedResolver } from "../dns/resolver_health.ts";
import { Acceptance } from "../intake/acceptance.ts";
import { ArrivalChecks } from "../intake/arrival_checks.ts";
import { HttpSubmission } from "../intake/http_message.ts";
import { Releases } from "../intake/release.ts";
import { Networks } from "../base/networks.ts";
import { CaptureReception } from "../intake/capture_reception.ts";
import { Policy } from "../intake/policy.ts";
import { UnderWay } from "../intake/under_way.ts";
import { LoginGuard } from "../auth/login_guard.ts";
import { Quotas } from "../mailbox/quotas.ts";
import { Journal } from "../observe/journal.ts";
import { DeliveryHealth } from "../observe/delivery_health.ts";
import { Health } from "../observe/health.ts";
import { Metrics } from "../observe/metrics.ts";
import { takeTally } from "../queue/kept_tally.ts";
import type { DeliveryQueue } from "../queue/queue.ts";
import { Suppressions } from "../queue/suppressions.ts";
import { Suspensions } from "../queue/suspensions.ts";
import type { TallyOptions } from "../queue/tally.ts";
import type { Reception } from "../smtp/server/reception.ts";
import { Dialogues } from "../smtp/server/dialogue.ts";
import { openStore, type Store } from "../storage/store.ts";
import { type ServerTls, serverTls } from "../wire/tls.ts";
import { Webhooks } from "../webhooks/webhooks.ts";
import type { Certificates } from "./certificates.ts";
import type { DataDirectory } from "./data_directory.ts";
import { DmarcCounts } from "../reports/dmarc_counts.ts";
import { ReceivedReports } from "../reports/received_reports.ts";
import { TlsSessions } from "../transport/tls_sessions.ts";
import type { MailServerOptions, Surroundings } from "./options.ts";
import { complaints, strangers, submissionRates } from "./inbound.ts";
import { type DailyReports, makeDailyReports } from "./daily_reports.ts";
import { makeAgent, makeQueue, rootsOf } from "./outbound.ts";
import { type Names, openNames } from "./names.ts";
import { openSigning, type Signing } from "./signing.ts";

/** A session with VERB hears how deliveries go for at most this long. */
const VERBOSE_MS = 60_000;

/** Everything that is opened before a server can be. */
export interface Parts extends Surroundings, Names {
  /** Present where it is this server's alone. */
  readonly directory: DataDirectory | undefined;
  readonly store: Store;
  readonly resolver: Resolver;
  /** Present where mail is captured. */
  readonly dialogues: Dialogues | undefined;
  /** Present where faults can be asked for. */
  readonly faults: FaultRules | undefined;
  /** Present when the certificate is kept in files. */
  readonly certificates: Certificates | undefined;
  /** Present when TLS is offered. */
  readonly tls: ServerTls | undefined;
  readonly guard: LoginGuard;
  readonly quotas: Quotas;
  readonly queue: DeliveryQueue;
  readonly suspensions: Suspensions;
  /** Present where addresses are suppressed. */
  readonly suppressions: Suppressions | undefined;
  /** Present where outgoing mail is signed. */
  readonly signing: Signing | undefined;
  readonly policy: Reception;
  readonly ids: IdMaker;
  readonly agent: RemoteAgent;
  readonly sessions: TlsSessions;
  readonly dmarc: DmarcCounts;
  /** Absent where mail is captured. */
  readonly reports: ReceivedReports | undefined;
  /** Absent where mail is captured: nobody is connected to. */
  readonly dailyReports: DailyReports | undefined;
  readonly submission: HttpSubmission;
  /** Present where mail is captured. */
  readonly releases: Releases | undefined;
  readonly underWay: UnderWay;
  readonly webhooks: Webhooks;
  readonly deliveryHealth: DeliveryHealth;
  /** Compares the DNS with what it should say; undefined where nothing is sent, or no keys are at hand. */
  readonly deliverability: ((domains?: readonly string[]) => Promise<Deliverability>) | undefined;
}

/** Opens it all; throws, with everything closed again, when something can't be. */
export async function openParts(config: Config, options: MailServerOptions): Promise<Parts> {
  const { clock = systemClock, random = systemRandom, journal = new Journal() } = options;
  const metrics = new Metrics(journal, { clock });
  const health = new Health({ journal, clock });
  metrics.gauge({
    name: "dinopost_problem",
    help: "What is wrong with the server now",
    read: () => health.problems.map(({ code }) => ({ labels: { code }, value: 1 })),
  });
  const around = { config, clock, random, journal, metrics, health };
  const location = options.inMemory ? ":memory:" : config.kv ?? join(config.dataDir, "dinopost.db");
  const directory = await openDataDir(location, around, options);
  let store: Store | undefined;
  try {
    store = await openStore({
      location,
      ...(typeof options.inMemory === "object" && { memory: options.inMemory }),
      clock,
      reserve: directory?.reserve,
      onError: (what, error) => journal.note("WARN", what, { error: String(error) }),
      onCommit: (writes, ms) => metrics.commit(writes, ms),
      onSilence: (since) => tellSilence(since, around),
    });
    const tally = { kept: await takeTally(store) }; // before anything is written
    if (directory) directory.backups.files = store.kv.files;
    const certificates = await openCertificates(around, options);
    const tls = options.certificate ? serverTls(options.certificate, { clock }) : certificates?.tls;
    const resolver = new WatchedResolver(options.resolver ?? systemResolver(around), around);
    const services = createServices(store, {
      around,
      options,
      resolver,
      tally,
      signing: await openSigning({ ...around, resolver }, options),
      names: await openNames(store, around, options),
    });
    return { ...services, certificates, tls, directory, deliverability: deliverabilityOf(around, options) };
  } catch (error) {
    await store?.close();
    directory?.lock.release();
    throw error;
  }
}

function deliverabilityOf(
  around: Surroundings,
  options: MailServerOptions,
): Parts["deliverability"] {
  const { config, clock, random } = around;
  if (config.capture || options.withoutFiles) return undefined;
  const by = { ...options, config, random, clock: steadyClock(clock) };
  return async (domains) => {
    const { checkDeliverability } = await import("./deliverability.ts");
    return await checkDeliverability({ ...by, ca: options.ca ?? rootsOf(around) }, domains);
  };
}

/** Closes it all. */
export async function closeParts(parts: Parts): Promise<void> {
  parts.resolver.close();
  parts.deliveryHealth.close();
  await parts.webhooks.stop();
  await parts.reports?.settle();
  for (const counts of [parts.sessions, parts.dmarc]) await counts.write().catch(() => {}); // the store may be away
  await parts.suppressions?.close();
  await parts.mailStore.close();
  await Promise.all([parts.accounts.close(), parts.aliases.close(), parts.captured?.close()]);
  // without it the next start reads the queue
  const last = await parts.queue.keep().catch(() => undefined);
  await parts.store.close(last);
  parts.directory?.lock.release();
}

/** The directory belongs to one server, unless the store is one that servers share: then it has only secrets in it. */
async function openDataDir(
  location: string,
  around: Surroundings,
  options: MailServerOptions,
): Promise<DataDirectory | undefined> {
  if (options.inMemory || options.withoutFiles) return undefined;
  const { config } = around;
  if (config.kv === null) {
    const { openDataDirectory } = await import("./data_directory.ts");
    return await openDataDirectory(location, around);
  }
  await Deno.mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  return undefined;
}

/** Logs that a store behind a network does not answer, and that it does again. */
function tellSilence(since: number | undefined, { journal, health }: Surroundings): void {
  if (since === undefined) {
    health.clear("store");
    journal.note("INFO", "the store answers again");
    return;
  }
  const when = new Date(since).toISOString();
  health.raise(
    "store",
    `The store has not answered since ${when}: mail is refused for now, and nothing is read`,
  );
  journal.note("ERROR", "the store does not answer: clients are asked to come again", { since: when });
}

async function openCertificates(
  around: Surroundings,
  options: MailServerOptions,
): Promise<Certificates | undefined> {
  if (options.certificate !== undefined) return undefined;
  const { capture, listen, tls } = around.config;
  // nobody is offered STARTTLS then, see `mail_server.ts`
  const unused = capture && tls === null &&
    listen.submissions.length + listen.pop3s.length + listen.imaps.length +
          listen.https.length === 0;
  const fileless = options.inMemory || options.withoutFiles || unused;
  if (fileless && tls?.cert === undefined) return undefined;
  const { Certificates } = await import("./certificates.ts");
  return await Certificates.open(around);
}

/** What counts for reports to others, and reads theirs. */
function reportingOf(
  store: Store,
  { around, names }: { around: Surroundings; names: Names },
): Pick<Parts, "sessions" | "dmarc" | "reports"> {
  const reports = names.captured ? undefined : new ReceivedReports(store, { ...around, ...names });
  return { sessions: new TlsSessions(store, around), dmarc: new DmarcCounts(store, around), reports };
}

/** What the services stand on. */
interface ServiceGround {
  readonly around: Surroundings;
  readonly options: MailServerOptions;
  readonly resolver: Resolver;
  readonly tally: TallyOptions;
  readonly signing: Signing | undefined;
  readonly names: Names;
}

function createServices(
  store: Store,
  by: ServiceGround,
): Omit<Parts, "directory" | "certificates" | "tls" | "deliverability"> {
  const { around, options, resolver, tally, signing, names } = by;
  const { faults, leaseMs, trace } = options;
  const { config, clock, random } = around;
  // Behind loopback may be all users of a webmail: it is never refused as a whole, only accounts are slowed down.
  const guard = new LoginGuard({ clock, exempt: isLoopbackPeer });
  const ids = new IdMaker(clock, random, () => store.number);
  const captures = config.capture !== false;
  const dialogues = captures ? new Dialogues() : undefined;
  const quotas = new Quotas(captures ? { ...names, accounts: { get: () => undefined } } : names);
  names.mailStore.useRoom((address, size) => quotas.take(address, size));
  const known = { ...names, ...outboundLists(store, around), ...reportingOf(store, by) };
  const base = { ...around, ...known, store, resolver, quotas, ids, faults, dialogues, tally };
  const agent = makeAgent(base, options);
  const queue = makeQueue({ ...base, agent, signing, leaseMs: leaseMs ?? config.lease, trace });
  const { hostname, limits: { hops: maxHops, messageSize, recipients } } = config;
  const underWay = new UnderWay();
  const acceptance = new Acceptance({
    ...base,
    complaints: complaints(base),
    queue,
    hostname,
    maxHops,
    underWay,
  });
  const submission = new HttpSubmission({ ...base, acceptance, messageSize, recipients, captures });
  const { vrfy, expn, verb } = config;
  const asked = {
    ...base,
    guard,
    acceptance,
    verboseMs: VERBOSE_MS,
    trusted: new Networks(config.relay.networks),
    verbs: { VRFY: vrfy, EXPN: expn, VERB: verb },
    strangers: strangers(base),
    rates: submissionRates(base),
  };
  const policy = captures ? new CaptureReception(asked) : new Policy(asked);
  const { captured } = names;
  const releases = captured && new Releases({ ...base, queue, captured });
  const webhooks = new Webhooks({ ...base, hooks: config.webhooks });
  const deliveryHealth = new DeliveryHealth(around);
  const more = {
    dailyReports: makeDailyReports({ ...base, submission }),
    deliveryHealth,
    guard,
    queue,
    signing,
    policy,
    agent,
    submission,
    releases,
    underWay,
    webhooks,
  };
  return { ...base, ...more };
}

/** To which destinations, and to which addresses, nothing goes. */
function outboundLists(
  store: Store,
  { config, ...by }: Surroundings,
): Pick<Parts, "suspensions" | "suppressions"> {
  const onSuppressed = () => by.metrics.suppressed();
  return {
    suspensions: new Suspensions(store, by.clock),
    suppressions: config.outbound.suppress && !config.capture
      ? new Suppressions(store, { ...by, onSuppressed })
      : undefined,
  };
}

function systemResolver({ config, clock, random, metrics }: Surroundings): Resolver {
  const { nameServer, timeout, dnssec } = config.dns;
  return new SystemResolver({
    timeoutMs: timeout,
    clock,
    random,
    trustAd: dnssec,
    ownMx: ArrivalChecks.areOn(config.checks),
    onTimeout: () => metrics.dnsTimeout(),
    ...(nameServer === null ? {} : { nameServer }),
  });
}
