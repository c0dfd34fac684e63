#!/usr/bin/env perl

# One order, one payment: each state of an order, as clients see it.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(read_all wait_for);
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Test::Alikassa->new(workers => 2, sign => 1)->sandbox;

$t->api_conf('quick.conf', timeout => '2s');

my $conf = <<'EOC';
%%GLOBALS%%
worker_shutdown_timeout 4s;
events { }
http {
    %%HTTP%%
    %%ORDER_LOG%%
    %%MERCHANT%%
    alikassa_idempotency_zone orders ZONE timeout=TIMEOUT;
    alikassa_idempotency orders;
    alikassa_api /quick;

    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_1%% http2;

        location = /pay     { alikassa_payment; }
        location = /inline  { alikassa_payment; alikassa_thread_pool off; }
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
            proxy_read_timeout 1s;
        }

        location /refused/ {
            internal;
            proxy_pass https://127.0.0.1:%%PORT_8%%/;
        }
        location /quick/ {
            internal;
            include %%DIR%%/quick.conf;
            proxy_pass https://127.0.0.1:API_PORT/;
            proxy_ssl_name localhost;
        }
    }
}
EOC

sub configure ($zone, $timeout) {
    $t->conf($conf =~ s/ZONE/$zone/r =~ s/TIMEOUT/$timeout/r
        =~ s/API_PORT/$t->{api}/r);
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

# of several workers, each of which logs when it comes to it

sub verdicts ($id, $n = 1) {
    my @v;
    wait_for(sub {
        @v = $t->log('vars.log') =~ /^\Q$id\E (\S.*)$/mg;
        @v >= $n;
    }, 10);
    return @v;
}

sub verdict ($id, $want) {
    my $re = ref $want ? $want : qr/^\Q$want\E$/;
    return wait_for(sub { grep { $_ =~ $re } verdicts($id) }, 10);
}

sub audit ($id) { return $t->audit($id) }

# first, then the same after success: without a connection

for my $uri (qw(/pay /inline)) {
    my $id    = id();
    my $first = $t->post($uri, form($id));
    is($first->{status}, 200, "$uri, first");
    is(replayed($first), '', 'not replayed');

    my @f = $t->payment(order_id => $id);

    for (['form', $t->post($uri, form => \@f)],
        ['JSON', $t->post($uri, json => $t->json(@f))],
        ['multipart', $t->post($uri, multipart => \@f)],
        ['HTTP/1.0', $t->post($uri, form => \@f, http => '1.0')])
    {
        my ($name, $r) = @$_;
        is($r->{status}, 200, "$uri, again, $name");
        is($r->{body}, $first->{body}, 'the same answer');
        is(replayed($r), 'true', 'replayed');
    }

    my $r = $t->h2($uri, form => \@f);
    is("$r->{status} $r->{body}", "200 $first->{body}", "$uri, HTTP/2");
    is(payments($id), 1, 'one payment');
    is(asked($id), 0, 'nothing asked');
    is(join(', ', sort(verdicts($id, 6))), join(', ',
        ('200 HIT replayed ') x 5, '200 MISS accepted '), 'verdicts');
    is(scalar audit($id), 1, 'one line of audit');

    # a browser is redirected again

    $r = $t->post($uri, form => \@f, headers => ['Accept: text/html']);
    is($r->{status}, 303, 'a browser');
    is($r->{header}->('Location'), $first->{json}{url}, 'to the same page');

    # other data

    $r = $t->post($uri, form($id, amount => 7));
    is($r->{status}, 422, "$uri, other data");
    is($r->{json}{message}, 'This order_id was used with other data.', 'words');
    is(payments($id), 1, 'not sent');
    ok(verdict($id, '422 CONFLICT invalid conflict'), 'CONFLICT');
    is($t->post($uri, form($id, amount => '150000.5'))->{status}, 200,
        'the same amount, spelt otherwise');
}

# orders of another account, operation or zone are others

my $id = id();
is(pay($id)->{status}, 200, 'a payment');
is($t->post('/other', form($id))->{status}, 200, 'another account');
is($t->post('/payout', form => [$t->payout(order_id => $id)])->{status}, 200,
    'a payout');
is(replayed($t->post('/payout', form => [$t->payout(order_id => $id)])),
    'true', 'which is one too');
like($t->post('/off', form($id))->{body}, qr/exists already/,
    'without a zone AliKassa is asked, and says that it exists');

# while in flight: it waits, and gets the same

for my $uri (qw(/pay /inline)) {
    for my $fault (undef, { action => 'none', delay => 0.5 }) {
        my $id = id();
        $t->faults($fault ? { %$fault, order_id => $id } : ());
        my @r = $t->parallel([map { [$uri, method => 'POST', form($id)] }
            1 .. 10]);
        is(join(' ', map { $_->{status} } @r), join(' ', (200) x 10),
            "$uri, ten at once");
        is(scalar(keys %{ { map { $_->{body} => 1 } @r } }), 1, 'one answer');
        is(payments($id), 1, 'one payment');
        is(scalar(grep { replayed($_) } @r), 9, 'nine replayed');
        ok(verdict($id, qr/WAIT/), 'WAIT') if $fault;
    }
}

$id = id();
$t->faults({ action => 'none', delay => 1, order_id => $id });
my $s = $t->send_request('/pay', method => 'POST', form($id));
ok(wait_for(sub { payments($id) }), 'the first one is in flight');
my @r = $t->parallel([map { [$_, method => 'POST', form($id)] }
    qw(/short /now)]);
is(join(' ', map { $_->{status} } @r), '409 409', 'a wait has an end');
is($_->{header}->('Retry-After'), 5, 'Retry-After') for @r;
is($r[0]{json}{order_id}, $id, 'which order');
like(read_all($s, 10), qr{^HTTP/1\.1 200 }, 'it is paid');
$t->faults({ action => 'none', delay => 0.5, order_id => id() });
$s = $t->send_request('/pay', method => 'POST', form("I-$n"));
ok(wait_for(sub { payments("I-$n") }), 'in flight');
is(pay("I-$n", amount => 5)->{status}, 422, 'other data while in flight');
read_all($s, 5);

# after a definite refusal it is free

$id = id();
is(pay($id, customer_first_name => ' ')->{status}, 400, 'refused here');
is(pay($id)->{status}, 200, 'then sent');

for my $action (qw(forbidden json_429)) {
    $id = id();
    $t->faults({ action => $action, count => 1 });
    is(pay($id)->{status}, $action eq 'forbidden' ? 403 : 429, $action);
    is(pay($id, amount => 5)->{status}, 200, 'free again, for other data too');
    is(asked($id), 0, 'nothing asked');
}

$id = id();
is($t->post('/refused', form($id))->{status}, 502, 'unsent');
is(pay($id)->{status}, 200, 'free again');
is(asked($id), 0, 'nothing asked');

# those who wait for one that is refused take their turns

$id = id();
$t->faults({ action => 'forbidden', delay => 0.4, count => 1 });
@r = $t->parallel([map { ['/pay', method => 'POST', form($id)] } 1 .. 4]);
is(join(' ', sort map { $_->{status} } @r), '200 200 200 403',
    'refused, then one in its turn');
is(payments($id), 2, 'two were sent');

# after an outcome nobody knows: it is asked for

for my $action (qw(cut_after reset_after half chunks garbage empty html_500
    html_502 json_500 hang timeout_408 broken_json array gzip))
{
    my $exists = $action ne 'hang';

    for my $uri (qw(/pay)) {
        my $id = id();
        $t->faults({ action => $action, call => 'payment', count => 1 });
        my $r = $t->post($uri, form($id));
        isnt($r->{status}, 200, "$action: no answer");
        is((audit($id))[0]{outcome}, 'unknown', 'unknown');

        # while AliKassa tells no status, nothing is sent

        for my $why (qw(html_502 json_500 no_id forbidden cut_after)) {

            # "no such order" has no id to leave out

            next if $why eq 'no_id' && !$exists;

            $t->faults({ action => $why, call => 'payment_status', count => 1 });
            $r = $t->post($uri, form($id));
            is($r->{status}, 409, "$action, status $why");
            is($r->{header}->('Retry-After'), 10, 'Retry-After');
            is($r->{json}{outcome}, 'unknown', 'still unknown');
        }

        is($t->post($uri, form($id, amount => 5))->{status}, 422, 'other data');
        is(payments($id), 1, 'still one');
        $t->faults;

        $r = $t->post($uri, form($id));
        is($r->{status}, 200, "$action: then");

        if ($exists) {
            is(payments($id), 1, 'it exists: not sent again');
            like($r->{body}, qr/^\{"message":"This order exists already, its first answer was lost\.","payment_status":"wait","id":\d+,"order_id":"$id"\}$/,
                'which is said');
            is(replayed($r), 'true', 'as a replay');
            ok(verdict($id, '200 UNKNOWN replayed '), 'verdict');
            is((audit($id))[-1]{outcome}, 'replayed', 'and in the audit');

        } else {
            is(payments($id), 2, 'it does not: sent again, once');
            like($r->{body}, qr/"url":/, 'its own answer');
        }

        my $asked = asked($id);
        is($t->post($uri, form($id))->{body}, $r->{body}, 'and so for ever');
        is(asked($id), $asked, 'without asking');
    }
}

# a browser has no page to be led to: a hook

for my $uri (qw(/browser /exists)) {
    $id = id();
    $t->faults({ action => 'cut_after', call => 'payment', count => 1 });
    is($t->post('/pay', form($id))->{status}, 502, 'lost');
    my $r = $t->post($uri, form($id));

    if ($uri eq '/browser') {
        is($r->{status}, 409, 'a browser: 409');
        is($r->{json}{payment_status}, 'wait', 'with what is known');

    } else {
        like($r->{body}, qr/^exists $id \d+ wait replayed$/, 'error_page');
    }
}

# many at once after an unknown one: one asks, the others wait

$id = id();
$t->faults({ action => 'cut_before', call => 'payment', count => 1 });
is(pay($id)->{status}, 502, 'lost, not made');
$t->faults({ action => 'none', delay => 0.3 });
@r = $t->parallel([map { ['/pay', method => 'POST', form($id)] } 1 .. 8]);
is(join(' ', map { $_->{status} } @r), join(' ', (200) x 8), 'eight at once');
is(asked($id), 1, 'one asks');
is(payments($id), 2, 'and sends, once');
is(scalar(keys %{ { map { $_->{body} => 1 } @r } }), 1, 'one answer');
$t->faults;

# the payer leaves: the answer is kept for whoever asks next

for my $how (qw(HTTP/1.1 HTTP/2)) {
    $id = id();
    $t->faults({ action => 'none', delay => 0.5, order_id => $id });

    if ($how eq 'HTTP/2') {
        $t->h2('/pay', form($id), timeout => 0.2);
    } else {
        my $s = $t->send_request('/pay', method => 'POST', form($id));
        ok(wait_for(sub { payments($id) }), 'in flight');
        close $s;
    }

    my $r = pay($id);
    is($r->{status}, 200, "$how, gone: the next one");
    is(replayed($r), 'true', 'gets its answer');
    is(payments($id), 1, 'one payment');
}

# one who waits leaves: nothing is sent for it, whatever becomes of the first

for my $end (qw(accepted unsent)) {
    $id = id();
    $t->hold;
    $s = $t->send_request('/pay', method => 'POST', form($id));
    ok($t->begun(1), 'one who signs');
    my @gone = map { $t->send_request('/pay', method => 'POST', form($id)) }
        1 .. 3;
    push @gone, $t->send_h2('/pay', form($id));
    ok(wait_for(sub { $t->unread == 0 }), 'and four who wait for it');
    close $_ for @gone;
    is(join(' ', map { /^(\S+ \S+)/ } verdicts($id, 4)),
        join(' ', ('499 WAIT') x 4), 'who waited is gone before it is through');
    $t->fail_signing if $end eq 'unsent';
    $t->release('hold');
    like(read_all($s, 5),
        $end eq 'unsent' ? qr/^HTTP\/1.1 500 / : qr/^HTTP\/1.1 200 /,
        "the first: $end");
    $t->release;
    is(payments($id), $end eq 'unsent' ? 0 : 1, 'and no other is sent');
    is(join(' ', map { $_->{outcome} } audit($id)), $end, 'nor told of');
    is(pay($id)->{status}, 200, 'the next');
}

# with post_action its request lives on: then it has its turn, and is not cut

my $silent = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1',
    LocalPort => $t->port(9)) or die;

