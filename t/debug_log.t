#!/usr/bin/env perl

# The debug log tells each change of an order's state by name.

use v5.36;

use lib 't/lib';

use Test::Alikassa;
use Test::More;

local $ENV{ALIKASSA_LOG} = 'debug';

my $t = Test::Alikassa->new->sandbox;

$t->conf(<<'EOF')->run;
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    alikassa_account %%ACCOUNT%%;
    alikassa_key     %%KEYS%%/payment;
    alikassa_idempotency_zone orders 1m;
    alikassa_idempotency orders;
    server {
        listen 127.0.0.1:%%PORT_0%%;
        location = /pay { alikassa_payment; }
        %%API%%
    }
}
EOF

my @form = (form => [$t->payment(order_id => 'D-1')]);

$t->faults({ action => 'cut_before', call => 'payment', count => 1 });
is($t->post('/pay', @form)->{status}, 502, 'the first call has no outcome');

done_testing(), exit if $t->log !~ /\[debug\]/;

is($t->post('/pay', @form)->{status}, 200, 'the second request pays');
is($t->post('/pay', @form)->{status}, 200, 'the third gets a replay');
is($t->post('/pay', form => [$t->payment(order_id => 'D-1', amount => 7)])
    ->{status}, 422, 'other data are refused');

my @steps = $t->log =~ /http alikassa order (\w{4}: .*)/g;
my %keys  = map { (split /:/)[0] => 1 } @steps;

is(keys %keys, 1, 'each line about the order has the same key');
is(join("\n", (map { s/^\w+: //r } @steps), ''), <<'EOF', 'the steps by name');
free, request -> in flight, send
in flight, outcome unknown -> unknown, mark unknown
unknown, request -> querying, query
querying, not found -> resending, send
resending, accepted -> done, store
done, request -> done, replay
done, mismatch -> done, conflict
EOF

$t->done;
