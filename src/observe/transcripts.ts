/** The transcripts of messages: what happens in their deliveries, line by line, for whoever subscribes. */

/** What happens in a delivery of a message. */
export type TranscriptEvent =
  /** A line of a conversation: `> ` ours, `< ` the peer's, `* ` of the connection itself. */
  | { readonly kind: "line"; readonly line: string }
  /** A host, before what is said there or in place of it. */
  | { readonly kind: "host"; readonly host: string; readonly address: string; readonly text: string }
  /** What the delivery does next, or what became of a recipient. */
  | { readonly kind: "step"; readonly text: string }
  /** The message is durable, and these records of it are delivered at once. */
  | { readonly kind: "attempts"; readonly parts: readonly number[] }
  /** The attempt for that record ended, or it is not delivered now after all. */
  | { readonly kind: "attempted"; readonly part: number };

/** Hears the events of a message. */
export type TranscriptListener = (event: TranscriptEvent, id: string) => void;

/** The transcript of one attempt. */
export class Transcript {
  readonly #listeners = new Set<TranscriptListener>();

  /** Of the message `id`; its events are those of the message, too, in `transcripts`. */
  constructor(private readonly id: string, private readonly transcripts?: Transcripts) {}

  /** Listens to this attempt alone. */
  subscribe(listener: TranscriptListener): void {
    this.#listeners.add(listener);
  }

  /** Tells an event to all who listen. */
  emit(event: TranscriptEvent): void {
    for (const listener of this.#listeners) listener(event, this.id);
    this.transcripts?.emit(this.id, event);
  }
}

/** The transcripts of all messages, by id. Nothing is kept: who comes late hears the rest. */
export class Transcripts {
  readonly #listeners = new Map<string, Set<TranscriptListener>>();
  readonly #everywhere = new Set<TranscriptListener>();

  /** Listens to one message until it is disposed of. */
  subscribe(id: string, listener: TranscriptListener): Disposable {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    return {
      [Symbol.dispose]: () => {
        listeners.delete(listener);
        if (listeners.size === 0 && this.#listeners.get(id) === listeners) this.#listeners.delete(id);
      },
    };
  }

  /** Listens to all messages, for good. */
  subscribeAll(listener: TranscriptListener): void {
    this.#everywhere.add(listener);
  }

  /** Tells an event of a message to all who listen. */
  emit(id: string, event: TranscriptEvent): void {
    for (const listener of this.#everywhere) listener(event, id);
    const listeners = this.#listeners.get(id);
    if (listeners) { for (const listener of listeners) listener(event, id); }
  }

  /** The transcript of one attempt for a message. */
  open(id: string): Transcript {
    return new Transcript(id, this);
  }
}
