import { assertEquals } from "@std/assert";
import { interpret, type Interpretation, textOfRecord } from "../../src/dns/interpret.ts";
import type { DnsPacket, DnsRecord } from "../../src/dns/packet.ts";

function packet(rcode: string, answers: DnsRecord[] = [], authorities: DnsRecord[] = []): DnsPacket {
  return {
    type: "response",
    id: 1,
    rcode,
    truncated: false,
    authentic: false,
    questions: [],
    answers,
    authorities,
  };
}
function a(name: string, ttl = 60): DnsRecord {
  return { type: "A", name, ttl, data: "192.0.2.1" };
}
function cname(name: string, data: string, ttl = 60): DnsRecord {
  return { type: "CNAME", name, ttl, data };
}
function soa(ttl: number, minimum: number): DnsRecord {
  const data = { mname: "ns.test", rname: "h.test", serial: 1, refresh: 1, retry: 1, expire: 1, minimum };
  return { type: "SOA", name: "test", ttl, data };
}
const ns: DnsRecord = { type: "NS", name: "test", ttl: 60, data: "ns.test" };

const rows: [string, DnsPacket, Interpretation][] = [
  // found
  ["a record", packet("NOERROR", [a("D.test.")]), {
    kind: "found",
    records: [a("D.test.")],
    owner: "d.test",
    ttlMs: 60_000,
  }],
  ["the shortest TTL", packet("NOERROR", [a("d.test", 60), a("d.test", 5)]), {
    kind: "found",
    records: [a("d.test", 60), a("d.test", 5)],
    owner: "d.test",
    ttlMs: 5000,
  }],
  ["a record behind aliases, and their TTL", packet("NOERROR", [cname("d.test", "e.test", 7), a("e.test")]), {
    kind: "found",
    records: [a("e.test")],
    owner: "e.test",
    ttlMs: 7000,
  }],
  // no
  ["a record of another name as none", packet("NOERROR", [a("evil.test")], [soa(9, 9)]), {
    kind: "none",
    ttlMs: 9000,
  }],
  ["NODATA with the smaller of the SOA's times", packet("NOERROR", [], [soa(60, 5)]), {
    kind: "none",
    ttlMs: 5000,
  }],
  ["NODATA without an SOA", packet("NOERROR"), { kind: "none", ttlMs: undefined }],
  ["NXDOMAIN", packet("NXDOMAIN", [], [soa(5, 60)]), { kind: "nxdomain", ttlMs: 5000 }],
  ["NXDOMAIN of an alias's target", packet("NXDOMAIN", [cname("d.test", "e.test", 3)], [soa(60, 60)]), {
    kind: "nxdomain",
    ttlMs: 3000,
  }],
  ["NODATA of an alias's target", packet("NOERROR", [cname("d.test", "e.test")], [soa(30, 30)]), {
    kind: "none",
    ttlMs: 30_000,
  }],
  // neither
  ["an alias that leads out of the packet", packet("NOERROR", [cname("d.test", "E.test.", 3)]), {
    kind: "alias",
    target: "e.test",
    ttlMs: 3000,
  }],
  [
    "aliases in a circle as a temporary failure",
    packet("NOERROR", [cname("d.test", "e.test"), cname("e.test", "d.test")]),
    {
      kind: "temporaryFailure",
      why: "The aliases of d.test lead in a circle or too far",
    },
  ],
  ["a referral as a temporary failure", packet("NOERROR", [], [ns]), {
    kind: "temporaryFailure",
    why: "The name server refers to others for d.test instead of asking them",
  }],
];
for (const [name, from, want] of rows) {
  Deno.test(`interpret() takes ${name}`, () => assertEquals(interpret(from, "d.test", "A"), want));
}

Deno.test("textOfRecord() puts the pieces together, also within a character", () => {
  assertEquals(textOfRecord([Uint8Array.of(0x61), "b", Uint8Array.of(0xc3), Uint8Array.of(0xa9)]), "abé");
  assertEquals(textOfRecord("plain"), "plain");
});
