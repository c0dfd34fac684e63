#!/usr/bin/env perl

# Headers of AliKassa's responses: many headers, Retry-After, and the error log
# line for a response that refuses the caller.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(wait_for);
use Test::More;

my $t = Test::Alikassa->new->sandbox;

$t->conf(<<'EOC' =~ s/API_PORT/$t->{api}/gr)->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    %%CREDENTIALS%%
    alikassa_idempotency_zone orders 1m;

    server {
        listen 127.0.0.1:%%PORT_0%%;
        location = /pay    { alikassa_payment; }
        location = /zone   { alikassa_payment; alikassa_idempotency orders; }
        location = /plain  { alikassa_payment; alikassa_api /plain; }
        location = /direct { alikassa_payment; alikassa_api /direct; }
        location = /hidden { alikassa_payment; alikassa_api /hidden; }
        location = /status { alikassa_payment_status; }
        location = /key    { alikassa_payment; alikassa_key %%KEYS%%/other/payment; }
        location = /digest { alikassa_payment; alikassa_digest sha256; }
        location = /account {
            alikassa_payment;
            alikassa_account 00000000-0000-4000-8000-000000000000;
        }
        location = /path   { allow 127.0.0.1; deny all; alikassa_request /v1/nothing; }
        %%API%%
        location /plain/  {
            internal;
            proxy_http_version 1.1;
            proxy_pass https://127.0.0.1:API_PORT/;
        }
        location /direct/ {
            internal;
            proxy_buffering off;
            proxy_buffer_size 1k;
            proxy_http_version 1.1;
            proxy_pass https://127.0.0.1:API_PORT/;
        }
        location /hidden/ {
            internal;
            proxy_hide_header Retry-After;
            proxy_http_version 1.1;
            proxy_pass https://127.0.0.1:API_PORT/;
        }
    }
}
EOC

my $n = 0;

sub id { return 'H-' . ++$n }

sub pay ($uri, $id = id()) {
    return $t->post($uri, form => [$t->payment(order_id => $id)]);
}

# Large headers, with docs/alikassa-api.conf and without.

for my $uri (qw(/pay /plain /direct)) {
    for my $size (5, 14) {
        $t->faults({ action => 'none', headers => $size, count => 1 });
        is(pay($uri)->{status}, 200, "$uri, $size kB of headers: status");
        $t->faults({ action => 'huge', size => 60_000, headers => $size,
            count => 1 });
        is(length pay($uri)->{body}, 60_015,
            "$uri, $size kB of headers and a large body: length");
    }

    $t->faults({ action => 'none', headers => 30, count => 1 });
    my $r = pay($uri);
    is("$r->{status} $r->{json}{outcome}", '502 unknown',
        "$uri, headers beyond the limit: the outcome is unknown");
}

my $id = id();
$t->faults({ action => 'cut_after', call => 'payment', count => 1 },
    { action => 'none', call => 'payment_status', headers => 14 });
is(pay('/zone', $id)->{status}, 502,
    'status query with large headers: the first response is lost');
like(pay('/zone', $id)->{body}, qr/exists already/,
    'status query with large headers: the order exists');
is($t->get("/status?order_id=$id")->{status}, 200,
    'status location, 14 kB of headers: status');

# Retry-After

my $date = 'Sun, 06 Nov 2044 08:49:37 GMT';

