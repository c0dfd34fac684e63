#!/usr/bin/env perl

# AliKassa refuses a call, although the order may exist: the module queries the
# status before it settles the order and answers the client.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(read_response wait_for);
use Test::Build qw(need_modules);
use Test::More;

BEGIN { need_modules('Protocol::HTTP2') }
use Protocol::HTTP2::Constants qw(:frame_types :errors);

my $t = Test::Alikassa->new(workers => 2, sign => 1)->sandbox;

my $conf = <<'EOC';
%%GLOBALS%%
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

        location = /pay     { alikassa_payment; }
        location = /inline  { alikassa_payment; alikassa_thread_pool off; }
        location = /now     { alikassa_payment; alikassa_idempotency orders wait=0; }
        location = /off     { alikassa_payment; alikassa_idempotency off; }
        location = /unchecked {
            alikassa_payment;
            alikassa_validate off;
        }
        location = /unchecked-off {
            alikassa_payment;
            alikassa_validate off;
            alikassa_idempotency off;
        }
        location = /browser {
            alikassa_payment;
            alikassa_redirect on;
            error_page 409 = /there;
        }
        location = /there {
            return 200 "$alikassa_error $alikassa_order_id $alikassa_outcome";
        }
        location = /payout  {
            %%PAYOUT%%
        }
        location = /payout-off {
            %%PAYOUT%%
            alikassa_idempotency off;
        }
        %%API%%
    }
}
EOC

$t->conf($conf)->run;

my $n = 0;
my $d = $t->dir;

# Lets the sandbox answer a call that it holds.

sub go { $t->write('go', '') }

sub id { return 'R-' . ++$n }

sub form ($uri, $id, %more) {
    return (form => [$uri =~ /payout/ ? $t->payout(order_id => $id, %more)
        : $t->payment(order_id => $id, %more)]);
}

sub pay ($uri, $id, %more) { return $t->post($uri, form($uri, $id, %more)) }

sub sent ($id) { return $t->orders_sent($id) }

sub asked ($id) { return $t->status_queries($id) }

sub audit ($id) { return $t->audit_text($id) }

sub logged ($id, $line) {
    return wait_for(sub { $t->log('vars.log') =~ /^\Q$id $line\E$/m })
        || diag($t->log('vars.log') =~ /^(\Q$id\E .*)$/mg);
}

my $taken = '{"message":"The given data was invalid.","errors":{"amount":["."],'
    . '"order_id":["The order id has already been taken."]}}';

# A 4xx response that names order_id, with a zone and without, for payments and
# payouts.

