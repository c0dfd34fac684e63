#!/usr/bin/env perl

# One order, one payment: each state of an order, as a client sees it.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use IO::Select;
use Test::Alikassa qw(form_encode read_all read_response wait_for $LIMIT);
use Test::Http2;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Test::Alikassa->new(workers => 2, sign => 1)->sandbox;

# for calls that AliKassa never answers

$t->api_conf('hasty.conf', read_timeout => '1s');

my $conf = <<'EOC';
%%GLOBALS%%
SHUTDOWN
events { }
http {
    %%HTTP%%
    %%ORDER_LOG%%
    %%MERCHANT%%
    alikassa_idempotency_zone orders ZONE timeout=TIMEOUT;
    alikassa_idempotency orders wait=LIMITs;

    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_1%% http2;

        location = /pay     { alikassa_payment; }
        location = /inline  { alikassa_payment; alikassa_thread_pool off; }
        location = /hasty   { alikassa_payment; alikassa_api /hasty; }
        location = /browser { alikassa_payment; alikassa_redirect on; }
        location = /short   { alikassa_payment; alikassa_idempotency orders wait=300ms; }
        location = /now     { alikassa_payment; alikassa_idempotency orders wait=0; }
        location = /off     { alikassa_payment; alikassa_idempotency off; }
        location = /refused { alikassa_payment; alikassa_api /refused; }
        location = /exists  {
            alikassa_payment;
            alikassa_redirect on;
            error_page 409 = /there;
        }
        location = /there {
            return 200 "$alikassa_error $alikassa_order_id $alikassa_id $alikassa_payment_status $alikassa_outcome";
        }
        location = /payout  {
            %%PAYOUT%%
        }
        location = /other {
            alikassa_account %%OTHER%%;
            alikassa_key %%KEYS%%/other/payment;
            alikassa_payment;
        }
        location = /status { alikassa_payment_status; }
        location = /post-action {
            alikassa_payment;
            alikassa_thread_pool off;
            post_action /after;
        }
        location = /after {
            proxy_pass http://127.0.0.1:%%PORT_9%%;
            proxy_read_timeout LIMITs;
        }

        location /refused/ {
            internal;
            proxy_pass https://127.0.0.1:%%PORT_8%%/;
        }
        location /hasty/ {
            internal;
            include %%DIR%%/hasty.conf;
            proxy_pass https://%%SANDBOX%%/;
            proxy_ssl_name localhost;
        }
        %%API%%
    }
}
EOC

sub configure ($zone, $timeout, $more = '') {
    $t->conf($conf =~ s/ZONE/$zone/r =~ s/TIMEOUT/$timeout/r
        =~ s/SHUTDOWN/$more/r =~ s/LIMIT/$LIMIT/gr);
}

configure('1m', '1h');
$t->run;

my $n = 0;

sub id        { return 'I-' . ++$n }
sub form ($id, %more) { return (form => [$t->payment(order_id => $id, %more)]) }
sub pay ($id, %more)  { return $t->post('/pay', form($id, %more)) }
sub payments ($id) {
    return scalar grep { $_->{call} eq 'payment' } $t->requests($id);
}
sub asked ($id) { return $t->status_queries($id) }
sub replayed ($r) { return $r->{header}->('Idempotent-Replayed') }

# Waits for $n lines of an order in the access log, which several workers write.

sub verdicts ($id, $n = 1) {
    my @v;
    wait_for(sub {
        @v = $t->log('vars.log') =~ /^\Q$id\E (\S.*)$/mg;
        @v >= $n;
    });
    return @v;
}

sub verdict ($id, $want) {
    my $re = ref $want ? $want : qr/^\Q$want\E$/;
    return wait_for(sub { grep { $_ =~ $re } verdicts($id) });
}

# starts a payment, which is sent if it is the first one

sub start ($uri, $id) {
    return $t->send_request($uri, method => 'POST', form($id));
}

sub answer ($s) { return read_response($s) }

