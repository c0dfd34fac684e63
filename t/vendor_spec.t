#!/usr/bin/env perl

# Every row of AliKassa's page through nginx: services, banks, both calls;
# status calls; alikassa_request.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(json_decode wait_for);
use Test::Build qw(need_programs);
use Test::More;

need_programs('php');

my $t = Test::Alikassa->new->sandbox;

$t->conf(<<'EOF')->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    log_format vars '$uri $status $alikassa_operation $alikassa_order_id '
                    '$alikassa_amount $alikassa_id $alikassa_payment_status '
                    '$alikassa_outcome';
    access_log %%DIR%%/vars.log vars;
    %%MERCHANT%%

    map $sent_http_alikassa_payment_status $shown {
        wait    waiting;
        paid    thanks;
        default nothing;
    }

    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_1%% http2;
        add_header X-Shown $shown always;

        location = /pay    { alikassa_payment; }
        location = /status { alikassa_payment_status; }

        location /back-office/ {
            allow 127.0.0.1;
            deny all;
            alikassa_key %%KEYS%%/payout;

            location = /back-office/payout  { alikassa_payout; }
            location = /back-office/status  { alikassa_payout_status; }
            location = /back-office/balance {
                alikassa_request /v1/account/balance;
            }
            location = /back-office/echo {
                alikassa_key %%KEYS%%/payment;
                alikassa_request /v1/echo/anything;
            }
        }
        %%API%%
    }
}
EOF

# The tables of AliKassa's page, independently of the module.

my %payment = (
    online_banking_idr_hpp => [qw(BCA BNI BRI CIMBN MDR PMTB PANIN)],
    qr_code_idr_hpp => [qw(QRIS DANAQRIS GOPAYQRIS LINKAJAQRIS OVOQRIS
        SHOPEEQRIS)],
    virtual_account_idr_hpp => [qw(BCAVA BNIVA BRIVA CIMBNVA MBBIVA MDRVA
        PMTBVA PANINVA BDIVA)],
    local_bank_transfer_idr_hpp => [qw(BCALBT BNILBT BRILBT MDRLBT)],
);

my @payout = qw(PMTB BCASB BMI BRISB BSM BTN BTPN OCBCN MDRSB PNBN UOBI BSI
    PTBC HSBCI PANIN DBSI HANAI MNC BKAL ALLOB SEABANK SUMUT BMLI BCAD BJB);

is(scalar(map { @$_ } values %payment), 26,
    'the page has 26 customer codes of payments');
is(scalar @payout, 25, 'the page has 25 customer codes of payouts');

for my $service (sort keys %payment) {
    for my $code (@{ $payment{$service} }) {
        is($t->post('/pay', form => [$t->payment(service => $service,
            customer_code => $code)])->{status}, 200, "$service $code");
    }

    for my $other (sort keys %payment) {
        next if $other eq $service;
        my $r = $t->post('/pay', form => [$t->payment(service => $service,
            customer_code => $payment{$other}[0])]);
        is($r->{status}, 400,
            "$service, code of another service: refused");
        is($r->{json}{errors}{customer_code}[0], 'The selected customer code '
            . "is invalid for $service; allowed: "
            . join(', ', @{ $payment{$service} }) . '.',
                "$service, code of another service: the codes are listed");
    }
}

for my $code (@payout) {
    is($t->post('/back-office/payout', json => $t->json($t->payout(
        customer_code => $code)))->{status}, 200, "payout $code");
}

my $r = $t->post('/back-office/payout', form => [$t->payout(
    customer_code => 'BCA')]);
is($r->{json}{errors}{customer_code}[0], 'The selected customer code is '
    . 'invalid for payment_card_idr; allowed: ' . join(', ', @payout) . '.',
    "payout with a payment's code: the error lists the codes");

# a payout with all nine, its own key, its own answer

$r = $t->post('/back-office/payout', form => [$t->payout(order_id => 'O-1',
    notification_endpoint_id => 7,
    notification_endpoint_url => 'https://shop.example/n',
    customer_ip => '1.2.3.4', success_redirect_url => 'https://x.example/'),
    ], headers => ['Accept: text/html']);
is($r->{status}, 200, 'payout by a browser: no redirect');
like($r->{body}, qr/^\{"payment_status":"wait","id":\d+\}$/,
    'payout: body of the response');
is(($t->requests('O-1'))[0]{body}, '{"amount":150000.5,"order_id":"O-1",'
    . '"service":"payment_card_idr","number":"1234567890",'
    . '"customer_code":"PMTB","customer_first_name":"Budi",'
    . '"customer_last_name":"Santoso","notification_endpoint_id":7,'
    . '"notification_endpoint_url":"https:\/\/shop.example\/n"}',
    'payout: all nine fields are signed, and no others');

# status

