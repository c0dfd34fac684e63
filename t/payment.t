#!/usr/bin/env perl

# A payment, end to end: each kind of body, each protocol, and the response.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(message wait_for);
use Test::More;

my $t = Test::Alikassa->new->sandbox;

$t->conf(<<'EOF')->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    log_format vars '$uri $status $alikassa_operation $alikassa_account '
                    '$alikassa_order_id $alikassa_amount $alikassa_id '
                    '$alikassa_uuid $alikassa_url $alikassa_payment_status '
                    '$alikassa_status $alikassa_outcome '
                    'e:$alikassa_error s:$alikassa_sign '
                    't:$alikassa_sign_time:$alikassa_response_time';
    log_format accept '$http_accept';
    access_log %%DIR%%/vars.log vars;

    %%CREDENTIALS%%

    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_1%% http2;

        location = /pay     { alikassa_payment; }
        location = /on      { alikassa_payment; alikassa_redirect on; }
        location = /off     { alikassa_payment; alikassa_redirect off; }
        location = /logged  { alikassa_payment; alikassa_api /api-logged; }
        location = /passed  { alikassa_payment; alikassa_api /api-passed; }

        # the call's own Accept, asked for as a variable

        location /api-logged/ {
            internal;
            include %%API_CONF%%;
            log_subrequest on;
            access_log %%DIR%%/accept.log accept;
            proxy_pass https://%%SANDBOX%%/;
            proxy_ssl_name localhost;
        }
        location /api-passed/ {
            internal;
            include %%API_CONF%%;
            proxy_set_header Accept $http_accept;
            proxy_pass https://%%SANDBOX%%/;
            proxy_ssl_name localhost;
        }
        location = /inline  { alikassa_payment; alikassa_thread_pool off; }
        location = /file    { alikassa_payment; client_body_in_file_only clean; }
        location = /small   { alikassa_payment; client_body_buffer_size 16; }
        location = /set {
            alikassa_payment;
            alikassa_accept order_id customer_code;
            alikassa_set amount 7;
            alikassa_set service virtual_account_idr_hpp;
            alikassa_set customer_first_name $alikassa_field_billing_first_name_;
            alikassa_set customer_last_name  $alikassa_field_last_name;
            alikassa_set notification_endpoint_id "";
            alikassa_set desc "a/b";
        }
        %%API%%
    }
}
EOF

my @fields = $t->payment(order_id => 'A-1', customer_ip => undef);
my $r = $t->post('/pay', form => \@fields);