# of these orders, whose requests are these, the ones that a call is out for
# since AliKassa had $from calls; the others have their answers

sub out_for ($call, $from, $ids, $s) {
    my (@calls, %out);

    wait_for(sub {
        push @calls, @{ $t->control('/requests?since=' . ($from + @calls)) };
        %out = map { $_->{order_id} => 1 } grep { $_->{call} eq $call }
            @calls;
        !grep { !$out{ $ids->[$_] } && !IO::Select->new($s->[$_])->can_read(0) }
            0 .. $#$ids;
    }) or return;

    return grep { $out{$_} } @$ids;
}

sub audit ($id) { return $t->audit($id) }

# first, then the same after success: without a connection

for my $uri (qw(/pay /inline)) {
    my $id    = id();
    my $first = $t->post($uri, form($id));
    is($first->{status}, 200, "$uri, first: status");
    is(replayed($first), '', "$uri, first: no replay");

    my @f = $t->payment(order_id => $id);

    for (['form', $t->post($uri, form => \@f)],
        ['JSON', $t->post($uri, json => $t->json(@f))],
        ['multipart', $t->post($uri, multipart => \@f)],
        ['HTTP/1.0', $t->post($uri, form => \@f, http => '1.0')])
    {
        my ($name, $r) = @$_;
        is($r->{status}, 200, "$uri, again, $name: status");
        is($r->{body}, $first->{body}, "$uri, again, $name: the same body");
        is(replayed($r), 'true', "$uri, again, $name: a replay");
    }

    my $r = $t->h2($uri, form => \@f);
    is("$r->{status} $r->{body}", "200 $first->{body}",
        "$uri, again, HTTP/2: the same response");
    is(payments($id), 1, "$uri, again: one POST");
    is(asked($id), 0, "$uri, again: no status query");
    is(join(', ', sort(verdicts($id, 6))), join(', ',
        ('200 HIT replayed ') x 5, '200 MISS accepted '),
        "$uri, again: \$alikassa_idempotency");
    is(scalar audit($id), 1, "$uri, again: one line in the audit log");

    # a browser is redirected again

    $r = $t->post($uri, form => \@f, headers => ['Accept: text/html']);
    is($r->{status}, 303, "$uri, again, browser: redirect");
    is($r->{header}->('Location'), $first->{json}{url},
        "$uri, again, browser: to the same page");

    # other data

    $r = $t->post($uri, form($id, amount => 7));
    is($r->{status}, 422, "$uri, other data: status");
    is($r->{json}{message}, 'This order_id was used with other data.',
        "$uri, other data: message");
    is(payments($id), 1, "$uri, other data: one POST");
    ok(verdict($id, '422 CONFLICT invalid conflict'),
        "$uri, other data: CONFLICT");
    is($t->post($uri, form($id, amount => '150000.5'))->{status}, 200,
        "$uri, the same amount in another spelling: a replay");
}

# orders of another account, operation or zone are others

my $id = id();
is(pay($id)->{status}, 200, 'order_id of several orders: a payment');
is($t->post('/other', form($id))->{status}, 200,
    'order_id of several orders: another account');
is($t->post('/payout', form => [$t->payout(order_id => $id)])->{status}, 200,
    'order_id of several orders: a payout');
is(replayed($t->post('/payout', form => [$t->payout(order_id => $id)])),
    'true', 'order_id of several orders: the payout is replayed');
like($t->post('/off', form($id))->{body}, qr/exists already/,
    'order_id of several orders, no zone: the order exists');

# while in flight: it waits, and gets the same

