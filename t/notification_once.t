#!/usr/bin/env perl

# Each notification reaches the shop until it is answered, and not again.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(form_encode read_all wait_for);
use Test::More;
use Time::HiRes qw(sleep);

my $t = Test::Alikassa->new(workers => 2)->sandbox;

# a shop that writes down what it is told, and answers as shop.txt says:
# status, seconds

$t->write('shop.txt', '200 0');
$t->write('seen.log', '');
chmod 0666, $t->dir . '/seen.log';

$t->php(2, <<'PHP');
<?php
$dir = getenv('DIR');
file_put_contents("$dir/seen.log", "$_GET[id] $_GET[payment_status]\n",
    FILE_APPEND);
[$status, $delay] = explode(' ', file_get_contents("$dir/shop.txt"));
usleep((int) ($delay * 1000000));
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

# the sandbox signs

sub notification ($id, $status, %more) {
    my $pairs = $t->control('/notify', { order_id => 'none',
        payment_status => $status,
        values => { id => $id, order_id => "O-$id", amount => '5',
            account => $t->{account}, service => 's', %more } });
    return form_encode(map { @$_ } @$pairs);
}

sub seen ($id) { return scalar grep { /^\Q$id\E / } split /\n/,
    $t->log('seen.log') }

sub shop ($text) { $t->write('shop.txt', $text) }

