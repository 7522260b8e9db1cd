import { assertEquals } from "@std/assert";
import { type DmarcRecord, parseDmarcRecord } from "../../src/authentication/dmarc_record.ts";

const plain: DmarcRecord = {
  p: "none",
  sp: undefined,
  np: undefined,
  adkim: "r",
  aspf: "r",
  psd: "u",
  testing: false,
  rua: [],
  ruf: [],
  fo: "0",
};
const rua = ["mailto:dmarc-feedback@example.com"];

const records: [text: string, record: Partial<DmarcRecord> | undefined][] = [
  // RFC 9989 B.2
  ["v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com", { rua }],
  [
    "v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com; ruf=mailto:auth-reports@thirdparty.example.net",
    { rua, ruf: ["mailto:auth-reports@thirdparty.example.net"] },
  ],
  [
    "v=DMARC1; p=quarantine; rua=mailto:dmarc-feedback@example.com,mailto:tld-test@thirdparty.example.net; t=y",
    { p: "quarantine", rua: [...rua, "mailto:tld-test@thirdparty.example.net"], testing: true },
  ],
  [
    "v=DMARC1; p=reject; aspf=r;\n rua=mailto:dmarc-feedback@example.com".replace("\n", ""),
    { p: "reject", rua },
  ],
  ["v=DMARC1;", { p: undefined }],
  // its grammar
  ["v=DMARC1", { p: undefined }],
  ["v \t= DMARC1 ;p\t= Reject;SP=None; nP =QUARANTINE ;;", { p: "reject", sp: "none", np: "quarantine" }],
  ["v=DMARC1;p=none;psd=y", { psd: "y" }],
  ["v=DMARC1;p=none;psd=N;adkim=S;aspf=s;fo=d:s", { psd: "n", adkim: "s", aspf: "s", fo: "d:s" }],
  ["v=DMARC1; p=none; adkim=x; aspf=; psd=maybe; t=1; fo=2; rua=here; x=y; pct=0; 9=1; =", {}],
  ["v=DMARC1; p=reject; p=none", { p: "reject" }],
  // a policy that can't be read is none, for who wants to hear of it (RFC 9989 4.10.1)
  ["v=DMARC1; rua=mailto:dmarc-feedback@example.com", { rua }],
  ["v=DMARC1; p=block; rua=here", { p: undefined }],
  ["v=DMARC1; p=reject; sp=block", { p: undefined }],
  ["v=DMARC1; p=reject; np=block; rua=mailto:dmarc-feedback@example.com", { rua }],
  // no records
  ["v=dmarc1; p=none", undefined],
  ["V=DMARC2; p=none", undefined],
  ["v=DMARC10; p=none", undefined],
  ["p=none; v=DMARC1", undefined],
  [" v=DMARC1; p=none", undefined],
  ["v=DMARC1 p=none", undefined],
  ["", undefined],
];
for (const [text, record] of records) {
  Deno.test(`the record ${JSON.stringify(text)} is ${record ? "read" : "none"}`, () => {
    assertEquals(parseDmarcRecord(text), record && { ...plain, ...record });
  });
}
