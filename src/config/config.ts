/** The configuration as it is once read, checked and completed. */

/** Where to listen: an address or host name, and a port (0: any that is free). */
export interface Endpoint {
  /** An IP address without brackets, or a host name. */
  hostname: string;
  /** 0 to 65535. */
  port: number;
}

/** Who may use VRFY, EXPN or VERB; `authenticated` covers clients in `relay.networks`. */
export type CommandPolicy = "always" | "authenticated" | "never";

/** How much TLS an outbound connection needs. */
export type TlsPolicy = "never" | "opportunistic" | "require";

/** What a check on incoming mail may do. */
export type CheckPolicy = "off" | "mark" | "enforce";

/** Names of log levels, from loud to quiet. */
export type LogLevelName = "DEBUG" | "INFO" | "WARN" | "ERROR";

/** Addresses of one kind of listener each; an empty list: off. */
export interface ListenConfig {
  /** For other servers (MX): no login, and relaying for `relay.networks` only. */
  smtp: Endpoint[];
  /** For mail programs (RFC 6409): a login is required, STARTTLS is offered. */
  submission: Endpoint[];
  /** For mail programs, with TLS from the first octet (RFC 8314). */
  submissions: Endpoint[];
  /** LMTP (RFC 2033), for a server in front that has the queue. */
  lmtp: Endpoint[];
  /** POP3 (RFC 1939), STLS offered. */
  pop3: Endpoint[];
  /** POP3 with TLS from the first octet. */
  pop3s: Endpoint[];
  /** IMAP (RFC 9051, RFC 3501), STARTTLS offered. */
  imap: Endpoint[];
  /** IMAP with TLS from the first octet. */
  imaps: Endpoint[];
  /** The HTTP surface: API and page. */
  admin: Endpoint[];
  /** For the world, port 80: proofs for the certificate authority (HTTP-01 of RFC 8555), and nothing else. */
  http: Endpoint[];
  /** For the world, port 443: the MTA-STS policies of our domains, proofs by TLS-ALPN-01 (RFC 8737), nothing else. */
  https: Endpoint[];
}

/** A certificate chain and its key: PEM files, or one that holds both. Paths are absolute. */
export interface CertificateConfig {
  /** The PEM file of the certificate and its chain; it is loaded again when it changes. */
  cert: string;
  /** The PEM file of the key, unless the certificate's holds it too. */
  key: string;
}

/** The server's certificates. */
export interface TlsConfig extends Partial<CertificateConfig> {
  /** The oldest version that is spoken. */
  minVersion: "TLSv1.2" | "TLSv1.3";
  /** Other certificates, by the host name that a client asks for. */
  sni: Record<string, CertificateConfig>;
  /** Who gives the server's own certificate and renews it (RFC 8555); null: nobody does. */
  acme: AcmeConfig | null;
}

/** A certificate authority that is asked by ACME. */
export interface AcmeConfig {
  /** Where it can reach us. */
  email?: string;
  /** The https URL of its directory; Let's Encrypt's unless said. */
  directory: string;
}

/** An account that is made at start when it is missing. Exactly one of the two passwords is there. */
export interface AccountConfig {
  /** The password, in clear; only its hash is kept. */
  password?: string;
  /** In place of the password: its hash, a PHC string. */
  passwordHash?: string;
  /** How much the mailbox holds, in bytes; without it there is no limit. */
  quota?: number;
  /** The person's name. */
  name?: string;
  /** Mail for `name+folder@` goes into that folder, where it is there; otherwise into INBOX. */
  subFolders?: boolean;
}

/** A server that takes all remote mail. */
export interface SmartHostConfig {
  /** A host name or an IP address. */
  host: string;
  /** 25 unless said; 465 with implicit TLS. */
  port: number;
  /** The user name for its login. */
  user?: string;
  /** The password for its login; it goes out only when the certificate is trusted. */
  password?: string;
  /** `opportunistic` unless said; TLS from the first octet (RFC 8314) on port 465, whatever is said but `never`. */
  tls: TlsPolicy | "implicit";
}

