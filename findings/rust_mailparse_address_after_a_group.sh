#!/usr/bin/env bash
# Rust's mailparse keeps the comma behind a group as part of the next address
#
# Package:  mailparse 0.18.0 (crates.io).
# Expected: a group is one of the addresses of a list, and the next one comes behind a comma:
#           "Friends: ann@example.org, bob@example.org;, eve@example.org" (RFC 5322, section 3.4).
# Seen:     the next one's address is ", eve@example.org", or its name ", Eve", the next group's name ", B"; where its
#           name is in quotes and no blank is before it, the whole list is an error. The same addresses without a
#           group, or in front of it, are read rightly.
# Matters:  a reply to all, a filter or a contact list by what it reads has an address that no server takes, or that is
#           not found again.
set -euo pipefail
command -v cargo >/dev/null || { echo "This needs cargo."; exit 1; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
export CARGO_HOME=$tmp/cargo CARGO_TARGET_DIR=$tmp/target
cargo init -q --vcs none --name findings read
cd read
cargo add -q mailparse@=0.18.0 2>/dev/null
cat >src/main.rs <<'RUST'
use mailparse::{addrparse, MailAddr};

fn main() {
    for list in [
        "ann@example.org, eve@example.org",
        "Friends: ann@example.org, bob@example.org;, eve@example.org",
        "Friends: ann@example.org;, Eve <eve@example.org>",
        "Friends: ann@example.org;,\"Eve, E\" <eve@example.org>",
        "undisclosed-recipients:;, eve@example.org",
        "A: ann@example.org;, B: bob@example.org;",
        "ann@example.org, Friends: bob@example.org;",
    ] {
        println!("{list}");
        match addrparse(list) {
            Err(error) => println!("  error: {error}"),
            Ok(found) => for one in found.iter() {
                match one {
                    MailAddr::Single(one) => println!("  name {:?}, address {:?}", one.display_name, one.addr),
                    MailAddr::Group(group) => println!("  group {:?} of {}", group.group_name, group.addrs.len()),
                }
            },
        }
    }
}
RUST
seen=$(cargo run -q 2>log && grep -A1 'name = "mailparse"' Cargo.lock) || { cat log; exit 1; }
expected='ann@example.org, eve@example.org
  name None, address "ann@example.org"
  name None, address "eve@example.org"
Friends: ann@example.org, bob@example.org;, eve@example.org
  group "Friends" of 2
  name None, address ", eve@example.org"
Friends: ann@example.org;, Eve <eve@example.org>
  group "Friends" of 1
  name Some(", Eve"), address "eve@example.org"
Friends: ann@example.org;,"Eve, E" <eve@example.org>
  error: Invalid address found: must contain a '"'@'"' symbol
undisclosed-recipients:;, eve@example.org
  group "undisclosed-recipients" of 0
  name None, address ", eve@example.org"
A: ann@example.org;, B: bob@example.org;
  group "A" of 1
  group ", B" of 1
ann@example.org, Friends: bob@example.org;
  name None, address "ann@example.org"
  group "Friends" of 1
name = "mailparse"
version = "0.18.0"'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
