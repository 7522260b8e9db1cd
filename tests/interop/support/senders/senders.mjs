// Node's sending libraries: each sends the letters that sending_libraries_test.ts names.
//
// Usage: node senders.mjs LIBRARY HOST PORT USER PASSWORD; SENDERS_MODULES is the folder that has the libraries,
// NODE_EXTRA_CA_CERTS names the certificate to trust.
import assert from "node:assert";
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import process from "node:process";

const require = createRequire(`${process.env.SENDERS_MODULES}/`);
const [library, host, port, user, password] = process.argv.slice(2);
const DOTS = ".\n..\n.profile\nlast\n";
const HTML = "<p>Hello</p>";
const DATA = Buffer.from("\0\r\n.\r\n\n\xff", "latin1");
const ALL = [user, "marshall@localhost", "nobody@localhost"];
const BIG = `${"x".repeat(70)}\n`.repeat(4000);

async function nodemailer() {
  const transport = require("nodemailer").createTransport({
    host,
    port: Number(port),
    requireTLS: true,
    pool: true,
    maxConnections: 1,
    auth: { user, pass: password },
  });
  const send = (name, to, more) =>
    transport.sendMail({ from: user, to, subject: `${library} ${name}`, ...more });
  await send("dots", user, { text: DOTS });
  const attachments = [{ filename: "data.bin", content: DATA }];
  await send("html", user, { text: "Hello", html: HTML, attachments });
  assert.deepStrictEqual((await send("three", ALL, { text: "x" })).rejected, ALL.slice(2));
  await assert.rejects(send("first", "small@localhost", { text: BIG }), { responseCode: 452 });
  await send("second", user, { text: "x" });
  transport.close();
}

async function emailjs() {
  const { SMTPClient } = await import(require.resolve("emailjs"));
  const client = new SMTPClient({ host, port: Number(port), user, password, tls: {}, timeout: 20_000 });
  const send = (name, to, more) =>
    client.sendAsync({ from: user, to, subject: `${library} ${name}`, ...more });
  await send("dots", user, { text: DOTS });
  const file = {
    data: DATA.toString("base64"),
    encoded: true,
    type: "application/octet-stream",
    name: "data.bin",
  };
  await send("html", user, { text: "Hello", attachment: [{ data: HTML, alternative: true }, file] });
  await assert.rejects(send("three", ALL.join(", "), { text: "x" }), { smtp: /^550/ });
  await assert.rejects(send("first", "small@localhost", { text: BIG }), { smtp: /^452/ });
  await send("second", user, { text: "x" });
  client.smtp.close();
}

await { nodemailer, emailjs }[library]();
