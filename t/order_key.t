#!/usr/bin/env perl

# The key of an order in the idempotency zone: its account, whose hex digits may
# be in upper or lower case, and its order_id, without which nothing is sent.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa;
use Test::More;

my $t = Test::Alikassa->new->sandbox;

$t->conf(<<'EOC')->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    alikassa_key %%KEYS%%/payment;
    alikassa_idempotency_zone orders 1m;

    server {
        listen 127.0.0.1:%%PORT_0%%;
        add_header X-Error $alikassa_error always;
        add_header X-Outcome $alikassa_outcome always;
        location = /pay {
            alikassa_account $arg_account;
            alikassa_payment;
            alikassa_idempotency orders;
        }
        location = /loose {
            alikassa_account %%ACCOUNT%%;
            alikassa_payment;
            alikassa_idempotency orders;
            alikassa_validate off;
        }
        location = /loose-payout {
            allow 127.0.0.1; deny all;
            alikassa_account %%ACCOUNT%%;
            alikassa_key %%KEYS%%/payout;
            alikassa_payout;
            alikassa_idempotency orders;
            alikassa_validate off;
        }
        location = /empty {
            alikassa_account %%ACCOUNT%%;
            alikassa_payment;
            alikassa_set order_id $arg_nothing;
            alikassa_idempotency orders;
            alikassa_validate off;
        }
        location = /bare {
            alikassa_account %%ACCOUNT%%;
            alikassa_payment;
            alikassa_validate off;
        }
        location = /status {
            alikassa_account %%ACCOUNT%%;
            alikassa_payment_status;
            alikassa_idempotency orders;
        }
        location = /request {
            alikassa_account %%ACCOUNT%%;
            alikassa_request /v1/payment;
            alikassa_idempotency orders;
        }
        %%API%%
    }
}
EOC

# One order, whatever the case of its account.

my ($low, $high) = (lc $t->{account}, uc $t->{account});
isnt($low, $high, 'the test account has letters');

my @f = $t->payment(order_id => 'K-1');
my $r = $t->post("/pay?account=$low", form => \@f);
is($r->{status}, 200, 'account in lower case: paid');

for my $account ($high, ucfirst $low, $low) {
    my $again = $t->post("/pay?account=$account", form => \@f);
    is($again->{body}, $r->{body},
        'account in another case: the same response');
    is($again->{header}->('Idempotent-Replayed'), 'true',
        'account in another case: a replay');
}

is(scalar $t->requests('K-1'), 1, 'account in two cases: one POST');
is(($t->requests('K-1'))[0]{headers}{Account}[0], $low,
    'account in two cases: Account is sent in lower case');

my $other = $t->post("/pay?account=$t->{other}", form => \@f);
is($other->{header}->('Idempotent-Replayed'), '',
    'another account with the same order_id: another order');

# No order_id.

my $before = () = $t->requests;

for (['/loose', form => [$t->payment(order_id => undef)]],
    ['/loose', form => [$t->payment(order_id => '')]],
    ['/loose', json => $t->json($t->payment(order_id => undef))],
    ['/loose', form => [a => 1]],
    ['/loose-payout', form => [$t->payout(order_id => undef)]],
    ['/empty', form => [$t->payment(order_id => 'K-2')]])
{
    my ($uri, @body) = @$_;
    my $r = $t->post($uri, @body);
    is($r->{status}, 400, "$uri without order_id: status");
    is($r->{body}, '{"message":"The given data was invalid.","errors":'
        . '{"order_id":["The order id field is required."]}}',
        "$uri without order_id: message");
    is($r->{header}->('X-Error'), 'invalid_order_id',
        "$uri without order_id: \$alikassa_error");
    is($r->{header}->('X-Outcome'), 'invalid',
        "$uri without order_id: \$alikassa_outcome");
}

is(scalar(() = $t->requests), $before, 'without order_id: nothing is sent');

# With an order_id, without a zone, and for calls that need no order_id.

is($t->post('/loose', form => [$t->payment(order_id => 'K-3')])->{status}, 200,
    'alikassa_validate off with an order_id: paid');
is($t->post('/bare', form => [$t->payment(order_id => undef)])->{status}, 400,
    'without order_id and without a zone: AliKassa refuses it');
is(scalar(() = $t->requests), $before + 2,
    'alikassa_validate off, and no zone: both are sent');
is($t->get('/status?id=1')->{status}, 404,
    'status query by id: needs no order_id');
$t->post('/request', json => '{"amount":1}');
is(scalar(() = $t->requests), $before + 4,
    'alikassa_request: sent without order_id');

$t->done;