for my $uri (qw(/pay /inline /off /payout /payout-off)) {
    my $zone = $uri !~ /off/;
    my $op   = $uri =~ /payout/ ? 'payout' : 'payment';

    # The order exists.

    for my $action (qw(taken_late conflict)) {
        my $id = id();
        $t->faults({ action => $action, call => $op, count => 1 });
        my $r = pay($uri, $id);
        is($r->{status}, 200, "$uri, $action, the order exists: status");
        like($r->{body}, qr/^\{"message":"This order exists already, its first answer was lost\.","payment_status":"wait","id":\d+,"order_id":"$id"\}$/,
            "$uri, $action, the order exists: body of the response");
        is($r->{header}->('Idempotent-Replayed'), 'true',
            "$uri, $action, the order exists: marked as a replay");
        is(sent($id) . asked($id), '11',
            "$uri, $action, the order exists: one POST, one status query");
        is(audit($id), $op . ($action eq 'conflict' ? ' 409' : ' 400')
            . " unknown, ${op}_status 200 replayed",
            "$uri, $action, the order exists: audit log");
        ok(logged($id, '200 ' . ($zone ? 'UNKNOWN' : '') . ' replayed '),
            "$uri, $action, the order exists: variables");

        my $again = pay($uri, $id);
        is($again->{body}, $r->{body},
            "$uri, $action, the order exists, repeated: the same body");
        is(sent($id) . asked($id), $zone ? '11' : '22',
            "$uri, $action, the order exists, repeated: number of calls");
        next unless $zone;
        is(pay($uri, $id, amount => 7)->{status}, 422,
            "$uri, $action, the order exists, other data: 422");
    }

    # The order does not exist.

    my $id = id();
    $t->faults({ action => 'taken', count => 1 });
    my $r = pay($uri, $id);
    is($r->{status}, 400, "$uri, no such order: status");
    is($r->{body}, $taken, "$uri, no such order: body of AliKassa");
    is(sent($id) . asked($id), '11',
        "$uri, no such order: one POST, one status query");
    is(audit($id), "$op 400 unknown, ${op}_status 404 rejected",
        "$uri, no such order: audit log");
    ok(logged($id, '400 ' . ($zone ? 'UNKNOWN' : '') . ' rejected '),
        "$uri, no such order: variables");
    is(pay($uri, $id, amount => 7)->{status}, 200,
        "$uri, no such order: the order is free, for other data too");
    is(sent($id) . asked($id), '21',
        "$uri, no such order, retried: one more POST, no status query");

    # The status query fails, so the outcome is unknown.

    for my $fault (qw(html_502 json_500 forbidden cut_after broken_json
        no_id))
    {
        for my $action ($fault eq 'no_id' ? 'taken_late'
            : qw(taken taken_late))
        {
            $id = id();
            $t->faults({ action => $action, call => $op, count => 1 },
                { action => $fault, call => "${op}_status", count => 1 });
            $r = pay($uri, $id);
            is($r->{status}, 409, "$uri, $action, status $fault: status");
            is($r->{header}->('Retry-After'), 10,
                "$uri, $action, status $fault: Retry-After");
            is($r->{json}{outcome}, 'unknown',
                "$uri, $action, status $fault: outcome");
            is($r->{json}{order_id}, $id,
                "$uri, $action, status $fault: order_id");
            like($r->{json}{message}, $zone ? qr/Make the same request again/
                : qr/Ask for the status/,
                "$uri, $action, status $fault: message says what to do");
            like(audit($id), qr/^$op 400 unknown, ${op}_status \d+ unknown$/,
                "$uri, $action, status $fault: audit log");
            ok(logged($id, '409 ' . ($zone ? 'UNKNOWN' : '')
                . ' unknown unknown'),
                "$uri, $action, status $fault: variables");
            next unless $zone;

            $r = pay($uri, $id);
            is($r->{status}, 200,
                "$uri, $action, status $fault, retried: status");
            is(sent($id) . asked($id), $action eq 'taken' ? '22' : '12',
                "$uri, $action, status $fault, retried: status query first");
        }
    }

    # A refusal that does not name order_id is definite.

    for my $action (qw(forbidden json_429)) {
        $id = id();
        $t->faults({ action => $action, count => 1 });
        is(pay($uri, $id)->{status}, $action eq 'forbidden' ? 403 : 429,
            "$uri, definite $action: status");
        is(sent($id) . asked($id), '10',
            "$uri, definite $action: no status query");
        like(audit($id), qr/^$op \d+ rejected$/,
            "$uri, definite $action: audit log");
    }

    next unless $zone;

    # After an unknown outcome no 4xx response is definite.

    for my $action (qw(forbidden json_429 taken)) {
        $id = id();
        $t->faults({ action => 'cut_before', call => $op, count => 1 });
        is(pay($uri, $id)->{status}, 502, "$uri, lost, then $action: 502");
        $t->faults({ action => $action, call => $op, count => 1 });
        $r = pay($uri, $id);
        is($r->{status}, { forbidden => 403, json_429 => 429,
            taken => 400 }->{$action}, "$uri, lost, then $action: status");
        is(sent($id) . asked($id), '22',
            "$uri, lost, then $action: two POSTs, two status queries");
        is(audit($id), "$op 0 unknown, $op $r->{status} unknown, "
            . "${op}_status 404 rejected",
            "$uri, lost, then $action: audit log");
        is(pay($uri, $id, amount => 7)->{status}, 200,
            "$uri, lost, then $action: the order is free");
        is(sent($id) . asked($id), '32',
            "$uri, lost, then $action: retried without a status query");
    }

    for my $action (qw(json_400 taken_late)) {
        $id = id();
        $t->faults({ action => 'cut_before', call => $op, count => 1 });
        is(pay($uri, $id)->{status}, 502,
            "$uri, lost, then created, $action: lost response");
        $t->faults({ action => $action, call => $op, count => 1 });
        like(pay($uri, $id)->{body}, qr/exists already/,
            "$uri, lost, then created, $action: the order exists");
        is(sent($id) . asked($id), '22',
            "$uri, lost, then created, $action: number of calls");
        like(pay($uri, $id)->{body}, qr/exists already/,
            "$uri, lost, then created, $action, repeated: the order exists");
        is(sent($id) . asked($id), '22',
            "$uri, lost, then created, $action, repeated: no more calls");
    }
}