for my $uri (qw(/pay /inline)) {
    for my $held (0, 1) {
        my $id = id();
        $t->faults($held ? $t->held_response(order_id => $id) : ());
        my @s = map { start($uri, $id) } 1 .. 10;

        if ($held) {
            ok(wait_for(sub { payments($id) && $t->unread == 0 }),
                "$uri, ten at once: nine wait");
            $t->respond;
        }

        my @r = map { answer($_) } @s;
        is(join(' ', map { $_->{status} } @r), join(' ', (200) x 10),
            "$uri, ten at once: status");
        is(scalar(keys %{ { map { $_->{body} => 1 } @r } }), 1,
            "$uri, ten at once: one body");
        is(payments($id), 1, "$uri, ten at once: one POST");
        is(scalar(grep { replayed($_) } @r), 9,
            "$uri, ten at once: nine replays");
        ok(verdict($id, qr/WAIT/), "$uri, ten at once: WAIT") if $held;
    }
}

$id = id();
$t->faults($t->held_response(order_id => $id));
my $s = start('/pay', $id);
ok(wait_for(sub { payments($id) }), 'wait ends: the first is in flight');
my @r = $t->parallel([map { [$_, method => 'POST', form($id)] }
    qw(/short /now)]);
is(join(' ', map { $_->{status} } @r), '409 409', 'wait ends: status');
is($_->{header}->('Retry-After'), 5, 'wait ends: Retry-After') for @r;
is($r[0]{json}{order_id}, $id, 'wait ends: order_id');
$t->respond;
is(answer($s)->{status}, 200, 'wait ends: the first is paid');
$id = id();
$t->faults($t->held_response(order_id => $id));
$s = start('/pay', $id);
ok(wait_for(sub { payments($id) }),
    'other data while in flight: the first is in flight');
is(pay($id, amount => 5)->{status}, 422,
    'other data while in flight: status');
$t->respond;
answer($s);

# After a definite refusal the order is free.

$id = id();
is(pay($id, customer_first_name => ' ')->{status}, 400,
    'invalid request: refused');
is(pay($id)->{status}, 200, 'invalid request: the order is free');

for my $action (qw(forbidden json_429)) {
    $id = id();
    $t->faults({ action => $action, count => 1 });
    is(pay($id)->{status}, $action eq 'forbidden' ? 403 : 429,
        "refusal by $action: status");
    is(pay($id, amount => 5)->{status}, 200,
        "refusal by $action: the order is free, for other data too");
    is(asked($id), 0, "refusal by $action: no status query");
}

$id = id();
is($t->post('/refused', form($id))->{status}, 502, 'unsent: status');
is(pay($id)->{status}, 200, 'unsent: the order is free');
is(asked($id), 0, 'unsent: no status query');

# Requests that wait for an order that is refused send it one after the other.

$id = id();
$t->faults($t->held_response(action => 'forbidden', count => 1));
@r = map { start('/pay', $id) } 1 .. 4;
ok(wait_for(sub { payments($id) && $t->unread == 0 }),
    'four at once, the first is refused: three wait');
$t->respond;
@r = map { answer($_) } @r;
is(join(' ', sort map { $_->{status} } @r), '200 200 200 403',
    'four at once, the first is refused: status');
is(payments($id), 2, 'four at once, the first is refused: two POSTs');

# After an unknown outcome the module queries the status.