$id = id();
$t->hold;
$s = $t->send_request('/pay', method => 'POST', form($id));
ok($t->begun(1), 'one who signs');
$t->faults({ action => 'none', delay => 0.5, order_id => $id });
my $gone = $t->send_request('/post-action', method => 'POST', form($id));
ok(wait_for(sub { $t->unread == 0 }), 'and one who waits');
close $gone;
sleep 0.2;
$t->fail_signing;
$t->release('hold');
like(read_all($s, 5), qr/^HTTP\/1.1 500 /, 'the first: unsent');
$t->release;
ok(wait_for(sub { audit($id) == 2 }), 'the other one has its turn');
is(join(' ', map { $_->{outcome} } audit($id)), 'unsent accepted', 'all of it');
is(payments($id), 1, 'once');
close $silent;
$t->faults;

# a worker dies with a payment in flight

$id = id();
$t->faults({ action => 'none', delay => 1, order_id => $id, call => 'payment',
    delay_when => 'after' });
$s = $t->send_request('/pay', method => 'POST', form($id));
ok(wait_for(sub { payments($id) }), 'in flight');
my @old = $t->workers;
kill 'KILL', @old;
$t->expect_dead(2);
ok(wait_for(sub { 2 == grep { my $p = $_; !grep { $p == $_ } @old }
    $t->workers }), 'its worker dies');
