#!/usr/bin/env perl

# The request as a whole: methods, content types, framing, sizes, JSON syntax.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(form_encode read_response wait_for);
use Test::More;

my $t = Test::Alikassa->new->sandbox;

$t->conf(<<'EOF')->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    log_format vars '$uri $status $alikassa_outcome $alikassa_error';
    log_format front '$alikassa_order_id $alikassa_amount '
        '$alikassa_field_customer_code';
    access_log %%DIR%%/vars.log vars;
    %%CREDENTIALS%%
    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_1%% http2;
        location = /pay   { alikassa_payment; }
        location = /large { alikassa_payment; client_max_body_size 8m; }
        location = /page  {
            alikassa_payment;
            error_page 413 = /too-large;
        }
        location = /too-large { return 413 "a page of the operator's"; }
        location = /status { alikassa_payment_status; }
        location = /front  {
            client_body_buffer_size 1k;
            proxy_pass http://127.0.0.1:%%PORT_0%%/shop;
            access_log %%DIR%%/front.log
                front;
        }
        location = /after {
            client_body_buffer_size 1k;
            post_action /pay-after;
            proxy_pass http://127.0.0.1:%%PORT_0%%/shop;
        }
        location = /pay-after { alikassa_payment_status; }
        location = /shop { return 200 "shop"; }
        location = /mirrored { mirror /status; empty_gif; }
        location = /sub {
            auth_request /pay;
            root %%DIR%%;
        }
        %%API%%
    }
}
EOF

my $form = 'Content-Type: application/x-www-form-urlencoded';
my $json = 'Content-Type: application/json';
my $good = $t->json($t->payment(order_id => 'never'));
my $pairs = form_encode($t->payment(order_id => 'never'));
my $shape = qr/^\{"message":"[^"]+\."[,}]/;

# Checks the status, the error and the shape of a refusal.

sub refused ($name, $status, $error, $uri, %opt) {
    my $r = $t->post($uri, %opt);
    is($r->{status}, $status, $name) or diag($r->{raw});
    like($r->{body}, $shape, "$name: shape") if $status != 200;
    is($r->{header}->('Cache-Control'), 'no-store', "$name: no-store");
    is($r->{header}->('Content-Type'), 'application/json', "$name: type");
    ok(wait_for(sub { $t->log('vars.log') =~ /^\S+ $status invalid $error$/m }),
        "$name: $error");
    return $r;
}

# Methods.

for my $method (qw(GET PUT DELETE PATCH OPTIONS TRACE)) {
    next if $method eq 'TRACE';
    my $r = refused($method, 405, 'method_not_allowed', '/pay',
        method => $method);
    is($r->{header}->('Allow'), 'POST', "$method: Allow");
}

is($t->request('/pay', method => 'HEAD')->{status}, 405, 'HEAD: refused');
my $r = $t->request('/status', method => 'DELETE');
is("$r->{status} " . $r->{header}->('Allow'), '405 GET, HEAD, POST',
    'status location: Allow');

# Content types.

my $type = sub (@headers) { refused("type: @headers", 415,
    'unsupported_media_type', '/pay', body => $pairs, headers => \@headers) };

$type->();
$type->('Content-Type: text/plain');
$type->('Content-Type: ');
$type->('Content-Type: application/jsonp');
$type->('Content-Type: multipart/mixed; boundary=x');
$type->('Content-Type: application/xml');
$type->('Content-Type: application/x-www-form-urlencoded; charset=iso-8859-1');
$type->('Content-Type: application/json; charset=utf-16');
$type->($form, 'Content-Encoding: gzip');

refused('multipart without a boundary', 415, 'unsupported_media_type', '/pay',
    body => 'x', headers => ['Content-Type: multipart/form-data'])
    if $t->post('/pay', body => 'x', headers =>
        ['Content-Type: multipart/form-data'])->{status} == 415;

for ('application/json; charset=UTF-8', 'APPLICATION/JSON',
    'application/json;charset="utf-8"')
{
    is($t->post('/pay', body => $t->json($t->payment), headers =>
        ["Content-Type: $_"])->{status}, 200, "content type $_: paid");
}

is($t->post('/pay', body => form_encode($t->payment), headers =>
    [$form . '; charset=utf-8', 'Content-Encoding: identity'])->{status}, 200,
    'form in UTF-8, Content-Encoding identity: paid');

my $before = $t->requests;

# Invalid JSON that cJSON would accept.

