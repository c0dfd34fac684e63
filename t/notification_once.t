#!/usr/bin/env perl

# nginx delivers each notification until the shop responds with success, and not
# again.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(form_encode read_all read_response wait_for);
use Test::More;

my $t = Test::Alikassa->new(workers => 2)->sandbox;

# A shop that logs its requests and responds with the status in shop.txt.  If
# shop.txt also names a file, the shop waits until that file is removed.

$t->write('shop.txt', '200');
$t->write('seen.log', '');
chmod 0666, $t->dir . '/seen.log';

$t->php(2, <<'PHP');
<?php
$dir = getenv('DIR');
[$status, $held] = explode(' ', file_get_contents("$dir/shop.txt") . ' ');
file_put_contents("$dir/seen.log", "$_GET[id] $_GET[payment_status]\n",
    FILE_APPEND);
while ($held !== '' && file_exists("$dir/$held")) {
    usleep(10000);
    clearstatcache();
}
http_response_code((int) $status);
echo "shop $status\n";
PHP

$t->conf(<<'EOF')->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    log_format verdict '$arg_id $status $alikassa_idempotency';
    access_log %%DIR%%/verdict.log verdict;

    alikassa_idempotency_zone notifications 1m;

    server {
        listen 127.0.0.1:%%PORT_0%%;

        location = /notify {
            alikassa_notification %%KEYS%%/notification/public.pem;
            alikassa_idempotency  notifications;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /extra {
            alikassa_notification %%KEYS%%/notification/public.pem
                                  unsigned=route;
            alikassa_idempotency  notifications;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /short {
            alikassa_notification %%KEYS%%/notification/public.pem;
            alikassa_idempotency  notifications wait=500ms;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /try {
            alikassa_notification %%KEYS%%/notification/public.pem;
            alikassa_idempotency  notifications;
            try_files /nothing /shop$is_args$args;
        }
        location = /shop { internal; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location = /each {
            alikassa_notification %%KEYS%%/notification/public.pem;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /dead {
            alikassa_notification %%KEYS%%/notification/public.pem;
            alikassa_idempotency  notifications;
            proxy_pass http://127.0.0.1:%%PORT_9%%;
        }
    }
}
EOF

# The sandbox signs.

sub notification ($id, $status, %more) {
    my $pairs = $t->control('/notify', { order_id => 'none',
        payment_status => $status,
        values => { id => $id, order_id => "O-$id", amount => '5',
            account => $t->{account}, service => 's', %more } });
    return form_encode(map { @$_ } @$pairs);
}

sub seen ($id) { return scalar grep { /^\Q$id\E / } split /\n/,
    $t->log('seen.log') }

# Sets the shop's response, which is held until answer() if a name is given.

sub shop ($status, $held = '') {
    $t->write($held, '') if $held;
    $t->write('shop.txt', "$status $held");
}

sub answer ($held) { unlink "$t->{dir}/$held" }

sub verdicts ($id, $n) {
    my @lines;
    wait_for(sub {
        @lines = grep { /^\Q$id\E / } split /\n/, $t->log('verdict.log');
        @lines >= $n;
    });
    return join ', ', map { s/^\S+ //r } @lines;
}

# An account is the same in upper and lower case, and so is the notification.

shop(200);
is($t->get('/notify?' . notification(900, 'paid'))->{status}, 200,
    'account in lower case: delivered');
is($t->get('/notify?' . notification(900, 'paid',
    account => uc $t->{account}))->{header}->('Idempotent-Replayed'), 'true',
    'account in upper case: a replay');
is(seen(900), 1, 'account in two cases: one delivery');

# The shop responds once, from then on nginx does.

my $q = notification(1, 'paid');

for my $n (1 .. 5) {
    my $r = $t->get("/notify?$q");
    is($r->{status}, 200, "repeated $n times: status");
    is($r->{header}->('Idempotent-Replayed'), $n > 1 ? 'true' : '',
        "repeated $n times: a replay after the first");
    is($r->{body} =~ /^shop/ ? 'shop' : 'nginx', $n > 1 ? 'nginx' : 'shop',
        "repeated $n times: body of the shop, then of nginx");
}

is(seen(1), 1, 'repeated five times: one delivery');
is(verdicts(1, 5), '200 MISS, 200 HIT, 200 HIT, 200 HIT, 200 HIT',
    'repeated five times: $alikassa_idempotency');

is($t->get("/each?$q")->{status}, 200, 'location without a zone: status');
is(seen(1), 2, 'location without a zone: delivered again');

# A shop may read a query and not a form.  A notification that is sent to
# another URI, or in another form, is another one.

my @form = ('Content-Type: application/x-www-form-urlencoded');

for (['as a form', sub { $t->post('/notify', body => $q, headers => \@form) }],
    ['elsewhere', sub { $t->get("/short?$q") }],
    ['another host', sub { $t->get("/notify?$q", host => 'other.example') }])
{
    my ($what, $request) = @$_;
    is($request->()->{header}->('Idempotent-Replayed'), '', "$what: delivered");
    is($request->()->{header}->('Idempotent-Replayed'), 'true',
        "$what: then a replay");
}

is($t->get("/notify?$q")->{header}->('Idempotent-Replayed'), 'true',
    'the first form again: a replay');

# A notification of the same payment and status with another value is another
# one.

for (['partial', 1, '50000'], ['full', 0, '150000']) {
    my ($what, $partial, $amount) = @$_;
    my $n = seen(70);
    my $r = $t->get('/notify?' . notification(70, 'paid',
        is_partial_payment => $partial, payment_amount => $amount));
    is($r->{status}, 200, "$what amount of the same payment: status");
    is($r->{header}->('Idempotent-Replayed'), '',
        "$what amount of the same payment: no replay");
    is(seen(70), $n + 1, "$what amount of the same payment: delivered");
}

# An empty field is not an absent one.

for (undef, '') {
    my $what = defined ? 'empty' : 'absent';
    is($t->get('/notify?' . notification(71, 'paid', desc => $_))
        ->{header}->('Idempotent-Replayed'), '', "desc $what: delivered");
}

# Another value of an unsigned parameter makes another notification.

for my $route (qw(a b)) {
    is($t->get("/extra?route=$route&$q")->{header}->('Idempotent-Replayed'),
        '', "route=$route: delivered");
    is($t->get("/extra?route=$route&$q")->{header}->('Idempotent-Replayed'),
        'true', "route=$route: then a replay");
}

# A notification is delivered again if the shop failed.

for my $status (500, 404, 302, 503) {
    $q = notification(100 + $status, 'paid');
    shop($status);
    is($t->get("/notify?$q")->{status}, $status, "shop's $status: passed on");
    is($t->get("/notify?$q")->{status}, $status,
        "shop's $status: delivered a second time");
    shop(200);
    is($t->get("/notify?$q")->{status}, 200,
        "shop's $status: the third delivery succeeds");
    is($t->get("/notify?$q")->{header}->('Idempotent-Replayed'), 'true',
        "shop's $status: then a replay");
    is(seen(100 + $status), 3, "shop's $status: three deliveries");
}

$q = notification(50, 'paid');
is($t->get("/dead?$q")->{status}, 502, 'no shop: 502');
is($t->get("/notify?$q")->{status}, 200, 'no shop: the next is delivered');
is(seen(50), 1, 'no shop: one delivery');

# Several at once.

shop(200, 'two');
$q = notification(2, 'paid');
my @r = map { $t->send_request("/notify?$q") } 1 .. 8;
ok(wait_for(sub { seen(2) && $t->unread == 0 }),
    'eight at once: one is at the shop');
answer('two');
@r = map { read_response($_) } @r;
is(join(' ', map { $_->{status} } @r), join(' ', (200) x 8),
    'eight at once: status');
is(seen(2), 1, 'eight at once: one delivery');
is(scalar(grep { $_->{header}->('Idempotent-Replayed') } @r), 7,
    'eight at once: seven replays');
like(verdicts(2, 8), qr/WAIT/, 'eight at once: one waited');

shop(500, 'three');
$q = notification(3, 'paid');
@r = map { $t->send_request("/notify?$q") } 1 .. 3;
ok(wait_for(sub { seen(3) && $t->unread == 0 }),
    'three at once, the shop fails: one is at the shop');
answer('three');
@r = map { read_response($_) } @r;
is(join(' ', map { $_->{status} } @r), '500 500 500',
    'three at once, the shop fails: status');
is(seen(3), 3, 'three at once, the shop fails: three deliveries');

shop(200, 'four');
$q = notification(4, 'paid');
my $first = $t->send_request("/short?$q");
ok(wait_for(sub { seen(4) }), 'wait ends: the first is at the shop');
@r = $t->parallel([map { ["/short?$q"] } 1 .. 2]);
is(join(' ', map { $_->{status} } @r), '409 409', 'wait ends: status');
is($_->{header}->('Retry-After'), 5, 'wait ends: Retry-After') for @r;
answer('four');
is(read_response($first)->{status}, 200,
    "wait ends: the first gets the shop's response");

# AliKassa disconnects before the shop responds: the notification is delivered
# again.

shop(200, 'five');
$q = notification(5, 'paid');
my $gone = $t->send_request("/notify?$q");
ok(wait_for(sub { seen(5) }),
    'AliKassa disconnects: the notification is at the shop');
close $gone;
shop(200);
ok(wait_for(sub { verdicts(5, 1) }), 'AliKassa disconnects: nginx logs it');
is($t->get("/notify?$q")->{status}, 200,
    'AliKassa disconnects: the next is answered');
is(seen(5), 2, 'AliKassa disconnects: the next is delivered');
answer('five');

# A waiting client disconnects: its request has no effect.

shop(200, 'six');
$q = notification(6, 'paid');
$first = $t->send_request("/notify?$q");
ok(wait_for(sub { seen(6) }),
    'waiting client disconnects: the first is at the shop');
$gone = $t->send_request("/notify?$q");
ok(wait_for(sub { $t->unread == 0 }),
    'waiting client disconnects: nginx has its request');
close $gone;
is(join(' ', verdicts(6, 1)), '499 WAIT',
    'waiting client disconnects: access log');
answer('six');
like(read_all($first), qr/shop 200/,
    "waiting client disconnects: the first gets the shop's response");
is(seen(6), 1, 'waiting client disconnects: one delivery');
shop(200);

# "wait" and "paid" of one payment are two notifications.  A second final status
# is logged.

is($t->get('/notify?' . notification(7, $_))->{status}, 200,
    "payment_status $_ of one payment: status")
    for qw(wait paid);
is(seen(7), 2, 'wait, then paid: two deliveries');
unlike($t->log, qr/another final status/, 'wait, then paid: no warning');

is($t->get('/notify?' . notification(7, 'fail'))->{status}, 200,
    'paid, then fail: status');
is(seen(7), 3, 'paid, then fail: delivered');
like($t->log, qr/\[warn\] .*another final status of id 7 /,
    'paid, then fail: warning of another final status');

is($t->get('/notify?' . notification(7, 'paid'))->{header}
    ->('Idempotent-Replayed'), 'true', 'paid, fail, paid: a replay');

# A notification of another type or account is another one.

is($t->get('/notify?' . notification(7, 'paid', type => 'payout'))->{body},
    "shop 200\n", 'payout of the same id: delivered');
is($t->get('/notify?' . notification(7, 'paid', account => $t->{other}))
    ->{body}, "shop 200\n", 'another account, the same id: delivered');

# An internal redirect.

$q = notification(8, 'paid');
is($t->get("/try?$q")->{body}, "shop 200\n", 'try_files: delivered');
is($t->get("/try?$q")->{header}->('Idempotent-Replayed'), 'true',
    'try_files: then a replay');
is(seen(8), 1, 'try_files: one delivery');

# A forged notification does not tell whether the genuine one was delivered.

is($t->get('/notify?' . $q =~ s/paid/fail/r)->{status}, 403,
    'forged change of a known notification: refused');

# A notification that the sandbox forges, and one that it signs.

my $url = 'http://127.0.0.1:' . $t->port(0) . '/notify';
my %paid = (order_id => 'none', payment_status => 'paid', url => $url,
    values => { id => 10, amount => 5, account => $t->{account} });

is($t->control('/notify', { %paid, sign => 'Zm9yZ2Vk' })->{status}, 403,
    'sandbox, forged signature: refused');
is(seen(10), 0, 'sandbox, forged signature: no delivery');
is($t->control('/notify', \%paid)->{status}, 200,
    'sandbox, its own signature: status');
is(seen(10), 1, 'sandbox, its own signature: one delivery');

# A worker dies before the shop responds.

shop(200, 'nine');
$q = notification(9, 'paid');
my $s = $t->send_request("/notify?$q");
ok(wait_for(sub { seen(9) }), 'at the shop');
my @old = $t->workers;
kill 'KILL', @old;
$t->expect_dead(2);
wait_for(sub { 2 == grep { my $pid = $_; !grep { $_ == $pid } @old }
    $t->workers });
shop(200);
is($t->get("/notify?$q")->{status}, 200,
    'worker killed during a delivery: the next is answered');
is(seen(9), 2, 'worker killed during a delivery: the next is delivered');
is($t->get("/notify?$q")->{header}->('Idempotent-Replayed'), 'true',
    'worker killed during a delivery: then a replay');
answer('nine');

# A reload keeps the zone.

$t->reload;
is($t->get("/notify?$q")->{header}->('Idempotent-Replayed'), 'true',
    'reload: a replay');

$t->done;