for my $action (qw(cut_after reset_after half chunks garbage empty html_500
    html_502 json_500 hang timeout_408 broken_json array gzip))
{
    my $exists = $action ne 'hang';

    for my $uri (qw(/pay)) {
        my $id = id();
        $t->faults({ action => $action, call => 'payment', count => 1 });
        my $s = start($exists ? $uri : '/hasty', $id);

        # nginx may give up before AliKassa reads what was sent

        ok(wait_for(sub { payments($id) }), "$action: AliKassa has the POST");
        my $r = answer($s);
        isnt($r->{status}, 200, "$action: the first response is lost");
        is((audit($id))[0]{outcome}, 'unknown',
            "$action: outcome in the audit log");

        # Without a status from AliKassa nothing is sent.

        for my $why (qw(html_502 json_500 no_id forbidden cut_after)) {

            # A response "no such order" has no id that could be missing.

            next if $why eq 'no_id' && !$exists;

            $t->faults({ action => $why, call => 'payment_status',
                count => 1 });
            $r = $t->post($uri, form($id));
            is($r->{status}, 409, "$action, status query $why: status");
            is($r->{header}->('Retry-After'), 10,
                "$action, status query $why: Retry-After");
            is($r->{json}{outcome}, 'unknown',
                "$action, status query $why: the outcome is unknown");
        }

        is($t->post($uri, form($id, amount => 5))->{status}, 422,
            "$action, other data: status");
        is(payments($id), 1, "$action: one POST before a status");
        $t->faults;

        $r = $t->post($uri, form($id));
        is($r->{status}, 200, "$action, then a status query: status");

        if ($exists) {
            is(payments($id), 1, "$action, the order exists: one POST");
            like($r->{body}, qr/^\{"message":"This order exists already, its first answer was lost\.","payment_status":"wait","id":\d+,"order_id":"$id"\}$/,
                "$action, the order exists: body");
            is(replayed($r), 'true', "$action, the order exists: a replay");
            ok(verdict($id, '200 UNKNOWN replayed '),
                "$action, the order exists: \$alikassa_idempotency");
            is((audit($id))[-1]{outcome}, 'replayed',
                "$action, the order exists: outcome in the audit log");

        } else {
            is(payments($id), 2, "$action, no such order: a second POST");
            like($r->{body}, qr/"url":/, "$action, no such order: body");
        }

        my $asked = asked($id);
        is($t->post($uri, form($id))->{body}, $r->{body},
            "$action, repeated afterwards: the same body");
        is(asked($id), $asked, "$action, repeated afterwards: no status query");
    }
}

# For a browser there is no payment page to redirect to: error_page can be used.

for my $uri (qw(/browser /exists)) {
    $id = id();
    $t->faults({ action => 'cut_after', call => 'payment', count => 1 });
    is($t->post('/pay', form($id))->{status}, 502,
        "$uri, unknown order: the first response is lost");
    my $r = $t->post($uri, form($id));

    if ($uri eq '/browser') {
        is($r->{status}, 409, 'browser, the order exists: status');
        is($r->{json}{payment_status}, 'wait',
            'browser, the order exists: payment_status');

    } else {
        like($r->{body}, qr/^exists $id \d+ wait replayed$/,
            'browser, the order exists: error_page');
    }
}

# Many requests at once for an order with an unknown outcome: one queries the
# status, the others wait.

$id = id();
$t->faults({ action => 'cut_before', call => 'payment', count => 1 });
is(pay($id)->{status}, 502,
    'eight at once after a cut: the first response is lost');
$t->faults($t->held_response);
@r = map { start('/pay', $id) } 1 .. 8;
ok(wait_for(sub { asked($id) && $t->unread == 0 }),
    'eight at once after a cut: seven wait for a status query');
$t->respond;
@r = map { answer($_) } @r;
is(join(' ', map { $_->{status} } @r), join(' ', (200) x 8),
    'eight at once after a cut: status');
is(asked($id), 1, 'eight at once after a cut: one status query');
is(payments($id), 2, 'eight at once after a cut: one more POST');
is(scalar(keys %{ { map { $_->{body} => 1 } @r } }), 1,
    'eight at once after a cut: one body');
$t->faults;

# The payer leaves: the zone keeps the response for the next request.

for my $how (qw(HTTP/1.1 HTTP/2)) {
    $id = id();
    $t->faults($t->held_response(order_id => $id));
    my $gone = $how eq 'HTTP/2' ? $t->send_h2('/pay', form($id))
        : start('/pay', $id);
    ok(wait_for(sub { payments($id) }), "$how, client left: in flight");
    close $gone;

    my $s = start('/pay', $id);
    ok(wait_for(sub { $t->unread == 0 }), "$how, client left: the next waits");
    $t->respond;
    my $r = answer($s);
    is($r->{status}, 200, "$how, client left: the next gets 200");
    is(replayed($r), 'true', "$how, client left: the next gets a replay");
    is(payments($id), 1, "$how, client left: one POST");
}

# A waiting client leaves: nothing is sent for it, whatever the outcome of the
# first request.

