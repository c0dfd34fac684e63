#!/usr/bin/env perl

# An order whose outcome was unknown is sent again after AliKassa's response to
# the status query said that there is no such order.  If the second call is
# never sent, the outcome is still unknown: the first call may yet create the
# order.

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

# The test plays AliKassa itself and decides when it accepts a connection.

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

    # With so small a pool, each allocation for a request needs a new block.

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

# Returns AliKassa's side of a call: the connection and the path.

sub call () {
    my ($c, $path) = accept_call($listen);
    return ($c, $c ? $path =~ s{^/}{}r : 'none');
}

sub audit ($id) { return $t->audit_text($id) }

# Starts an order and cuts its first call, so that the order may exist.

sub lose ($uri) {
    my $id = 'S-' . ++$n;
    my $s  = start($uri, $id);
    my ($c) = call();

    close $c;
    is(answer($s)->{status}, 502,
        "$uri, $id: 502 for a first call that is cut");
    return $id;
}

# Checks that the order still counts as possibly existing: AliKassa refuses it
# without naming a field, and the module queries the status, since a call was
# sent before.

sub doubted ($name, $uri, $id) {
    my $s = start($uri, $id);
    my ($c, $path) = call();
    is($path, 'v1/payment/status',
        "$name, retried: a status query comes first");
    reply($c, 404, '{"message":"Not found."}');

    ($c, $path) = call();
    is($path, 'v1/payment', "$name, retried: then the payment is sent");
    reply($c, 400, '{"message":"Error."}');

    ($c, $path) = call();
    is($path, 'v1/payment/status',
        "$name, retried and refused: a second status query");
    reply($c, 200, '{"id":5,"payment_status":"wait"}');
    like(answer($s)->{body}, qr/exists already/,
        "$name, retried and refused: the order exists");
}

for my $uri (qw(/pay /inline)) {

    # The second call gets no connection.

    my $id = lose($uri);
    my $s  = start($uri, $id);
    my ($c, $path) = call();
    is($path, 'v1/payment/status', "$uri, no connection: a status query");

    close $listen;
    reply($c, 404, '{"message":"Not found."}');
    my $r = answer($s);
    $listen = listener($port);

    is("$r->{status} $r->{json}{outcome}", '502 unknown',
        "$uri, no connection: the outcome is unknown");
    like($r->{json}{message}, qr/sent before and may exist/,
        "$uri, no connection: message says that the order may exist");
    is(audit($id), 'payment 0 unknown, payment 0 unknown',
        "$uri, no connection: audit log");
    ok(wait_for(sub { $t->log('vars.log')
        =~ /^\Q$id\E 502 UNKNOWN unknown unreachable$/m }),
        "$uri, no connection: variables");
    doubted("$uri, no connection", $uri, $id);

    # The second call gets no signature.  A thread makes it, where the test can
    # let it fail.

    if ($uri eq '/pay') {
        $id = lose($uri);
        $s  = start($uri, $id);
        ($c, $path) = call();
        $t->fail_signing;
        reply($c, 404, '{"message":"Not found."}');
        $r = answer($s);
        $t->release;

        is("$r->{status} $r->{json}{outcome}", '500 unknown',
            "$uri, no signature: the outcome is unknown");
        like($r->{json}{message}, qr/sent before and may exist/,
            "$uri, no signature: message says that the order may exist");
        is(audit($id), 'payment 0 unknown, payment 0 unknown',
            "$uri, no signature: audit log");
        doubted("$uri, no signature", $uri, $id);
    }

    # An HTTP/2 client leaves: nginx ends the request.

    $id = lose($uri);
    my ($h2, $client) = $t->h2_client($uri, form($id));
    ($c, $path) = call();
    is($path, 'v1/payment/status', "$uri, HTTP/2 reset: a status query");
    syswrite $h2, $client->{con}->frame_encode(RST_STREAM, 0, 1, CANCEL);
    ok(wait_for(sub { $t->unread == 0 }),
        "$uri, HTTP/2 reset: nginx has read it");
    reply($c, 404, '{"message":"Not found."}');
    ok(wait_for(sub { $t->log('vars.log') =~ /^\Q$id\E \d+ UNKNOWN unknown/m }),
        "$uri, HTTP/2 reset: variables");
    close $h2;
    doubted("$uri, HTTP/2 reset", $uri, $id);
}

# The queue of the thread pool is full, for the call and for the status query.