$t->faults;

# AliKassa refuses a used order_id: a payment that was made without the zone.

my $id = id();
is(pay('/off', $id)->{status}, 200, 'order made without the zone: paid');
like(pay('/pay', $id)->{body}, qr/exists already/,
    'order made without the zone, retried with it: the order exists');
is($t->post('/pay', form('/pay', $id))->{header}->('Idempotent-Replayed'),
    'true', 'order made without the zone, repeated with it: a replay');

# A browser: error_page makes the response.

$id = id();
$t->faults({ action => 'taken_late', call => 'payment', count => 1 });
is(pay('/browser', $id)->{body}, "exists $id replayed",
    'browser, the order exists: error_page');

# Without an order_id there is no order whose status could be queried.

$t->faults({ action => 'taken', count => 1 });
is($t->post('/unchecked-off', form => [amount => 5])->{body}, $taken,
    'validate off, no order_id: body of AliKassa');
$id = 'x' x 200;
$t->faults({ action => 'taken', count => 1 });
is(pay('/unchecked', $id)->{body}, $taken,
    'validate off, order_id beyond the limit: body of AliKassa');
is(asked($id), 1, 'validate off, order_id beyond the limit: one status query');

# Other requests for the order also wait for the status.

for my $exists (1, 0) {
    $id = id();
    unlink "$d/go";
    $t->faults({ action => $exists ? 'taken_late' : 'taken', count => 1,
            call => 'payment' },
        { action => 'none', until => "$d/go", call => 'payment_status' });
    my $first = $t->send_request('/pay', method => 'POST', form('/pay', $id));
    ok(wait_for(sub { asked($id) }),
        "others wait, exists $exists: the status query is sent");
    my @s = map { $t->send_request('/pay', method => 'POST',
        form('/pay', $id)) } 1 .. 3;
    is($t->post('/now', form('/pay', $id))->{status}, 409,
        "others wait, exists $exists: 409 with wait=0");
    is(pay('/pay', $id, amount => 7)->{status}, 422,
        "others wait, exists $exists: 422 for other data");
    ok(wait_for(sub { $t->unread == 0 }),
        "others wait, exists $exists: nginx has read all requests");
    go();
    is(join(' ', map { read_response($_)->{status} } @s), '200 200 200',
        "others wait, exists $exists: status of those that waited");
    is(read_response($first)->{status}, $exists ? 200 : 400,
        "others wait, exists $exists: status of the first");
    is(sent($id), $exists ? 1 : 2,
        "others wait, exists $exists: number of POSTs");
    is(asked($id), 1, "others wait, exists $exists: one status query");
}

# The client leaves while the payment is made: the module still queries the
# status.