for my $end (qw(accepted unsent)) {
    $id = id();
    $t->hold;
    $s = start('/pay', $id);
    ok($t->begun(1), "waiting clients leave, $end: one signs");
    my @gone = map { $t->send_request('/pay', method => 'POST', form($id)) }
        1 .. 3;
    push @gone, $t->send_h2('/pay', form($id));
    ok(wait_for(sub { $t->unread == 0 }),
        "waiting clients leave, $end: four wait");
    close $_ for @gone;
    is(join(' ', map { /^(\S+ \S+)/ } verdicts($id, 4)),
        join(' ', ('499 WAIT') x 4), "waiting clients leave, $end: access log");
    $t->fail_signing if $end eq 'unsent';
    $t->release('hold');
    like(read_all($s),
        $end eq 'unsent' ? qr/^HTTP\/1.1 500 / : qr/^HTTP\/1.1 200 /,
        "waiting clients leave, $end: response of the first");
    $t->release;
    is(payments($id), $end eq 'unsent' ? 0 : 1,
        "waiting clients leave, $end: number of POSTs");
    is(join(' ', map { $_->{outcome} } audit($id)), $end,
        "waiting clients leave, $end: audit log");
    is(pay($id)->{status}, 200,
        "waiting clients leave, $end: the next request is paid");
}

# With post_action the request of a client that left goes on: it gets its turn
# and is not cut.

my $silent = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1',
    LocalPort => $t->port(9)) or die;

$id = id();
$t->hold;
$s = start('/pay', $id);
ok($t->begun(1), 'post_action of a waiting client: one signs');
$t->faults($t->held_response(order_id => $id));
my $gone = start('/post-action', $id);
ok(wait_for(sub { $t->unread == 0 }),
    'post_action of a waiting client: one waits');
close $gone;
$t->fail_signing;
$t->release('hold');
like(read_all($s), qr/^HTTP\/1.1 500 /,
    'post_action of a waiting client: the first is unsent');
$t->release;
ok(wait_for(sub { payments($id) }),
    'post_action of a waiting client: its request has its turn');
$t->respond;
ok(wait_for(sub { audit($id) == 2 }),
    'post_action of a waiting client: its request goes on');
is(join(' ', map { $_->{outcome} } audit($id)), 'unsent accepted',
    'post_action of a waiting client: audit log');
is(payments($id), 1, 'post_action of a waiting client: one POST');
ok(IO::Select->new($silent)->can_read($LIMIT),
    'post_action of a waiting client: then post_action begins');
close $_ for $silent->accept, $silent;

# The HTTP/2 stream of such a request is reset: nginx does not watch it, and the
# claim finds the lost connection.

$silent = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1',
    LocalPort => $t->port(9)) or die;

$id = id();
$t->faults($t->held_response(order_id => $id));
$s = start('/pay', $id);
ok(wait_for(sub { payments($id) }), 'post_action of a reset stream: in flight');
my $h2 = Test::Http2->new(port => $t->port(1));
my $stream = $h2->send('POST', '/post-action',
    type => 'application/x-www-form-urlencoded',
    body => form_encode($t->payment(order_id => $id)));
ok($h2->ping, 'post_action of a reset stream: one waits');
$h2->cancel($stream);
ok($h2->ping, 'post_action of a reset stream: reset');
ok(IO::Select->new($silent)->can_read($LIMIT),
    'post_action of a reset stream: then post_action begins');
close $_ for $silent->accept, $silent;
like((verdicts($id, 1))[0], qr/^\S+ WAIT/,
    'post_action of a reset stream: access log');
$t->respond;
is(answer($s)->{status}, 200, 'post_action of a reset stream: the first');

# A worker dies while a payment is in flight.

$id = id();
$t->faults($t->held_response(order_id => $id, call => 'payment',
    delay_when => 'after'));
