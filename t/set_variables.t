#!/usr/bin/env perl

# $alikassa_order_id and $alikassa_amount in the values of other fields.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa;
use Test::More;

my $t = Test::Alikassa->new->sandbox;

my $url = 'alikassa_set success_redirect_url'
    . ' "https://shop.example/thanks?order=$alikassa_order_id";'
    . ' alikassa_set desc "$alikassa_order_id for $alikassa_amount of'
    . ' $alikassa_account by $alikassa_operation";';

$t->conf(<<'EOF' =~ s/%%URL%%/$url/gr)->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    %%CREDENTIALS%%

    add_header X-Account $alikassa_account always;

    map $alikassa_order_id $price {
        ~^cheap 1.00;
        ~^dear  999;
    }
    map $alikassa_order_id $merchant {
        ~^other %%OTHER%%;
        default %%ACCOUNT%%;
    }
    map $alikassa_order_id $circle { default "c$alikassa_order_id"; }

    server {
        listen 127.0.0.1:%%PORT_0%%;

        location = /client  { alikassa_payment; %%URL%% }
        location = /first   { alikassa_payment; %%URL%%
                              alikassa_set order_id $arg_order;
                              alikassa_set amount   $arg_amount; }
        location = /last    { alikassa_payment;
                              alikassa_set order_id $arg_order;
                              alikassa_set amount   $arg_amount;
                              %%URL%% }
        location = /both    { alikassa_payment; %%URL%%
                              alikassa_set order_id "o$alikassa_amount-$arg_order"; }
        location = /refused { alikassa_payment; alikassa_accept none; %%URL%% }
        location = /off     { alikassa_payment; alikassa_validate off; %%URL%% }

        # through maps, which nginx -t does not see

        location = /price    { alikassa_payment; alikassa_set amount $price; }
        location = /circle   { alikassa_payment;
                               alikassa_set order_id $circle; }
        location = /merchant { alikassa_account $merchant; alikassa_payment; }
        location = /merchant-set { alikassa_account $merchant;
                               alikassa_payment;
                               alikassa_set order_id $arg_order; }
        %%API%%
    }
}
EOF

sub sent ($order) {
    my @sent = $t->requests($order);
    return @sent == 1 ? $sent[0]{body} : scalar(@sent) . ' requests';
}

sub pay ($uri, %opt) {
    return $t->post($uri, form => [$t->payment(%opt)]);
}

my $n = 0;

for my $uri (qw(/client /off /first /last)) {
    my $order = 'S-' . ++$n;
    my $r = pay("$uri?order=$order&amount=20.50",
        order_id => $uri =~ /client|off/ ? $order : 'none',
        amount => $uri =~ /client|off/ ? '20.50' : 1);
    is($r->{status}, 200, "$uri: paid") or diag($r->{raw});
    like(sent($order), qr{"success_redirect_url":"https:\\/\\/shop\.example\\/thanks\?order=$order".*"desc":"$order for 20\.5 of $t->{account} by payment"},
        "$uri: the signed URL and desc have the order");
    like(sent($order), qr/^\{"amount":20\.5,"order_id":"$order"/,
        "$uri: the signed amount and order_id");
}

is(pay('/both?order=x', amount => '7.00')->{status}, 200,
    'order_id and desc made of each other: paid');
like(sent('o7-x'), qr/\?order=o7-x".*"desc":"o7-x for 7 of/,
    'order_id and desc made of each other: their values');

my $r = pay('/refused');
is($r->{json}{errors}{order_id}[0], 'The order id field is required.',
    'no order_id in form or argument: refused');

for (['one more', order_id => 'a', more => [order_id => 'b']],
    ['no amount', amount => 'x'])
{
    my ($name, %opt) = @$_;
    my $more = delete $opt{more};
    $r = $t->post('/client', form => [$t->payment(%opt), @{ $more // [] }]);
    is($r->{status}, 400, "$name: refused");
}

# Maps.

my $cheap = "cheap-$$";
is(pay('/price', order_id => $cheap, amount => 5)->{status}, 200,
    'amount by a map of the order: paid');
like(sent($cheap), qr/^\{"amount":1,"order_id":"$cheap"/,
    'amount by a map of the order: the signed amount');
is(pay('/price', order_id => 'free')->{status}, 400,
    'amount by a map without a value: refused');
is(pay('/circle', order_id => 'x')->{status}, 200,
    'order_id made of itself by a map: paid');
like(sent('c'), qr/"order_id":"c"/,
    'order_id made of itself by a map: the value ends');

for (['/merchant', 'order_id'], ['/merchant-set', 'arg']) {
    my ($uri, $how) = @$_;
    for my $who (qw(other mine)) {
        my $order = "$who-" . ++$n;
        my $r = pay("$uri?order=$order", order_id => $how eq 'arg'
            ? 'other-none' : $order);
        is(scalar $t->requests($order), 1, "$uri, $who: one POST");
        is($r->{header}->('X-Account'),
            $t->{$who eq 'other' ? 'other' : 'account'},
            "$uri, $who: the account of the order");
    }
}

$t->done;