/** What is special about one remote domain. */
export interface OutboundDomainConfig {
  /** Instead of `outbound.tls`. */
  tls?: TlsPolicy;
  /** Instead of `outbound.maxConnectionsPerDomain`. */
  maxConnections?: number;
  /** How many messages go there at most: `count` in `periodMs`. */
  rate?: { count: number; periodMs: number };
  /** Takes the domain's mail in place of its MX hosts. */
  smartHost?: SmartHostConfig;
}

/** One receiver of events over HTTP. */
export interface WebhookConfig {
  /** Where events are posted to, by http or https. */
  url: string;
  /** Which events it gets. */
  events: ("accepted" | "delivered" | "deferred" | "bounced" | "mailbox" | "health")[];
  /**
   * Signs the posts: `whsec_` and base64 with its padding, which every library of Standard Webhooks takes, or any text,
   * which a library needs as raw octets.
   */
  secret?: string;
  /** It may be on a loopback, private or link-local address. */
  allowPrivate: boolean;
}

/** Somebody who may use the HTTP surface beside who has `admin.token`. */
export interface AdminUserConfig {
  /** What they log in with, as `admin.token`. */
  token: string;
  /** `operator`: all but changing accounts, aliases and webhooks; `read-only`: no change. */
  role: "operator" | "read-only";
}

/** The limits a session meets: sizes in bytes, durations in milliseconds. */
export interface LimitsConfig {
  /** How large a message may be. */
  messageSize: number;
  /** Recipients of a message. */
  recipients: number;
  /** Connections at once; those of HTTP are counted apart. */
  connections: number;
  /** Connections at once from one remote address, on the mail ports. */
  connectionsPerIp: number;
  /** Received fields of a message: more of them are a loop. */
  hops: number;
  /** How long a session waits for a command. */
  commandTimeout: number;
  /** How long a session waits for the next piece of a message. */
  dataTimeout: number;
  /** Errors, failed logins among them, until the session is ended. */
  errorsPerSession: number;
  /** Recipients that an account, and a client's address, may name on the submission ports; null: without a bound. */
  submissionRate: { count: number; periodMs: number } | null;
}

/** The queue's habits; all durations in milliseconds. */
export interface QueueConfig {
  /** Intervals between attempts; the last one repeats. Never empty. */
  retry: number[];
  /** When the sender is told, once, that the message waits. */
  warnAfter: number;
  /** When the message goes back. */
  giveUpAfter: number;
  /** Deliveries under way at once; 0: remote delivery pauses. */
  concurrency: number;
  /** How long the life of a message is kept after it has left. */
  history: number;
}

/** What capture mode keeps; the oldest messages leave first. */
export interface CaptureConfig {
  /** At most so many messages. */
  messages: number;
  /** None that is older, in milliseconds; null: however old. */
  age: number | null;
  /** So many octets of content in all, at most. */
  size: number;
  /** Nothing is written to a disk: it all ends with the process. */
  memory: boolean;
}

/**
 * A whole configuration: every default is filled in, durations are milliseconds, sizes are bytes, domains are
 * lower-case A-labels, paths are absolute.
 */
