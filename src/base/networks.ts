/** Blocks of IP addresses: is a client's among them? */

import ipaddr from "ipaddr.js";

type Address = ReturnType<typeof ipaddr.process>;

/** A set of CIDR blocks and single addresses. */
export class Networks {
  readonly #blocks: [Address, number][];
  readonly #known = new Map<string, boolean>();

  /** `blocks` are `192.0.2.0/24`, `2001:db8::/32`, `127.0.0.1`. Throws a `TypeError` for anything else. */
  constructor(blocks: readonly string[]) {
    this.#blocks = blocks.map((block) => {
      try {
        if (block.includes("/")) return ipaddr.parseCIDR(block) as [Address, number];
        const address = ipaddr.process(block);
        return [address, address.kind() === "ipv4" ? 32 : 128];
      } catch {
        throw new TypeError(`${block} is no network: write it as 192.0.2.0/24 or 2001:db8::/32`);
      }
    });
  }

  /** Is that address in one of the blocks? An IPv4 address in IPv6 form counts as IPv4. */
  has(address: string): boolean {
    if (this.#blocks.length === 0) return false;
    let known = this.#known.get(address);
    if (known === undefined) {
      // Asked for each recipient of each message: remembered for the clients at hand, and bounded.
      if (this.#known.size >= 1000) this.#known.clear();
      this.#known.set(address, known = this.#search(address));
    }
    return known;
  }

  #search(text: string): boolean {
    if (!ipaddr.isValid(text)) return false;
    const address = ipaddr.process(text);
    return this.#blocks.some(([block, bits]) =>
      block.kind() === address.kind() && address.match(block, bits)
    );
  }
}