sub verdicts ($id, $n) {
    my @lines;
    wait_for(sub {
        @lines = grep { /^\Q$id\E / } split /\n/, $t->log('verdict.log');
        @lines >= $n;
    });
    return join ', ', map { s/^\S+ //r } @lines;
}

# an account is the same in either case, and so is the notification

shop('200 0');
is($t->get('/notify?' . notification(900, 'paid'))->{status}, 200,
    'account in small letters');
is($t->get('/notify?' . notification(900, 'paid',
    account => uc $t->{account}))->{header}->('Idempotent-Replayed'), 'true',
    'account in capitals: known');
is(seen(900), 1, 'account in either case: once to the shop');

# answered once, and from then on by nginx

my $q = notification(1, 'paid');

for my $n (1 .. 5) {
    my $r = $t->get("/notify?$q");
    is($r->{status}, 200, "time $n");
    is($r->{header}->('Idempotent-Replayed'), $n > 1 ? 'true' : '',
        "time $n, by whom");
    is($r->{body} =~ /^shop/ ? 'shop' : 'nginx', $n > 1 ? 'nginx' : 'shop',
        "time $n, body");
}

is(seen(1), 1, 'the shop saw it once');
is(verdicts(1, 5), '200 MISS, 200 HIT, 200 HIT, 200 HIT, 200 HIT', 'verdicts');

is($t->get("/each?$q")->{status}, 200, 'a location without a zone');
is(seen(1), 2, 'passes each on');

# a shop may read one way and not another: what is sent elsewhere, or in
# another form, is not known from before

my @form = ('Content-Type: application/x-www-form-urlencoded');

for (['as a form', sub { $t->post('/notify', body => $q, headers => \@form) }],
    ['elsewhere', sub { $t->get("/short?$q") }],
    ['another host', sub { $t->get("/notify?$q", host => 'other.example') }])
{
    my ($what, $request) = @$_;
    is($request->()->{header}->('Idempotent-Replayed'), '', "$what: passed on");
    is($request->()->{header}->('Idempotent-Replayed'), 'true',
        "$what: known from then on");
}

is($t->get("/notify?$q")->{header}->('Idempotent-Replayed'), 'true',
    'as it came first: known');

# nor is one of the same payment and status that says something else

for (['partial', 1, '50000'], ['full', 0, '150000']) {
    my ($what, $partial, $amount) = @$_;
    my $n = seen(70);
    my $r = $t->get('/notify?' . notification(70, 'paid',
        is_partial_payment => $partial, payment_amount => $amount));
    is($r->{status}, 200, "$what: answered");
    is($r->{header}->('Idempotent-Replayed'), '', "$what: by the shop");
    is(seen(70), $n + 1, "$what: it saw it");
}

# one that was made empty is not one that was absent

for (undef, '') {
    my $what = defined ? 'empty' : 'absent';
    is($t->get('/notify?' . notification(71, 'paid', desc => $_))
        ->{header}->('Idempotent-Replayed'), '', "desc $what: passed on");
}

# with parameters that are not signed, another value is another one

for my $route (qw(a b)) {
    is($t->get("/extra?route=$route&$q")->{header}->('Idempotent-Replayed'),
        '', "route=$route: passed on");
    is($t->get("/extra?route=$route&$q")->{header}->('Idempotent-Replayed'),
        'true', "route=$route: known");
}

# one that the shop failed comes again

for my $status (500, 404, 302, 503) {
    $q = notification(100 + $status, 'paid');
    shop("$status 0");
    is($t->get("/notify?$q")->{status}, $status, "the shop's $status");
    is($t->get("/notify?$q")->{status}, $status, "and again");
    shop('200 0');
    is($t->get("/notify?$q")->{status}, 200, 'then it takes it');
    is($t->get("/notify?$q")->{header}->('Idempotent-Replayed'), 'true',
        'and has it');
    is(seen(100 + $status), 3, 'three times at the shop');
}

$q = notification(50, 'paid');
is($t->get("/dead?$q")->{status}, 502, 'no shop');
is($t->get("/notify?$q")->{status}, 200, 'passed on later');
is(seen(50), 1, 'once');

# two at once

shop('200 0.6');
$q = notification(2, 'paid');
my @r = $t->parallel([map { ["/notify?$q"] } 1 .. 8]);
is(join(' ', map { $_->{status} } @r), join(' ', (200) x 8), 'all are answered');
is(seen(2), 1, 'the shop saw one');
is(scalar(grep { $_->{header}->('Idempotent-Replayed') } @r), 7, 'the others');
like(verdicts(2, 8), qr/WAIT/, 'waited');

shop('500 0.5');
$q = notification(3, 'paid');
@r = $t->parallel([map { ["/notify?$q"] } 1 .. 3]);
is(join(' ', map { $_->{status} } @r), '500 500 500', 'each its turn');
is(seen(3), 3, 'one after the other');

shop('200 1.5');
$q = notification(4, 'paid');
my $first = $t->send_request("/short?$q");
ok(wait_for(sub { seen(4) }), 'the first one is at the shop');
@r = $t->parallel([map { ["/short?$q"] } 1 .. 2]);
is(join(' ', map { $_->{status} } @r), '409 409', 'a wait has an end');
is($_->{header}->('Retry-After'), 5, 'and says when to come again') for @r;
like(read_all($first, 10), qr{^HTTP/1\.1 200 }, 'answered');

# AliKassa's connection breaks while the shop works: it comes again

$q = notification(5, 'paid');
my $gone = $t->send_request("/notify?$q");
ok(wait_for(sub { seen(5) }), 'at the shop');
close $gone;
shop('200 0');
ok(wait_for(sub { verdicts(5, 1) }), 'gone');
is($t->get("/notify?$q")->{status}, 200, 'again');
is(seen(5), 2, 'the shop sees it again');

# a waiting one that breaks leaves nothing behind

shop('200 1.5');
$q = notification(6, 'paid');
$first = $t->send_request("/notify?$q");
ok(wait_for(sub { seen(6) }), 'at the shop');
close $t->send_request("/notify?$q");
is(join(' ', verdicts(6, 1)), '499 WAIT', 'it is gone before the other');
like(read_all($first, 10), qr/shop 200/, 'the first');
is(seen(6), 1, 'once');
shop('200 0');

# wait and then paid are two notifications; a final status is the last word

is($t->get('/notify?' . notification(7, $_))->{status}, 200, $_)
    for qw(wait paid);
is(seen(7), 2, 'both');
unlike($t->log, qr/another final status/, 'no warning');

is($t->get('/notify?' . notification(7, 'fail'))->{status}, 200, 'then fail');
is(seen(7), 3, 'passed on');
like($t->log, qr/\[warn\] .*another final status of id 7 /, 'and warned about');

is($t->get('/notify?' . notification(7, 'paid'))->{header}
    ->('Idempotent-Replayed'), 'true', 'paid again is known');

# of another type or account it is another one

is($t->get('/notify?' . notification(7, 'paid', type => 'payout'))->{body},
    "shop 200\n", 'a payout of that id');
is($t->get('/notify?' . notification(7, 'paid', account => $t->{other}))
    ->{body}, "shop 200\n", 'another account\'s');

# through an internal redirect

$q = notification(8, 'paid');
is($t->get("/try?$q")->{body}, "shop 200\n", 'try_files');
is($t->get("/try?$q")->{header}->('Idempotent-Replayed'), 'true', 'known');
is(seen(8), 1, 'once');

# a forged one says nothing about what is known

is($t->get('/notify?' . $q =~ s/paid/fail/r)->{status}, 403, 'forged');

# one that the sandbox forges, and one that it does not

my $url = 'http://127.0.0.1:' . $t->port(0) . '/notify';
my %paid = (order_id => 'none', payment_status => 'paid', url => $url,
    values => { id => 10, amount => 5, account => $t->{account} });

is($t->control('/notify', { %paid, sign => 'Zm9yZ2Vk' })->{status}, 403,
    'sent with another signature');
is(seen(10), 0, 'not at the shop');
is($t->control('/notify', \%paid)->{status}, 200, 'sent with its own');
is(seen(10), 1, 'at the shop');

# a worker dies while the shop works

shop('200 1');
$q = notification(9, 'paid');
my $s = $t->send_request("/notify?$q");
wait_for(sub { seen(9) });
my @old = $t->workers;
kill 'KILL', @old;
$t->expect_dead(2);
wait_for(sub { 2 == grep { my $pid = $_; !grep { $_ == $pid } @old }
    $t->workers });
shop('200 0');
is($t->get("/notify?$q")->{status}, 200, 'after its worker\'s death');
is(seen(9), 2, 'passed on again');
is($t->get("/notify?$q")->{header}->('Idempotent-Replayed'), 'true', 'known');

# reload keeps what is known

$t->reload;
is($t->get("/notify?$q")->{header}->('Idempotent-Replayed'), 'true',
    'after a reload');

$t->done;
