#!/usr/bin/env perl

# Variables made of what a client or AliKassa sent: none splits a header, a
# request line or a log's line.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(wait_for);
use Test::More;

my $t = Test::Alikassa->new->sandbox;

my $use = 'add_header X-Order "o$alikassa_order_id" always;'
    . ' add_header X-Name "n$alikassa_field_name" always;'
    . ' add_header X-Amount "a$alikassa_amount" always;'
    . ' add_header X-Account "c$alikassa_account" always;'
    . ' add_header X-Answer "i$alikassa_id u$alikassa_uuid l$alikassa_url'
    . ' s$alikassa_payment_status e$alikassa_error" always;';

$t->conf(<<'EOF' =~ s/%%USE%%/$use/gr)->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    %%CREDENTIALS%%
    log_format vars escape=none '[$alikassa_order_id][$alikassa_field_name]'
        '[$alikassa_amount][$alikassa_account]';
    access_log %%DIR%%/vars.log vars;
    %%USE%%
    alikassa_idempotency_zone orders 1m;

    server {
        listen 127.0.0.1:%%PORT_0%%;

        location = /pay        { alikassa_payment; }
        location = /fields     { alikassa_payment; alikassa_validate fields; }
        location = /off        { alikassa_payment; alikassa_validate off; }
        location = /status     { alikassa_payment_status; }
        location = /once {
            alikassa_payment;
            alikassa_validate    fields;
            alikassa_idempotency orders;
        }
        location = /set {
            alikassa_payment;
            alikassa_validate off;
            alikassa_set order_id $alikassa_field_name;
        }
        location = /account {
            alikassa_account $alikassa_field_account;
            alikassa_payment;
        }
        location ~ ^/in-uri/(?<raw>(?s).*)$ {
            alikassa_account $raw;
            alikassa_payment;
        }
        location ~ ^/subrequest/ { alikassa_payment; }
        location ~ ^/ssi/(?<raw>(?s).*)$ {
            auth_request /subrequest/$raw;
            return 200;
        }
        location = /shop {
            client_body_buffer_size 1k;
            proxy_pass http://127.0.0.1:%%PORT_2%%/x?id=$alikassa_order_id&$alikassa_field_name;
        }
        location = /evil {
            alikassa_api /evil;
            alikassa_payment;
        }
        location /evil/ {
            internal;
            proxy_pass http://127.0.0.1:%%PORT_2%%/answer?;
        }
        %%API%%
    }

    server {
        listen 127.0.0.1:%%PORT_2%%;
        access_log %%DIR%%/shop.log combined;
        location / { return 200 "[$request]"; }
        location = /answer {
            default_type application/json;
            return 200 '{"id":"1\\r\\nX-Evil: 1","uuid":"2\\nX","url":"https://a/\\u0085","payment_status":"wait\\u007f"}';
        }
    }
}
EOF

sub headers ($r) {
    return join ' ', map { $r->{header}->("X-$_") } qw(Order Name Amount);
}

sub form ($order, $name, %more) {
    return (form => [$t->payment(order_id => $order, %more), name => $name]);
}

my %control = (CRLF => "\r\nX-Evil: 1", LF => "\n", tab => "\t",
    ESC => "\e[2J", DEL => "\x7f", NEL => "\xc2\x85", CSI => "\xc2\x9b31m");

my $n = 0;

for my $what (sort keys %control) {
    for my $uri (qw(/pay /fields /off)) {
        my $order = 'V-' . $n++ . $control{$what};
        my $r = $t->post($uri, form($order, "n$control{$what}"));
        is($r->{status}, $uri eq '/pay' ? 400 : 200, "$uri, $what: status")
            or diag($r->{raw});
        is(headers($r), 'o n a150000.5',
            "$uri, $what: headers made of the variables are empty");
        is($r->{header}->('X-Evil'), '', "$uri, $what: no header is injected");
        like($r->{json}{errors}{order_id}[0], qr/control characters/,
            "$uri, $what: the client is told") if $uri eq '/pay';
    }

    # The variables as the request is passed on.

    my $order = 'V-' . $n++ . $control{$what};
    is($t->post('/shop', form($order, "n$control{$what}"))->{body},
        '[GET /x?id=& HTTP/1.0]' =~ s/GET/POST/r,
        "proxied, $what: the variables are empty");
    is(headers($t->post('/set', form('x', $order))), 'o n a150000.5',
        "alikassa_set, $what: the variables are empty");
    is($t->post('/account', form('x', 'x', account => $order))
        ->{header}->('X-Account'), 'c',
        "alikassa_account, $what: the account is empty");
}

my $clean = "\"a b\"&c=d;e\xc2\xa0\xe2\x80\xa8\xc3\xa9";

is(headers($t->post('/pay', form($clean, $clean))), "o$clean n$clean a150000.5",
    'values without control characters: unchanged');
is($t->post('/pay', form('x', 'y', customer_first_name => "Bu\ndi"))
    ->{json}{errors}{customer_first_name}[0],
    'The customer first name may not have control characters.',
    'control character in a name: refused');
is($t->post('/status', form => [order_id => "V\n1"])->{json}{errors}{order_id}
    [0], 'The order id may not have control characters.', 'a status');

# what was sent with them is asked for with them

my @odd = form("odd\n", 'x');
$t->faults({ action => 'cut_after', count => 1 });
is($t->post('/once', @odd)->{status}, 502,
    'order_id with a line feed: the outcome is unknown');
is($t->post('/once', @odd)->{json}{payment_status}, 'wait',
    'order_id with a line feed: the status query finds it');

# Variables made of AliKassa's response.

my $r = $t->post('/evil', form('V-evil', 'x'));
is($r->{header}->('X-Answer'), 'i u l s e',
    'response of AliKassa with control characters: the variables are empty')
    or diag($r->{raw});
is($r->{header}->('X-Evil'), '',
    'response of AliKassa with control characters: no header is injected');

# one request, one line

$t->get('/in-uri/x%0a2030/01/01%20[crit]%20forged', method => 'POST');
$t->get('/in-uri/x%0d%0aforged', method => 'POST');
$t->get('/ssi/x%0aforged');

my @requests = split /\n/, $t->log('vars.log');
is(scalar(grep { !/^(?:\[[^\[\]]*\]){4}$/ } @requests), 0,
    'access log: one line for each request')
    or diag(join "\n", @requests);
is(scalar(grep { /^forged|^2030/ } split /\n/, $t->log), 0,
    'error log: no line is injected');
like($t->log, qr/"alikassa_account" gives "control characters", /,
    'error log: the reason of a bad account');

$t->done;
