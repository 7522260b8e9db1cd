#!/usr/bin/env bash
# enmime does not take a part without a Content-Type for text
#
# Package:  github.com/jhillyerd/enmime/v2 v2.3.0 (Go modules), the reader that Inbucket is built on.
# Expected: a part of a multipart may have no Content-Type, and then is text/plain in US-ASCII, or message/rfc822 in a
#           digest; it may have no header at all, as the first part of the example in RFC 2046, section 5.1.1
#           (RFC 2045, section 5.2; RFC 2046, sections 5.1 and 5.1.5).
# Seen:     such a part is in OtherParts, with an empty type and a warning, and not in Text: that is empty, holds the
#           other text parts alone, or is made of the HTML. A message without a Content-Type is read rightly.
# Matters:  the text of a message that people read everywhere else is missing in what a program sees: a test waits
#           in vain for the code in it, a search does not find it, and a ticket is opened with an empty text.
set -euo pipefail
command -v go >/dev/null || { echo "This needs go."; exit 1; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
export GOPATH=$tmp/go GOMODCACHE=$tmp/modules GOCACHE=$tmp/cache GOFLAGS=-modcacherw CGO_ENABLED=0

cat >main.go <<'GO'
package main

import (
	"fmt"
	"log"
	"runtime/debug"
	"strings"

	"github.com/jhillyerd/enmime/v2"
)

func show(name, kind, content string) {
	head := "From: a@example.org\nTo: b@example.org\nSubject: hello\nMIME-Version: 1.0\n"
	if kind != "" {
		head += "Content-Type: " + kind + "; boundary=b\n"
	}
	message := strings.ReplaceAll(head+"\n"+content, "\n", "\r\n")
	read, err := enmime.ReadEnvelope(strings.NewReader(message))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n  Text: %q\n", name, read.Text)
	for _, part := range read.OtherParts {
		fmt.Printf("  OtherParts: type %q, %q\n", part.ContentType, part.Content)
	}
}

func main() {
	info, _ := debug.ReadBuildInfo()
	for _, one := range info.Deps {
		if strings.HasPrefix(one.Path, "github.com/jhillyerd/enmime") {
			fmt.Println("enmime", one.Version)
		}
	}
	show("a message without a type", "", "implicitly typed\n")
	show("a part that says text/plain, and one without a header", "multipart/mixed",
		"--b\nContent-Type: text/plain\n\nexplicitly typed\n--b\n\nimplicitly typed\n--b--\n")
	show("one part without a header", "multipart/mixed", "--b\n\nimplicitly typed\n--b--\n")
	show("text without a header beside HTML", "multipart/alternative",
		"--b\n\nYour code is 4711.\n--b\nContent-Type: text/html\n\n<p>See the text.</p>\n--b--\n")
	show("a digest", "multipart/digest", "--b\n\nFrom: c@example.org\nSubject: inner\n\nwithin\n--b--\n")
}
GO
{
  go mod init findings.example/enmime
  go get github.com/jhillyerd/enmime/v2@v2.3.0
} >log 2>&1 || { cat log; exit 1; }
seen=$(go run .)
expected='enmime v2.3.0
a message without a type
  Text: "implicitly typed\r\n"
a part that says text/plain, and one without a header
  Text: "explicitly typed"
  OtherParts: type "", "implicitly typed"
one part without a header
  Text: ""
  OtherParts: type "", "implicitly typed"
text without a header beside HTML
  Text: "See the text."
  OtherParts: type "", "Your code is 4711."
a digest
  Text: ""
  OtherParts: type "", "From: c@example.org\r\nSubject: inner\r\n\r\nwithin"'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
