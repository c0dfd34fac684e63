#!/usr/bin/env perl

# docs/recipes/x-accel-redirect.md: the shop's response hands over to nginx.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(recipe);
use Test::More;

my $t = Test::Alikassa->new->sandbox;

$t->php(2, <<'PHP');
<?php
if (($_POST['agree'] ?? $_GET['agree'] ?? '') !== 'yes'
    && !isset($_SERVER['HTTP_X_AGREE'])
) {
    if ($_SERVER['REQUEST_METHOD'] === 'POST') {
        echo 'please agree';
    }
    return;
}
if ($_SERVER['REQUEST_URI'] === '/error') {
    http_response_code(404);
}
header('X-Accel-Redirect: ' . ($_SERVER['HTTP_X_TO'] ?? '/pay'));
header('X-Order-Total: 150000');
header('X-Order-Number: ' . ($_COOKIE['order'] ?? ''));
header('X-Order-Bank: BCAVA');
PHP

$t->conf(<<'EOF' =~ s/%%RECIPE%%/recipe('x-accel-redirect')/er)->run;
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
        location = /reachable {
            alikassa_payment;
            alikassa_set amount $upstream_http_x_order_total;
        }
        location = /try { try_files /none /reachable; }

        location /to/ {
            proxy_set_header X-To    $arg_to;
            proxy_set_header X-Agree 1;
            proxy_pass       http://shop;
        }
        location /to/get/ {
            proxy_set_header X-To    $arg_to;
            proxy_set_header X-Agree 1;
            proxy_method     GET;
            proxy_pass       http://shop;
        }
        location = /ignored {
            proxy_set_header     X-To    /pay;
            proxy_set_header     X-Agree 1;
            proxy_ignore_headers X-Accel-Redirect;
            proxy_intercept_errors on;
            error_page 404 = /pay;
            proxy_pass           http://shop/error;
        }
        location = /reachable-named { try_files /none @pay; }
        location @pay {
            alikassa_payment;
            alikassa_set amount              $upstream_http_x_order_total;
            alikassa_set order_id            $upstream_http_x_order_number;
            alikassa_set service             virtual_account_idr_hpp;
            alikassa_set customer_code       $upstream_http_x_order_bank;
            alikassa_set customer_first_name $alikassa_field_first_name;
            alikassa_set customer_last_name  $alikassa_field_last_name;
        }
        location = /through { internal; try_files /none @pay; }
        location = /error { internal; error_page 418 = @pay; return 418; }
        location @status {
            alikassa_payment_status;
            alikassa_set order_id $upstream_http_x_order_number;
        }
        location @request { alikassa_request /v1/payment; }
        location = /request { internal; alikassa_request /v1/payment; }
        %%API%%
    }
}
EOF

my @form = (agree => 'yes', first_name => 'Budi', last_name => 'Santoso');
my $order = 0;

sub cookie { return (headers => ['Cookie: order=X-' . ++$order]) }

my $r = $t->post('/checkout', form => \@form, cookie());
is($r->{status}, 200, 'payment: status') or diag($r->{raw});
is(($t->requests('X-1'))[0]{body}, '{"amount":150000,"order_id":"X-1",'
    . '"service":"virtual_account_idr_hpp","customer_ip":"127.0.0.1",'
    . '"customer_code":"BCAVA","customer_first_name":"Budi",'
    . '"customer_last_name":"Santoso"}',
        "payment: the shop's fields are signed");

is($t->post('/checkout', form => \@form,
    headers => ["Cookie: order=X-" . ++$order,
    'Accept: text/html'])->{status}, 303,
    'browser: redirect to the payment page');

# Fields of the payer alone have no effect.