export interface Config {
  /** The file it came from, absolute; absent when there was none. */
  file?: string;
  /** The server's own name in banner, EHLO, Received and reports; the machine's unless given. */
  hostname: string;
  /** Domains that are delivered here; `localhost` and `hostname` unless given. */
  domains: string[];
  /** The directory for the embedded KV and for generated keys and secrets. */
  dataDir: string;
  /** The address of a KV Connect database, which servers share, in place of the embedded one. */
  kv: string | null;
  /** On a shared store: a server that is silent for so long has lost its queue items and mailboxes to the others. */
  lease: number;
  /** Where the server listens; `[]` is off. */
  listen: ListenConfig;
  /** Certificates; null: a self-signed one is made in the data directory. */
  tls: TlsConfig | null;
  /** Logging in. */
  auth: {
    /** Logins also without TLS off loopback. */
    allowInsecure: boolean;
  };
  /** Mailboxes by address; made at start when they are missing, never overwritten. The domain is one of `domains`. */
  accounts: Record<string, AccountConfig>;
  /** Targets by address, here or elsewhere; the domain is one of `domains`. */
  aliases: Record<string, string[]>;
  /** Address by domain, for recipients that nobody has; the domain is one of `domains`. */
  catchAll: Record<string, string>;
  /** What stands between a local part and its detail; empty: no detail. */
  subaddressSeparator: string;
  /** Relaying. */
  relay: {
    /** CIDR blocks of trusted clients, which may send to other domains. */
    networks: string[];
    /** Takes all remote mail; null: MX records decide. */
    smartHost: SmartHostConfig | null;
    /** What an alias forwards to other domains gets a sender of ours (SRS), so that it passes their SPF. */
    srs: boolean;
  };
  /** Who may use VRFY; `authenticated` covers clients in `relay.networks`. */
  vrfy: CommandPolicy;
  /** Who may use EXPN; `authenticated` covers clients in `relay.networks`. */
  expn: CommandPolicy;
  /** Who may use VERB; `authenticated` covers clients in `relay.networks`. */
  verb: CommandPolicy;
  /** Name resolution. */
  dns: {
    /** `ip:port` (`[ip]:port` for IPv6); null: the system's. */
    nameServer: string | null;
    /** How long an answer is waited for, in milliseconds. */
    timeout: number;
    /** The name server validates and its AD flag is trusted. */
    dnssec: boolean;
  };
  /** Remote delivery. */
  outbound: {
    /** The port of MX hosts. */
    port: number;
    /** How much TLS is needed, for domains without a rule of their own. */
    tls: TlsPolicy;
    /** Connections to one domain at once; domains that have the same MX hosts share them. */
    maxConnectionsPerDomain: number;
    /** Which addresses of MX hosts are used. */
    family: "any" | "ipv4" | "ipv6";
    /** MX hosts on loopback, private or link-local addresses may be connected to. */
    allowPrivate: boolean;
    /** Nothing is sent to addresses on the suppression list, where those come whose messages come back. */
    suppress: boolean;
    /** Rules by domain. */
    domains: Record<string, OutboundDomainConfig>;
  };
  /** The queue. */
  queue: QueueConfig;
  /** What a session may ask for. */
  limits: LimitsConfig;
  /** DKIM signatures on outgoing mail. */
  dkim: {
    /** Messages of domains that have keys are signed. */
    sign: boolean;
  };
  /** Checks of what strangers bring: they tell their results on top of each message, or refuse what fails. */
  checks: {
    /** SPF (RFC 7208): may this client send mail of that domain? */
    spf: CheckPolicy;
    /** DKIM (RFC 6376): is a signature there, and right? Mail that isn't signed is never refused. */
    dkim: CheckPolicy;
    /** DMARC (RFC 9989): is it of the domain in From? What fails is refused where that domain asks for it. */
    dmarc: CheckPolicy;
    /** ARC (RFC 8617): do those vouch for it who handled it? */
    arc: CheckPolicy;
    /** Zones of block lists (RFC 5782); whose address is on one is refused. */
    dnsbl: string[];
    /** A stranger's first try is put off by five minutes; who comes again is known from then on. */
    greylist: boolean;
  };
  /** Receivers of events. */
  webhooks: WebhookConfig[];
  /** Everything is caught, nothing is delivered; and what is kept of it. */
  capture: CaptureConfig | false;
  /** The HTTP surface. */
  admin: {
    /** What opens the HTTP surface; null: made at first start and kept in the data directory. */
    token: string | null;
    /** Others with tokens of their own, by name. */
    users: Record<string, AdminUserConfig>;
    /** Names it answers for besides `localhost`, `hostname` and those of its listeners: those that a proxy has. */
    hosts: string[];
    /** CIDR blocks of proxies whose X-Forwarded-For, -Host and -Proto are believed. */
    proxies: string[];
    /** It may listen off loopback, although its HTTP is not encrypted. */
    allowInsecure: boolean;
  };
  /** The log. */
  log: {
    /** Lines below it are not written. */
    level: LogLevelName;
    /** For people or for programs. */
    format: "text" | "json";
  };
}
