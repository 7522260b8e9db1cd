/** The configuration that `init` writes: it starts as it is, and shows what a server for the world needs. */

/** The text of the file. */
export function firstConfig(domain: string, dataDir: string): string {
  return `// dinopost for ${domain}. Every key is optional. "dinopost check" says what the server would do,
// "dinopost check --dns" whether the DNS says of it what it should.
{
  // The server's name. The DNS gives it an address, and whoever gave you that address gives it this name (PTR).
  "hostname": "mail.${domain}",

  // Mail for these is delivered here.
  "domains": ["${domain}"],

  // Mail, queue, DKIM keys and certificates.
  "dataDir": ${JSON.stringify(dataDir)},

  // To begin with only this machine can reach the server.
  "listen": {
    "smtp": ["127.0.0.1:2525"],
    "pop3": ["127.0.0.1:1110"],
    "admin": ["127.0.0.1:8025"] // page and API; not encrypted, so they stay on loopback or behind a proxy
  },

  // For the world, instead of the above. Ports below 1024 need root or CAP_NET_BIND_SERVICE, as
  // deploy/dinopost.service gives it.
  // "listen": {
  //   "smtp": ["0.0.0.0:25"],           // mail from other servers
  //   "submissions": ["0.0.0.0:465"],   // mail programs send
  //   "submission": ["0.0.0.0:587"],    // older ones too
  //   "imaps": ["0.0.0.0:993"],         // mail programs read
  //   "pop3s": ["0.0.0.0:995"],         // or fetch
  //   "admin": ["127.0.0.1:8025"],
  //   "http": ["0.0.0.0:80"],           // proves to the certificate authority who we are
  //   "https": ["0.0.0.0:443"]          // shows other servers that mail to us is to be encrypted (MTA-STS)
  // },

  // A certificate that everybody trusts, from Let's Encrypt (whose terms you agree to by this), renewed by itself.
  // "tls": { "acme": { "email": "postmaster@${domain}" } },

  // Who has mail here. Without any the first start makes postmaster@${domain} and prints its password;
  // "dinopost account add ADDRESS" adds more to a server that runs.
  "accounts": {},

  // "postmaster" and "root" reach the first account unless somebody has these names.
  "aliases": {}
}
`;
}
