#!/usr/bin/env perl

# The sandbox itself, called by PHP as the vendor's page shows it, and by
# openssl and curl: it accepts what AliKassa would accept.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use HTTP::Tiny;
use Test::Alikassa qw(json_decode wait_for);
use Test::Build qw(need_programs);
use Test::More;

need_programs('php');

my $t = Test::Alikassa->new->sandbox;
my $url = "https://localhost:$t->{api}";

# The page's sample, in PHP.

$t->write('pay.php', <<'PHP');
<?php
[, $url, $dir, $key, $account, $call, $data, $change] = $argv;
$data = json_encode(json_decode($data));
$privateKey = openssl_pkey_get_private(
    file_get_contents("$dir/$key/private.pem"),
    trim(file_get_contents("$dir/$key/password.txt"))
);
if ($privateKey === false) {
    throw new \Exception('Error cert.');
}
openssl_sign($data, $sign, $privateKey);
$sign = base64_encode($sign);
$headers = ['Content-Type' => 'application/json', 'Account' => $account,
    'Sign' => $sign];
$change = json_decode($change, true);
$data = $change['body'] ?? $data;
$headers = array_filter(array_merge($headers, $change['headers'] ?? []));
$context = stream_context_create(['http' => ['method' => 'POST',
    'content' => $data, 'ignore_errors' => true,
    'header' => array_map(fn ($k, $v) => "$k: $v", array_keys($headers),
        $headers)], 'ssl' => ['cafile' => "$dir/ca.pem"]]);
echo substr($http_response_header[0] ?? '', 0, 0);
$answer = file_get_contents("$url$call", false, $context);
echo explode(' ', $http_response_header[0])[1], ' ', $answer;
PHP