my $r = pay($id);
is($r->{status}, 200, 'the next one asks');
like($r->{body}, qr/exists already/, 'and learns that it exists');
is(payments($id), 1, 'one payment');
$t->faults;

# reload keeps the zone, and ends what is in flight

$id = id();
pay($id);
my $flying = id();
$t->faults({ action => 'none', delay => 1, order_id => $flying });
$s = $t->send_request('/pay', method => 'POST', form($flying));
ok(wait_for(sub { payments($flying) }), 'in flight');
$t->reload;
is(replayed(pay($id)), 'true', 'known after a reload');
$r = pay($flying);
is($r->{status}, 200, 'a new worker waits for an old one');
is(replayed($r), 'true', 'and gets its answer');
like(read_all($s, 5), qr/^HTTP\/1.1 200/, 'so does the first');
is(payments($flying), 1, 'one payment');
$t->faults;

# worker_shutdown_timeout cuts an old worker's request: unknown, then asked

$id = id();
$t->faults({ action => 'slow', order_id => $id, call => 'payment' });
$t->faults({ action => 'none', delay => 20, delay_when => 'after',
    order_id => $id, call => 'payment' });
$conf =~ s/worker_shutdown_timeout 4s/worker_shutdown_timeout 1s/;
$t->api_conf('quick.conf', timeout => '2s', read_timeout => '30s');
configure('1m', '1h');
$t->reload;
$s = $t->send_request('/pay', method => 'POST', form($id));
ok(wait_for(sub { payments($id) }), 'in flight');
$t->reload;
ok(wait_for(sub { audit($id) }, 10), 'cut by the timeout: recorded');
is((audit($id))[0]{outcome}, 'unknown', 'as unknown');
$t->faults;
$r = pay($id);
like($r->{body}, qr/exists already/, 'the next one asks');
is(payments($id), 1, 'one payment');

