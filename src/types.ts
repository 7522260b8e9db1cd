/** The types that the module names: those of its exports, and what they are made of. */

export type { AdminApp } from "./http/app.ts";
export type { AdminOptions } from "./api/options.ts";
export type { AdminBindings, HttpOptions } from "./http/options.ts";
export type { Clock, Timer } from "./base/clock.ts";
export type { SentForm, Signed, SizedContent } from "./authentication/dkim_outgoing.ts";
export type { ContentSource } from "./mail/conversion.ts";
export type { MessageSigner } from "./queue/signatures.ts";
export type { IdMaker } from "./base/ids.ts";
export type { Random } from "./base/random.ts";
export type {
  AccountConfig,
  AcmeConfig,
  AdminUserConfig,
  CaptureConfig,
  CertificateConfig,
  CheckPolicy,
  CommandPolicy,
  Endpoint,
  LimitsConfig,
  ListenConfig,
  LogLevelName,
  OutboundDomainConfig,
  QueueConfig,
  SmartHostConfig,
  TlsConfig,
  TlsPolicy,
  WebhookConfig,
} from "./config/config.ts";
export type { LoadOptions } from "./config/load.ts";
export type { FaultAction, FaultStatus } from "./faults/action.ts";
export type { FaultMatch, FaultRule, FaultStage } from "./faults/rule.ts";
export type { CountedFaultRule, FaultPoint, FaultRules } from "./faults/rules.ts";
export type { Attempt, DeliveryAgent, DeliveryJob } from "./delivery/delivery.ts";
export type { MailHost, MailHosts } from "./dns/mail_hosts.ts";
export type { DnsResult, MxRecord, Resolver, TlsaRecord } from "./dns/resolver.ts";
export type {
  HttpSubmission,
  RefusedRecipient,
  SubmissionRefusal,
  SubmissionResult,
  SubmittedMessage,
} from "./intake/http_message.ts";
export type {
  Envelope,
  EnvelopeRecipient,
  Mailbox,
  Notify,
  RecipientParameters,
  SenderParameters,
} from "./mail/envelope.ts";
export type {
  Deferred,
  Delivered,
  EnhancedStatus,
  Failed,
  Outcome,
  OutcomeFacts,
  Stage,
} from "./mail/outcome.ts";
export type { Account, AccountChange, Accounts, NewAccount } from "./auth/accounts.ts";
export type { Alias, AliasChange, Aliases, ListedAlias } from "./recipients/aliases.ts";
export type { LoginClient, LoginFailure } from "./auth/authenticator.ts";
export type { GuardPolicy, LoginAttempt, LoginGuard, LoginGuardOptions } from "./auth/login_guard.ts";
export type { CaptureChange, Captured, NewCaptured, RemovedBecause } from "./capture/captured.ts";
export type { CapturedListOptions, CapturedMail, Retention } from "./capture/captured_mail.ts";
export type { FactMaker } from "./mailbox/folder_facts.ts";
export type {
  Appended,
  Appending,
  By,
  Copied,
  FlagChange,
  Folder,
  FolderChange,
  FolderErrorKind,
  FolderIndex,
  FolderInfo,
  Folders,
  NewMessage as AppendedMessage,
  SpecialUse,
  UidRange,
  Uids,
} from "./mailbox/folders.ts";
export type { TakeRoom } from "./mailbox/held_folders.ts";
export type { MailEntry, MailRef } from "./mailbox/mail_entry.ts";
export type { MailList } from "./mailbox/mail_list.ts";
export type { MailLock } from "./mailbox/mail_lock.ts";
export type { MailChange, MailListOptions, MailUsage } from "./mailbox/mail_store.ts";
export type { NamedChange } from "./mailbox/named_changes.ts";
export type { Quotas, Release } from "./mailbox/quotas.ts";
export type { Identity, Sasl, SaslClient, SaslEnd, SaslMechanism, SaslStep } from "./auth/sasl.ts";
export type { ScramVerifier } from "./auth/scram.ts";
export type { HealthProblem } from "./observe/health.ts";
export type {
  AcceptedEvent,
  AttemptEvent,
  HealthEvent,
  Journal,
  JournalEvent,
  LoginEvent,
  MailboxEvent,
  MessageEvent,
  NoteEvent,
  ReportEvent,
  SessionEvent,
} from "./observe/journal.ts";
export type { Transcript, TranscriptEvent, TranscriptListener, Transcripts } from "./observe/transcripts.ts";
export type { LogFields, LogLevel } from "./observe/log.ts";
export type { Pop3Event, Pop3SessionOptions } from "./pop3/session_options.ts";
export type { DestinationRate, Rate, RateLimit } from "./queue/rate_limit.ts";
export type { AcceptOptions, Refusal as QueueRefusal } from "./queue/queue.ts";
export type { NewMessage } from "./queue/message.ts";
export type { KeptAttempt } from "./queue/history.ts";
export type { QueueRecipient, QueueRecord, Source } from "./queue/record.ts";
export type { Schedule } from "./queue/schedule.ts";
export type { Suppression, Suppressions, SuppressionsOptions } from "./queue/suppressions.ts";
export type { Suspension, Suspensions } from "./queue/suspensions.ts";
export type { NewWork, Waker } from "./queue/waker.ts";
export type { DeliveryTarget, Success } from "./recipients/expand.ts";
export type { ExpandedRecipient, Resolution, Router } from "./recipients/router.ts";
export type { PeerExtensions } from "./smtp/client/extensions.ts";
export type { OutgoingMessage } from "./smtp/client/options.ts";
export type { PeerFacts } from "./smtp/client/outcome.ts";
export type { AbsentVerb, KnownVerb, Verb } from "./smtp/protocol/command.ts";
export type { MessageSink, Reception, Service, SessionFacts, Verdict } from "./smtp/server/reception.ts";
export type { Reply } from "./smtp/protocol/reply.ts";
export type { ClosedBecause, SessionEvent as SmtpSessionEvent } from "./smtp/server/session_event.ts";
export type { SmtpLimits, SmtpSessionOptions } from "./smtp/server/session_options.ts";
export type { BodyDraft, BodyRef } from "./storage/bodies/bodies.ts";
export type { Limits } from "./storage/limits.ts";
export type { Kv, ListOptions as KvListOptions } from "./storage/port.ts";
export type { Store } from "./storage/store.ts";
export type { Write, Writer, WriteResult } from "./storage/write.ts";
export type { ByteConn, TlsFacts } from "./wire/byte_conn.ts";
export type { ConnectionLimiter, ConnectionRefusal, IdleConnection } from "./wire/connection_limiter.ts";
export type { Deadline, Deadlines } from "./wire/deadlines.ts";
export type {
  ServerAddress,
  SessionServer,
  SessionServerOptions,
  SharedBySessions,
} from "./wire/session_server.ts";
export type { ServerTls, TlsMaterial } from "./wire/tls.ts";
export type { Webhooks, WebhooksOptions, WebhookState } from "./webhooks/webhooks.ts";
export type { DeadPost, PendingPost } from "./webhooks/records.ts";
export type { Post, PostResult } from "./webhooks/post.ts";
export type { MemoryStore } from "./storage/memory_store.ts";
export type { Composition } from "./intake/composition.ts";
export type { AttachmentPart, MessageParts } from "./mail/mime_builder.ts";