$s = start('/pay', $id);
ok(wait_for(sub { payments($id) }), 'killed worker: the payment is in flight');
my @old = $t->workers;
kill 'KILL', @old;
$t->expect_dead(2);
ok(wait_for(sub { 2 == grep { my $p = $_; !grep { $p == $_ } @old }
    $t->workers }), 'killed worker: new workers');
my $r = pay($id);
is($r->{status}, 200, 'killed worker: the next gets 200');
like($r->{body}, qr/exists already/, 'killed worker: the order exists');
is(payments($id), 1, 'killed worker: one POST');
$t->faults;

# A reload keeps the zone, and the old worker ends the payments in flight.

$id = id();
pay($id);
my $flying = id();
$t->faults($t->held_response(order_id => $flying));
$s = start('/pay', $flying);
ok(wait_for(sub { payments($flying) }), 'reload: the payment is in flight');
$t->reload;
is(replayed(pay($id)), 'true', 'reload: a paid order is replayed');
my $next = start('/pay', $flying);
ok(wait_for(sub { $t->unread == 0 }), 'reload: nginx has the next request');
$t->respond;
$r = answer($next);
is($r->{status}, 200, 'reload: a request in a new worker waits');
is(replayed($r), 'true', 'reload: a request in a new worker gets a replay');
like(read_all($s), qr/^HTTP\/1.1 200/,
    'reload: the first gets its response');
is(payments($flying), 1, 'reload: one POST');
$t->faults;

# worker_shutdown_timeout cuts a request of an old worker: the outcome is
# unknown, and the next request queries the status.

$id = id();
$t->faults($t->held_response(order_id => $id, call => 'payment',
    delay_when => 'after'));
configure('1m', '1h', 'worker_shutdown_timeout 1s;');
$t->reload;
$s = start('/pay', $id);
ok(wait_for(sub { payments($id) }),
    'worker_shutdown_timeout: the payment is in flight');
$t->reload;
ok(wait_for(sub { audit($id) }), 'worker_shutdown_timeout: audit log');
is((audit($id))[0]{outcome}, 'unknown',
    'worker_shutdown_timeout: outcome in the audit log');
$t->respond;
$t->faults;
$r = pay($id);
like($r->{body}, qr/exists already/,
    'worker_shutdown_timeout: the next request finds that the order exists');
is(payments($id), 1, 'worker_shutdown_timeout: one POST');

# An order expires: the zone does not drop it before the next request.

configure('1m', '1h');
$t->reload;
$id = id();
is(pay($id)->{status}, 200, 'expiry: the order is paid');
is(replayed(pay($id)), 'true', 'expiry: replayed before expiry');
configure('1m', '1s');
$t->reload;
sleep 1.3;
like(pay($id)->{body}, qr/exists already/,
    'expiry: retried after expiry, the order exists');
is(payments($id) . asked($id), '21',
    'expiry: retried after expiry, a second POST and a status query');

# A zone of another size is another zone, as with limit_req_zone.

configure('2m', '1h');
$t->reload;
like(pay($id)->{body}, qr/exists already/,
    'zone of another size: the order exists');
is(payments($id) . asked($id), '32', 'zone of another size: it starts empty');

# A full zone drops finished orders, the oldest first.

configure('32k', '1h');
$t->reload;

my @ids = map { id() } 1 .. 120;
is(pay($_)->{status}, 200, "full zone, order $_: paid") for @ids;
is(replayed(pay($ids[-1])), 'true', 'full zone: the newest order is replayed');
like(pay($ids[0])->{body}, qr/exists already/,
    'full zone: the oldest order exists');
is(payments($ids[0]) . asked($ids[0]), '21',
    'full zone: the oldest order is forgotten');
like($t->log, qr/\[warn\] .*idempotency zone "orders" is full/,
    'full zone: error log');

# If no finished order is left, the zone drops the oldest unknown one.  From
# then on the module queries the status of each order that is not in the zone
# before it sends it.

$t->faults({ action => 'cut_after', call => 'payment', count => 1 },
    { action => 'cut_before', call => 'payment' });

