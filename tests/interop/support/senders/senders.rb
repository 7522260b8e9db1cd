# Ruby's sending libraries: each sends the letters that sending_libraries_test.ts names.
#
# Usage: senders.rb LIBRARY HOST PORT USER PASSWORD; SSL_CERT_FILE names the certificate to trust.
require 'net/smtp'
require 'openssl'
require 'mail'

LIBRARY, HOST, PORT, USER, PASSWORD = ARGV
DOTS = ".\n..\n.profile\nlast\n"
HTML = '<p>Hello</p>'
DATA = "\0\r\n.\r\n\n\xff".b
ALL = [USER, 'marshall@localhost', 'nobody@localhost']
BIG = "#{'x' * 70}\n" * 4000

def letter(name, text, to = [USER])
  Mail.new do
    from USER
    to to
    subject "#{LIBRARY} #{name}"
    body text
  end
end

def both
  message = letter('html', nil)
  message.text_part = Mail::Part.new { body 'Hello' }
  message.html_part = Mail::Part.new { content_type 'text/html; charset=UTF-8'; body HTML }
  message.add_file(filename: 'data.bin', content: DATA)
  message
end

# Runs what has to be refused with that code.
def refused(code)
  yield
rescue Net::SMTPError => e
  raise e unless e.message.start_with?(code)
else
  raise 'a letter was taken that had to be refused'
end

def net_smtp
  context = OpenSSL::SSL::SSLContext.new
  context.set_params(ca_file: ENV.fetch('SSL_CERT_FILE'))
  client = Net::SMTP.new(HOST, PORT.to_i)
  client.enable_starttls(context)
  client.start('app', USER, PASSWORD, :plain) do |smtp|
    smtp.send_message(letter('dots', DOTS).to_s, USER, USER)
    smtp.send_message(both.to_s, USER, USER)
    refused('550') { smtp.send_message(letter('three', 'x', ALL).to_s, USER, ALL) }
    smtp.rset
    refused('452') { smtp.send_message(letter('first', BIG).to_s, USER, 'small@localhost') }
    smtp.send_message(letter('second', 'x').to_s, USER, USER)
  end
end

def mail
  settings = {
    address: HOST, port: PORT.to_i, domain: 'app', user_name: USER, password: PASSWORD, authentication: 'plain',
    enable_starttls: true, ca_file: ENV.fetch('SSL_CERT_FILE')
  }
  send = lambda do |message|
    message.delivery_method(:smtp, settings)
    message.deliver!
  end
  send.call(letter('dots', DOTS))
  send.call(both)
  refused('550') { send.call(letter('three', 'x', ALL)) }
  refused('452') { send.call(letter('first', BIG, ['small@localhost'])) }
  send.call(letter('second', 'x'))
end

{ 'net-smtp' => method(:net_smtp), 'mail' => method(:mail) }.fetch(LIBRARY).call
