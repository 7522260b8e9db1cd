/** The values that the API's calls take and answer. Made by `deno task client`; change the schemas, not this file. */

/** QueueItem, as the API has it. */
export type QueueItem = {
  id: string;

  /** Empty for reports */
  sender: string;

  /** As people read it, cut; null where there is none */
  subject: string | null;
  recipients: {
    address: string;
    domain: string;

    /** queued: due now or being tried; deferred: waits for its time; held: until it is released */
    state: "queued" | "deferred" | "held" | "delivered" | "failed";
    attempts: number;
    nextAttemptAt: string | null;
    lastReply: string | null;
    lastError: string | null;
  }[];

  /** queued: due now or being tried; deferred: waits for its time; held: until it is released */
  state: "queued" | "deferred" | "held" | "delivered" | "failed";
  size: number;
  receivedAt: string;
  nextAttemptAt: string | null;
  expiresAt: string;
  authenticatedAs: string | null;
  source: string;
};

/** Problem, as the API has it. */
export type Problem = {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  errors?: { in: string; name: string; detail: string }[];
};

/** QueueSummary, as the API has it. */
export type QueueSummary = {
  total: number;
  byState: { queued: number; deferred: number; held: number; delivered: number; failed: number };
  byDomain: { domain: string; count: number; oldest: string }[];
  ageBuckets: {
    /** null: all that are older */
    upToSeconds: number | null;
    count: number;
  }[];
};

/** QueueItemWithAttempts, as the API has it. */
export type QueueItemWithAttempts = QueueItem & { attempts: Attempt[] };

/** Attempt, as the API has it. */
export type Attempt = {
  at: string;
  recipient: string;

  /** Whose answer counts, of the hosts that were tried */
  host: string | null;

  /** The IP address of that host */
  address: string | null;
  reply: string;
  enhanced: string;
  tls: string | null;

  /** Why it went in clear, although the host offers encryption */
  inClear?: string;
  durationMs: number;
};

/** Flushed, as the API has it. */
export type Flushed = {
  count: number;

  /** See `/api/v1/jobs/{id}` */
  job: string;
};

/** BulkAction, as the API has it. */
export type BulkAction = {
  /** So many messages of the queue */
  count: number;

  /** null: it was a dry run */
  job: string | null;

  /** Of a dry run: the ids that no message of the queue has */
  unknown?: string[];
};

/** QueueFilter, as the API has it. */
export type QueueFilter = {
  /** The state of one of its recipients */
  state?: "queued" | "deferred" | "held" | "delivered" | "failed";

  /** One of its recipients' domains */
  domain?: string;

  /** The whole address; `<>`: reports */
  sender?: string;

  /** One of its recipients, as a whole */
  recipient?: string;

  /** A piece of the last answer, or of why it waits; capitals don't matter */
  error?: string;

  /** A piece of its subject; capitals don't matter */
  subject?: string;

  /** It came so long ago, or longer */
  olderThan?: string;

  /** How its id begins or ends */
  id?: string;
};

/** ImportedQueue, as the API has it. */
export type ImportedQueue = {
  imported: number;

  /** So many were here before, or had been */
  known: number;
};

/** Job, as the API has it. */
export type Job = {
  id: string;
  action: "retry" | "hold" | "release" | "bounce" | "delete";
  state: "running" | "done" | "failed";

  /** For so many messages */
  total: number;

  /** With so many of them it is done */
  done: number;
  result: {
    /** Of a retry: nobody is left to be served */
    delivered?: number;

    /** Of a retry: somebody waits for the next attempt */
    deferred?: number;

    /** Of a retry: it was given up for somebody, and nobody waits */
    failed?: number;

    /** Of the other actions */
    changed?: number;

    /** To which it could not be done, and why; at most ten thousand are named */
    refused: { id: string; text: string }[];
  };

  /** Why it failed; what was done before stays done */
  error?: string;
};

/** Submitted, as the API has it. */
export type Submitted = {
  id: string;

  /** Recipients that are unknown here: they were left out, the others get it */
  refused?: { address: string; text: string }[];
};