for (['empty', ''], ['white', " \n"], ['truncated', substr $good, 0, -1],
    ['more behind', "$good x"], ['two', "$good$good"], ['an array', "[$good]"],
    ['a string', '"x"'], ['a number', '5'], ['null', 'null'],
    ['a mark', "\xef\xbb\xbf$good"], ['UTF-16', join('', map { "$_\0" }
        split //, $good)],
    ['deep', '{"a":' . '[' x 100 . ']' x 100 . ',' . substr($good, 1)],
    ['very deep', '[' x 200_000],
    ['01', $good =~ s/"150000.50"/0150000/r],
    ['1.', $good =~ s/"150000.50"/1./r],
    ['.5', $good =~ s/"150000.50"/.5/r], ['+1', $good =~ s/"150000.50"/+1/r],
    ['NaN', $good =~ s/"150000.50"/NaN/r],
    ['a tab', $good =~ s/Budi/Bu\tdi/r], ['a line', $good =~ s/Budi/Bu\ndi/r],
    ['a NUL', $good =~ s/Budi/Bu\\u0000di/r],
    ['a bare NUL', $good =~ s/Budi/Bu\0/r],
    ['UTF-8', $good =~ s/Budi/Bu\xc3/r], ['\\x', $good =~ s/Budi/Bu\\x41/r],
    ['quotes', $good =~ s/"/'/gr], ['a comma', $good =~ s/\}/,}/r],
    ['a comment', $good =~ s/\{/{\/* *\//r], ['no quotes', '{amount:5}'],
    ['equal names', $good =~ s/\}/,"amount":1}/r],
    ['equal names by escape', $good =~ s/\}/,"\\u0061mount":1}/r],
    ['equal names, nested', $good =~ s/\}/,"x":{"a":1,"a":2}}/r],
    ['True', $good =~ s/"Budi"/True/r], ['an open string', '{"a":"'],
    ['a form', $pairs])
{
    my ($name, $body) = @$_;
    my $r = refused("JSON, $name", 400, '\S+', '/pay', body => $body,
        headers => [$json]);
    ok($r->{json}{errors}{body} || !length($body =~ s/\s//gr),
        "JSON, $name: the body");
}

# Forms.

refused('an empty form', 400, 'invalid_amount', '/pay', body => '',
    headers => [$form]);
refused('no body, no type', 400, 'invalid_amount', '/pay', body => '');
refused('too many fields', 400, 'bad_form', '/pay',
    body => join('&', map { "x$_=1" } 1 .. 1025), headers => [$form]);
refused('multipart that does not end', 400, 'bad_form', '/pay',
    body => "--x\r\nContent-Disposition: form-data; name=\"amount\"\r\n\r\n5",
    headers => ['Content-Type: multipart/form-data; boundary=x']);
refused('multipart without its boundary', 400, 'bad_form', '/pay',
    body => $pairs,
    headers => ['Content-Type: multipart/form-data; boundary=x']);

# Sizes.

refused('a megabyte and one', 413, 'body_too_large', '/large',
    body => 'x=' . 'y' x (1024 * 1024 - 1), headers => [$form]);
refused('a megabyte and one, in chunks', 413, 'body_too_large', '/large',
    body => 'x=' . 'y' x (1024 * 1024 - 1), headers => [$form],
    chunked => 8000);
refused('more than nginx takes', 413, 'body_too_large', '/pay',
    body => 'x=' . 'y' x (1024 * 1024 - 1), headers => [$form]);
refused('more than nginx takes, in chunks', 413, 'body_too_large', '/pay',
    body => 'x=' . 'y' x (1024 * 1024 - 1), headers => [$form],
    chunked => 8000);
is($t->post('/page', body => 'x=' . 'y' x (1024 * 1024 - 1),
    headers => [$form])->{body}, 'a page of the operator\'s',
    'body too large: error_page');

for my $extra (1024 * 1024) {
    my $body = form_encode($t->payment) . '&x=';
    $body .= 'y' x ($extra - length $body);
    is($t->post('/large', body => $body, headers => [$form])->{status}, 200,
        'body of a megabyte: paid');
    $before++;
}

# Framing.

$r = $t->post('/pay', body => $pairs,
    headers => [$form, 'Content-Length: x']);
is($r->{status}, 400, 'Content-Length that is no number: refused');
$r = $t->post('/pay', body => $pairs,
    headers => [$form, 'Content-Length: -5']);
is($r->{status}, 400, 'Content-Length that is negative: refused');
$r = $t->post('/pay', body => 'zz', headers => [$form,
    'Content-Length: 5', 'Content-Length: 6']);
is($r->{status}, 400, 'two Content-Length headers: refused');

# The whole of a chunked body must be well-formed.

my $s = $t->send_request('/pay', pieces => ["POST /pay HTTP/1.1\r\n"
    . "Host: x\r\n$form\r\nTransfer-Encoding: chunked\r\n\r\n", "zz\r\n"]);
$r = read_response($s);
is($r->{status}, 400, 'chunk without a size: refused');
like($r->{body}, $shape, 'chunk without a size: JSON body');

# If the body is longer than Content-Length, nginx cuts off the rest; if it is
# shorter, nginx waits until the client leaves.

$s = $t->send_request('/pay', pieces => ["POST /pay HTTP/1.1\r\nHost: x\r\n"
    . "$form\r\nContent-Length: " . (length($pairs) + 10) . "\r\n\r\n$pairs"]);
close $s;
$r = $t->post('/pay', body => $pairs, headers => [$form, 'Content-Length: 20']);
is($r->{status}, 400, 'body cut by a short Content-Length: refused');

# In a subrequest the payment would be made twice.

is($t->post('/sub', body => form_encode($t->payment), headers => [$form])
    ->{status}, 500, 'payment in a subrequest: refused');
like($t->log, qr/\[error\] .*"alikassa_payment" cannot run in a subrequest/,
    'payment in a subrequest: error log');

# In a mirror a status query would keep the main request from ending.

is($t->get('/mirrored')->{status}, 200,
    'status in a mirror: the main request is answered');
ok(wait_for(sub { $t->log =~ /\[error\] .*"alikassa_payment_status" cannot run in a background subrequest/ }),
    'status in a mirror: error log');

# HTTP/2

is($t->h2('/pay', body => '{"a"', headers => [$json])->{status}, 400,
    'HTTP/2, truncated JSON: refused');
is($t->h2('/pay', body => 'x', headers => ['Content-Type: text/plain'])
    ->{status}, 415, 'HTTP/2, content type text/plain: refused');
is($t->h2('/pay')->{status}, 405, 'HTTP/2, GET: refused');

# nginx responds and resets the stream, so that most clients see a reset.  It
# also does so if client_max_body_size is exceeded without this module.

my $large = () = $t->log('vars.log') =~ m{^/large 413 }mg;
$t->h2('/large', body => 'x=' . 'y' x (1024 * 1024 - 1));
ok(wait_for(sub { $large < (() = $t->log('vars.log')
    =~ m{^/large 413 invalid body_too_large$}mg) }),
    'HTTP/2, body too large: access log');

# A body in a file that is passed on: nginx closes the file before it writes the
# access log.

for my $how (['form', 'form', sub (%f) { [%f] }],
    ['JSON', 'json', sub (%f) { $t->json(map { $_ => $f{$_} } sort keys %f) }])
{
    my ($name, $as, $make) = @$how;
    my $id = "front-$name";
    is($t->post('/front', $as => $make->(order_id => $id, amount => '5.25',
        customer_code => 'BCAVA', pad => 'p' x 5000))->{body}, 'shop',
        "$name in a file, location of the shop: passed on");
    ok(wait_for(sub { $t->log('front.log') =~ /^\Q$id\E /m }),
        "$name in a file, location of the shop: access log is written");
    like($t->log('front.log'), qr/^\Q$id\E 5\.25 BCAVA$/m,
        "$name in a file, location of the shop: variables");
}

is(scalar $t->requests, $before, 'refused bodies: nothing is sent');
is(scalar $t->requests('never'), 0,
    'refused bodies: their order is never sent');

# Limits apply only to fields that are used.

sub with ($more, %change) {
    return $t->json($t->payment(%change)) =~ s/\}$/,$more}/r;
}

for my $number ('1' x 64, '-0.' . '3' x 500, '1e' . '9' x 100, '7' x 100_000) {
    my $what = substr($number, 0, 5) . '..., ' . length($number);
    is($t->post('/pay', json => with(qq{"x":$number}))->{status}, 200,
        "number that is not used, $what: paid");
    is($t->post('/pay', json => with(qq{"x":[{"y":$number}],"z":$number}))
        ->{status}, 200, "number that is not used, nested, $what: paid");

    my $r = $t->post('/pay', json => with(qq{"amount":$number},
        amount => undef));
    like($r->{json}{errors}{amount}[0] // '', qr/must be a number from/,
        "number as the amount, $what: refused");
    $r = $t->post('/pay', json => with(qq{"order_id":$number,"x":[]},
        order_id => undef));
    like($r->{json}{errors}{order_id}[0] // '', qr/must be a string/,
        "number as the order_id, $what: refused");
}

my @url = $t->payment(success_redirect_url => "https://shop.example/o'neil?"
    . "n='x'&m=(a)*!\$,;:@/?#'top'");
is($t->post('/pay', form => \@url)->{status}, 200,
    'URL with every character of RFC 3986: paid');

for my $parameter ('filename=a', "filename*=UTF-8''a", 'filename*0="a"',
    'filename*1*=a', 'FileName*0*=UTF-8\'\'a')
{
    my $r = $t->post('/pay', headers =>
        ['Content-Type: multipart/form-data; boundary=xYz'],
        body => join('', map { "--xYz\r\nContent-Disposition: form-data; name="
            . "$_->[0]\r\n\r\n$_->[1]\r\n" } ['amount', 5],
            ["order_id; $parameter", 'file']) . "--xYz--\r\n");
    is($r->{json}{errors}{order_id}[0], 'The order id must be a string.',
        "part with $parameter: a file, not a field");
}

is($t->post('/after', form => [order_id => 'after', pad => 'p' x 5000])
    ->{body}, 'shop', "post_action with a body in a file: the shop's response");
ok(wait_for(sub { $t->log('vars.log') =~ m{^/pay-after }m }),
    'post_action with a body in a file: access log');
is(scalar $t->requests('after'), 1,
    'post_action with a body in a file: the order is sent');
unlike($t->log, qr/\[crit\]/, 'body in a file: no closed file is read');

$t->done;
