#!/usr/bin/env perl

# A worker is killed while it makes room in the idempotency zone: the zone is
# emptied, and asks before it sends what it does not know, until it is made
# anew.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(wait_for);
use Test::Build qw(need_build);
use Test::Helpers qw($TOP);
use Test::More;
use Time::HiRes qw(sleep);

need_build('preload');

my $t = Test::Alikassa->new(workers => 2, sign => 1,
    preload => "$TOP/build/preload/kill_write.so")->sandbox;

my $conf = <<'EOC';
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    alikassa_account   %%ACCOUNT%%;
    alikassa_key       %%KEYS%%/payment;
    alikassa_idempotency_zone orders ZONE timeout=TIMEOUT;
    alikassa_idempotency orders;

    server {
        listen 127.0.0.1:%%PORT_0%%;
        location = /pay { alikassa_payment; }
        %%API%%
    }
}
EOC

sub configure ($zone, $timeout) {
    $t->conf($conf =~ s/ZONE/$zone/r =~ s/TIMEOUT/$timeout/r);
}

my $n = 0;

sub id { return 'Z-' . ++$n }

sub pay ($id) {
    return $t->post('/pay', form => [$t->payment(order_id => $id)]);
}

# how often AliKassa was told to pay, and how often it was asked

sub calls ($id) {
    my @calls = map { $_->{call} } $t->requests($id);
    return join ' ', scalar(grep { $_ eq 'payment' } @calls),
        scalar(grep { $_ eq 'payment_status' } @calls);
}

sub new_one ($want, $name) {
    my $id = id();
    is(pay($id)->{status}, 200, "$name: a new order");
    is(calls($id), $want, "$name: payments, and questions");
}

# pays until a worker is killed where it writes this: the orders before, and
# the one that it had

sub kill_where ($text, $status, $name) {
    my @old = $t->workers;
    my @ids;

    $t->write('kill_write', $text);
    $t->expect_dead;

    my $r;

    do {
        push @ids, id();
        $r = pay($ids[-1]);
    } while ($r->{status} == $status && @ids < 500);

    unlink "$t->{dir}/kill_write";

    is($r->{status}, 0, "$name: its worker is killed");
    ok(wait_for(sub {
        my @now = $t->workers;
        @now == 2 && 1 == grep { my $pid = $_; grep { $_ == $pid } @old } @now
    }), "$name: another one begins");

    return @ids;
}

sub emptied {
    return scalar(() = $t->log =~ /\[alert\] .* a process died while it wrote to idempotency zone "orders"/g);
}

configure('32k', '1h');
$t->run;
new_one('1 0', 'at first');

# while it forgets the oldest of those whose outcome is unknown: they exist

$t->faults({ action => 'cut_after', call => 'payment' });
my @ids  = kill_where('full of orders that may exist', 502, 'unknown');
my $last = pop @ids;
$t->faults;

is(calls($last), '0 0', 'unknown: nothing was sent for the one that it had');
is(pay($last)->{status}, 200, 'unknown: that one again');
is(calls($last), '1 1', 'unknown: it is asked for, and sent');
is(emptied(), 1, 'unknown: the zone is emptied, once');

for my $id ($ids[0], $ids[@ids / 2], $ids[-1]) {
    like(pay($id)->{body}, qr/exists already/, "unknown: $id exists");
    is(calls($id), '1 1', "unknown: $id is asked for, and not sent again");
}

new_one('1 1', 'unknown, in doubt');

# beyond the timeout, and a reload

configure('32k', '1s');
ok($t->reload, 'a reload');
new_one('1 1', 'after a reload');
sleep 1.3;
new_one('1 1', 'after the timeout');
is(emptied(), 1, 'nothing is emptied again');

# a zone that is made anew knows that nothing was sent; one that forgets a
# finished order has no doubt, unless its worker is killed

configure('36k', '1h');
ok($t->reload, 'a zone that is made anew');
new_one('1 0', 'made anew');

@ids  = kill_where('an order is forgotten', 200, 'finished');
$last = pop @ids;
is(calls($last), '0 0', 'finished: nothing was sent for the one that it had');
like(pay($ids[-1])->{body}, qr/exists already/, 'finished: it exists');
is(calls($ids[-1]), '1 1', 'finished: it is asked for, and not sent again');
new_one('1 1', 'finished, in doubt');
is(emptied(), 2, 'finished: the zone is emptied');

is(scalar(grep { $_->{created} > 1 } $t->ledger), 0, 'no order twice');

$t->allow_alert(qr/a process died while it wrote to idempotency zone/);
$t->allow_alert(qr/shared memory zone "\S*orders" was locked by/);
$t->done;