$r = $t->post('/pay', form => [$t->payment(order_id => 'S-1')]);
my $id = $r->{json}{id};
my $status = qr/^\{"payment_status":"wait","id":$id,"order_id":"S-1","card_mask":null,"amount":"150000\.5",/;

my $calls = grep { $_->{call} eq 'payment' } $t->requests;

for (['GET, order_id', get => '/status?order_id=S-1'],
    ['GET, id', get => "/status?id=$id"],
    ['POST, order_id', post => '/status', form => [order_id => 'S-1']],
    ['POST, id', post => '/status', json => "{\"id\":$id}"],
    ['POST, id as text', post => '/status', json => "{\"id\":\"$id\"}"],
    ['multipart', post => '/status', multipart => [order_id => 'S-1']],
    ['GET, and what is none of ours', get => '/status?order_id=S-1&x=1&y'])
{
    my ($name, $method, @args) = @$_;
    my $r = $t->$method(@args);
    is($r->{status}, 200, $name) or diag($r->{raw});
    like($r->{body}, $status, "$name: body");
    is($r->{header}->('Alikassa-Payment-Status'), 'wait',
        "$name: header made of a variable");
    is($r->{header}->('X-Shown'), 'waiting', "$name: value of a map");
}

is($t->request('/status?order_id=S-1', method => 'HEAD')->{status}, 200,
    'status by HEAD');
is($t->h2('/status?order_id=S-1')->{status}, 200, 'status by HTTP/2');

my $before = $t->requests;

for (['neither', '/status', qr/order_id/], ['empty', '/status?order_id=', qr/order_id/],
    ['both', "/status?order_id=S-1&id=$id", qr/./],
    ['twice', '/status?order_id=S-1&order_id=S-2', qr/order_id/],
    ['no integer', '/status?id=x', qr/id/],
    ['too long', '/status?order_id=' . 'x' x 129, qr/order_id/])
{
    my $r = $t->get($_->[1]);
    is($r->{status}, 400, "status, $_->[0]") or diag($r->{raw});
    like(join(' ', keys %{ $r->{json}{errors} }), $_->[2],
        "status, $_->[0]: the error names the field");
}

is(scalar $t->requests, $before, 'refused status requests: nothing is sent');

$r = $t->get('/status?order_id=none');
is("$r->{status} $r->{body}", '404 {"message":"Not found."}',
    "status of an unknown order: AliKassa's 404");
is($t->get('/back-office/status?order_id=O-1')->{json}{payment_status}, 'wait',
    'status of a payout');
is($t->get('/back-office/status?order_id=S-1')->{status}, 404,
    'status of a payout: the id of a payment is unknown');

$t->control('/notify', { order_id => 'S-1', payment_status => 'paid' });
is($t->get('/status?order_id=S-1')->{header}->('X-Shown'), 'thanks',
    'status after the payment: the map has it');

is(scalar(grep { $_->{call} eq 'payment' } $t->requests), $calls,
    'status requests: no payment is made');

ok(wait_for(sub { $t->log('vars.log')
    =~ m{^/status 200 payment_status S-1  $id paid accepted$}m }),
        'status: access log')
    or diag($t->log('vars.log') =~ m{(^/status .*)}m);
unlike($t->log('audit.log'), qr/status"[^}]*"operation":"payment_status/,
    'status: no line in the audit log');

# anything else

$r = $t->post('/back-office/balance', json => '{}');
is("$r->{status} $r->{body}", '200 {"balance":"1000000.00","currency":"IDR"}',
    'alikassa_request: balance');

# the echo tells what was signed: as PHP would have it

for (
    ['{ "z" : 1 , "a" : [ 1 , 2.50 , "x/y" ] }', '{"z":1,"a":[1,2.5,"x\/y"]}'],
    ["{\"n\":\"\xc3\xa9\xf0\x9f\x98\x80\"}", '{"n":"\u00e9\ud83d\ude00"}'],
    ['{"a":{},"b":[],"c":null,"d":true}', '{"a":{},"b":[],"c":null,"d":true}'],
    ['{"1":1,"0":2}', '{"1":1,"0":2}'],
    ['{"n":9223372036854775807,"m":-0.5,"k":100.0}',
        undef],
    ['{"\u00e9\u0022":"\u003c\u2028"}', '{"\u00e9\"":"<\u2028"}'],
)
{
    my ($in, $out) = @$_;

    if (!defined $out) {
        open(my $php, '-|', 'php', '-r',
            'echo json_encode(json_decode($argv[1]));', '--', $in) or die;
        $out = <$php>;
    }

    my $r = $t->post('/back-office/echo', json => $in);
    is($r->{status}, 200, $in) or diag($r->{raw});
    is($r->{json}{body}, $out, "$in: signed as PHP writes it") if $r->{json};
}

$before = $t->requests;

for ('[1]', '"x"', '{"a":1e999}', '{"a":9007199254740993.5}',
    '{"a":12345678901234567890}', '{"a":1,"a":2}', '{"a":01}', '', '{')
{
    is($t->post('/back-office/echo', json => $_)->{status}, 400, "\"$_\"");
}

is($t->post('/back-office/echo', form => [a => 1])->{status}, 415,
    'alikassa_request with a form: refused');
is($t->get('/back-office/echo?a=1')->{status}, 405,
    'alikassa_request by GET: refused');
is(scalar $t->requests, $before, 'refused alikassa_request: nothing is sent');

$t->done;
