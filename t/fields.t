#!/usr/bin/env perl

# Each field of AliKassa's page, with values of growing length and of each kind:
# a refused request is not sent.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(wait_for);
use Test::More;

my $t = Test::Alikassa->new->sandbox;

$t->conf(<<'EOF')->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    log_format vars '$uri $status $alikassa_outcome $alikassa_error';
    access_log %%DIR%%/vars.log vars;
    %%CREDENTIALS%%
    server {
        listen 127.0.0.1:%%PORT_0%%;
        location = /payment { alikassa_payment; }
        location = /payout {
            allow 127.0.0.1;
            deny all;
            alikassa_key %%KEYS%%/payout;
            alikassa_payout;
        }
        location = /fields { alikassa_payment; alikassa_validate fields; }
        location = /off    { alikassa_payment; alikassa_validate off; }
        %%API%%
    }
}
EOF

# The fields of AliKassa's page, independently of the module: name, type,
# maximum length, whether required.

my %page = (
    payment => [
        ['amount', 'amount', 0, 1],
        ['order_id', 'string', 128, 1],
        ['service', 'service', 100, 1],
        ['customer_ip', 'ip', 0, 0],        # required; nginx fills it in
        ['customer_code', 'code', 100, 1],
        ['customer_first_name', 'string', 0, 1],    # the page has no limit
        ['customer_last_name', 'string', 0, 1],
        ['success_redirect_id', 'int', 0, 0],
        ['fail_redirect_id', 'int', 0, 0],
        ['notification_endpoint_id', 'int', 0, 0],
        ['success_redirect_url', 'url', 255, 0],
        ['fail_redirect_url', 'url', 255, 0],
        ['notification_endpoint_url', 'url', 255, 0],
    ],
    payout => [
        ['amount', 'amount', 0, 1],
        ['order_id', 'string', 128, 1],
        ['service', 'service', 100, 1],
        ['number', 'string', 100, 1],
        ['customer_code', 'code', 100, 1],
        ['customer_first_name', 'string', 100, 1],
        ['customer_last_name', 'string', 100, 1],
        ['notification_endpoint_id', 'int', 0, 0],
        ['notification_endpoint_url', 'url', 255, 0],
    ],
);

my $astral = "\xf0\x9f\x98\x80";
my $n = 0;
my (@requests, @expected);

# the fields of a good one, with one changed; raw JSON text for \"..."

sub base ($call) {
    return $call eq 'payout' ? $t->payout(order_id => 'L-' . ++$n)
        : $t->payment(order_id => 'L-' . ++$n);
}

sub change ($pairs, $name, $value) {
    my @out;
    my $done;
    my @in = @$pairs;
    while (my ($k, $v) = splice @in, 0, 2) {
        if ($k eq $name) {
            push @out, $k, $value if defined $value;
            $done = 1;
            next;
        }
        push @out, $k, $v;
    }
    push @out, $name, $value if !$done && defined $value;
    return @out;
}