# its time is over

configure('1m', '1s');
$t->reload;
$id = id();
is(pay($id)->{status}, 200, 'an order');
is(replayed(pay($id)), 'true', 'is remembered');
sleep 1.3;
like(pay($id)->{body}, qr/exists already/,
    'for its time; then AliKassa refuses it, and is asked');
is(payments($id) . asked($id), '21', 'sent again, and asked for');

# another size: a zone of its own, as with limit_req_zone

configure('2m', '1h');
$t->reload;
like(pay($id)->{body}, qr/exists already/, 'AliKassa refuses it');
is(payments($id) . asked($id), '32', 'a changed size starts empty');

# a zone that is full forgets what is finished, the oldest first

configure('32k', '1h');
$t->reload;

my @ids = map { id() } 1 .. 120;
is(pay($_)->{status}, 200, $_) for @ids;
is(replayed(pay($ids[-1])), 'true', 'the newest is known');
like(pay($ids[0])->{body}, qr/exists already/, 'AliKassa refuses the oldest');
is(payments($ids[0]) . asked($ids[0]), '21', 'the oldest is forgotten');
like($t->log, qr/\[warn\] .*idempotency zone "orders" is full/, 'which is said');

# when no finished one is left, the oldest unknown one makes way: from then on
# the zone asks before it sends what it does not know

