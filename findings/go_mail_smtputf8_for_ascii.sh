#!/usr/bin/env bash
# go-mail asks for SMTPUTF8 for messages that are ASCII throughout
#
# Package:  github.com/wneessen/go-mail v0.8.1 (Go).
# Expected: a client that knows that neither the envelope nor the message needs SMTPUTF8 leaves the parameter
#           away (RFC 6531, section 3.4): a message marked so may only go to servers that list the extension.
# Seen:     `MAIL FROM:<a@example.org> BODY=8BITMIME SMTPUTF8` for plain ASCII, to every server that lists
#           both. Go's net/smtp, from which its client descends, has the same habit.
# Matters:  a relay that takes the mark at its word must return the message when the next server has no
#           SMTPUTF8 (5.6.7), though every server could read it. A server that passes such mail on has to look
#           whether the message needs it, and drop the mark when it does not.
set -euo pipefail
command -v go >/dev/null || { echo "This needs go."; exit 1; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
export GOPATH=$tmp/go GOMODCACHE=$tmp/modules GOCACHE=$tmp/cache GOFLAGS=-modcacherw CGO_ENABLED=0

cat >main.go <<'GO'
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"strings"

	"github.com/wneessen/go-mail"
)

func serve(listener net.Listener, done chan<- struct{}) {
	defer close(done)
	peer, err := listener.Accept()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprint(peer, "220 sink\r\n")
	content := false
	for lines := bufio.NewScanner(peer); lines.Scan(); {
		line := strings.TrimRight(lines.Text(), "\r")
		switch {
		case content && line != ".":
			continue
		case strings.HasPrefix(line, "EHLO"):
			fmt.Fprint(peer, "250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
			continue
		case line == "DATA":
			content = true
			fmt.Fprint(peer, "354 go on\r\n")
			continue
		case line == "QUIT":
			fmt.Fprint(peer, "221 bye\r\n")
			peer.Close()
			return
		case strings.HasPrefix(line, "MAIL"):
			fmt.Println(line)
		}
		content = false
		fmt.Fprint(peer, "250 ok\r\n")
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan struct{})
	go serve(listener, done)
	message := mail.NewMsg()
	if err := message.From("a@example.org"); err != nil {
		log.Fatal(err)
	}
	if err := message.To("b@example.org"); err != nil {
		log.Fatal(err)
	}
	message.Subject("plain")
	message.SetBodyString(mail.TypeTextPlain, "plain\r\n")
	port := listener.Addr().(*net.TCPAddr).Port
	client, err := mail.NewClient("127.0.0.1", mail.WithPort(port), mail.WithTLSPolicy(mail.NoTLS))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("go-mail", mail.VERSION)
	if err := client.DialAndSend(message); err != nil {
		log.Fatal(err)
	}
	<-done
}
GO
go mod init example.org/sender 2>go.log && go get github.com/wneessen/go-mail@v0.8.1 2>>go.log || { cat go.log; exit 1; }
seen=$(go run .)
expected='go-mail 0.8.1
MAIL FROM:<a@example.org> BODY=8BITMIME SMTPUTF8'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
