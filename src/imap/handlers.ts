/** What each command does. */

import { isExtension } from "./capabilities.ts";
import type { Command, Verb } from "./command.ts";
import { deflated } from "./deflated_conn.ts";
import { fetch } from "./fetch_command.ts";
import {
  create,
  deleteMailbox,
  getQuota,
  getQuotaRoot,
  namespace,
  rename,
  status,
  subscribe,
} from "./folder_commands.ts";
import { list, lsub } from "./list_command.ts";
import { close, type CommandOf, copyOrMove, expunge, store, unselect } from "./message_commands.ts";
import { search, sort, thread } from "./search_commands.ts";
import { select } from "./select_command.ts";
import type { SessionActions } from "./session_actions.ts";
import { bad, no, type SessionState } from "./session_state.ts";

type Handler<V extends Verb> = (
  state: SessionState,
  command: CommandOf<V>,
  session: SessionActions,
) => void | Promise<void>;

/** All of them. */
export const HANDLERS: { readonly [V in Verb]: Handler<V> } = {
  CAPABILITY: (state, command, session) => {
    state.out.untagged(`CAPABILITY ${session.capabilities()}`);
    state.ok(command, "Done");
  },
  NOOP: done,
  CHECK: done,
  LOGOUT: (state, command, session) => {
    session.logOut();
    state.ok(command, "Done");
  },
  ID: (state, command) => {
    state.out.untagged('ID ("name" "dinopost")');
    state.ok(command, "Done");
  },
  STARTTLS: (_state, command, session) => session.logins.startTls(command),
  LOGIN: (_state, command, session) => session.logins.login(command),
  AUTHENTICATE: (_state, command, session) => session.logins.authenticate(command),
  ENABLE: enable,
  NAMESPACE: namespace,
  IDLE: (_state, command, session) => session.idle(command),
  COMPRESS: compress,
  SELECT: select,
  EXAMINE: select,
  CREATE: create,
  DELETE: deleteMailbox,
  RENAME: rename,
  SUBSCRIBE: subscribe,
  UNSUBSCRIBE: subscribe,
  LIST: list,
  LSUB: lsub,
  STATUS: status,
  // its message is a literal, which the session meets before it comes here
  APPEND: () => {
    throw bad("Expected a message as a literal such as {310}");
  },
  GETQUOTA: getQuota,
  GETQUOTAROOT: getQuotaRoot,
  NOTIFY: (state, command, session) => session.notifier.set(state, command),
  CLOSE: close,
  UNSELECT: unselect,
  EXPUNGE: expunge,
  SEARCH: search,
  SORT: sort,
  THREAD: thread,
  FETCH: fetch,
  STORE: store,
  COPY: copyOrMove,
  MOVE: copyOrMove,
};

function done(state: SessionState, command: Command): void {
  state.ok(command, "Done");
}

/** ENABLE (RFC 5161): what is not offered is overlooked. */
function enable(state: SessionState, command: CommandOf<"ENABLE">): void {
  const on: string[] = [];
  for (const name of command.args.names) {
    if (!isExtension(name) || state.enabled.has(name)) continue;
    if (name === "CONDSTORE") state.turnOnCondstore();
    else state.enabled.add(name);
    on.push(name);
    // RFC 7162 3.2.3
    if (name === "QRESYNC") state.turnOnCondstore();
  }
  state.out.untagged(["ENABLED", ...on].join(" "));
  state.ok(command, "Done");
}

/** COMPRESS (RFC 4978). */
async function compress(
  state: SessionState,
  command: CommandOf<"COMPRESS">,
  session: SessionActions,
): Promise<void> {
  if (command.args.algorithm !== "DEFLATE") throw bad("There is DEFLATE only");
  if (state.compressed) throw no("Compression is on already", "COMPRESSIONACTIVE");
  state.ok(command, "Compression begins");
  state.compressed = true;
  await session.replaceConn(deflated);
}