is($r->{status}, 200, 'form: status');
is($r->{header}->('Content-Type'), 'application/json', 'form: Content-Type');
is($r->{header}->('Cache-Control'), 'no-store', 'form: Cache-Control');
like($r->{json}{url}, qr{^https://localhost:\d+/pay/},
    'form: URL of the payment page');

my ($sent) = $t->requests('A-1');

is($sent->{body}, '{"amount":150000.5,"order_id":"A-1",'
    . '"service":"virtual_account_idr_hpp","customer_ip":"127.0.0.1",'
    . '"customer_code":"BCAVA","customer_first_name":"Budi",'
    . '"customer_last_name":"Santoso"}',
    'form: signed body, with the client\'s address');

is_deeply([sort map { lc } keys %{ $sent->{headers} }],
    [qw(accept account connection content-length content-type host sign)],
    'form: headers of the call, and no others');

wait_for(sub { $t->log('vars.log') ne '' });

like((split /\n/, $t->log('vars.log'))[0], qr{^/pay\ 200\ payment
    \ $t->{account}\ A-1\ 150000\.5\ \d+\ [0-9a-f-]+\ https://\S+\ wait\ 200
    \ accepted\ e:\ s:\S{344}\ t:0\.\d{6}:\d\.\d{3}$}x,
        'form: variables in the access log');

# No header of the client reaches AliKassa.

$r = $t->post('/pay', form => [$t->payment(order_id => 'A-2')], headers =>
    ['Cookie: a=b', 'Authorization: Basic eDp5', 'X-Forwarded-For: 1.2.3.4',
     'Account: x', 'Sign: y', 'Range: bytes=0-1', 'Expect:', 'TE: trailers',
     'If-None-Match: *', 'Accept-Encoding: gzip', 'User-Agent: z']);

is($r->{status}, 200, 'headers of the client: paid');
is_deeply([sort map { lc } keys %{ ($t->requests('A-2'))[0]{headers} }],
    [qw(accept account connection content-length content-type host sign)],
    'headers of the client: none reaches AliKassa');

# Bodies.

my $json = $t->json($t->payment(order_id => "J\x{f6}-\x{1f600}/\"\\"));

is($t->post('/pay', json => $json)->{status}, 200, 'JSON: paid');

ok(grep({ $_->{body} =~ m{"J\\u00f6-\\ud83d\\ude00\\/\\"\\\\"} }
    $t->requests), 'JSON: the order_id is escaped as PHP does');

$json = '{"amount": 12.50 , "order_id":"J2","service":"qr_code_idr_hpp",'
    . '"customer_ip":"2001:db8::1","customer_code":"QRIS",'
    . '"customer_first_name":"a","customer_last_name":"b",'
    . '"success_redirect_id":7,"fail_redirect_id":"8","unknown":{"x":[1]},'
    . '"notification_endpoint_id":9223372036854775807,'
    . '"success_redirect_url":"https://shop.example/a?b=c",'
    . '"fail_redirect_url":"http://shop.example/","csrf":null,'
    . '"notification_endpoint_url":"https://shop.example/n"}';

is($t->post('/pay', json => $json)->{status}, 200, 'all thirteen fields: paid');
is(($t->requests('J2'))[0]{body},
    '{"amount":12.5,"order_id":"J2","service":"qr_code_idr_hpp",'
    . '"customer_ip":"2001:db8::1","customer_code":"QRIS",'
    . '"customer_first_name":"a","customer_last_name":"b",'
    . '"success_redirect_id":7,"fail_redirect_id":8,'
    . '"notification_endpoint_id":9223372036854775807,'
    . '"success_redirect_url":"https:\/\/shop.example\/a?b=c",'
    . '"fail_redirect_url":"http:\/\/shop.example\/",'
    . '"notification_endpoint_url":"https:\/\/shop.example\/n"}',
    "all thirteen fields: signed in the page's order");

for my $uri (qw(/pay /file /small /inline)) {
    for my $kind (qw(form json multipart)) {
        for my $how ([], [http => '1.0'], [chunked => 7], [chunked => 5000]) {
            my @f = $t->payment;
            my %f = @f;
            my $body = $kind eq 'json' ? $t->json(@f) : \@f;
            my $r = $t->post($uri, $kind => $body, @$how);
            my @sent = $t->requests($f{order_id});
            ok($r->{status} == 200 && @sent == 1,
                "$uri $kind @$how") or diag($r->{raw});
        }
    }

    my @f = $t->payment;
    is($t->h2($uri, form => \@f)->{status}, 200, "$uri form HTTP/2");
    is($t->h2($uri, json => $t->json($t->payment))->{status}, 200,
        "$uri JSON HTTP/2");
}

# A request in pieces.

my $message = message('/small', method => 'POST',
    form => [$t->payment(order_id => 'slow')]);

is($t->post('/small', pieces => [unpack '(a60)*', $message])->{status}, 200,
    'request in pieces of 60 bytes: paid');

# A large form: parameters that are no fields are ignored.

is($t->post('/small', form => [$t->payment, map { ("x$_" => 'y' x 900) }
    1 .. 500])->{status}, 200, 'form of half a megabyte: paid');

# Redirects.

my $browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,'
    . '*/*;q=0.8';

$r = $t->post('/pay', form => [$t->payment], headers => ["Accept: $browser"]);
is($r->{status}, 303, 'browser: redirect');
like($r->{header}->('Location'), qr{^https://localhost:\d+/pay/},
    'browser: Location');
is($r->{header}->('Cache-Control'), 'no-store', 'browser: Cache-Control');
is($r->{body}, '', 'browser: no body');

for (['*/*', 200], ['application/json', 200], ['text/html', 303],
    ['text/html;q=0.8, application/json', 200],
    ['text/html, application/json;q=0.8', 303], ['text/*', 303])
{
    is($t->post('/pay', form => [$t->payment],
        headers => ["Accept: $_->[0]"])->{status}, $_->[1], "Accept $_->[0]");
}

is($t->post('/on', form => [$t->payment])->{status}, 303,
    'alikassa_redirect on: redirect');
# The client's Accept counts, whatever Accept the location of the call sets.

for my $uri (qw(/logged /passed)) {
    $r = $t->post($uri, form => [$t->payment], headers => ["Accept: $browser"]);
    is($r->{status}, 303, "$uri: to the payment page");
    is($t->post($uri, form => [$t->payment])->{status}, 200, "$uri: JSON");
}

is($t->post('/pay', form => [$t->payment], headers => [
    'Accept: application/json;q=0.5', 'Accept: text/html'])->{status}, 303,
    'two Accept headers, HTML preferred: redirect');
is($t->post('/pay', form => [$t->payment], headers => [
    'Accept: text/html;q=0.5', 'Accept: application/json'])->{status}, 200,
    'two Accept headers, JSON preferred: JSON');

is($t->post('/off', form => [$t->payment], headers => ["Accept: $browser"])
    ->{status}, 200, 'alikassa_redirect off, browser: JSON');

for my $url ('http://plain.example/', 'javascript:alert(1)', '/relative',
    'https://user@host.example/', "https://h.example/\r\nX: y",
    'https:///x', '')
{
    $t->faults({ action => 'url', url => $url, count => 1 });
    $r = $t->post('/on', form => [$t->payment]);
    is($r->{status}, 200,
        "payment URL [$url]: no redirect") or diag($r->{raw});
    is($r->{header}->('X') . $r->{header}->('Location'), '',
        "payment URL [$url]: no Location header");
}

# alikassa_set and alikassa_accept.

$r = $t->post('/set', form => [amount => 999, order_id => 'S-1',
    service => 'qr_code_idr_hpp', customer_code => 'BCAVA',
    customer_ip => '10.1.1.1', customer_first_name => 'Mallory',
    'billing[first_name]' => 'Budi', Last_Name => 'Santoso',
    notification_endpoint_id => 5, notification_endpoint_url => 'https://x/',
    desc => 'theirs']);

is($r->{status}, 200, 'alikassa_set: paid');
is(($t->requests('S-1'))[0]{body}, '{"amount":7,"order_id":"S-1",'
    . '"service":"virtual_account_idr_hpp","customer_ip":"127.0.0.1",'
    . '"customer_code":"BCAVA","customer_first_name":"Budi",'
    . '"customer_last_name":"Santoso","desc":"a\/b"}',
        "alikassa_set: the client's values are not signed");

# The refusal of AliKassa, byte for byte.

$t->faults({ action => 'json_400', count => 1 });
$r = $t->post('/pay', form => [$t->payment(order_id => 'S-2')]);
is($r->{status}, 400, 'refusal of AliKassa: status');
is($r->{body}, '{"message":"Error."}', 'refusal of AliKassa: body');
ok(wait_for(sub { $t->log('vars.log') =~ / 400 rejected e: / }),
    'refusal of AliKassa: access log');

# A refusal that says that the order_id is used: the order exists.

$r = $t->post('/pay', form => [$t->payment(order_id => 'S-1')]);
is($r->{status}, 200, 'order_id that is used: status');
like($r->{body}, qr/^\{"message":"This order exists already.*"S-1"\}$/,
    'order_id that is used: the order exists');

$t->done;
