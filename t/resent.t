#!/usr/bin/env perl

# An order whose outcome was unknown is sent again after AliKassa's status said
# that there is none.  If that call never leaves, the order is unknown still:
# the call before may make it yet.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(read_response wait_for);
use Test::Build qw(need_modules);
use Test::Helpers qw($TOP);
use Test::More;
use Test::Peer qw(accept_call listener reply);

BEGIN { need_modules('Protocol::HTTP2') }
use Protocol::HTTP2::Constants qw(:frame_types :errors);

my $t = Test::Alikassa->new(sign => 1, patient => 1,
    preload => "$TOP/build/preload/no_memory.so")->sandbox;

# AliKassa, played by hand: the test decides when it takes a connection

my $listen = listener();
my $port   = $listen->sockport;

$t->conf(<<'EOC' =~ s/RAW/$port/gr)->run;
%%GLOBALS%%
thread_pool small threads=1 max_queue=1;
events { }
http {
    %%HTTP%%
    %%ORDER_LOG%%
    %%MERCHANT%%
    alikassa_idempotency_zone orders 1m;
    alikassa_idempotency orders;

    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_1%% http2;

        location = /pay    { alikassa_payment; alikassa_api /raw; }
        location = /inline {
            alikassa_payment;
            alikassa_api /raw;
            alikassa_thread_pool off;
        }
        location = /small {
            alikassa_payment;
            alikassa_api /raw;
            alikassa_thread_pool small;
        }
        location /raw/ {
            internal;
            include %%API_CONF%%;
            proxy_pass http://127.0.0.1:RAW/;
        }
    }

    # what is allocated for a request is in no block that it has already

    server {
        listen 127.0.0.1:%%PORT_2%%;
        request_pool_size 256;

        location = /poor   { alikassa_payment; alikassa_api /raw; }
        location = /poorer {
            alikassa_payment;
            alikassa_api /raw;
            alikassa_thread_pool off;
        }
        location /raw/ {
            internal;
            include %%API_CONF%%;
            proxy_pass http://127.0.0.1:RAW/;
        }
    }
}
EOC

my $n = 0;

sub form ($id) { return (form => [$t->payment(order_id => $id)]) }

sub start ($uri, $id) {
    return $t->send_request($uri, method => 'POST', form($id),
        $uri =~ /poor/ ? (port => $t->port(2)) : ());
}

sub answer ($s) { return read_response($s) }

# AliKassa's side of a call: its connection and its path

sub call () {
    my ($c, $path) = accept_call($listen);
    return ($c, $c ? $path =~ s{^/}{}r : 'none');
}

sub audit ($id) { return $t->audit_text($id) }

# an order whose first call is cut: it may exist

sub lose ($uri) {
    my $id = 'S-' . ++$n;
    my $s  = start($uri, $id);
    my ($c) = call();

    close $c;
    is(answer($s)->{status}, 502, "$uri, $id: the first call is lost");
    return $id;
}

# a no that names nothing: the status is asked, since one was sent before

sub doubted ($name, $uri, $id) {
    my $s = start($uri, $id);
    my ($c, $path) = call();
    is($path, 'v1/payment/status', "$name: the next request asks first");
    reply($c, 404, '{"message":"Not found."}');

    ($c, $path) = call();
    is($path, 'v1/payment', "$name: and sends");
    reply($c, 400, '{"message":"Error."}');

    ($c, $path) = call();
    is($path, 'v1/payment/status', "$name: a no is doubted");
    reply($c, 200, '{"id":5,"payment_status":"wait"}');
    like(answer($s)->{body}, qr/exists already/, "$name: it exists");
}

for my $uri (qw(/pay /inline)) {

    # no connection

    my $id = lose($uri);
    my $s  = start($uri, $id);
    my ($c, $path) = call();
    is($path, 'v1/payment/status', "$uri, no connection: asked");

    close $listen;
    reply($c, 404, '{"message":"Not found."}');
    my $r = answer($s);
    $listen = listener($port);

    is("$r->{status} $r->{json}{outcome}", '502 unknown',
        "$uri, no connection: unknown");
    like($r->{json}{message}, qr/sent before and may exist/,
        "$uri, no connection: the client is told");
    is(audit($id), 'payment 0 unknown, payment 0 unknown',
        "$uri, no connection: audit log");
    ok(wait_for(sub { $t->log('vars.log')
        =~ /^\Q$id\E 502 UNKNOWN unknown unreachable$/m }),
        "$uri, no connection: variables");
    doubted("$uri, no connection", $uri, $id);

    # no signature: made in a thread, where the test can let it fail

    if ($uri eq '/pay') {
        $id = lose($uri);
        $s  = start($uri, $id);
        ($c, $path) = call();
        $t->fail_signing;
        reply($c, 404, '{"message":"Not found."}');
        $r = answer($s);
        $t->release;

        is("$r->{status} $r->{json}{outcome}", '500 unknown',
            "$uri, no signature: unknown");
        like($r->{json}{message}, qr/sent before and may exist/,
            "$uri, no signature: the client is told");
        is(audit($id), 'payment 0 unknown, payment 0 unknown',
            "$uri, no signature: audit log");
        doubted("$uri, no signature", $uri, $id);
    }

    # over HTTP/2 the client goes: nginx ends the request

    $id = lose($uri);
    my ($h2, $client) = $t->h2_client($uri, form($id));
    ($c, $path) = call();
    is($path, 'v1/payment/status', "$uri, reset: asked");
    syswrite $h2, $client->{con}->frame_encode(RST_STREAM, 0, 1, CANCEL);
    ok(wait_for(sub { $t->unread == 0 }), "$uri, reset: nginx knows");
    reply($c, 404, '{"message":"Not found."}');
    ok(wait_for(sub { $t->log('vars.log') =~ /^\Q$id\E \d+ UNKNOWN unknown/m }),
        "$uri, reset: variables");
    close $h2;
    doubted("$uri, reset", $uri, $id);
}