/** NewMessage, as the API has it. */
export type NewMessage = {
  from: string;
  to: string[];

  /** Beyond the recipients in `to` */
  cc?: string[];

  /** Get it too, and stand in no header */
  bcc?: string[];
  subject?: string;
  text?: string;
  html?: string;
  headers?: Record<string, (string | string[])>;
  attachments?: {
    filename: string;

    /** The bytes in base64 */
    content: string;
    contentType?: string;
    contentId?: string;
  }[];
};

/** MessageLife, as the API has it. */
export type MessageLife = {
  id: string;
  sender: string | null;
  recipients: string[];
  events: {
    at: string;

    /** accepted, mailbox, delivered, deferred or bounced */
    type: string;
  }[];
};

/** Account, as the API has it. */
export type Account = {
  address: string;
  name: string | null;

  /** Bytes; null: no limit */
  quota: number | null;

  /** name+folder@ is delivered into that folder, where it is there */
  subFolders?: true;

  /** Bytes */
  used: number;
  messages: number;
};

/** AuditEntry, as the API has it. */
export type AuditEntry = {
  at: string;

  /** A name of admin.users, or an account on its own page; `admin` has admin.token */
  user: string;

  /** What was done */
  action: string;

  /** With what: an address, an id, a filter */
  target: string;
};

/** Alias, as the API has it. */
export type Alias = {
  address: string;

  /** Whom it stands for; none: it has ended */
  targets: string[];

  /** Hears of a list's failures; null: it is no list */
  owner: string | null;
};

/** MailItem, as the API has it. */
export type MailItem = {
  uid: string;

  /** Of the header; where it has none, of the envelope */
  from: string;
  to: string;
  subject: string;
  date: string;
  receivedAt: string;
  size: number;
  seen: boolean;

  /** The name of the folder that it is in */
  folder: string;

  /** \Seen, \Answered, \Flagged, \Deleted, \Draft, and keywords */
  flags: string[];
};

/** Mail, as the API has it. */
export type Mail = MailItem & {
  /** The envelope's sender */
  sender: string;

  /** The envelope's recipient */
  recipient: string;
  headers: { name: string; value: string }[];
  text: string | null;

  /** As it came: never put it into a page without a sandbox */
  html: string | null;
  attachments: { filename: string | null; contentType: string; size: number; contentId: string | null }[];

  /** What the checks of a stranger's message came to; null: it was not checked */
  authentication: AuthenticationResult[] | null;

  /** What is wrong with the message, so that text or attachments are not there or not as they were meant */
  fault: string | null;
};

/** AuthenticationResult, as the API has it. */
export type AuthenticationResult = {
  /** spf, dkim, dmarc, arc or iprev */
  method: string;

  /** As in RFC 8601, such as pass */
  result: string;
  reason: string | null;

  /** Such as smtp.mailfrom */
  properties: Record<string, string>;
};

/** NewDraft, as the API has it. */
export type NewDraft = {
  /** Absent: the mailbox */
  from?: string;
  to?: string[];

  /** Beyond the recipients in `to` */
  cc?: string[];

  /** Get it too, and stand in no header */
  bcc?: string[];
  subject?: string;
  text?: string;
  html?: string;
  headers?: Record<string, (string | string[])>;
  attachments?: {
    filename: string;

    /** The bytes in base64 */
    content: string;
    contentType?: string;
    contentId?: string;
  }[];
};

/** Folder, as the API has it. */
export type Folder = {
  /** `/` parts levels; INBOX in any case */
  name: string;

  /** Archive, Drafts, Junk, Sent or Trash, as mail programs use it (RFC 6154); null: none */
  specialUse: string | null;

  /** Mail programs show it */
  subscribed: boolean;
  messages: number;

  /** Messages that nobody has read */
  unseen: number;
  bytes: number;
};

/** Imported, as the API has it. */
export type Imported = {
  messages: number;
  bytes: number;

  /** What is doubtful in the file, such as a line that may begin a message and was taken for text */
  warnings: string[];
};