sub pay ($data, $change = '{}', %opt) {
    open(my $php, '-|', 'php', "$t->{dir}/pay.php", $url, $t->{box},
        $opt{key} // 'payment', $opt{account} // $t->{account},
        $opt{call} // '/v1/payment', $data, $change) or die;
    return do { local $/; <$php> };
}

sub data (%change) { return $t->json($t->payment(%change)) =~
    s/"150000\.50"/150000.5/r }

my $answer = pay(data(order_id => 'B-1', notification_endpoint_url => undef));
like($answer, qr/^200 \{"url":"https:\\\/\\\/localhost:\d+\\\/pay\\\/[-0-9a-f]{36}","payment_status":"wait","id":\d+,"uuid":"[-0-9a-f]{36}","success_redirect_url":null\}$/,
    "payment: the sample of the vendor's page pays");
my ($page) = json_decode($answer =~ s/^200 //r)->{url};

like(pay(data(order_id => 'B-1')), qr/^400 .*already been taken/,
    'order_id that is used: refused');
like(pay(data(order_id => 'B-2'), '{"headers":{"Sign":"AAAA"}}'),
    qr/^403 .*Bad signature/, 'wrong signature: refused');
like(pay(data(order_id => 'B-2'), '{"headers":{"Sign":""}}'), qr/^403/,
    'empty signature: refused');
like(pay(data(order_id => 'B-2'), '{}', key => 'payout'), qr/^403/,
    'key of payouts for a payment: refused');
like(pay(data(order_id => 'B-2'), '{}', account => $t->{other}), qr/^403/,
    'account of another merchant: refused');
like(pay(data(order_id => 'B-2'), '{}', account => 'x'), qr/^403/,
    'unknown account: refused');
like(pay(data(order_id => 'B-2'), '{"headers":{"Content-Type":"text/plain"}}'),
    qr/^415/, 'content type text/plain: refused');
like(pay(data(order_id => 'B-2'), '{"headers":{"Cookie":"a=b"}}'), qr/^400/,
    'header Cookie: refused');
like(pay(data(order_id => 'B-2'), '{"body":"{\"amount\":1}"}'), qr/^403/,
    'body other than the signed one: refused');
like(pay(data(amount => undef, order_id => undef)),
    qr/^400 .*"amount":\[.*"order_id":\[/,
    'missing required fields: refused, each is named');
like(pay('{"order_id":"B-3","amount":5}'), qr/^400/,
    'missing other fields: refused');
like(pay('{"order_id":"B-1"}', '{}', call => '/v1/payment/status'),
    qr/^200 .*"payment_status":"wait"/, 'status of an order: found');
like(pay('{"order_id":"B-9"}', '{}', call => '/v1/payment/status'),
    qr/^404 \{"message":"Not found\."\}/, 'status of an unknown order: 404');
is(scalar(grep { $_->{fields}{order_id} =~ /^B-[23]/ } $t->ledger), 0,
    'refused payments: no order is created');

# The sandbox's own authority has signed the certificate.

is(system("curl -sf --cacert $t->{box}/ca.pem -o /dev/null $page"), 0,
    "TLS: the sandbox's authority verifies the certificate");
isnt(system("curl -sf -o /dev/null $page"), 0, 'TLS: other authorities do not');

# Notifications: the sandbox repeats them until the shop responds with success,
# and openssl verifies their signatures.

$t->write('seen.txt', '');
chmod 0666, "$t->{dir}/seen.txt";
$t->php(2, <<'PHP');
<?php
$f = getenv('DIR') . '/seen.txt';
file_put_contents($f, "$_SERVER[QUERY_STRING]\n", FILE_APPEND);
http_response_code(count(file($f)) < 3 ? 500 : 200);
PHP

$t->settings(interval => 0.2);
$answer = pay(data(order_id => 'B-4') =~ s/\}$//r
    . ',"success_redirect_url":"http://127.0.0.1/ok"'
    . ',"fail_redirect_url":"http://127.0.0.1/bad"'
    . ',"notification_endpoint_url":"http://127.0.0.1:' . $t->port(2)
    . '/n"}');
$page = json_decode($answer =~ s/^200 //r)->{url};

my $out = `curl -si --cacert $t->{box}/ca.pem -d do=pay $page`;
like($out, qr{^HTTP/1.1 303 .*^Location: http://127\.0\.0\.1/ok\r}ms,
    'payment page: Pay leads to the success URL');
ok(wait_for(sub { (() = $t->log('seen.txt') =~ /\n/g) >= 3 }),
    'notification: repeated while the shop answers 500');
sleep 1;
my @seen = split /\n/, $t->log('seen.txt');
is(scalar @seen, 3, 'notification: not repeated after the shop answers 200');
is($seen[0], $seen[2], 'notification: the repetition is the same');

$t->write('verify.php', <<'PHP');
<?php
parse_str($argv[1], $_GET);
$data = [];
foreach (['type', 'id', 'order_id', 'payment_status', 'amount',
    'payment_amount', 'commission_amount', 'is_partial_payment', 'account',
    'service', 'desc'] as $n) { $data[$n] = $_GET[$n] ?? null; }
$data['id'] = (int) $data['id'];
echo openssl_verify(json_encode($data), base64_decode($_GET['sign']),
    openssl_pkey_get_public(file_get_contents($argv[2])));
PHP

open(my $php, '-|', 'php', "$t->{dir}/verify.php", $seen[0],
    "$t->{box}/notification/public.pem") or die;
is(scalar <$php>, 1,
    "notification: the vendor's sample verifies the signature");
like($seen[0], qr/(?:^|&)payment_status=paid(?:&|$)/,
    'notification: payment_status is paid');

$out = `curl -si --cacert $t->{box}/ca.pem -d do=decline $page`;
like($out, qr{^Location: http://127\.0\.0\.1/bad\r}m,
    'payment page: Decline after Pay leads to the fail URL');
is((grep { $_->{fields}{order_id} eq 'B-4' } $t->ledger)[0]{payment_status},
    'paid', 'payment page: Decline after Pay leaves the order paid');

done_testing();
