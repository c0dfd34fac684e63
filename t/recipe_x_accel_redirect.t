#!/usr/bin/env perl

# docs/recipes/x-accel-redirect.md: the shop answers, nginx takes over.

use v5.36;

use lib 't/lib';

use Test::Alikassa;
use Test::More;

my $t = Test::Alikassa->new->sandbox;

$t->php(2, <<'PHP');
<?php
if (($_POST['agree'] ?? '') !== 'yes') {
    echo 'please agree';
    return;
}
header('X-Accel-Redirect: /pay');
header('X-Order-Total: 150000');
header('X-Order-Number: ' . ($_COOKIE['order'] ?? ''));
header('X-Order-Bank: BCAVA');
PHP

$t->conf(<<'EOF' =~ s/%%RECIPE%%/Test::Alikassa::recipe('x-accel-redirect')/er)->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    alikassa_account %%ACCOUNT%%;
    alikassa_key     %%KEYS%%/payment;
    upstream shop { server 127.0.0.1:%%PORT_2%%; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_1%% http2;
        %%RECIPE%%
        location = /reachable {
            alikassa_payment;
            alikassa_set amount $upstream_http_x_order_total;
        }
        location = /try { try_files /none /reachable; }
        %%API%%
    }
}
EOF

my @form = (agree => 'yes', first_name => 'Budi', last_name => 'Santoso');
my $order = 0;

sub cookie { return (headers => ['Cookie: order=X-' . ++$order]) }

my $r = $t->post('/checkout', form => \@form, cookie());
is($r->{status}, 200, 'a payment') or diag($r->{raw});
is(($t->requests('X-1'))[0]{body}, '{"amount":150000,"order_id":"X-1",'
    . '"service":"virtual_account_idr_hpp","customer_ip":"127.0.0.1",'
    . '"customer_code":"BCAVA","customer_first_name":"Budi",'
    . '"customer_last_name":"Santoso"}', 'as the shop said');

is($t->post('/checkout', form => \@form, headers => ["Cookie: order=X-" . ++$order,
    'Accept: text/html'])->{status}, 303, 'a browser');

# what the payer sends counts for nothing by itself

for (['/checkout', form => [@form, amount => 1, order_id => 'y', number => 7,
        customer_ip => '10.0.0.1', success_redirect_url => 'https://evil/',
        notification_endpoint_url => 'https://evil/']],
    ['/checkout?amount=1&order_id=y&success_redirect_url=https://evil/',
        form => \@form],
    ['/checkout', multipart => [@form, amount => 1, order_id => 'y']])
{
    my ($uri, %opt) = @$_;
    is($t->post($uri, %opt, cookie())->{status}, 200, $uri);
    my ($sent) = $t->requests("X-$order");
    is($sent->{body} =~ s/X-\d+/X/r, '{"amount":150000,"order_id":"X",'
        . '"service":"virtual_account_idr_hpp","customer_ip":"127.0.0.1",'
        . '"customer_code":"BCAVA","customer_first_name":"Budi",'
        . '"customer_last_name":"Santoso"}', 'changes nothing');
}

is($t->h2('/checkout', form => \@form, cookie())->{status}, 200, 'HTTP/2');

my $n = $t->requests;

is($t->post('/checkout', form => [agree => 'no'])->{body}, 'please agree',
    'the shop\'s own page');
is($t->post('/pay', form => [$t->payment])->{status}, 404, 'internal');
is($t->get('/pay')->{status}, 404, 'internal, GET');

my @headers = (headers => ['X-Accel-Redirect: /pay', 'X-Order-Total: 1']);

is($t->get('/reachable', @headers)->{status}, 405, 'GET is no payment');
is($t->get('/try', @headers)->{status}, 405, 'nor through try_files');
is(scalar $t->requests, $n, 'nothing was sent');

$t->done;