# the queue of the thread pool is full, for the call and for the question

{
    my $uri = '/small';
    my $id  = lose($uri);
    my $s   = start($uri, $id);
    my ($c, $path) = call();
    is($path, 'v1/payment/status', 'a full queue: asked');

    $t->hold;
    my @others = start($uri, 'S-signs');
    ok($t->begun(1), 'a full queue: one signs');
    push @others, start($uri, 'S-waits');
    ok(wait_for(sub { $t->unread == 0 }), 'a full queue: one waits');

    for my $what ('sent again', 'asked for') {
        if ($what eq 'sent again') {
            reply($c, 404, '{"message":"Not found."}');
        } else {
            $s = start($uri, $id);
        }

        my $r = answer($s);
        is("$r->{status} $r->{json}{outcome}", '503 unknown',
            "a full queue, $what: unknown");
        is($r->{json}{order_id}, $id, "a full queue, $what: which order");
        like($r->{json}{message}, qr/sent before and may exist/,
            "a full queue, $what: the client is told");
        ok($r->{header}->('Retry-After'), "a full queue, $what: Retry-After");
    }

    is(audit($id), 'payment 0 unknown, payment 0 unknown',
        'a full queue: audit log');
    ok(wait_for(sub { 2 == (() = $t->log('vars.log')
        =~ /^\Q$id\E 503 UNKNOWN unknown busy$/mg) }),
        'a full queue: variables');

    # an order that nobody has sent is safe to send again

    my $r = answer(start($uri, 'S-new'));
    is("$r->{status} $r->{json}{outcome}", '503 unsent',
        'a full queue: a new order');

    $t->release;

    for (@others) {
        ($c, $path) = call();
        is($path, 'v1/payment', 'a full queue: the others');
        reply($c, 200, '{"url":"https://pay.example/1","id":1,'
            . '"payment_status":"wait"}');
    }

    is(answer($_)->{status}, 200, 'a full queue: their answers') for @others;
    doubted('a full queue', $uri, $id);
}

# no memory for the signature, or for the call

for ([qw(/poor ngx_thread_task_alloc)], [qw(/poorer ngx_thread_task_alloc)],
    [qw(/poor ngx_http_subrequest)], [qw(/poorer ngx_http_subrequest)])
{
    my ($uri, $function) = @$_;
    my $name = "$uri, no memory in $function";
    my $id   = lose($uri);
    my $s    = start($uri, $id);
    my ($c, $path) = call();
    is($path, 'v1/payment/status', "$name: asked");

    $t->write('no_memory', $function);
    reply($c, 404, '{"message":"Not found."}');
    my $r = answer($s);
    is("$r->{status} $r->{json}{outcome}", '500 unknown', "$name: unknown");
    like($r->{json}{message}, qr/sent before and may exist/,
        "$name: the client is told");

    $r = answer(start($uri, $id));
    is("$r->{status} $r->{json}{outcome}", '500 unknown',
        "$name: nor can it be asked for");
    $r = answer(start($uri, "$id-new"));
    is($r->{status}, 500, "$name: a new order");
    like($r->{json}{message}, qr/Nothing was sent/, "$name: was not sent");
    ok(wait_for(sub { $t->log('vars.log') =~ /^\Q$id\E-new 500 MISS unsent/m }),
        "$name: variables of a new order");
    unlink "$t->{dir}/no_memory";

    is(audit($id), 'payment 0 unknown, payment 0 unknown', "$name: audit log");
    doubted($name, $uri, $id);
}

$t->allow_alert(qr/malloc\(\d+\) failed/);

# the path is wrong: that AliKassa has no such order counts for nothing

{
    my $id = lose('/pay');
    my $s  = start('/pay', $id);
    my @paths;

    for (1 .. 3) {
        my ($c, $path) = call();
        push @paths, $path;
        reply($c, 404, '{"message":"The route could not be found."}');
    }

    my $r = answer($s);
    is(join(' ', @paths), 'v1/payment/status v1/payment v1/payment/status',
        'a wrong path: calls');
    is("$r->{status} $r->{json}{outcome}", '409 unknown',
        'a wrong path: unknown');
    is(audit($id), 'payment 0 unknown, payment 404 unknown, '
        . 'payment_status 404 unknown',
        'a wrong path: audit log');
    doubted('a wrong path', '/pay', $id);
}

# the status of another order

{
    my $id = lose('/pay');
    my $s  = start('/pay', $id);
    my ($c) = call();
    reply($c, 200, '{"id":5,"order_id":"OTHER","payment_status":"paid"}');
    my $r = answer($s);
    is("$r->{status} $r->{json}{outcome}", '409 unknown',
        'the status of another: unknown');
    unlike($r->{raw}, qr/OTHER|paid/, 'the status of another: not told');
    like($t->log, qr/\[error\] .* the status of another order/,
        'the status of another: error log');
    doubted('the status of another', '/pay', $id);
}

# nginx is stopped while it signs anew

my $id = lose('/pay');
my $s  = start('/pay', $id);
my ($c) = call();
$t->hold;
reply($c, 404, '{"message":"Not found."}');
ok($t->begun(1), 'stopped: it signs');
$t->signal('TERM');

# threads end what they have before the worker goes

ok(wait_for(sub { $t->log =~ /: exiting$/m }), 'stopped: its worker ends');
$t->release;
ok(wait_for(sub { audit($id) eq 'payment 0 unknown, payment 0 unknown' }),
    'stopped: audit log') or diag(audit($id));

$t->done;
