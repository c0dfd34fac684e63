#!/usr/bin/env perl

# An nginx without threads: what signs, signs at once.  The module is built
# as for one, and runs in an nginx that has threads, which --with-compat
# allows; nothing in it can reach them.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa;
use Test::More;

plan skip_all => 'another nginx' if $ENV{ALIKASSA_MODULE};

my $t = Test::Alikassa->new(build => 'without-threads')->sandbox;

ok(!-z "$t->{module}" && `nm -D --undefined-only $t->{module}` !~ /ngx_thread/,
    'the module imports no thread function of nginx');

$t->conf(<<'EOF');
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    log_format vars '$alikassa_order_id $alikassa_sign_time';
    access_log %%DIR%%/vars.log vars;
    %%MERCHANT%%
    alikassa_idempotency_zone orders 1m;
    server {
        listen 127.0.0.1:%%PORT_0%%;
        location = /pay  { alikassa_payment; }
        location = /off  { alikassa_payment; alikassa_thread_pool off; }
        location = /pool { alikassa_payment; alikassa_thread_pool default; }
        location = /zone {
            alikassa_payment;
            alikassa_idempotency orders;
        }
        location = /status { alikassa_payment_status; }
        %%API%%
    }
}
EOF

my ($status, $text) = $t->test_config;
my ($pay, $pool) = map { 1 + (() = $t->log('nginx.conf')
    =~ /(.*?)location = $_ /s && $1 =~ /\n/g) } qw(/pay /pool);

is($status, 0, 'nginx -t accepts the configuration');
is(scalar(() = $text =~ /^\d.*\[warn\] .*thread pool "default" is not used, since this nginx is built without threads in \S+:$pool$/mg),
    1, 'a thread pool that is named: one warning that it is not used');
is(scalar(() = $text =~ /\[notice\] .*"alikassa_payment" in \S+:$pay signs without a thread pool: each signature holds up its worker/g),
    1, 'one notice that signing blocks the worker');

$t->run;

my $n = 0;

for my $uri (qw(/pay /off /pool /zone)) {
    my @q = ($uri, method => 'POST',
        form => [$t->payment(order_id => 'I-' . ++$n)]);
    my @r = $t->parallel([(\@q) x ($uri eq '/zone' ? 8 : 1)]);

    is($_->{status}, 200, "$uri: paid") for @r;
    is(scalar $t->requests("I-$n"), 1, "$uri: one POST");
    like($t->get("/status?order_id=I-$n")->{body}, qr/"order_id":"I-$n"/,
        "$uri: the status query finds the order");
}

my @times = $t->log('vars.log') =~ /^I-\d \S*?(\d\.\d{6})$/mg;
is(scalar(grep { $_ > 0 } @times), 2 * $n, 'every signing time is logged');

# The module queries the status of an order with an unknown outcome.

my @q = ('/zone', method => 'POST', form => [$t->payment(order_id => 'I-x')]);
$t->faults({ action => 'cut_after', call => 'payment', count => 1 });
is($t->get(@q)->{status}, 502, 'lost response: the outcome is unknown');
is($t->get(@q)->{status}, 200, 'lost response: the retry finds the order');
is(($t->ledger)[0]{created}, 1, 'lost response: the order is created once');
is(scalar(grep { $_->{created} != 1 } $t->ledger), 0,
    'each order is created once');

$t->done;