for (['/checkout', form => [@form, amount => 1, order_id => 'y', number => 7,
        customer_ip => '10.0.0.1', success_redirect_url => 'https://evil/',
        notification_endpoint_url => 'https://evil/']],
    ['/checkout?amount=1&order_id=y&success_redirect_url=https://evil/',
        form => \@form],
    ['/checkout', multipart => [@form, amount => 1, order_id => 'y']])
{
    my ($uri, %opt) = @$_;
    is($t->post($uri, %opt, cookie())->{status}, 200,
        "$uri: paid");
    my ($sent) = $t->requests("X-$order");
    is($sent->{body} =~ s/X-\d+/X/r, '{"amount":150000,"order_id":"X",'
        . '"service":"virtual_account_idr_hpp","customer_ip":"127.0.0.1",'
        . '"customer_code":"BCAVA","customer_first_name":"Budi",'
        . '"customer_last_name":"Santoso"}',
            "$uri: the shop's fields are signed");
}

# Each way in which an application hands over.

my @evil = (@form, amount => 1, order_id => 'y', customer_ip => '10.0.0.1',
    success_redirect_url => 'https://evil/', fail_redirect_id => 5,
    notification_endpoint_url => 'https://evil/');
my $evil = 'amount=1&order_id=y&success_redirect_url=https://evil/&agree=yes'
    . '&customer_ip=10.0.0.1';

for my $to (qw(/pay @pay /through /error)) {
    for my $from (qw(/to/ /to/get/)) {
        for (['a form', method => 'POST', form => \@evil],
            ['a form in parts', method => 'POST', multipart => \@evil],
            ['JSON', method => 'POST', json => $t->json(@evil)],
            ['PUT', method => 'PUT', form => \@evil],
            ['GET', method => 'GET', form => \@form],
            ['HEAD', method => 'HEAD', form => \@evil],
            ['GET with a body', method => 'GET', form => \@evil])
        {
            my ($what, @how) = @$_;
            my $name = "$from, $to, $what";

            is($t->request("$from?to=$to&$evil", @how, cookie())->{status},
                200, "$name: paid");
            my ($sent) = $t->requests("X-$order");
            is(($sent->{body} // '') =~ s/X-\d+/X/r, '{"amount":150000,'
                . '"order_id":"X","service":"virtual_account_idr_hpp",'
                . '"customer_ip":"127.0.0.1","customer_code":"BCAVA",'
                . '"customer_first_name":"Budi","customer_last_name":'
                . '"Santoso"}', "$name: the shop's fields are signed");
        }
    }
}

# The status query does not use the payer's own order_id.

$t->post('/to/?to=@pay', form => \@form, cookie());

for my $form ([], [order_id => 'X-1'], [id => 1]) {
    my $r = $t->post('/to/?to=@status&order_id=X-1&id=1', form => $form,
        headers => ["Cookie: order=X-$order"]);
    is($r->{json}{order_id}, "X-$order",
        "status with @$form: the shop's order counts")
        or diag($r->{raw});
}

is($t->h2('/checkout', form => \@form, cookie())->{status}, 200,
    'HTTP/2: paid');

my $n = $t->requests;

is($t->post('/checkout', form => [agree => 'no'])->{body}, 'please agree',
    'shop without X-Accel-Redirect: its own page');
is($t->post('/pay', form => [$t->payment])->{status}, 404,
    'payment location by POST: internal');
is($t->get('/pay')->{status}, 404, 'payment location by GET: internal');

my @headers = (headers => ['X-Accel-Redirect: /pay', 'X-Order-Total: 1']);

is($t->get('/reachable', @headers)->{status}, 405,
    'reachable payment location by GET: no payment');
is($t->get('/try', @headers)->{status}, 405,
    'reachable payment location by try_files: no payment');

# No hand-over.

is($t->post('/ignored', form => \@form, cookie())->{status}, 405,
    'X-Accel-Redirect ignored by the location: no payment');
is($t->get('/reachable-named', @headers)->{status}, 405,
    'named location by GET: no payment');

for my $to (qw(@request /request)) {
    is($t->post("/to/?to=$to", json => $t->json($t->payment))->{status}, 405,
        "$to would sign the payer's JSON: refused");
}

is(scalar $t->requests, $n, 'refused requests: nothing is sent');

$t->done;
