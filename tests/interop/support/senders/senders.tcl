# Tcllib sends the letters that sending_libraries_test.ts names.
#
# Usage: senders.tcl LIBRARY HOST PORT USER PASSWORD; SSL_CERT_FILE names the certificate to trust.
package require mime
package require smtp
package require tls

lassign $argv library host port user password
tls::init -cafile $env(SSL_CERT_FILE) -require 1
set data "\0\r\n.\r\n\n\xff"

proc send {name token {to {}}} {
  global library host port user password
  if {$to eq {}} { set to $user }
  set refused [smtp::sendmessage $token -servers $host -ports $port -usetls 1 -username $user -password $password \
    -originator $user -recipients [join $to ,] -queue 0 -atleastone 1 \
    -header [list From $user] -header [list To $user] -header [list Subject "$library $name"]]
  mime::finalize $token -subordinates all
  return $refused
}

proc text {body} { return [mime::initialize -canonical text/plain -encoding 7bit -string $body] }

proc check {holds what} { if {!$holds} { error $what } }

check [expr {[send dots [text ".\n..\n.profile\nlast\n"]] eq {}}] dots
set html [mime::initialize -canonical text/html -string {<p>Hello</p>}]
set file [mime::initialize -canonical application/octet-stream -encoding base64 -string $data \
  -header {Content-Disposition {attachment; filename="data.bin"}}]
check [expr {[send html [mime::initialize -canonical multipart/mixed -parts [list $html $file]]] eq {}}] html
check [string match *nobody@localhost* [send three [text x] [list $user marshall@localhost nobody@localhost]]] three
set taken [catch {send first [text [string repeat "[string repeat x 70]\n" 4000]] small@localhost} why]
check [expr {$taken && [string match *452* "$why $::errorCode"]}] "first: $why $::errorCode"
check [expr {[send second [text x]] eq {}}] second
