# Perl's sending libraries: each sends the letters that sending_libraries_test.ts names.
#
# Usage: senders.pl LIBRARY HOST PORT USER PASSWORD; SSL_CERT_FILE names the certificate to trust.
use strict;
use warnings;

my ($library, $host, $port, $user, $password) = @ARGV;
my $dots = ".\n..\n.profile\nlast\n";
my $html = '<p>Hello</p>';
my $data = "\0\r\n.\r\n\n\xff";
my @all = ($user, 'marshall@localhost', 'nobody@localhost');
my $big = (('x' x 70) . "\n") x 4000;

sub email {
  my ($name, $text, @to) = @_;
  require Email::MIME;
  return Email::MIME->create(
    header_str => [From => $user, To => join(', ', @to ? @to : $user), Subject => "$library $name"],
    attributes => { content_type => 'text/plain', charset => 'UTF-8', encoding => '8bit' },
    body_str => $text,
  );
}

sub email_html {
  require Email::MIME;
  my @parts = (
    Email::MIME->create(
      attributes => { content_type => 'text/html', charset => 'UTF-8', encoding => '8bit' },
      body_str => $html,
    ),
    Email::MIME->create(
      attributes => {
        content_type => 'application/octet-stream', encoding => 'base64',
        disposition => 'attachment', filename => 'data.bin',
      },
      body => $data,
    ),
  );
  return Email::MIME->create(
    header_str => [From => $user, To => $user, Subject => "$library html"], parts => \@parts,
  );
}

sub net_smtp {
  require Net::SMTP;
  my $client = Net::SMTP->new($host, Port => $port, Hello => 'app', Timeout => 20) or die "no greeting: $@";
  $client->starttls(SSL_ca_file => $ENV{SSL_CERT_FILE}) or die 'no TLS: ' . $client->message;
  $client->auth($user, $password) or die 'no login: ' . $client->message;
  my $send = sub {
    my ($email, @to) = @_;
    $client->mail($user) && $client->to(@to, { SkipBad => 1 }) or die $client->message;
    return $client->data($email->as_string);
  };
  $send->(email('dots', $dots), $user) or die $client->message;
  $send->(email_html(), $user) or die $client->message;
  $send->(email('three', 'x', @all), @all) or die $client->message;
  die 'the first letter was taken' if $send->(email('first', $big), 'small@localhost');
  die $client->message if $client->code != 452;
  $client->reset;
  $send->(email('second', 'x'), $user) or die $client->message;
  $client->quit;
}

sub email_sender {
  require Email::Sender::Simple;
  require Email::Sender::Transport::SMTP;
  my $transport = Email::Sender::Transport::SMTP->new({
    host => $host, port => $port, ssl => 'starttls', ssl_options => { SSL_ca_file => $ENV{SSL_CERT_FILE} },
    sasl_username => $user, sasl_password => $password, timeout => 20,
  });
  my $send = sub {
    my ($email, @to) = @_;
    Email::Sender::Simple->send($email, { from => $user, to => \@to, transport => $transport });
  };
  $send->(email('dots', $dots), $user);
  $send->(email_html(), $user);
  die 'three recipients were taken' if eval { $send->(email('three', 'x', @all), @all); 1 };
  die 'the first letter was taken' if eval { $send->(email('first', $big), 'small@localhost'); 1 };
  die $@ if $@->code != 452;
  $send->(email('second', 'x'), $user);
}

# speaks TLS from the first octet or never
sub mime_lite {
  require MIME::Lite;
  my $send = sub {
    my ($message) = @_;
    return $message->send(
      'smtp', $host, Port => $port, Timeout => 20, AuthUser => $user, AuthPass => $password, Hello => 'app',
    );
  };
  my $text = sub {
    my ($name, $body, $to) = @_;
    return MIME::Lite->new(From => $user, To => $to // $user, Subject => "$library $name", Data => $body);
  };
  $send->($text->('dots', $dots)) or die;
  my $both = MIME::Lite->new(From => $user, To => $user, Subject => "$library html", Type => 'multipart/mixed');
  $both->attach(Type => 'text/html', Data => $html);
  $both->attach(
    Type => 'application/octet-stream', Encoding => 'base64', Data => $data, Filename => 'data.bin',
    Disposition => 'attachment',
  );
  $send->($both) or die;
  die 'three recipients were taken' if eval { $send->($text->('three', 'x', join(', ', @all))); };
  die 'the first letter was taken' if eval { $send->($text->('first', $big, 'small@localhost')); };
  $send->($text->('second', 'x')) or die;
}

# speaks no TLS
sub mail_sendmail {
  require Mail::Sendmail;
  my $send = sub {
    my ($name, $text, $to, %more) = @_;
    return Mail::Sendmail::sendmail(
      smtp => "$host:$port", From => $user, To => $to, Subject => "$library $name", Message => $text,
      auth => { user => $user, password => $password, method => 'PLAIN', required => 1 }, %more,
    );
  };
  $send->('dots', $dots, $user) or die $Mail::Sendmail::error;
  require MIME::Base64;
  my $parts = "--b\n" . "Content-Type: text/html\n\n$html\n--b\nContent-Type: application/octet-stream\n"
    . "Content-Disposition: attachment; filename=data.bin\nContent-Transfer-Encoding: base64\n\n"
    . MIME::Base64::encode_base64($data) . "--b--\n";
  $send->('html', $parts, $user, 'Content-Type' => 'multipart/mixed; boundary=b', 'MIME-Version' => '1.0')
    or die $Mail::Sendmail::error;
  $send->('three', 'x', join(', ', @all)) or die $Mail::Sendmail::error;
  die 'the first letter was taken' if $send->('first', $big, 'small@localhost');
  die $Mail::Sendmail::error if $Mail::Sendmail::error !~ /452/;
  $send->('second', 'x', $user) or die $Mail::Sendmail::error;
}

my %work = (
  'Net::SMTP' => \&net_smtp,
  'Email::Sender' => \&email_sender,
  'MIME::Lite' => \&mime_lite,
  'Mail::Sendmail' => \&mail_sendmail,
);
$work{$library}->();
