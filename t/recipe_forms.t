#!/usr/bin/env perl

# docs/recipes/forms.md: checkout forms of real shop systems pay without a
# change to their field names.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(merge recipe);
use Test::More;

my $t = Test::Alikassa->new->sandbox;

$t->php(2, <<'PHP');
<?php
header('X-Order-Total: 275000');
header('X-Order-Number: ' . ($_COOKIE['order'] ?? ''));
PHP

# The maps of the recipe belong in http, its location in server.

my $recipe = recipe('forms');
$t->write('recipe-maps.conf', join '', $recipe =~ /^ {4}map .*?^ {4}\}\n/msg);
$t->write('recipe-locations.conf', join '',
    $recipe =~ /^ {4}location .*?^ {4}\}\n/msg);

$t->conf(<<'EOF')->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    %%CREDENTIALS%%

    map $alikassa_field_payment_method_ $magento_code {
        alikassa_bca BCAVA;
    }

    map $alikassa_field_amount_in_thousands $amount {
        "~^(?<thousands>[0-9]+)$" "${thousands}000";
    }

    upstream shop { server 127.0.0.1:%%PORT_2%%; }

    # the recipe

    include %%DIR%%/recipe-maps.conf;

    server {
        listen 127.0.0.1:%%PORT_0%%;
        include %%DIR%%/recipe-locations.conf;

        location = /order {
            internal;
            proxy_pass              http://shop;
            proxy_pass_request_body off;
            proxy_set_header        Content-Length "";
        }

        # Magento 2: names with brackets

        location = /magento {
            alikassa_payment;
            alikassa_accept none;
            alikassa_set amount              275000;
            alikassa_set order_id            $alikassa_field_order_id;
            alikassa_set service             virtual_account_idr_hpp;
            alikassa_set customer_code       $magento_code;
            alikassa_set customer_first_name $alikassa_field_billing_firstname_;
            alikassa_set customer_last_name  $alikassa_field_billing_lastname_;
            alikassa_set customer_email      $alikassa_field_billing_email_;
            alikassa_set desc                "order $alikassa_field_order_id, $alikassa_field_cart_items_0__sku_";
            alikassa_set customer_browser_user_agent $http_user_agent;
        }

        # amounts in thousands, other characters in names

        location = /odd {
            alikassa_payment;
            alikassa_set amount              $amount;
            alikassa_set customer_first_name $alikassa_field_full_name;
            alikassa_set customer_last_name  $alikassa_field_x_y_z;
            alikassa_set customer_ip         $http_x_real_ip;
            alikassa_set success_redirect_url "$scheme://$host/thanks?o=$alikassa_field_order_id";
        }

        %%API%%
    }
}
EOF

# The fields of WooCommerce's classic checkout page, in its order.

my @woo = (
    billing_first_name => "Si\xc3\xa1n", billing_last_name => "O'Neill/Jr",
    billing_company => '', billing_country => 'ID',
    billing_address_1 => 'Jl. Sudirman 1', billing_address_2 => '',
    billing_city => 'Jakarta', billing_state => 'JK',
    billing_postcode => '10110', billing_phone => '+62 21 555',
    billing_email => 'sian@example.com', account_password => 'secret',
    shipping_first_name => 'Other', shipping_last_name => 'Person',
    shipping_company => '', shipping_country => 'ID', order_comments => "a\nb",
    'shipping_method[0]' => 'flat_rate:1', payment_method => 'va_mandiri',
    'wc-stripe-payment-token' => 'new', terms => 'on', 'terms-field' => '1',
    amount => '1', order_id => 'theirs', customer_code => 'BCAVA',
    'woocommerce-process-checkout-nonce' => '0a1b2c3d4e',
    _wp_http_referer => '/?wc-ajax=update_order_review',
    woocommerce_checkout_place_order => 'Place order',
);

my $n = 0;