my @unknown = map { id() } 1 .. 400;
my %status;
$status{ pay($_)->{status} }++ for @unknown;
is(join(' ', %status), '502 400', 'zone full of unknown orders: no 503');

my @said = $t->log
    =~ /\[warn\] (\d+)#.*zone "orders" is full of orders that may exist/g;
cmp_ok(scalar @said, '>', 0, 'zone full of unknown orders: error log');
cmp_ok(scalar @said, '<=', 2,
    'zone full of unknown orders: one warning for each worker');

$t->faults;
is(pay($unknown[-1], amount => 5)->{status}, 422,
    'zone full of unknown orders: the newest is known');
like(pay($unknown[0])->{body}, qr/exists already/,
    'zone full of unknown orders: the oldest exists');
is(payments($unknown[0]) . asked($unknown[0]), '11',
    'zone full of unknown orders: the oldest is not sent again');
is(pay($unknown[1])->{status}, 200,
    'zone full of unknown orders, forgotten and not created: paid');
is(payments($unknown[1]) . asked($unknown[1]), '21',
    'zone full of unknown orders, forgotten and not created: two POSTs');

sub new_one ($want, $name) {
    my $id = id();
    is(pay($id)->{status}, 200, "$name: a new order is paid");
    is(payments($id) . asked($id), $want,
        "$name: POSTs and status queries of a new order");
}

new_one('11', 'zone that dropped an unknown order');
configure('32k', '1s');
$t->reload;
sleep 1.3;
new_one('11', 'zone that dropped an unknown order, reload and expiry');

# The zone does not drop orders whose status is being queried: then the response
# is 503, and nothing is sent.

$t->faults({ action => 'cut_before', call => 'payment' });
my @asked = map { id() } 1 .. 100;
pay($_) for @asked;
$t->faults({ action => 'none', until => "$t->{dir}/go",
    call => 'payment_status' });
my $from = $t->requests;
my @asks = map { start('/pay', $_) } @asked;
cmp_ok(scalar out_for('payment_status', $from, \@asked, \@asks), '>', 0,
    'zone full of status queries: each is in flight, or has no room');
$id = id();
$r = pay($id);
is($r->{status}, 503, 'zone full of status queries: status');
is($r->{header}->('Retry-After'), 10,
    'zone full of status queries: Retry-After');
is($r->{json}{outcome}, 'unknown',
    'zone full of status queries: the outcome is unknown');
is(payments($id) . asked($id), '00',
    'zone full of status queries: nothing is sent');
ok(verdict($id, '503 UNKNOWN unknown busy'),
    'zone full of status queries: access log');
$t->write('go', '');
answer($_) for @asks;
unlink "$t->{dir}/go";

# A new zone has dropped no order.  The zone also drops orders that dead workers
# had in flight.

configure('36k', '1h');
$t->reload;
new_one('10', 'a new zone');
$t->faults({ action => 'hang', call => 'payment' });
my @flying = map { id() } 1 .. 80;
$from = $t->requests;
@asks = map { start('/pay', $_) } @flying;
@flying = out_for('payment', $from, \@flying, \@asks);
cmp_ok(scalar @flying, '>', 0,
    'zone full of orders in flight: some are in flight');
$id = id();
is($t->post('/pay', form($id))->{status}, 503,
    'zone full of orders in flight: 503 for a new order');
@old = $t->workers;
kill 'KILL', @old;
$t->expect_dead(2);
ok(wait_for(sub { 2 == grep { my $p = $_; !grep { $p == $_ } @old }
    $t->workers }),
    'zone full of orders in flight: new workers after a kill');
$t->faults;
new_one('10', 'zone full of orders of dead workers');
like(pay($flying[0])->{body}, qr/url|exists/,
    'zone full of orders of dead workers: one of them is paid or exists');
is(asked($flying[0]), 1,
    'zone full of orders of dead workers: a status query for it');
close $_ for @asks;

is(scalar(grep { $_->{created} > 1 } $t->ledger), 0,
    'no order is created twice');

$t->done;
