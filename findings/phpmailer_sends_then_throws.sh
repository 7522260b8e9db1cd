#!/usr/bin/env bash
# PHPMailer sends to the recipients that were accepted, then throws as if it had not
#
# Package:  PHPMailer 6.6.3, as Debian 12 has it (libphp-phpmailer 6.6.3-1).
# Expected: when one of several recipients is refused, a library either gives the message up, or sends it to
#           the others and says so in its result (as smtplib does): an exception means that nothing was sent.
# Seen:     the message goes to the accepted recipient (DATA is answered 250), and then send() throws, with
#           STOP_CONTINUE as its code and the refused address in its text. Not even the class of the
#           exception tells this from a message that nobody got.
# Matters:  a job that is tried again after the exception sends the message to the accepted recipients again,
#           at every try. The list of who got it has to be worked out from the text of the error.
set -euo pipefail
for tool in php apt-get dpkg-deb; do
  command -v "$tool" >/dev/null || { echo "This needs $tool (Debian 12: php-cli)."; exit 1; }
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get -o APT::Sandbox::User=root download -qq libphp-phpmailer=6.6.3-1
dpkg-deb -x ./*.deb .

cat >sink.php <<'PHP'
<?php
// Serves two connections, refuses gone@, and prints its port, then the recipients and the content's replies.
$listener = stream_socket_server("tcp://127.0.0.1:0");
echo substr(strrchr(stream_socket_get_name($listener, false), ":"), 1), "\n";
for ($connection = 1; $connection <= 2; $connection++) {
    $peer = stream_socket_accept($listener, 60);
    $content = false;
    fwrite($peer, "220 sink\r\n");
    while (($line = fgets($peer)) !== false) {
        $line = rtrim($line);
        if ($content && $line !== ".") continue;
        $content = $line === "DATA";
        $reply = $content ? "354 go on" : (str_contains($line, "gone@") ? "550 5.1.1 no such user" : "250 ok");
        if (preg_match('/^(RCPT|\.)/', $line)) echo "  $line  ->  $reply\n";
        fwrite($peer, "$reply\r\n");
    }
}
PHP
cat >send.php <<'PHP'
<?php
foreach (["Exception", "SMTP", "PHPMailer"] as $class) require "usr/share/php/libphp-phpmailer/src/$class.php";
echo "PHPMailer ", PHPMailer\PHPMailer\PHPMailer::VERSION, "\n";
for ($try = 1; $try <= 2; $try++) {
    $mailer = new PHPMailer\PHPMailer\PHPMailer(true);
    $mailer->isSMTP();
    [$mailer->Host, $mailer->Port, $mailer->SMTPAutoTLS] = ["127.0.0.1", (int) $argv[1], false];
    $mailer->setFrom("a@example.org");
    $mailer->addAddress("here@example.org");
    $mailer->addAddress("gone@example.org");
    [$mailer->Subject, $mailer->Body] = ["hello", "hello"];
    try {
        $mailer->send();
        echo "try $try: sent\n";
    } catch (PHPMailer\PHPMailer\Exception $error) {
        $stopped = $error->getCode() === PHPMailer\PHPMailer\PHPMailer::STOP_CONTINUE ? "STOP_CONTINUE" : $error->getCode();
        echo "try $try: threw $stopped, ", trim($error->getMessage()), "\n";
    }
}
PHP
php sink.php >wire &
sink=$!
trap 'kill "$sink" 2>/dev/null || true; rm -rf "$tmp"' EXIT
for _ in {1..100}; do [ -s wire ] && break; sleep 0.1; done
seen=$(php send.php "$(head -1 wire)")
wait "$sink"
seen+=$'\non the wire:\n'$(tail -n +2 wire)
expected='PHPMailer 6.6.3
try 1: threw STOP_CONTINUE, SMTP Error: The following recipients failed: gone@example.org: no such user
try 2: threw STOP_CONTINUE, SMTP Error: The following recipients failed: gone@example.org: no such user
on the wire:
  RCPT TO:<here@example.org>  ->  250 ok
  RCPT TO:<gone@example.org>  ->  550 5.1.1 no such user
  .  ->  250 ok
  RCPT TO:<here@example.org>  ->  250 ok
  RCPT TO:<gone@example.org>  ->  550 5.1.1 no such user
  .  ->  250 ok'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen before:\n%s\n' "$expected"; exit 1; }