for (['json_429', 429, '120', '120'], ['json_503', 503, $date, $date],
    ['html_503', 502, '7', '7'], ['json_429', 429, '0', '0'],
    ['json_429', 429, undef, ''], ['json_429', 429, 'soon', ''],
    ['json_429', 429, '-1', ''], ['json_429', 429, '1.5', ''],
    ['json_429', 429, "1\t2", ''], ['json_429', 429, '1' x 50, ''],
    ['forbidden', 403, '120', ''], ['json_500', 500, '120', ''],
    ['none', 200, '120', ''],

    # Control characters and bytes that are not ASCII, also in values of which
    # nginx parses the rest as a date.

    ['json_429', 429, "12\x01", ''], ['json_429', 429, "\x7f12", ''],
    (map { ['json_503', 503, $date =~ s/Sun/Su$_/r, ''],
        ['json_503', 503, $date =~ s/GMT/${_}MT/r, ''] }
        "\x01", "\x08", "\x1b", "\x1f", "\x7f", "\t", "\xe9"))
{
    my ($action, $status, $sent, $got) = @$_;

    for my $uri (qw(/pay /hidden)) {
        $t->faults({ action => $action, retry_after => $sent, count => 1 });
        my $r    = pay($uri);
        my $what = "$uri, $action, Retry-After " . (($sent // 'none')
            =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ger);
        is($r->{status}, $status, "$what: status");
        is($r->{header}->('Retry-After'), $got, "$what: Retry-After");
        is(scalar(() = $r->{raw} =~ /^Retry-After:/mgi), $got eq '' ? 0 : 1,
            "$what: number of Retry-After headers");
        unlike($r->{raw}, qr/[^\r\n -~]/, "$what: no control character in the response");
    }
}

$t->faults({ action => 'json_503', retry_after => '33', count => 1 });
is($t->get("/status?order_id=$id")->{header}->('Retry-After'), '33',
    'status location: Retry-After');

# Retry-After is that of the status query, if its response has one, otherwise
# the module's own.

for my $sent ('44', undef) {
    my $query = 'Retry-After of a status query, ' . ($sent // 'none');

    $id = id();
    $t->faults({ action => 'cut_after', call => 'payment', count => 1 },
        { action => 'json_429', call => 'payment_status', count => 1,
            retry_after => $sent });
    is(pay('/zone', $id)->{status}, 502,
        "$query: lost response");
    my $r = pay('/zone', $id);
    is("$r->{status} " . $r->{header}->('Retry-After'), '409 ' . ($sent // 10),
        'Retry-After of a status query that fails: ' . ($sent // 'none'));
    $r = pay('/zone', $id);
    is("$r->{status} " . $r->{header}->('Retry-After'), '200 ',
        "$query: no header after it succeeds");
    is(pay('/zone', $id)->{header}->('Retry-After'), '',
        "$query: no header in a replay");
}

# AliKassa refuses the caller, not the request.

$t->faults;

# Checks that $n lines were logged since the last call.  Returns the last one.

my $seen = 0;

sub lines ($op, $n) {
    my @all = $t->log =~ /^(.*\[error\] .*refused a call of .*)$/mg;
    my @new = splice @all, $seen;
    $seen += @new;
    is(scalar(grep { /"alikassa_$op"/ } @new), $n,
        "$op refused: number of error log lines");
    return $new[-1] // '';
}

lines('payment', 2);        # of "forbidden" above

my $public = "$t->{box}/other/payment/public.pem";
my $fingerprint = `openssl pkey -pubin -in $public -outform DER | sha256sum`;
$fingerprint =~ s/\s.*//s;

is(pay('/key')->{status}, 403, 'wrong key: refused');
like(lines('payment', 1), qr{status 403, check the account "\Q$t->{account}\E", .*"alikassa_key [^"]*other/payment".*\(SHA-256 $fingerprint\), "alikassa_digest sha1", .*"/alikassa-api/v1/payment"},
    'wrong key: the error log says what to check');

$id = id();
$t->faults({ action => 'unauthorized', call => 'payment', count => 1 });
my $r = pay('/zone', $id);
is("$r->{status} $r->{body}", '401 {"message":"Error."}',
    'status 401 of a payment: the client gets it');
like(lines('payment', 1), qr{status 401, check the account "\Q$t->{account}\E", .*/payment".*\(SHA-256 \w{64}\), "alikassa_digest sha1", .*"/alikassa-api/v1/payment"},
    'status 401 of a payment: the error log says what to check');
is(pay('/zone', $id)->{status}, 200,
    'status 401 of a payment: the order is free');
is(scalar(grep { $_->{call} =~ /status/ } $t->requests($id)), 0,
    'status 401 of a payment: no status query');
$t->faults({ action => 'unauthorized', call => 'payment_status', count => 1 });
is($t->get("/status?order_id=$id")->{status}, 401,
    'status 401 of a status query: the client gets it');
like(lines('payment_status', 1), qr/status 401/,
    'status 401 of a status query: error log');

is(pay('/digest')->{status}, 403, 'wrong digest: refused');
like(lines('payment', 1), qr/"alikassa_digest sha256"/,
    'wrong digest: the error log names the digest');
is(pay('/account')->{status}, 403, 'wrong account: refused');
like(lines('payment', 1), qr/"00000000-0000-4000-8000-000000000000"/,
    'wrong account: the error log names the account');
is($t->post('/path', json => '{}')->{status}, 404, 'wrong path: 404');
like(lines('request', 1), qr{status 404, .*/v1/nothing},
    'wrong path: the error log names the path');
is($t->get('/status?order_id=none')->{status}, 404,
    'status of an unknown order: 404');
is(lines('payment_status', 0), '',
    'status of an unknown order: no line in the error log');
$t->faults({ action => 'forbidden', call => 'payment_status', count => 1 });
is($t->get('/status?order_id=none')->{status}, 403,
    'refused status query: status');
like(lines('payment_status', 1), qr/status 403/,
    'refused status query: error log');

$t->done;
