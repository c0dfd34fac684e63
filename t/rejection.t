#!/usr/bin/env perl

# AliKassa says no, and the order may exist all the same: the status is asked
# before the order is settled and the client is told.

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

# lets the sandbox answer a call that waits for it

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

# a 4xx that names order_id, with a zone and without, payments and payouts

for my $uri (qw(/pay /inline /off /payout /payout-off)) {
    my $zone = $uri !~ /off/;
    my $op   = $uri =~ /payout/ ? 'payout' : 'payment';

    # the order exists

    for my $action (qw(taken_late conflict)) {
        my $id = id();
        $t->faults({ action => $action, call => $op, count => 1 });
        my $r = pay($uri, $id);
        is($r->{status}, 200, "$uri, $action, it exists: status");
        like($r->{body}, qr/^\{"message":"This order exists already, its first answer was lost\.","payment_status":"wait","id":\d+,"order_id":"$id"\}$/,
            "$uri, $action, it exists: the client is told");
        is($r->{header}->('Idempotent-Replayed'), 'true',
            "$uri, $action, it exists: as a replay");
        is(sent($id) . asked($id), '11', "$uri, $action, it exists: calls");
        is(audit($id), $op . ($action eq 'conflict' ? ' 409' : ' 400')
            . " unknown, ${op}_status 200 replayed",
            "$uri, $action, it exists: audit log");
        ok(logged($id, '200 ' . ($zone ? 'UNKNOWN' : '') . ' replayed '),
            "$uri, $action, it exists: variables");

        my $again = pay($uri, $id);
        is($again->{body}, $r->{body}, "$uri, $action, sent again: answer");
        is(sent($id) . asked($id), $zone ? '11' : '22',
            "$uri, $action, sent again: calls");
        next unless $zone;
        is(pay($uri, $id, amount => 7)->{status}, 422,
            "$uri, $action, other data: conflict");
    }

    # it does not

    my $id = id();
    $t->faults({ action => 'taken', count => 1 });
    my $r = pay($uri, $id);
    is($r->{status}, 400, "$uri, it does not exist: status");
    is($r->{body}, $taken, "$uri, it does not exist: AliKassa's own words");
    is(sent($id) . asked($id), '11', "$uri, it does not exist: calls");
    is(audit($id), "$op 400 unknown, ${op}_status 404 rejected",
        "$uri, it does not exist: audit log");
    ok(logged($id, '400 ' . ($zone ? 'UNKNOWN' : '') . ' rejected '),
        "$uri, it does not exist: variables");
    is(pay($uri, $id, amount => 7)->{status}, 200,
        "$uri, it does not exist: free, for other data too");
    is(sent($id) . asked($id), '21', "$uri, then sent without asking");

    # nobody knows

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
                "$uri, $action, status $fault: what to do");
            like(audit($id), qr/^$op 400 unknown, ${op}_status \d+ unknown$/,
                "$uri, $action, status $fault: audit log");
            ok(logged($id, '409 ' . ($zone ? 'UNKNOWN' : '')
                . ' unknown unknown'), "$uri, $action, $fault: variables");
            next unless $zone;

            $r = pay($uri, $id);
            is($r->{status}, 200, "$uri, $action, status $fault: the next");
            is(sent($id) . asked($id), $action eq 'taken' ? '22' : '12',
                "$uri, $action, status $fault: it asks first");
        }
    }

    # a plain no is a no

    for my $action (qw(forbidden json_429)) {
        $id = id();
        $t->faults({ action => $action, count => 1 });
        is(pay($uri, $id)->{status}, $action eq 'forbidden' ? 403 : 429,
            "$uri, $action: AliKassa's own");
        is(sent($id) . asked($id), '10', "$uri, $action: nothing is asked");
        like(audit($id), qr/^$op \d+ rejected$/, "$uri, $action: audit log");
    }

    next unless $zone;

    # after an unknown outcome no 4xx is plain

    for my $action (qw(forbidden json_429 taken)) {
        $id = id();
        $t->faults({ action => 'cut_before', call => $op, count => 1 });
        is(pay($uri, $id)->{status}, 502, "$uri, lost, $action: the first");
        $t->faults({ action => $action, call => $op, count => 1 });
        $r = pay($uri, $id);
        is($r->{status}, { forbidden => 403, json_429 => 429,
            taken => 400 }->{$action}, "$uri, lost, $action: AliKassa's own");
        is(sent($id) . asked($id), '22', "$uri, lost, $action: asked twice");
        is(audit($id), "$op 0 unknown, $op $r->{status} unknown, "
            . "${op}_status 404 rejected", "$uri, lost, $action: audit log");
        is(pay($uri, $id, amount => 7)->{status}, 200,
            "$uri, lost, $action: then free");
        is(sent($id) . asked($id), '32', "$uri, lost, $action: and sent");
    }

    for my $action (qw(json_400 taken_late)) {
        $id = id();
        $t->faults({ action => 'cut_before', call => $op, count => 1 });
        is(pay($uri, $id)->{status}, 502, "$uri, lost, late, $action: first");
        $t->faults({ action => $action, call => $op, count => 1 });
        like(pay($uri, $id)->{body}, qr/exists already/,
            "$uri, lost, late, $action: it exists");
        is(sent($id) . asked($id), '22', "$uri, lost, late, $action: calls");
        like(pay($uri, $id)->{body}, qr/exists already/,
            "$uri, lost, late, $action: and so for ever");
        is(sent($id) . asked($id), '22', "$uri, lost, late, $action: stored");
    }
}

