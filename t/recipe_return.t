#!/usr/bin/env perl

# docs/recipes/return.md: the success page asks AliKassa.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(recipe);
use Test::More;

my $t = Test::Alikassa->new->sandbox;

$t->php(2, <<'PHP');
<?php
echo 'order ', $_GET['order'] ?? '', ' is ',
    ($_SERVER['HTTP_X_PAYMENT_STATUS'] ?? '') === 'paid' ? 'paid' : 'not paid',
    ' [', $_SERVER['HTTP_X_PAYMENT_STATUS'] ?? '', ']',
    $_POST ? ' with a body' : '';
PHP

$t->conf(<<'EOF' =~ s/%%RECIPE%%/recipe('return')/er)->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    %%CREDENTIALS%%
    upstream shop { server 127.0.0.1:%%PORT_2%%; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        location = /pay { alikassa_payment; }
        %%RECIPE%%
        %%API%%
    }
}
EOF

is($t->post('/pay', form => [$t->payment(order_id => $_)])->{status}, 200,
    "$_: paid")
    for qw(R-1 R-2);

sub page ($uri, %opt) { return $t->get($uri, %opt)->{body} }

is(page('/thanks?order=R-1'), 'order R-1 is not paid [wait]',
    'success page, unpaid order: not paid');
is(page('/thanks?order=none'), 'order none is not paid []',
    'success page, unknown order: not paid');
is(page('/thanks?order=R-1', headers => ['X-Payment-Status: paid']),
    'order R-1 is not paid [wait]',
    "success page, payer's own header: ignored");
is(page('/thanks?order=none', headers => ['X-Payment-Status: paid']),
    'order none is not paid []',
    "success page, payer's own header, unknown order: ignored");
is(page('/other?order=R-1', headers => ['X-Payment-Status: paid']),
    'order R-1 is not paid []', "other page, payer's own header: ignored");
is($t->get('/payment-status?order_id=R-1')->{body}, '',
    'status location: internal');

$t->control('/notify', { order_id => 'R-1', payment_status => 'paid' });
is(page('/thanks?order=R-1'), 'order R-1 is paid [paid]',
    'success page, paid order: paid');
is(page('/thanks?order=R-2'), 'order R-2 is not paid [wait]',
    'success page, another order: not paid');

# A request in which the shop might read another order does not reach it.

for ('', '?', '?order=', '?order', '?x=1', '?order=R-1&order=R-2',
    '?order=R-2&order=R-1', '?order=R-1&x=1', '?x=1&order=R-1',
    '?order=R-1;order=R-2', '?order=R-1&Order=R-2', '?order[]=R-1',
    '?order=R%2D1', '?order=R-1%26order=R-2', '?%6Frder=R-2&order=R-1',
    '?order=R-1%00', '?order=R+1', '?Order=R-1', '?order=R-1&order%5B%5D=R-2')
{
    is($t->get("/thanks$_")->{status}, 404, "/thanks$_: not found");
}

is(page('/thanks?order=R-1#&order=R-2'), 'order R-1 is paid [paid]',
    'success page with a fragment: the order before it counts');
is($t->post('/thanks?order=R-1', form => [order => 'R-2'])->{body},
    'order R-1 is paid [paid]',
    'success page with a body: the order of the query counts');

for my $action (qw(html_500 hang_up cut_after garbage timeout_408 forbidden)) {
    $t->faults({ action => $action =~ s/hang_up/reset_before/r, count => 1 });
    is(page('/thanks?order=R-1'), 'order R-1 is not paid []',
        "$action of the status query: not paid");
}

$t->faults;
is(page('/thanks?order=R-1'), 'order R-1 is paid [paid]',
    'success page after the faults: paid');

is(scalar(grep { $_->{call} eq 'payment' } $t->requests), 2,
    'success page: no payment is made');

$t->done;
