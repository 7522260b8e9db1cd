<?php
// PHP's sending libraries: each sends the letters that sending_libraries_test.ts names.
//
// Usage: senders.php LIBRARY HOST PORT USER PASSWORD; SSL_CERT_FILE names the certificate to trust.
declare(strict_types=1);
error_reporting(E_ALL & ~E_DEPRECATED);

[, $library, $host, $port, $user, $password] = $argv;
const DOTS = ".\n..\n.profile\nlast\n";
const HTML = '<p>Hello</p>';
const DATA = "\0\r\n.\r\n\n\xff";
$all = [$user, 'marshall@localhost', 'nobody@localhost'];
$big = str_repeat(str_repeat('x', 70) . "\n", 4000);
$ssl = ['ssl' => ['cafile' => getenv('SSL_CERT_FILE')]];

/** Runs what has to be refused; answers what was said. */
function refused(string $what, callable $send): string
{
    try {
        $send();
    } catch (Exception $error) {
        return $GLOBALS['said'] = $error->getMessage();
    }
    throw new LogicException("$what was taken");
}

function check(bool $holds, string $what): void
{
    if (!$holds) {
        throw new LogicException($what . ': ' . ($GLOBALS['said'] ?? ''));
    }
}

function phpmailer(): void
{
    global $library, $host, $port, $user, $password, $all, $big, $ssl;
    foreach (['Exception', 'SMTP', 'PHPMailer'] as $file) {
        require_once "/usr/share/php/libphp-phpmailer/src/$file.php";
    }
    $mailer = new PHPMailer\PHPMailer\PHPMailer(true);
    $mailer->isSMTP();
    [$mailer->Host, $mailer->Port, $mailer->SMTPOptions] = [$host, (int) $port, $ssl];
    [$mailer->SMTPAuth, $mailer->Username, $mailer->Password] = [true, $user, $password];
    $mailer->SMTPKeepAlive = true;
    $send = function (string $name, string $text, array $to) use ($mailer, $library, $user): void {
        $mailer->clearAllRecipients();
        $mailer->setFrom($user);
        foreach ($to as $one) {
            $mailer->addAddress($one);
        }
        [$mailer->Subject, $mailer->Body] = ["$library $name", $text];
        $mailer->send();
    };
    PHPMailer\PHPMailer\PHPMailer::$validator = fn (string $address): bool => true;
    $send('dots', DOTS, [$user]);
    // it serves the others and throws all the same
    check(str_contains(refused('nobody', fn () => $send('three', 'x', $all)), 'nobody@localhost'), 'three');
    check(str_contains(refused('the first letter', fn () => $send('first', $big, ['small@localhost'])), 'data not accepted'), 'first');
    $send('second', 'x', [$user]);
    $mailer->isHTML();
    $mailer->AltBody = 'Hello';
    $mailer->addStringAttachment(DATA, 'data.bin');
    $send('html', HTML, [$user]);
    $mailer->smtpClose();
}

function pear_mail(): void
{
    global $library, $host, $port, $user, $password, $all, $big, $ssl;
    require_once 'Mail.php';
    require_once 'Mail/mime.php';
    $mailer = Mail::factory('smtp', [
        'host' => $host, 'port' => $port, 'auth' => true, 'username' => $user, 'password' => $password,
        'persist' => true, 'socket_options' => $ssl,
    ]);
    $fields = fn (string $name): array => ['From' => $user, 'To' => $user, 'Subject' => "$library $name"];
    $send = function (string $name, string $text, array $to) use ($mailer, $fields): string {
        $result = $mailer->send($to, $fields($name), $text);
        return $result === true ? '' : $result->getMessage();
    };
    check($send('dots', DOTS, [$user]) === '', 'dots');
    $mime = new Mail_mime("\n");
    $mime->setTXTBody('Hello');
    $mime->setHTMLBody(HTML);
    $mime->addAttachment(DATA, 'application/octet-stream', 'data.bin', false);
    $body = $mime->get();
    check($mailer->send($user, $mime->headers($fields('html')), $body) === true, 'html');
    check(str_contains($send('three', 'x', $all), 'nobody@localhost'), 'three');
    check(str_contains($send('first', $big, ['small@localhost']), '452'), 'first');
    check($send('second', 'x', [$user]) === '', 'second');
    $mailer->disconnect();
}

function symfony(): void
{
    global $library, $host, $port, $user, $password, $all, $big, $ssl;
    require_once 'Symfony/Component/Mailer/autoload.php';
    $transport = new Symfony\Component\Mailer\Transport\Smtp\EsmtpTransport($host, (int) $port, false);
    $transport->setUsername($user)->setPassword($password);
    $transport->getStream()->setStreamOptions($ssl);
    $letter = fn (string $name, string $text, array $to) => (new Symfony\Component\Mime\Email())
        ->from($user)->to(...$to)->subject("$library $name")->text($text);
    $transport->send($letter('dots', DOTS, [$user]));
    $transport->send($letter('html', 'Hello', [$user])->html(HTML)->attach(DATA, 'data.bin'));
    check(str_contains(refused('three', fn () => $transport->send($letter('three', 'x', $all))), '550'), 'three');
    $first = $letter('first', $big, ['small@localhost']);
    check(str_contains(refused('the first letter', fn () => $transport->send($first)), '452'), 'first');
    $transport->send($letter('second', 'x', [$user]));
}

['PHPMailer' => 'phpmailer', 'pear Mail' => 'pear_mail', 'symfony/mailer' => 'symfony'][$library]();