sub json (@pairs) {
    my @members;
    while (my ($name, $value) = splice @pairs, 0, 2) {
        push @members, qq{"$name":} . (ref $value ? $$value
            : '"' . $value =~ s/(["\\])/\\$1/gr
            =~ s/([\x00-\x1f])/sprintf '\\u%04x', ord $1/ger . '"');
    }
    return '{' . join(',', @members) . '}';
}

sub rung ($call, $name, $what, $error, @how) {
    push @requests, ["/$call", method => 'POST', @how];
    push @expected, [$call, $name, "$call, $name, $what", $error];
}

for my $call (sort keys %page) {
    for (@{ $page{$call} }) {
        my ($name, $type, $max, $required) = @$_;

        # As text, in a form and in JSON.

        my $text = sub ($what, $value, $error) {
            rung($call, $name, "$what (form)", $error,
                form => [change([base($call)], $name, $value)]);
            rung($call, $name, "$what (JSON)", $error,
                json => json(change([base($call)], $name, $value)));
        };

        my $json = sub ($what, $value, $error) {
            rung($call, $name, $what, $error,
                json => json(change([base($call)], $name, \$value)));
        };

        my $missing = $required ? qr/field is required/ : undef;

        $text->('missing', undef, $missing);
        $text->('empty', '', $missing);
        $json->('null', 'null', $missing);
        $text->('blank', '  ', qr/required|must be|invalid/);

        $json->('true', 'true', qr/must be a (?:string|number|positive)/);
        $json->('array', '["x"]', qr/must be a (?:string|number|positive)/);
        $json->('nested', '{"a":1}', qr/must be a (?:string|number|positive)/);
        $json->('number', '5', $type eq 'amount' || $type eq 'int' ? undef
            : qr/must be a string/);

        if ($max) {
            my $head = $type eq 'url' ? 'https://h.example/' : '';
            my $good = !$head && $type ne 'code' && $type ne 'service';
            $text->('longest', $head . 'x' x ($max - length $head),
                $good || $head ? undef : qr/invalid/);
            $text->('longest, of four bytes each', $astral x $max,
                $good ? undef : qr/invalid|must be a valid/);
            $text->('longer', $head . 'x' x ($max - length($head) + 1),
                $good || $head ? qr/greater than $max char/ : qr/invalid/);
            $text->('longer, of four bytes each', $astral x ($max + 1),
                $good || $head ? qr/greater than $max char/ : qr/invalid/);
        }

        my $controls = qr/must be|invalid|may not have control characters/;

        rung($call, $name, 'control characters (form)', $controls,
            form => [change([base($call)], $name, "a\x01b\tc\nd\x7f")]);
        rung($call, $name, 'control characters (JSON)', $controls,
            json => json(change([base($call)], $name,
                \'"a\u0001b\tc\nd\u007f"')));
        rung($call, $name, 'DEL (form)', $controls,
            form => [change([base($call)], $name, "a\x7f")]);
        rung($call, $name, 'C1 (form)', $controls,
            form => [change([base($call)], $name, "a\xc2\x85b")]);
        $text->('U+00A0, U+2028, U+2029',
            "a\xc2\xa0b\xe2\x80\xa8c\xe2\x80\xa9d",
            $type eq 'string' ? undef : qr/must be|invalid/);

        # Values that no field may have.

        rung($call, $name, 'wrong UTF-8 (form)', qr/not valid UTF-8/,
            form => [change([base($call)], $name, "a\xffb")]);
        rung($call, $name, 'overlong UTF-8 (form)', qr/not valid UTF-8/,
            form => [change([base($call)], $name, "a\xc0\x80b")]);
        rung($call, $name, 'surrogate (form)', qr/not valid UTF-8/,
            form => [change([base($call)], $name, "a\xed\xa0\x80b")]);
        rung($call, $name, 'NUL (form)', qr/not valid UTF-8/,
            form => [change([base($call)], $name, "a\0b")]);
        rung($call, $name, 'wrong UTF-8 (multipart)', qr/not valid UTF-8/,
            multipart => [change([base($call)], $name, "a\xffb")]);

        my @twice = base($call);
        rung($call, $name, 'repeated (form)', qr/more than once/,
            form => [change(\@twice, $name, '5'), $name => '5']);
        rung($call, $name, 'repeated (multipart)', qr/more than once/,
            multipart => [change(\@twice, $name, '5'), $name => '5']);
        rung($call, $name, 'a file', qr/must be|required/,
            body => join('', map { "--x\r\nContent-Disposition: form-data; "
                . "name=\"$_->[0]\"$_->[2]\r\n\r\n$_->[1]\r\n" }
                pairs_of(change([base($call)], $name, undef)),
                [$name, 'x', '; filename="x"']) . "--x--\r\n",
            headers => ['Content-Type: multipart/form-data; boundary=x']);

        # Faults of the body as a whole.

        rung($call, 'body', "$name, wrong UTF-8 (JSON)", qr/./,
            json => json(change([base($call)], $name, "a\xffb")));
        rung($call, 'body', "$name, \\u0000 (JSON)", qr/./,
            json => json(change([base($call)], $name, \'"a\u0000b"')));
        rung($call, 'body', "$name, half a pair (JSON)", qr/./,
            json => json(change([base($call)], $name, \'"a\ud800b"')));
        rung($call, 'body', "$name, repeated (JSON)", qr/./,
            json => json(change(\@twice, $name, '5'), $name, '5'));
        rung($call, 'body', "$name, repeated by escape (JSON)", qr/./,
            json => json(change(\@twice, $name, '5'),
                $name =~ s/^(.)/sprintf '\\u%04x', ord $1/er, '5'));

        # Values that depend on the type of the field.

        if ($type eq 'amount') {
            $text->("\"$_\"", $_, qr/must be a number from 0\.01 to 999999999/)
                for '0', '0.00', '-5', '+5', ' 5', '5 ', '1e2', '0x1',
                    '1,000.00', '1.000,00', '10.001', '10.0001', '10.00010',
                    '0.0000', '1000000000.0000', '1000000000', '999999999.991',
                    '.5', '5.', '05', 'NaN', 'Infinity', '1/2', "5\n",
                    "\xef\xbc\x95", '9' x 300;
            $json->("$_ as a number", $_, qr/must be a number/)
                for '0', '-5', '1e2', '5.001', '1000000000', '1E400', '0.001',
                    '5e-1';
            $text->("\"$_\"", $_, undef)
                for '0.01', '999999999.99', '100.50', '1', '150000.0000',
                    '0.0100', '999999999.990' . '0' x 100;
            $json->("$_ as a number", $_, undef) for '0.01', '999999999.99',
                '100.50', '7', '150000.0000', '20.5000';
        }

        if ($type eq 'int') {
            $text->("\"$_\"", $_, qr/must be a positive integer/)
                for '0', '-1', '+1', ' 1', '1.0', '1e3', '01', '0x10', 'x',
                    '9223372036854775808';
            $json->("$_ as a number", $_, qr/must be a positive integer/)
                for '0', '-1', '1.5', '1e3', '9223372036854775808';
            $text->("\"$_\"", $_, undef) for '1', '9223372036854775807';
            $json->("$_ as a number", $_, undef) for '1',
                '9223372036854775807';
        }

        if ($type eq 'ip') {
            $text->("\"$_\"", $_, qr/must be a valid IP address/)
                for '1.2.3', '1.2.3.256', '1.2.3.4:80', '01.2.3.4', 'localhost',
                    '::g', '[::1]', 'fe80::1%eth0', '1.2.3.4 ', '1.2.3.4.5';
            $text->("\"$_\"", $_, undef) for '0.0.0.0', '::', '2001:db8::1',
                '::ffff:1.2.3.4';
        }

        if ($type eq 'url') {
            $text->("\"$_\"", $_, qr/must be a valid http or https URL/)
                for 'x', '/x', '//h/x', 'ftp://h/', 'javascript:alert(1)',
                    'https://', 'https:///x', 'http://h/ x', "http://h/\nx",
                    'https://h/"x', 'https:h/x';
            $text->("\"$_\"", $_, undef) for 'http://h',
                'https://h.example/?a=b#c', 'HTTPS://h.example/',
                'https://[::1]:8443/x';
        }

        if ($type eq 'service') {
            $text->("\"$_\"", $_, qr/is invalid; allowed: /)
                for 'x', 'VIRTUAL_ACCOUNT_IDR_HPP', 'virtual_account_idr_hpp ',
                    $call eq 'payout' ? 'qr_code_idr_hpp' : 'payment_card_idr';
        }

        if ($type eq 'code') {
            $text->("\"$_\"", $_, qr/is invalid for \w+; allowed: \w+, /)
                for 'x', 'bcava', 'pmtb', 'BCAVA ', 'QRIS';
        }
    }
}

sub pairs_of (@list) {
    my @out;
    while (my ($k, $v) = splice @list, 0, 2) { push @out, [$k, $v, ''] }
    return @out;
}

$t->settings(duplicates => 'allow');

my @answers = $t->parallel(\@requests, 20);

my $sent = 0;

for my $i (0 .. $#requests) {
    my ($call, $name, $what, $error) = @{ $expected[$i] };
    my $r = $answers[$i];

    if (!$error) {
        is($r->{status}, 200, "$what: taken") or diag($r->{raw});
        $sent++;
        next;
    }

    my $errors = ($r->{json} // {})->{errors} // {};

    ok($r->{status} == 400
        && $r->{json}{message} eq 'The given data was invalid.'
        && join(' ', sort keys %$errors) eq $name
        && @{ $errors->{$name} } == 1
        && $errors->{$name}[0] =~ $error, "$what: refused")
        or diag($r->{raw});
}

is(scalar $t->requests, $sent, 'refused requests: nothing is sent');

my $created = 0;
$created += $_->{created} for $t->ledger;
is($created, $sent, 'each accepted order is created once');

# The error names each of several invalid fields.

my $r = $t->post('/payment', form => [amount => '1e5', service => 'x',
    customer_ip => 'y', fail_redirect_url => 'z', notification_endpoint_id => 0,
    success_redirect_url => 'https://h/' . 'x' x 256]);
is_deeply($r->{json}, {
    message => 'The given data was invalid.',
    errors => {
        amount => ['The amount must be a number from 0.01 to 999999999.99 '
            . 'with at most two decimals.'],
        order_id => ['The order id field is required.'],
        service => ['The selected service is invalid; allowed: '
            . 'online_banking_idr_hpp, qr_code_idr_hpp, '
            . 'virtual_account_idr_hpp, local_bank_transfer_idr_hpp.'],
        customer_ip => ['The customer ip must be a valid IP address.'],
        customer_code => ['The customer code field is required.'],
        customer_first_name => ['The customer first name field is required.'],
        success_redirect_url => ['The success redirect url may not be greater '
            . 'than 255 characters.'],
        customer_last_name => ['The customer last name field is required.'],
        notification_endpoint_id => ['The notification endpoint id must be a '
            . 'positive integer.'],
        fail_redirect_url => ['The fail redirect url must be a valid http or '
            . 'https URL.'],
    },
}, 'several invalid fields: the error names each');

ok(wait_for(sub { $t->log('vars.log')
    =~ m{/payment 400 invalid invalid_amount$}m }),
        'several invalid fields: the access log has the first');

# alikassa_validate fields and off.

for (['/fields', service => 'new_service', customer_code => 'NEWBANK'],
    ['/off', service => 'new_service', customer_code => 'x' x 200])
{
    my ($uri, %change) = @$_;
    my $id = 'V-' . substr $uri, 1;
    $t->post($uri, form => [$t->payment(%change, order_id => $id)]);
    my ($sent) = $t->requests($id);
    like($sent->{body}, qr/"service":"new_service".*"customer_code":"$change{customer_code}"/,
        "$uri: an unknown service and code are passed on");
}

is($t->post('/fields', form => [$t->payment(customer_code => 'x' x 101)])
    ->{status}, 400, 'validate fields: limits hold');
is($t->post('/fields', form => [$t->payment(customer_last_name => undef)])
    ->{status}, 400, 'validate fields: required fields are required');
$t->post('/off', form => [amount => 5, order_id => 'V-least']);
is(($t->requests('V-least'))[0]{body},
    '{"amount":5,"order_id":"V-least","customer_ip":"127.0.0.1"}',
    'validate off: only the given fields are signed');

for (['amount', '1e5'], ['notification_endpoint_id', '1.5'],
    ['order_id', "\xff"])
{
    is($t->post('/off', form => [$t->payment(@$_)])->{status}, 400,
        "validate off: $_->[0] must have its type");
}

$t->done;