/** WaitAnswer, as the API has it. */
export type WaitAnswer = AwaitedMail | { items: AwaitedMail[] };

/** AwaitedMail, as the API has it. */
export type AwaitedMail = Mail & { id: string; mailbox: string; links: string[]; codes: string[] };

/** ArrivedMail, as the API has it. */
export type ArrivedMail = {
  uid: string;
  mailbox: string;
  from: string;
  to: string;
  subject: string;
  folder: string;
  date: string;

  /** Of the message on the page */
  url: string;
};

/** Destinations, as the API has it. */
export type Destinations = {
  items: {
    domain: string;
    waiting: number;
    oldest: string | null;

    /** null: all are held */
    nextAttemptAt: string | null;
    lastError: string | null;
    suspension: Suspension;
  }[];
  cursor: null;
};

/** Suspension, as the API has it. */
export type Suspension =
  | { domain: string; since: string; until: string | null; reason: string | null }
  | null;

/** Route, as the API has it. */
export type Route = {
  domain: string;
  kind: "local" | "mx" | "implicit" | "smartHost" | "none";
  hosts: { preference: number; host: string; addresses: string[] }[];

  /** How it came to this, in sentences */
  steps: string[];
};

/** FaultRules, as the API has it. */
export type FaultRules = {
  items: FaultRule & {
    /** How often */
    acted: number;
  }[];
};

/** FaultRule, as the API has it. */
export type FaultRule = {
  /** What is answered; `end`: the end of the text */
  stage: "connect" | "ehlo" | "starttls" | "auth" | "mail" | "rcpt" | "data" | "end";

  /** All that is given has to fit */
  match?: {
    /** A sender or a part of one (`<>`: the empty one); from `mail` on */
    from?: string;

    /** A recipient, or a part of one; from `rcpt` on */
    to?: string;

    /** A part of the subject; at `end` */
    subject?: string;

    /** Only the n-th time that the rest of it fits */
    attempt?: number;
  };

  /** A 4xx or 5xx */
  reply?: string;
  delay?: string | number;

  /** The connection ends without an answer */
  drop?: true;

  /** So many octets of the answer, and the connection ends */
  truncate?: number;

  /** The handshake fails; at `starttls` */
  tlsFail?: true;

  /** So often at most; absent: for ever */
  times?: number;

  /** Absent: surely */
  probability?: number;

  /** It is the next server's answer to what goes out */
  out?: boolean;
};

/** AppPassword, as the API has it. */
export type AppPassword = {
  name: string;
  createdAt: string;

  /** To the minute; null: nobody logged in with it */
  lastUsedAt: string | null;
};

/** NewAppPassword, as the API has it. */
export type NewAppPassword = AppPassword & {
  /** Told this once */
  password: string;
};

/** RecordFinding, as the API has it. */
export type RecordFinding = {
  purpose: "Address" | "PTR" | "MX" | "SPF" | "DKIM" | "DMARC" | "MTA-STS" | "TLS-RPT" | "SRV";

  /** Whose record it is; for a PTR an address */
  name: string;

  /** unknown: the DNS could not be asked */
  state: "right" | "wrong" | "unknown";

  /** What is there, or what is wrong with it */
  text: string;

  /** What would be right */
  mend: string | null;
};

/** Suppression, as the API has it. */
export type Suppression = {
  address: string;
  since: string;

  /** Ends by itself then */
  until: string | null;

  /** Messages came back, its owner complained of one, or somebody put it there */
  by: "bounces" | "complaint" | "operator";
  reason: string | null;
};

/** Webhook, as the API has it. */
export type Webhook = {
  url: string;
  events: string[];
  signed: boolean;

  /** Posts that wait; more than 1,000 are not counted */
  waiting: number;
  last: {
    ok: boolean;
    status: number | null;

    /** The status line of the answer, or why there was none */
    text: string;
    at: string;
  } | null;
};

/** DeadPost, as the API has it. */
export type DeadPost = {
  id: string;
  url: string;
  type: string;
  createdAt: string;
  diedAt: string;
  attempts: number;
  lastError: string;
  body: string;
};
