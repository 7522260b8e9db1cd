// What a program on imapflow does with a mailbox that has the four letters of imap_clients_test.ts in INBOX.
//
// Usage: node imapflow_job.mjs MODULES PORT TLS_PORT USER PASSWORD; NODE_EXTRA_CA_CERTS names the certificate to trust.
import assert from "node:assert";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { createRequire } from "node:module";
import process from "node:process";

const [modules, port, tlsPort, user, pass] = process.argv.slice(2);
const { ImapFlow } = createRequire(`${modules}/`)("imapflow");
const NAME = "Büro & Co";
const LETTER = Buffer.from("Subject: Appended\r\nFrom: a@b.test\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n", "latin1");
const DATE = new Date("2025-11-07T06:09:10Z");

function flow(more, password = pass) {
  return new ImapFlow({ host: "localhost", auth: { user, pass: password }, logger: false, ...more });
}

async function all(iterable) {
  const found = [];
  for await (const one of iterable) found.push(one);
  return found;
}

const clear = { port: Number(port), secure: false, doSTARTTLS: false };
const starttls = { port: Number(port), secure: false, doSTARTTLS: true };
const tls = { port: Number(tlsPort), secure: true };
for (const way of [clear, starttls, tls]) {
  const wrong = flow(way, "wrong");
  await assert.rejects(wrong.connect(), ({ authenticationFailed }) => authenticationFailed === true);
  const right = flow(way);
  await right.connect();
  assert.equal(right.secureConnection, way !== clear);
  await right.logout();
}

const client = flow({ ...tls, qresync: true });
await client.connect();
await client.mailboxCreate(NAME);
assert.ok((await client.list()).some(({ path, subscribed }) => path === NAME && subscribed));
const appended = await client.append(NAME, LETTER, ["\\Seen", "$Work"], DATE);
assert.equal(appended.uid, 1);
const status = await client.status(NAME, { messages: true, uidNext: true, uidValidity: true, unseen: true });
assert.deepEqual([status.messages, status.uidNext, status.unseen], [1, 2, 0]);

let lock = await client.getMailboxLock(NAME);
assert.equal(client.mailbox.uidValidity, status.uidValidity);
const one = await client.fetchOne("1", {
  uid: true,
  flags: true,
  envelope: true,
  internalDate: true,
  size: true,
  source: true,
}, { uid: true });
assert.deepEqual([...one.flags].filter((flag) => flag !== "\\Recent").sort(), ["$Work", "\\Seen"]);
assert.equal(one.envelope.subject, "Appended");
assert.equal(one.internalDate.getTime(), DATE.getTime());
assert.ok(one.source.equals(LETTER));
assert.equal(one.size, LETTER.length);
lock.release();

lock = await client.getMailboxLock("INBOX");
assert.equal(client.mailbox.exists, 4);
const uids = (await all(client.fetch("1:*", { uid: true }))).map(({ uid }) => uid);
assert.equal(uids.length, 4);
const before = client.mailbox.highestModseq;
assert.deepEqual(await client.search({ subject: "Two parts" }, { uid: true }), [uids[2]]);
assert.deepEqual(await client.search({ body: "Grüße" }, { uid: true }), [uids[1]]);
assert.deepEqual(await client.search({ seen: true }, { uid: true }), []);
const two = await client.fetchOne(String(uids[2]), { bodyStructure: true, bodyParts: ["2"] }, { uid: true });
assert.equal(two.bodyStructure.type, "multipart/mixed");
assert.equal(two.bodyStructure.childNodes[1].dispositionParameters.filename, "abc.txt");
assert.equal(two.bodyParts.get("2").toString().trim(), "QUJD");
const { content, meta } = await client.download(String(uids[2]), "2", { uid: true });
assert.equal(Buffer.concat(await all(content)).toString(), "ABC");
assert.equal(meta.filename, "abc.txt");

await client.messageFlagsAdd(uids.slice(0, 2).join(), ["\\Flagged"], { uid: true });
await client.messageFlagsRemove(String(uids[0]), ["\\Flagged"], { uid: true });
const changed = await all(
  client.fetch("1:*", { uid: true, flags: true }, { uid: true, changedSince: before }),
);
assert.deepEqual(changed.map(({ uid, flags }) => [uid, flags.has("\\Flagged")]), [[uids[0], false], [
  uids[1],
  true,
]]);
const copied = await client.messageCopy(`${uids[0]},${uids[1]}`, NAME, { uid: true });
assert.deepEqual([...copied.uidMap], [[uids[0], 2], [uids[1], 3]]);
const moved = await client.messageMove(String(uids[1]), NAME, { uid: true });
assert.deepEqual([...moved.uidMap], [[uids[1], 4]]);
assert.equal(await client.messageDelete(String(uids[3]), { uid: true }), true);
assert.deepEqual(await client.search({ all: true }, { uid: true }), [uids[0], uids[2]]);

// told of news while it idles, and of what goes
client.on("exists", () => {});
const told = once(client, "exists");
const idling = client.idle();
const other = flow(clear);
await other.connect();
await other.append("INBOX", LETTER);
assert.equal((await told)[0].count, 3);
const gone = once(client, "expunge");
await other.mailboxOpen("INBOX");
await other.messageDelete(String(uids[0]), { uid: true });
const [{ seq, uid, vanished }] = await gone;
assert.ok(vanished ? uid === uids[0] : seq === 1, JSON.stringify({ seq, uid, vanished }));
await other.logout();
lock.release();
await client.noop();
await idling;

await client.mailboxRename(NAME, "Lager/Büro");
assert.equal((await client.status("Lager/Büro", { messages: true })).messages, 4);
await client.mailboxCreate("Weg");
await client.mailboxDelete("Weg");
assert.ok(!(await client.list()).some(({ path }) => path === "Weg"));
await client.logout();
console.log("done");
