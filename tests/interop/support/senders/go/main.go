// Go's sending libraries: each sends the letters that sending_libraries_test.ts names.
//
// Usage: senders LIBRARY HOST PORT USER PASSWORD; SSL_CERT_FILE names the certificate to trust.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/smtp"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jordan-wright/email"
	"github.com/wneessen/go-mail"
	"gopkg.in/gomail.v2"
)

const (
	dots = ".\n..\n.profile\nlast\n"
	html = "<p>Hello</p>"
	data = "\x00\r\n.\r\n\n\xff"
)

var (
	library, host, port, user, password = os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]
	number, _                           = strconv.Atoi(port)
	all                                 = []string{user, "marshall@localhost", "nobody@localhost"}
	small                               = []string{"small@localhost"}
	big                                 = strings.Repeat(strings.Repeat("x", 70)+"\n", 4000)
)

func main() {
	work := map[string]func(){"net/smtp": netSMTP, "jordan-wright/email": jordanWright, "gomail.v2": gomailV2, "go-mail": goMail}
	work[library]()
}

func done(what string, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, what+":", err)
		os.Exit(1)
	}
}

// refused ends the program unless the error tells that code.
func refused(what, code string, err error) {
	if err == nil || !strings.Contains(err.Error(), code) {
		done(what, fmt.Errorf("expected %s, got %v", code, err))
	}
}

func netSMTP() {
	auth := smtp.PlainAuth("", user, password, host)
	send := func(name, text string, to []string) error {
		message := "From: " + user + "\nTo: " + user + "\nSubject: " + library + " " + name + "\n" + text
		return smtp.SendMail(host+":"+port, auth, user, to, []byte(message))
	}
	own := []string{user}
	done("dots", send("dots", "\n"+dots, own))
	parts := "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n" + html +
		"\n--b\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename=data.bin\n" +
		"Content-Transfer-Encoding: base64\n\nAA0KLg0KCv8=\n--b--\n"
	done("html", send("html", parts, own))
	refused("three", "550", send("three", "\nx\n", all))
	refused("first", "452", send("first", "\n"+big, small))
	done("second", send("second", "\nx\n", own))
}

func jordanWright() {
	auth := smtp.PlainAuth("", user, password, host)
	letter := func(name, text string, to ...string) *email.Email {
		return &email.Email{From: user, To: to, Subject: library + " " + name, Text: []byte(text)}
	}
	send := func(e *email.Email) error { return e.Send(host+":"+port, auth) }
	done("dots", send(letter("dots", dots, user)))
	both := letter("html", "Hello", user)
	both.HTML = []byte(html)
	_, err := both.Attach(strings.NewReader(data), "data.bin", "application/octet-stream")
	done("attach", err)
	done("html", send(both))
	refused("three", "550", send(letter("three", "x", all...)))
	refused("first", "452", send(letter("first", big, small...)))
	done("second", send(letter("second", "x", user)))
}

func gomailV2() {
	client, err := gomail.NewDialer(host, number, user, password).Dial()
	done("dial", err)
	letter := func(name, text string, to ...string) *gomail.Message {
		m := gomail.NewMessage()
		m.SetHeader("From", user)
		m.SetHeader("To", to...)
		m.SetHeader("Subject", library+" "+name)
		m.SetBody("text/plain", text)
		return m
	}
	done("dots", gomail.Send(client, letter("dots", dots, user)))
	both := letter("html", "Hello", user)
	both.AddAlternative("text/html", html)
	both.Attach("data.bin", gomail.SetCopyFunc(func(w io.Writer) error {
		_, err := io.WriteString(w, data)
		return err
	}))
	done("html", gomail.Send(client, both))
	refused("three", "550", gomail.Send(client, letter("three", "x", all...)))
	done("close", client.Close())
	client, err = gomail.NewDialer(host, number, user, password).Dial()
	done("dial", err)
	refused("first", "452", gomail.Send(client, letter("first", big, small...)))
	done("second", gomail.Send(client, letter("second", "x", user)))
	done("close", client.Close())
}

func goMail() {
	client, err := mail.NewClient(host, mail.WithPort(number), mail.WithSMTPAuth(mail.SMTPAuthSCRAMSHA256),
		mail.WithUsername(user), mail.WithPassword(password), mail.WithTimeout(20*time.Second))
	done("client", err)
	letter := func(name, text string, to ...string) *mail.Msg {
		m := mail.NewMsg()
		done("from", m.From(user))
		done("to", m.To(to...))
		m.Subject(library + " " + name)
		m.SetBodyString(mail.TypeTextPlain, text)
		return m
	}
	done("dial", client.DialWithContext(context.Background()))
	done("dots", client.Send(letter("dots", dots, user)))
	both := letter("html", "Hello", user)
	both.AddAlternativeString(mail.TypeTextHTML, html)
	done("attach", both.AttachReader("data.bin", bytes.NewReader([]byte(data))))
	done("html", client.Send(both))
	refused("three", "550", client.Send(letter("three", "x", all...)))
	refused("first", "452", client.Send(letter("first", big, small...)))
	done("second", client.Send(letter("second", "x", user)))
	done("close", client.Close())
}
