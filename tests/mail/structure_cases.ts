/**
 * Messages that are written badly or seldom, with the ENVELOPE and BODYSTRUCTURE that are right for them. Compared with what
 * Dovecot 2.3 says; where it says otherwise, a comment tells why this is better.
 */

/** `-` as envelope: all of it is NIL. */
export interface StructureCase {
  /** A character for each octet, and LF for CRLF. */
  readonly message: string;
  readonly envelope: string;
  readonly structure: string;
}

export const STRUCTURE_CASES: Readonly<Record<string, StructureCase>> = {
  empty: {
    message: "",
    envelope: "-",
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',
  },
  only_header: {
    message: "Subject: x",
    envelope: '(NIL "x" NIL NIL NIL NIL NIL NIL NIL NIL)',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',
  },
  no_header: {
    message: "\nbody\n",
    envelope: "-",
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 6 1 NIL NIL NIL NIL)',
  },
  // lines that are no fields stay in the header
  text_only: {
    message: "no field here\nand none here\n",
    envelope: "-",
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',
  },
  plain: {
    message:
      'Subject: Hi\nFrom: Jo <jo@example.org>\nTo: a@b.example, "B, C" <d@e.example>\nDate: Mon, 30 Nov 2026 06:35:08 +0000\nMessage-ID: <1@x>\nIn-Reply-To: <0@x>\n\nhello\n',
    envelope:
      '("Mon, 30 Nov 2026 06:35:08 +0000" "Hi" (("Jo" NIL "jo" "example.org")) (("Jo" NIL "jo" "example.org")) (("Jo" NIL "jo" "example.org")) ((NIL NIL "a" "b.example")("B, C" NIL "d" "e.example")) NIL NIL "<0@x>" "<1@x>")',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 7 1 NIL NIL NIL NIL)',
  },
  empty_fields: {
    message: "Subject:\nFrom:\nTo: \nDate:\nMessage-ID:\n\nx\n",
    envelope: '("" "" NIL NIL NIL NIL NIL NIL NIL "")',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1 NIL NIL NIL NIL)',
  },
  groups: {
    message:
      "To: undisclosed-recipients:;, A Group: Ed <ed@x.example>, joe@y.example; , z@w.example\nFrom: a@b\n\n",
    envelope:
      '(NIL NIL ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL)(NIL NIL "A Group" NIL)("Ed" NIL "ed" "x.example")(NIL NIL "joe" "y.example")(NIL NIL NIL NIL)(NIL NIL "z" "w.example")) NIL NIL NIL NIL)',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',
  },
  // a group must have a name
  group_empty_name: {
    message: "To: : a@b.example;\n\n",
    envelope: '(NIL NIL NIL NIL NIL ((NIL NIL "a" "b.example")) NIL NIL NIL NIL)',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',
  },
  group_open: {
    message: "To: Team: a@b.example, c@d.example\n\n",
    envelope:
      '(NIL NIL NIL NIL NIL ((NIL NIL "Team" NIL)(NIL NIL "a" "b.example")(NIL NIL "c" "d.example")(NIL NIL NIL NIL)) NIL NIL NIL NIL)',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',
  },
  // an address of nothing is left out
  null_from: {
    message: 'From: <>\nSender: "Mailer" <>\n\nx',
    envelope: "-",
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0 NIL NIL NIL NIL)',
  },
  comment_name: {
    message: "From: jo@example.org (Jo \\(the\\) Cook)\nTo: (all) <a@b.example> (really)\n\n",
    envelope:
      '(NIL NIL (("Jo (the) Cook" NIL "jo" "example.org")) (("Jo (the) Cook" NIL "jo" "example.org")) (("Jo (the) Cook" NIL "jo" "example.org")) (("really" NIL "a" "b.example")) NIL NIL NIL NIL)',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',
  },
  route: {
    message: "From: <@a.example,@b.example:jo@c.example>\n\n",
    envelope:
      '(NIL NIL ((NIL "@a.example,@b.example" "jo" "c.example")) ((NIL "@a.example,@b.example" "jo" "c.example")) ((NIL "@a.example,@b.example" "jo" "c.example")) NIL NIL NIL NIL NIL)',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',
  },
  quoted_local: {
    message: 'From: "john \\"q\\" smith"@example.org\nTo: "a@b" <"c d"@e.example>\n\n',
    envelope:
      '(NIL NIL ((NIL NIL "john \\"q\\" smith" "example.org")) ((NIL NIL "john \\"q\\" smith" "example.org")) ((NIL NIL "john \\"q\\" smith" "example.org")) (("a@b" NIL "c d" "e.example")) NIL NIL NIL NIL)',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',
  },
  // RFC 5322 4.4
  obsolete_dots: {
    message: "From: John Q. Public <john . public @ example . org>\nTo: a . b @ c . example\n\n",
    envelope:
      '(NIL NIL (("John Q. Public" NIL "john.public" "example.org")) (("John Q. Public" NIL "john.public" "example.org")) (("John Q. Public" NIL "john.public" "example.org")) ((NIL NIL "a.b" "c.example")) NIL NIL NIL NIL)',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',
  },
  // a name alone is no address; a local part alone has an empty host
  name_only: {
    message: "From: Jo Smith\nTo: jo\nCc: <jo>\nBcc: Jo Smith jo@x.example\n\n",
    envelope:
      '(NIL NIL NIL NIL NIL ((NIL NIL "jo" "")) ((NIL NIL "jo" "")) (("Jo Smith" NIL "jo" "x.example")) NIL NIL)',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',
  },
  // a comma in an encoded word, which RFC 2047 5 (3) forbids, parts nothing
  ewords: {
    message:
      "From: =?utf-8?Q?J=C3=BCrgen?= =?utf-8?Q?_Meier?= <j@x.example>\nSubject: =?utf-8?B?R3LDvMOfZQ==?=\nTo: =?utf-8?Q?Doe,_John?= <j@x.example>\n\n",
    envelope:
      '(NIL "=?utf-8?B?R3LDvMOfZQ==?=" (("=?utf-8?Q?J=C3=BCrgen?= =?utf-8?Q?_Meier?=" NIL "j" "x.example")) (("=?utf-8?Q?J=C3=BCrgen?= =?utf-8?Q?_Meier?=" NIL "j" "x.example")) (("=?utf-8?Q?J=C3=BCrgen?= =?utf-8?Q?_Meier?=" NIL "j" "x.example")) (("=?utf-8?Q?Doe,_John?=" NIL "j" "x.example")) NIL NIL NIL NIL)',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',
  },
  // of several addresses none is hidden, of texts the first one counts
  two_froms: {
    message:
      "From: a@b.example\nFrom: c@d.example\nSubject: one\nSubject: two\nMessage-ID: <1@a>\nMessage-ID: <2@a>\n\n",
    envelope:
      '(NIL "one" ((NIL NIL "a" "b.example")(NIL NIL "c" "d.example")) ((NIL NIL "a" "b.example")(NIL NIL "c" "d.example")) ((NIL NIL "a" "b.example")(NIL NIL "c" "d.example")) NIL NIL NIL NIL "<1@a>")',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',
  },
  folded: {
    message: "Subject: a\n\tb\n  c\nTo:\n a@b.example,\n\tc@d.example\nReferences: <1@x>\n <2@x>\n\n",
    envelope:
      '(NIL "a\tb  c" NIL NIL NIL ((NIL NIL "a" "b.example")(NIL NIL "c" "d.example")) NIL NIL NIL NIL)',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',
  },
  // eight bits are literals
  raw_utf8: {
    message: "Subject: GrÃ¼Ã\x9fe\nFrom: JÃ¼rgen <jÃ¼@bÃ¼cher.example>\n\n",
    envelope:
      "(NIL {7}\r\nGrüße (({7}\r\nJürgen NIL {3}\r\njü {15}\r\nbücher.example)) (({7}\r\nJürgen NIL {3}\r\njü {15}\r\nbücher.example)) (({7}\r\nJürgen NIL {3}\r\njü {15}\r\nbücher.example)) NIL NIL NIL NIL NIL)",
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',
  },
  quotes: {
    message: 'Subject: a "b" \\c\\\n\n',
    envelope: '(NIL "a \\"b\\" \\\\c\\\\" NIL NIL NIL NIL NIL NIL NIL NIL)',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',
  },
  domain_literal: {
    message: "From: jo@[192.0.2.1]\nTo: <a@[IPv6:::1]>\n\n",
    envelope:
      '(NIL NIL ((NIL NIL "jo" "[192.0.2.1]")) ((NIL NIL "jo" "[192.0.2.1]")) ((NIL NIL "jo" "[192.0.2.1]")) ((NIL NIL "a" "[IPv6:::1]")) NIL NIL NIL NIL)',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',
  },
  // as Outlook writes them
  semicolons: {
    message: "To: a@b.example; c@d.example\n\n",
    envelope: '(NIL NIL NIL NIL NIL ((NIL NIL "a" "b.example")(NIL NIL "c" "d.example")) NIL NIL NIL NIL)',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',
  },
  broken_angle: {
    message: "From: Jo <jo@x.example\nTo: <<a@b.example>>\nCc: a@b@c.example\n\n",
    envelope:
      '(NIL NIL (("Jo" NIL "jo" "x.example")) (("Jo" NIL "jo" "x.example")) (("Jo" NIL "jo" "x.example")) ((NIL NIL "a" "b.example")) ((NIL NIL "a@b" "c.example")) NIL NIL NIL)',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',
  },
  type_case: {
    message:
      'Content-Type: TEXT/Html; CharSet=UTF-8; FORMAT="flowed"\nContent-Transfer-Encoding: Quoted-Printable\n\nx=\n',
    envelope: "-",
    structure:
      '("TEXT" "Html" ("CharSet" "UTF-8" "FORMAT" "flowed") NIL NIL "Quoted-Printable" 4 1 NIL NIL NIL NIL)',
  },
  // RFC 2045 5.2
  type_bad: {
    message: "Content-Type: garbage\n\nx\n",
    envelope: "-",
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1 NIL NIL NIL NIL)',
  },
  type_text: {
    message: "Content-Type: text\n\nx\n",
    envelope: "-",
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1 NIL NIL NIL NIL)',
  },
  type_comment: {
    message: 'Content-Type: text/plain (really); charset=us-ascii (Plain text); x="a;b"\n\nx\n',
    envelope: "-",
    structure: '("text" "plain" ("charset" "us-ascii" "x" "a;b") NIL NIL "7bit" 3 1 NIL NIL NIL NIL)',
  },
  type_slash: {
    message: "Content-Type: text/plain/extra; charset=utf-8\n\nx\n",
    envelope: "-",
    structure: '("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 3 1 NIL NIL NIL NIL)',
  },
  // what should have been quoted
  unquoted_name: {
    message: "Content-Type: application/pdf; name=my file (1).pdf; size=3\n\nx\n",
    envelope: "-",
    structure: '("application" "pdf" ("name" "my file (1).pdf" "size" "3") NIL NIL "7bit" 3 NIL NIL NIL NIL)',
  },
  rfc2231: {
    message:
      `Content-Type: application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2="isn't it!"\n\nx\n`,
    envelope: "-",
    structure:
      `("application" "x-stuff" ("title*" "us-ascii'en'This%20is%20even%20more%20%2A%2A%2Afun%2A%2A%2A%20isn%27t%20it!") NIL NIL "7bit" 3 NIL NIL NIL NIL)`,
  },
  rfc2231_plain: {
    message:
      'Content-Type: message/external-body; access-type=URL; URL*0="ftp://"; URL*1="cs.example/x"\n\nx\n',
    envelope: "-",
    structure:
      '("message" "external-body" ("access-type" "URL" "URL" "ftp://cs.example/x") NIL NIL "7bit" 3 NIL NIL NIL NIL)',
  },
  rfc2231_single: {
    message:
      `Content-Disposition: attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.txt; filename="Gruesse.txt"\n\nx\n`,
    envelope: "-",
    structure:
      `("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1 NIL ("attachment" ("filename*" "utf-8''Gr%C3%BC%C3%9Fe.txt" "filename" "Gruesse.txt")) NIL NIL)`,
  },
  rfc2231_gap: {
    message: "Content-Disposition: attachment; filename*1=b; filename*0=a; filename*3=d; x*2=c\n\nx\n",
    envelope: "-",
    structure:
      '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1 NIL ("attachment" ("filename" "ab" "x*2" "c")) NIL NIL)',
  },
  all_fields: {
    message:
      "Content-Type: image/png\nContent-ID: <a@b>\nContent-Description: a picture\nContent-MD5: Q2hlY2s=\nContent-Language: en, de\nContent-Location: http://x.example/y\nContent-Disposition: inline; filename=a.png\nContent-Transfer-Encoding: base64\n\nAAAA\n",
    envelope: "-",
    structure:
      '("image" "png" NIL "<a@b>" "a picture" "base64" 6 "Q2hlY2s=" ("inline" ("filename" "a.png")) ("en" "de") "http://x.example/y")',
  },
  // RFC 2045 6.1: comments may stand there
  encoding_comment: {
    message: "Content-Transfer-Encoding: base64 (yes)\n\nAAAA\n",
    envelope: "-",
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "base64" 6 1 NIL NIL NIL NIL)',
  },
  encoding_bad: {
    message: 'Content-Transfer-Encoding: "x"\n\nAAAA\n',
    envelope: "-",
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 6 1 NIL NIL NIL NIL)',
  },
  multi: {
    message:
      "Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\none\n--b\nContent-Type: text/html\n\n<p>two\n\n--b--\nepilogue\n",
    envelope: "-",
    structure:
      '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 0 NIL NIL NIL NIL)("text" "html" NIL NIL NIL "7bit" 8 1 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)',
  },
  multi_blank: {
    message: 'Content-Type: multipart/mixed; boundary="b c"\n\n--b c  \n\n\n--b c\n\n--b c--  \n',
    envelope: "-",
    structure:
      '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL) "mixed" ("boundary" "b c") NIL NIL NIL)',
  },
  multi_unclosed: {
    message: "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n",
    envelope: "-",
    structure:
      '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 0 NIL NIL NIL NIL)("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 5 1 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)',
  },
  multi_no_last_newline: {
    message: "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--",
    envelope: "-",
    structure:
      '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 0 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)',
  },
  multi_header_only: {
    message:
      "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n--b\nContent-Type: image/png\n\n--b--\n",
    envelope: "-",
    structure:
      '(("text" "html" NIL NIL NIL "7bit" 0 0 NIL NIL NIL NIL)("image" "png" NIL NIL NIL "7bit" 0 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)',
  },
  multi_prefix: {
    message:
      "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=bc\n\n--bc\n\none\n--bcd\n\nthree\n--bc--\n--bx\n\ntwo\n--b--\n",
    envelope: "-",
    structure:
      '((("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 0 NIL NIL NIL NIL)("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 5 0 NIL NIL NIL NIL) "alternative" ("boundary" "bc") NIL NIL NIL)("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 0 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)',
  },
  // the inner one is meant
  multi_same: {
    message:
      "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\none\n--b--\n--b\n\ntwo\n--b--\n",
    envelope: "-",
    structure:
      '((("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 0 NIL NIL NIL NIL) "alternative" ("boundary" "b") NIL NIL NIL)("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 0 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)',
  },
  multi_inner_unclosed: {
    message:
      "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/alternative; boundary=i\n\n--i\n\none\n--o\n\ntwo\n--o--\n",
    envelope: "-",
    structure:
      '((("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 0 NIL NIL NIL NIL) "alternative" ("boundary" "i") NIL NIL NIL)("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 0 NIL NIL NIL NIL) "mixed" ("boundary" "o") NIL NIL NIL)',
  },
  // nothing begins behind the last delimiter
  multi_after_close: {
    message: "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n--b\n\ntwo\n--b--\n",
    envelope: "-",
    structure:
      '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 0 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)',
  },
  // no part: text, so that people see what there is
  multi_empty: {
    message: "Content-Type: multipart/mixed; boundary=b\n\n--b--\n",
    envelope: "-",
    structure: '("text" "plain" NIL NIL NIL "7bit" 7 1 NIL NIL NIL NIL)',
  },
  multi_none: {
    message: "Content-Type: multipart/mixed\n\n--b\n\none\n--b--\n",
    envelope: "-",
    structure: '("text" "plain" NIL NIL NIL "7bit" 19 4 NIL NIL NIL NIL)',
  },
  multi_close_first: {
    message: "Content-Type: multipart/mixed; boundary=b\n\n--b--\n--b\n\nx\n",
    envelope: "-",
    structure: '("text" "plain" NIL NIL NIL "7bit" 17 4 NIL NIL NIL NIL)',
  },
  no_blank_before_parts: {
    message: "Content-Type: multipart/mixed; boundary=b\n--b\n\none\n--b--\n",
    envelope: "-",
    structure: '("text" "plain" NIL NIL NIL "7bit" 12 2 NIL NIL NIL NIL)',
  },
  digest: {
    message:
      "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: one\n\ntext\n--b\nContent-Type: text/plain\n\nplain\n--b--\n",
    envelope: "-",
    structure:
      '(("message" "rfc822" NIL NIL NIL "7bit" 20 (NIL "one" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 4 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL)("text" "plain" NIL NIL NIL "7bit" 5 0 NIL NIL NIL NIL) "digest" ("boundary" "b") NIL NIL NIL)',
  },
  rfc822: {
    message: "Content-Type: message/rfc822\n\nSubject: in\nFrom: a@b.example\n\nbody\n",
    envelope: "-",
    structure:
      '("message" "rfc822" NIL NIL NIL "7bit" 40 (NIL "in" ((NIL NIL "a" "b.example")) ((NIL NIL "a" "b.example")) ((NIL NIL "a" "b.example")) NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 6 1 NIL NIL NIL NIL) 4 NIL NIL NIL NIL)',
  },
  rfc822_multi: {
    message:
      "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: message/rfc822\nContent-Disposition: attachment\n\nSubject: in\nContent-Type: multipart/alternative; boundary=i\n\n--i\n\none\n--i--\n\n--o--\n",
    envelope: "-",
    structure:
      '(("message" "rfc822" NIL NIL NIL "7bit" 83 (NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) (("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 0 NIL NIL NIL NIL) "alternative" ("boundary" "i") NIL NIL NIL) 7 NIL ("attachment" NIL) NIL NIL) "mixed" ("boundary" "o") NIL NIL NIL)',
  },
  rfc822_empty: {
    message: "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: message/rfc822\n\n--o--\n",
    envelope: "-",
    structure:
      '(("message" "rfc822" NIL NIL NIL "7bit" 0 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL) 0 NIL NIL NIL NIL) "mixed" ("boundary" "o") NIL NIL NIL)',
  },
  rfc822_no_blank: {
    message:
      "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: message/rfc822\n\nSubject: in\n--o--\n",
    envelope: "-",
    structure:
      '(("message" "rfc822" NIL NIL NIL "7bit" 11 (NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL) 0 NIL NIL NIL NIL) "mixed" ("boundary" "o") NIL NIL NIL)',
  },
  // IMAP4rev2's form
  global: {
    message: "Content-Type: message/global\n\nSubject: GrÃ¼Ã\x9fe\n\nbody\n",
    envelope: "-",
    structure:
      '("message" "global" NIL NIL NIL "7bit" 26 (NIL {7}\r\nGrüße NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 6 1 NIL NIL NIL NIL) 3 NIL NIL NIL NIL)',
  },
  // no literal may have it
  nul: {
    message: "Subject: a\0b\n\nx\0y\n",
    envelope: '(NIL "a b" NIL NIL NIL NIL NIL NIL NIL NIL)',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 5 1 NIL NIL NIL NIL)',
  },
  bare_cr: {
    message: "Subject: a\rb\n\nx\ry\n",
    envelope: '(NIL "a b" NIL NIL NIL NIL NIL NIL NIL NIL)',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 5 1 NIL NIL NIL NIL)',
  },
  space_line: {
    message: "Subject: a\n \nFrom: a@b.example\n\nx\n",
    envelope:
      '(NIL "a" ((NIL NIL "a" "b.example")) ((NIL NIL "a" "b.example")) ((NIL NIL "a" "b.example")) NIL NIL NIL NIL NIL)',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1 NIL NIL NIL NIL)',
  },
  spaced_colon: {
    message: "Subject : a\nFrom\t: a@b.example\n\nx\n",
    envelope:
      '(NIL "a" ((NIL NIL "a" "b.example")) ((NIL NIL "a" "b.example")) ((NIL NIL "a" "b.example")) NIL NIL NIL NIL NIL)',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1 NIL NIL NIL NIL)',
  },
  from_line: {
    message: "From a@b Mon Nov 30 06:35:08 2026\nSubject: x\n\nx\n",
    envelope: '(NIL "x" NIL NIL NIL NIL NIL NIL NIL NIL)',
    structure: '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1 NIL NIL NIL NIL)',
  },
  // RFC 2046 5.1.1: a line that begins with a delimiter is one
  dash_text: {
    message: 'Content-Type: multipart/mixed; boundary="-"\n\n---\n\none\n-- \nsig\n-----\n',
    envelope: "-",
    structure:
      '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 13 2 NIL NIL NIL NIL) "mixed" ("boundary" "-") NIL NIL NIL)',
  },
};
