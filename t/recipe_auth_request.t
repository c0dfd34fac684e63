#!/usr/bin/env perl

# docs/recipes/auth-request.md: the shop sets the amount and the order.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(recipe);
use Test::More;

my $t = Test::Alikassa->new->sandbox;

$t->php(2, <<'PHP');
<?php
$cart = $_COOKIE['cart'] ?? '';
if (!preg_match('/^cart-(\d+)$/', $cart, $m)) {
    http_response_code(403);
    return;
}
if ($m[1] === '3') {
    return;     /* nothing to say */
}
/* as a column of decimal(15,4) comes out */
header('X-Order-Total: ' . $m[1] . '50000.0000');
header("X-Order-Number: shop-$m[1]");
PHP

$t->conf(<<'EOF' =~ s/%%RECIPE%%/recipe('auth-request')/er)->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    %%CREDENTIALS%%
    upstream shop { server 127.0.0.1:%%PORT_2%%; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_1%% http2;
        %%RECIPE%%
        %%API%%
    }
}
EOF

my @form = (service => 'virtual_account_idr_hpp', customer_code => 'BCAVA',
    customer_first_name => 'Budi', customer_last_name => 'Santoso');
my @cart = (headers => ['Cookie: cart=cart-1']);

my $r = $t->post('/pay', form => \@form, @cart);
is($r->{status}, 200, 'payment: status') or diag($r->{raw});

my ($sent) = $t->requests('shop-1');
my $body = $sent->{body};
like($body, qr/^\{"amount":150000,"order_id":"shop-1",/,
    "payment: the amount and order are the shop's");

# Fields of the payer do not change the amount or the order.

$t->settings(duplicates => 'allow');

for (['form', '/pay', form => [@form, amount => 1, order_id => 'x']],
    ['form, before', '/pay', form => [amount => 1, @form]],
    ['form, the variable\'s name', '/pay', form => [@form, order_total => 1]],
    ['query', '/pay?amount=1&order_id=x&order_total=1', form => \@form],
    ['JSON', '/pay', json => $t->json(@form, amount => 1, order_id => 'x')],
    ['multipart', '/pay', multipart => [@form, amount => 1]],
    ['headers', '/pay', form => \@form, headers => ['X-Order-Total: 1',
        'X-Order-Number: x', 'Cookie: cart=cart-1', 'Order-Total: 1']])
{
    my ($name, $uri, %opt) = @$_;
    $opt{headers} //= ['Cookie: cart=cart-1'];
    is($t->post($uri, %opt)->{status}, 200, "$name: paid");
    my @all = $t->requests;
    is($all[-1]{body}, $body, "$name: the shop's amount is signed");
}

is($t->h2('/pay', form => [@form, amount => 1],
    headers => ['Cookie: cart=cart-1'])->{status}, 200, 'HTTP/2: paid');
is(($t->requests)[-1]{body}, $body, "HTTP/2: the shop's amount is signed");

my $n = $t->requests;

is($t->post('/pay', form => \@form)->{status}, 403,
    'cart that the shop refuses: 403');
$r = $t->post('/pay', form => [@form, amount => 5, order_id => 'x'],
    headers => ['Cookie: cart=cart-3']);
is($r->{status}, 400, 'shop without an amount: refused');
is_deeply([sort keys %{ $r->{json}{errors} }], [qw(amount order_id)],
    'shop without an amount: the error names the fields');
is($t->get('/order')->{status}, 404, "location of the shop's answer: internal");
is(scalar $t->requests, $n, 'refused payments: nothing is sent');

$t->done;