{
    my $uri = '/small';
    my $id  = lose($uri);
    my $s   = start($uri, $id);
    my ($c, $path) = call();
    is($path, 'v1/payment/status', 'full queue: a status query');

    $t->hold;
    my @others = start($uri, 'S-signs');
    ok($t->begun(1), 'full queue: one signature is being made');
    push @others, start($uri, 'S-waits');
    ok(wait_for(sub { $t->unread == 0 }),
        'full queue: nginx has read the second');

    for my $what ('sent again', 'asked for') {
        if ($what eq 'sent again') {
            reply($c, 404, '{"message":"Not found."}');
        } else {
            $s = start($uri, $id);
        }

        my $r = answer($s);
        is("$r->{status} $r->{json}{outcome}", '503 unknown',
            "full queue, $what: the outcome is unknown");
        is($r->{json}{order_id}, $id, "full queue, $what: order_id");
        like($r->{json}{message}, qr/sent before and may exist/,
            "full queue, $what: message says that the order may exist");
        ok($r->{header}->('Retry-After'), "full queue, $what: Retry-After");
    }

    is(audit($id), 'payment 0 unknown, payment 0 unknown',
        'full queue: audit log');
    ok(wait_for(sub { 2 == (() = $t->log('vars.log')
        =~ /^\Q$id\E 503 UNKNOWN unknown busy$/mg) }),
        'full queue: variables');

    # A new order was never sent, so that the client can safely repeat it.

    my $r = answer(start($uri, 'S-new'));
    is("$r->{status} $r->{json}{outcome}", '503 unsent',
        'full queue: a new order is unsent');

    $t->release;

    for (@others) {
        ($c, $path) = call();
        is($path, 'v1/payment', 'full queue, released: a held payment is sent');
        reply($c, 200, '{"url":"https://pay.example/1","id":1,'
            . '"payment_status":"wait"}');
    }

    is(answer($_)->{status}, 200, 'full queue, released: a held order is paid')
        for @others;
    doubted('full queue', $uri, $id);
}

# There is no memory for the signature, or for the call.

for ([qw(/poor ngx_thread_task_alloc)], [qw(/poorer ngx_thread_task_alloc)],
    [qw(/poor ngx_http_subrequest)], [qw(/poorer ngx_http_subrequest)])
{
    my ($uri, $function) = @$_;
    my $name = "$uri, no memory in $function";
    my $id   = lose($uri);
    my $s    = start($uri, $id);
    my ($c, $path) = call();
    is($path, 'v1/payment/status', "$name: a status query");

    $t->write('no_memory', $function);
    reply($c, 404, '{"message":"Not found."}');
    my $r = answer($s);
    is("$r->{status} $r->{json}{outcome}", '500 unknown',
        "$name: the outcome is unknown");
    like($r->{json}{message}, qr/sent before and may exist/,
        "$name: message says that the order may exist");

    $r = answer(start($uri, $id));
    is("$r->{status} $r->{json}{outcome}", '500 unknown',
        "$name, status query too: the outcome is unknown");
    $r = answer(start($uri, "$id-new"));
    is($r->{status}, 500, "$name, a new order: status");
    like($r->{json}{message}, qr/Nothing was sent/,
        "$name, a new order: message says that nothing was sent");
    ok(wait_for(sub { $t->log('vars.log') =~ /^\Q$id\E-new 500 MISS unsent/m }),
        "$name, a new order: variables");
    unlink "$t->{dir}/no_memory";

    is(audit($id), 'payment 0 unknown, payment 0 unknown', "$name: audit log");
    doubted($name, $uri, $id);
}

$t->allow_alert(qr/malloc\(\d+\) failed/);

# The path is wrong: a 404 response then does not mean that there is no such
# order.

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
        'wrong path: paths of the calls');
    is("$r->{status} $r->{json}{outcome}", '409 unknown',
        'wrong path: the outcome is unknown');
    is(audit($id), 'payment 0 unknown, payment 404 unknown, '
        . 'payment_status 404 unknown',
        'wrong path: audit log');
    doubted('wrong path', '/pay', $id);
}

# AliKassa's response has the status of another order.

{
    my $id = lose('/pay');
    my $s  = start('/pay', $id);
    my ($c) = call();
    reply($c, 200, '{"id":5,"order_id":"OTHER","payment_status":"paid"}');
    my $r = answer($s);
    is("$r->{status} $r->{json}{outcome}", '409 unknown',
        'status of another order: the outcome is unknown');
    unlike($r->{raw}, qr/OTHER|paid/,
        'status of another order: not in the response');
    like($t->log, qr/\[error\] .* the status of another order/,
        'status of another order: error log');
    doubted('status of another order', '/pay', $id);
}

# nginx is stopped while a thread signs the second call.

my $id = lose('/pay');
my $s  = start('/pay', $id);
my ($c) = call();
$t->hold;
reply($c, 404, '{"message":"Not found."}');
ok($t->begun(1), 'TERM while signing again: the signature is being made');
$t->signal('TERM');

# The threads end their tasks before the worker exits.

ok(wait_for(sub { $t->log =~ /: exiting$/m }),
    'TERM while signing again: the worker exits');
$t->release;
ok(wait_for(sub { audit($id) eq 'payment 0 unknown, payment 0 unknown' }),
    'TERM while signing again: audit log') or diag(audit($id));

$t->done;