for my $uri (qw(/pay /off)) {
    $id = id();
    unlink "$d/go";
    $t->faults({ action => 'taken_late', call => 'payment', count => 1,
        until => "$d/go" });
    my $s = $t->send_request($uri, method => 'POST', form($uri, $id));
    ok(wait_for(sub { sent($id) }),
        "$uri, client left: the payment is in flight");
    close $s;
    go();
    ok(wait_for(sub { asked($id) }),
        "$uri, client left: the status query is sent");
    ok(wait_for(sub { audit($id)
        eq 'payment 400 unknown, payment_status 200 replayed' }),
        "$uri, client left: audit log") or diag(audit($id));
}

# Over HTTP/2 nginx ends a request whose stream is reset: the order must not
# become free or "rejected".

for my $uri (qw(/pay /off)) {
    $id = id();
    unlink "$d/go";
    $t->faults({ action => 'taken_late', call => 'payment', count => 1,
        until => "$d/go" });
    my ($s, $client) = $t->h2_client($uri, form($uri, $id));
    ok(wait_for(sub { sent($id) }),
        "$uri, HTTP/2 reset: the payment is in flight");
    syswrite $s, $client->{con}->frame_encode(RST_STREAM, 0, 1, CANCEL);
    ok(wait_for(sub { $t->unread == 0 }),
        "$uri, HTTP/2 reset: nginx has read it");
    go();
    ok(wait_for(sub { audit($id) =~ /^payment 400 unknown/ }),
        "$uri, HTTP/2 reset: audit log") or diag(audit($id));
    next if $uri eq '/off';
    like(pay($uri, $id)->{body}, qr/exists already/,
        "$uri, HTTP/2 reset, retried: the order exists");
    is(sent($id), 1, "$uri, HTTP/2 reset: one POST");
    close $s;
}

# The status query cannot be signed: the outcome stays unknown.

$id = id();
unlink "$d/go";
$t->faults({ action => 'taken_late', call => 'payment', count => 1,
    until => "$d/go" });
my $s = $t->send_request('/pay', method => 'POST', form('/pay', $id));
ok(wait_for(sub { sent($id) }),
    'status query not signed: the payment is in flight');
$t->fail_signing;
go();
my $r = read_response($s);
is("$r->{status} $r->{json}{outcome}", '500 unknown',
    'status query not signed: the outcome is unknown');
$t->release;
is(audit($id), 'payment 400 unknown, payment_status 0 unknown',
    'status query not signed: audit log');
like(pay('/pay', $id)->{body}, qr/exists already/,
    'status query not signed, retried: the order exists');
is(sent($id), 1, 'status query not signed: one POST');

# A worker dies during a status query, or worker_shutdown_timeout ends the
# query.

for my $how (qw(KILL shutdown)) {
    $id = id();

    if ($how eq 'shutdown') {
        $t->conf($conf =~ s/^events/worker_shutdown_timeout 500ms;\nevents/mr);
        $t->reload;
    }

    $t->faults({ action => 'taken_late', call => 'payment', count => 1 },
        { action => 'hang', call => 'payment_status', count => 1 });
    $s = $t->send_request('/pay', method => 'POST', form('/pay', $id));
    ok(wait_for(sub { asked($id) }),
        "$how during a status query: the query is sent");

    if ($how eq 'KILL') {
        my @old = $t->workers;
        kill 'KILL', @old;
        $t->expect_dead(2);
        ok(wait_for(sub { 2 == grep { my $p = $_; !grep { $p == $_ } @old }
            $t->workers }), "$how during a status query: new workers");
        is(audit($id), 'payment 400 unknown',
            "$how during a status query: audit log");

    } else {
        $t->reload;
        ok(wait_for(sub { audit($id)
            eq 'payment 400 unknown, payment_status 0 unknown' }),
            "$how during a status query: audit log") or diag(audit($id));
    }

    like(pay('/pay', $id)->{body}, qr/exists already/,
        "$how during a status query, retried: the order exists");
    is(sent($id), 1, "$how during a status query: one POST");
}

is(scalar(grep { $_->{created} > 1 } $t->ledger), 0,
    'no order is created twice');

$t->done;