for my $how (qw(form multipart)) {
    my $id = 'W-' . ++$n;
    my $r = $t->post('/checkout/pay', $how => \@woo,
        headers => ["Cookie: order=$id", 'Accept: text/html']);
    is($r->{status}, 303,
        "WooCommerce, $how: redirect to the payment page") or diag($r->{raw});
    is(($t->requests($id))[0]{body}, "{\"amount\":275000,\"order_id\":\"$id\","
        . '"service":"virtual_account_idr_hpp","customer_ip":"127.0.0.1",'
        . '"customer_code":"MDRVA","customer_first_name":"Si\u00e1n",'
        . '"customer_last_name":"O\'Neill\/Jr"}',
            "WooCommerce, $how: signed body");
}

my $r = $t->post('/checkout/pay', form => [merge([@woo],
    payment_method => 'cash')], headers => ['Cookie: order=W-x']);
is($r->{status}, 400, 'WooCommerce, payment method in no map: refused');
is_deeply([sort keys %{ $r->{json}{errors} }], [qw(customer_code service)],
    'WooCommerce, payment method in no map: the error names the fields');

# Magento.

my @magento = (
    'billing[firstname]' => 'Budi', 'billing[lastname]' => 'Santoso',
    'billing[email]' => 'budi@example.com', 'billing[street][]' => 'a',
    'billing[street][]' => 'b', 'payment[method]' => 'alikassa_bca',
    'cart_items[0][sku]' => 'TEA-1', form_key => 'x', order_id => 'M-1',
);

$r = $t->post('/magento', form => \@magento,
    headers => ["User-Agent: Mozilla/5.0 (X) \"y\""]);
is($r->{status}, 200, 'Magento: paid') or diag($r->{raw});
is(($t->requests('M-1'))[0]{body}, '{"amount":275000,"order_id":"M-1",'
    . '"service":"virtual_account_idr_hpp","customer_ip":"127.0.0.1",'
    . '"customer_code":"BCAVA","customer_first_name":"Budi",'
    . '"customer_last_name":"Santoso","customer_email":"budi@example.com",'
    . '"desc":"order M-1, TEA-1",'
    . '"customer_browser_user_agent":"Mozilla\/5.0 (X) \"y\""}',
    'Magento: fields with brackets and of other solutions are signed');

# Unusual forms.

$r = $t->post('/odd', json => $t->json(order_id => 'Q-1',
    service => 'qr_code_idr_hpp', customer_code => 'QRIS',
    amount_in_thousands => '12', 'Full-Name' => 'Budi', 'x.y z' => 'Santoso',
    amount => '99', success_redirect_url => 'https://evil.example/'),
    headers => ['X-Real-IP: 203.0.113.9']);
is($r->{status}, 200, 'names in other spellings: paid') or diag($r->{raw});
is(($t->requests('Q-1'))[0]{body}, '{"amount":12000,"order_id":"Q-1",'
    . '"service":"qr_code_idr_hpp","customer_ip":"203.0.113.9",'
    . '"customer_code":"QRIS","customer_first_name":"Budi",'
    . '"customer_last_name":"Santoso",'
    . '"success_redirect_url":"http:\/\/localhost\/thanks?o=Q-1"}',
    'names in other spellings: signed body');

# If two fields have the same normalized name, or one is repeated, none is used.

for (['Full-Name' => 'a', 'full_name' => 'b'], ['Full-Name' => 'a',
    'Full-Name' => 'b'])
{
    $r = $t->post('/odd', form => [@$_, order_id => 'Q-2', 'x-y-z' => 'c',
        service => 'qr_code_idr_hpp', customer_code => 'QRIS',
        amount_in_thousands => 1]);
    is($r->{status}, 400, "@$_: refused");
    is_deeply([keys %{ $r->{json}{errors} }], ['customer_first_name'],
        "@$_: the error names the ambiguous field");
}

is($t->post('/odd', form => [order_id => 'Q-3', 'x-y-z' => 'c',
    full_name => 'd', service => 'qr_code_idr_hpp', customer_code => 'QRIS',
    amount_in_thousands => '1e3'])->{status}, 400,
    'amount that no map matches: refused');
is(scalar(grep { $_->{order_id} =~ /^Q-[23]/ } $t->requests), 0,
    'ambiguous fields: nothing is sent');

$t->done;