$t->faults;

# AliKassa refuses a used order_id: a payment of before, here without a zone

my $id = id();
is(pay('/off', $id)->{status}, 200, 'a payment that the zone does not know');
like(pay('/pay', $id)->{body}, qr/exists already/, 'with a zone: it exists');
is($t->post('/pay', form('/pay', $id))->{header}->('Idempotent-Replayed'),
    'true', 'with a zone: kept');

# a browser: a hook

$id = id();
$t->faults({ action => 'taken_late', call => 'payment', count => 1 });
is(pay('/browser', $id)->{body}, "exists $id replayed", 'a browser: error_page');

# no order_id, no order to ask for

$t->faults({ action => 'taken', count => 1 });
is($t->post('/unchecked-off', form => [amount => 5])->{body}, $taken,
    'unchecked, without order_id: AliKassa\'s own');
$id = 'x' x 200;
$t->faults({ action => 'taken', count => 1 });
is(pay('/unchecked', $id)->{body}, $taken,
    'unchecked, an order_id beyond the limit: asked for, AliKassa\'s own');
is(asked($id), 1, 'unchecked, an order_id beyond the limit: asked');

# others meanwhile: they wait for the status, too

for my $exists (1, 0) {
    $id = id();
    unlink "$d/go";
    $t->faults({ action => $exists ? 'taken_late' : 'taken', count => 1,
            call => 'payment' },
        { action => 'none', until => "$d/go", call => 'payment_status' });
    my $first = $t->send_request('/pay', method => 'POST', form('/pay', $id));
    ok(wait_for(sub { asked($id) }), "exists $exists: the status is asked");
    my @s = map { $t->send_request('/pay', method => 'POST',
        form('/pay', $id)) } 1 .. 3;
    is($t->post('/now', form('/pay', $id))->{status}, 409,
        "exists $exists: who does not wait");
    is(pay('/pay', $id, amount => 7)->{status}, 422,
        "exists $exists: other data");
    ok(wait_for(sub { $t->unread == 0 }), "exists $exists: who waits");
    go();
    is(join(' ', map { read_response($_)->{status} } @s), '200 200 200',
        "exists $exists: who waited");
    is(read_response($first)->{status}, $exists ? 200 : 400,
        "exists $exists: the first");
    is(sent($id), $exists ? 1 : 2, "exists $exists: sent");
    is(asked($id), 1, "exists $exists: asked once");
}