$t->faults({ action => 'cut_after', call => 'payment', count => 1 },
    { action => 'cut_before', call => 'payment' });

my @unknown = map { id() } 1 .. 400;
my %status;
$status{ pay($_)->{status} }++ for @unknown;
is(join(' ', %status), '502 400', 'unknown ones fill the zone: no 503');

my @said = $t->log
    =~ /\[warn\] (\d+)#.*zone "orders" is full of orders that may exist/g;
cmp_ok(scalar @said, '>', 0, 'unknown ones fill the zone: the log says so');
cmp_ok(scalar @said, '<=', 2, 'unknown ones fill the zone: once a worker');

$t->faults;
is(pay($unknown[-1], amount => 5)->{status}, 422, 'the newest one is known');
like(pay($unknown[0])->{body}, qr/exists already/, 'the oldest is asked for');
is(payments($unknown[0]) . asked($unknown[0]), '11', 'and not sent again');
is(pay($unknown[1])->{status}, 200, 'a forgotten one that does not exist');
is(payments($unknown[1]) . asked($unknown[1]), '21', 'is asked for, and sent');

sub new_one ($want, $name) {
    my $id = id();
    is(pay($id)->{status}, 200, "$name: a new order");
    is(payments($id) . asked($id), $want, "$name: calls");
}

new_one('11', 'in doubt');
configure('32k', '1s');
$t->reload;
sleep 1.3;
new_one('11', 'in doubt, after a reload and the timeout');

# those that are being asked for stay: then 503, and nothing is sent

$t->faults({ action => 'cut_before', call => 'payment' });
my @asked = map { id() } 1 .. 100;
pay($_) for @asked;
$t->faults({ action => 'none', until => "$t->{dir}/go",
    call => 'payment_status' });
my @asks = map { $t->send_request('/pay', method => 'POST', form($_)) } @asked;
ok(wait_for(sub { $t->unread == 0 && asked($asked[0]) }), 'all are asked for');
$id = id();
$r = pay($id);
is($r->{status}, 503, 'a zone full of those: no room');
is($r->{header}->('Retry-After'), 10, 'a zone full of those: Retry-After');
is($r->{json}{outcome}, 'unknown', 'a zone full of those: in doubt');
is(payments($id) . asked($id), '00', 'a zone full of those: nothing is sent');
ok(verdict($id, '503 UNKNOWN unknown busy'), 'a zone full of those: in the log');
$t->write('go', '');
read_all($_, 20) for @asks;
unlink "$t->{dir}/go";

# a zone that is made anew has no doubt; what dead workers had in flight makes
# way, too

configure('36k', '1h');
$t->reload;
new_one('10', 'a new zone');
$t->faults({ action => 'hang', call => 'payment' });
my @flying = map { id() } 1 .. 80;
@asks = map { $t->send_request('/pay', method => 'POST', form($_)) } @flying;
ok(wait_for(sub { $t->unread == 0 && payments($flying[0]) }), 'many in flight');
$id = id();
is($t->post('/pay', form($id))->{status}, 503, 'many in flight: no room');
@old = $t->workers;
kill 'KILL', @old;
$t->expect_dead(2);
ok(wait_for(sub { 2 == grep { my $p = $_; !grep { $p == $_ } @old }
    $t->workers }), 'many in flight: the workers die');
$t->faults;
new_one('10', 'after their death, the room for their answers does');
like(pay($flying[0])->{body}, qr/url|exists/, 'after their death: one of them');
is(asked($flying[0]), 1, 'after their death: it is asked for');
close $_ for @asks;

is(scalar(grep { $_->{created} > 1 } $t->ledger), 0, 'no order twice');

$t->done;