# the client goes while the payment is made: it is asked all the same

for my $uri (qw(/pay /off)) {
    $id = id();
    unlink "$d/go";
    $t->faults({ action => 'taken_late', call => 'payment', count => 1,
        until => "$d/go" });
    my $s = $t->send_request($uri, method => 'POST', form($uri, $id));
    ok(wait_for(sub { sent($id) }), "$uri, gone: in flight");
    close $s;
    go();
    ok(wait_for(sub { asked($id) }), "$uri, gone: asked all the same");
    ok(wait_for(sub { audit($id)
        eq 'payment 400 unknown, payment_status 200 replayed' }),
        "$uri, gone: audit log") or diag(audit($id));
}

# over HTTP/2 a reset ends the request for nginx: never free, never "rejected"

for my $uri (qw(/pay /off)) {
    $id = id();
    unlink "$d/go";
    $t->faults({ action => 'taken_late', call => 'payment', count => 1,
        until => "$d/go" });
    my ($s, $client) = $t->h2_client($uri, form($uri, $id));
    ok(wait_for(sub { sent($id) }), "$uri, reset: in flight");
    syswrite $s, $client->{con}->frame_encode(RST_STREAM, 0, 1, CANCEL);
    ok(wait_for(sub { $t->unread == 0 }), "$uri, reset: nginx knows");
    go();
    ok(wait_for(sub { audit($id) =~ /^payment 400 unknown/ }),
        "$uri, reset: audit log") or diag(audit($id));
    next if $uri eq '/off';
    like(pay($uri, $id)->{body}, qr/exists already/, "$uri, reset: it is known");
    is(sent($id), 1, "$uri, reset: once");
    close $s;
}

# the status call cannot be signed: it stays unknown

$id = id();
unlink "$d/go";
$t->faults({ action => 'taken_late', call => 'payment', count => 1,
    until => "$d/go" });
my $s = $t->send_request('/pay', method => 'POST', form('/pay', $id));
ok(wait_for(sub { sent($id) }), 'no signature: in flight');
$t->fail_signing;
go();
my $r = read_response($s);
is("$r->{status} $r->{json}{outcome}", '500 unknown', 'no signature: unknown');
$t->release;
is(audit($id), 'payment 400 unknown, payment_status 0 unknown',
    'no signature: audit log');
like(pay('/pay', $id)->{body}, qr/exists already/, 'no signature: the next one');
is(sent($id), 1, 'no signature: once');

# a worker dies while it asks, or may not wait for the answer

for my $how (qw(KILL shutdown)) {
    $id = id();

    if ($how eq 'shutdown') {
        $t->conf($conf =~ s/^events/worker_shutdown_timeout 500ms;\nevents/mr);
        $t->reload;
    }

    $t->faults({ action => 'taken_late', call => 'payment', count => 1 },
        { action => 'hang', call => 'payment_status', count => 1 });
    $s = $t->send_request('/pay', method => 'POST', form('/pay', $id));
    ok(wait_for(sub { asked($id) }), "$how: the status is asked");

    if ($how eq 'KILL') {
        my @old = $t->workers;
        kill 'KILL', @old;
        $t->expect_dead(2);
        ok(wait_for(sub { 2 == grep { my $p = $_; !grep { $p == $_ } @old }
            $t->workers }), "$how: its worker dies");
        is(audit($id), 'payment 400 unknown', "$how: audit log");

    } else {
        $t->reload;
        ok(wait_for(sub { audit($id)
            eq 'payment 400 unknown, payment_status 0 unknown' }),
            "$how: audit log") or diag(audit($id));
    }

    like(pay('/pay', $id)->{body}, qr/exists already/, "$how: the next asks");
    is(sent($id), 1, "$how: once");
}

is(scalar(grep { $_->{created} > 1 } $t->ledger), 0, 'no order twice');

$t->done;
