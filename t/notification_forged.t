#!/usr/bin/env perl

# An attacker who has one notification that AliKassa signed cannot change it so
# that the shop reads another one, whatever parser the shop has.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(form_encode json_decode $LIMIT);
use Test::Http3;
use Test::More;
use Test::Notification;

my $t = Test::Alikassa->new->sandbox;
my $n = Test::Notification->new($t);

# A shop without a php.ini, so that the last of "EGPCS" wins in $_REQUEST.

$t->php(3, <<'PHP', '-n');
<?php
header('Content-Type: application/json');
file_put_contents(getenv('DIR') . '/shop.log', $_SERVER['REQUEST_METHOD']
    . " {$_SERVER['REQUEST_URI']}\n", FILE_APPEND | LOCK_EX);
echo json_encode(['get' => $_GET, 'post' => $_POST, 'request' => $_REQUEST,
    'body' => file_get_contents('php://input')]);
PHP

my $no_http3 = Test::Http3::why_not();
my $http3 = $no_http3 ? '' : <<'EOF';
        listen 127.0.0.1:%%PORT_2%% quic;
        ssl_certificate     %%KEYS%%/server.pem;
        ssl_certificate_key %%KEYS%%/server.key;
EOF

$t->conf(<<'EOF' =~ s/%%HTTP3%%/$http3/r)->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    alikassa_account %%ACCOUNT%%;

    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_1%% http2;
        %%HTTP3%%

        location /notify {
            alikassa_notification %%KEYS%%/notification/public.pem;
            proxy_pass http://127.0.0.1:%%PORT_3%%;
        }
        location /any {
            alikassa_notification %%KEYS%%/notification/public.pem unsigned=*;
            proxy_pass http://127.0.0.1:%%PORT_3%%;
        }
        location /some {
            alikassa_notification %%KEYS%%/notification/public.pem
                                  unsigned=route unsigned=lang
                                  unsigned=filter[shop];
            proxy_pass http://127.0.0.1:%%PORT_3%%;
        }
        location /decoded {
            alikassa_notification %%KEYS%%/notification/public.pem;
            proxy_pass http://127.0.0.1:%%PORT_3%%/$uri$is_args$args;
        }
        location = /exact {
            alikassa_notification %%KEYS%%/notification/public.pem;
            proxy_pass http://127.0.0.1:%%PORT_3%%;
        }
        location /routed {
            alikassa_notification %%KEYS%%/notification/public.pem unsigned=q;
            try_files /none /index.php?q=$uri&$args;
        }
        location /rewritten/ {
            alikassa_notification %%KEYS%%/notification/public.pem;
            rewrite ^/rewritten/(.*)$ /index.php?route=$1 last;
        }
        location = /taken {
            if ($args ~ "^(.*)&utm=(.*)$") { set $args $1; }
            rewrite ^ /as-sent last;
        }
        location = /joined {
            if ($args ~ "^(.*)&utm=(.*)$") { set $args $1&$2; }
            rewrite ^ /as-sent last;
        }
        location = /added { rewrite ^ /as-sent?wc-api=x last; }
        location = /as-sent {
            internal;
            alikassa_notification %%KEYS%%/notification/public.pem
                                  unsigned=utm unsigned=wc-api;
            proxy_pass http://127.0.0.1:%%PORT_3%%$request_uri;
        }
        location = /unbuffered {
            proxy_request_buffering off;
            proxy_http_version 1.1;
            proxy_pass http://127.0.0.1:%%PORT_4%%;
            error_page 502 = @unbuffered;
        }
        location @unbuffered {
            proxy_request_buffering off;
            proxy_http_version 1.1;
            alikassa_notification %%KEYS%%/notification/public.pem;
            proxy_pass http://127.0.0.1:%%PORT_3%%;
        }
        location = /index.php {
            internal;
            proxy_pass http://127.0.0.1:%%PORT_3%%;
        }
        location /decode/ {
            proxy_pass http://127.0.0.1:%%PORT_3%%/$uri$is_args$args;
        }
        location /direct { proxy_pass http://127.0.0.1:%%PORT_3%%; }
    }
}
EOF

my $log = 0;

sub refusals {
    my $text = substr $t->log, $log;
    $log += length $text;
    return $text =~ /notification refused: (.*?), client/g;
}

# Returns the requests that reached the shop since the last call.

my $shop = 0;

sub shop {
    my $text = substr $t->log('shop.log'), $shop;
    $shop += length $text;
    return $text;
}

# Checks that a request is refused and does not reach the shop, and that the
# reason in the error log begins with $why.  %opt is that of get().

sub forged ($name, $why, $uri, %opt) {
    my $r = $t->get($uri, %opt);
    is($r->{status}, 403, "$name: refused") or diag($r->{raw});
    my @why = refusals();
    is(scalar @why, 1, "$name: one line in the error log");
    like($why[0] // '', qr/^\Q$why\E/, "$name: reason in the error log");
    is(shop(), '', "$name: does not reach the shop");
}

sub passes ($name, $uri, %opt) {
    my $r = $t->get($uri, %opt);
    is($r->{status}, 200, "$name: status") or diag($r->{raw}, refusals());
    is(() = shop() =~ /\n/g, 1, "$name: reaches the shop once");
    refusals();
    return $r->{json};
}

# Checks that the forgery works on a shop without the check.

sub works ($name, $where, $field, $value, $uri, %opt) {
    my $r = $t->get("/direct$uri", %opt);
    is($r->{json}{$where}{$field}, $value, "$name, no check: PHP reads it")
        or diag($r->{raw});
    shop();
}

my $q = $n->query;
my @p = $n->pairs;
my %p = @p;
utf8::decode($p{desc});

is_deeply(passes('signed query', "/notify?$q")->{request}, \%p,
    'signed query: the shop reads what was signed');
is_deeply(passes('signed form', '/notify', method => 'POST', form => [@p])
    ->{request}, \%p, 'signed form: the shop reads what was signed');

# A fragment is no part of $args, but proxy_pass sends it.

for ("$q#", "$q#&order_id=77", "#?$q", "#$q",
    $q =~ s/&order_id/#&order_id/r, '#' . "?$q&amount=1")
{
    forged("fragment in \"" . substr($_, 0, 12) . '"', 'the URL has a fragment',
        "/notify?$_");
    forged('fragment in an absolute target', 'the URL has a fragment',
        "http://localhost/notify?$_");
}

forged('fragment before the query', 'the URL has a fragment',
    "/notify#?$q");
forged('fragment, then the query', 'the URL has a fragment',
    "/notify?$q#?order_id=77");
forged('fragment of a POST', 'the URL has a fragment', '/notify#?amount=1',
    method => 'POST', form => [@p]);

sub h2 ($path, @more) {
    my $curl = "curl -s --http2-prior-knowledge -m $LIMIT -o /dev/null";
    my $url = 'http://127.0.0.1:' . $t->port(1) . '/';
    my $status =
        qx{$curl -w '%{http_code}' --request-target '$path' @more $url};
    return "$status " . join ',', refusals();
}

is(h2("/notify?$q"), '200 ', 'HTTP/2, signed query: delivered');
shop();
is(h2("/notify?$q#&order_id=77"), '403 the URL has a fragment',
    'HTTP/2, fragment: refused');
is(h2("/notify?$q&order_id=77"), '403 a parameter is repeated',
    'HTTP/2, repeated parameter: refused');
is(h2("/notify?$q", "-H 'Cookie: lang=id' -H 'Cookie: order_id=77'"),
    '403 a cookie\'s name might be taken for a signed parameter\'s',
    'HTTP/2, order_id in the second of two cookies: refused');
is(h2("/notify?$q", "-X GET -d 'is_partial_payment=1'"),
    '403 a GET has a body', 'HTTP/2, GET with a body: refused');
is(shop(), '', 'HTTP/2, forged: none reaches the shop');

SKIP: {
    if ($no_http3) {
        diag("HTTP/3 is not tested: $no_http3");
        skip "HTTP/3: $no_http3", 1;
    }

    my $c = Test::Http3->new(port => $t->port(2));
    my $form = 'application/x-www-form-urlencoded';

    my $answer = sub ($method, $path, %opt) {
        my $s = $c->send($method, $path, %opt);
        $c->wait(sub { $s->{end} });
        return ($s->{status} // '') . ' ' . join ',', refusals();
    };

    is($answer->('GET', "/notify?$q"), '200 ',
        'HTTP/3, signed query: delivered');
    is($answer->('POST', '/notify', type => $form, body => $q), '200 ',
        'HTTP/3, signed form: delivered');
    shop();
    is($answer->('GET', "/notify?$q#&order_id=77"),
        '403 the URL has a fragment', 'HTTP/3, fragment behind: refused');
    is($answer->('GET', "/notify#?$q"), '403 the URL has a fragment',
        'HTTP/3, fragment before the query: refused');
    is($answer->('GET', "/notify?$q", headers => [cookie => 'lang=id',
        cookie => 'order_id=77']),
        '403 a cookie\'s name might be taken for a signed parameter\'s',
        'HTTP/3, order_id in the second of two cookies: refused');
    is($answer->('GET', "/notify?$q", type => $form,
        body => 'is_partial_payment=1'), '403 a GET has a body',
        'HTTP/3, GET with a body: refused');
    is(shop(), '', 'HTTP/3, forged: none reaches the shop');
    $c->close;
}

# nginx changes the query before the check, but passes it on as the client sent
# it.

passes('query unchanged before the check', "/taken?$q");
passes('unsigned parameter removed before the check', "/taken?$q&utm=x");
forged('repeated order_id removed before the check', 'a parameter is repeated',
    "/taken?$q&utm=x&order_id=77");
forged('parameter that is not allowed removed before the check',
    'a parameter is not signed', "/taken?$q&utm=x&route=y");
forged('second notification removed before the check',
    'a parameter is repeated',
    "/taken?$q&utm=x&" . $n->query(order_id => 'B/2'));
forged('signed parameter made of another before the check',
    'the query that the client sent has other',
    '/joined?' . form_encode($n->pairs(is_partial_payment => undef,
        sign => undef)) . '&' . form_encode(sign => $n->php('sign', '-',
            form_encode($n->pairs(is_partial_payment => 1, sign => undef))))
        . '&utm=is_partial_payment=1');
forged('all parameters made of another before the check',
    'the query that the client sent has other', "/joined?wc-api=1&utm=$q");
passes('parameter added before the check', "/added?$q");
passes('parameter added before the check, form', '/added', method => 'POST',
    form => [@p]);

# Signed parameters that are split between query and body.

my @partial = $n->pairs(is_partial_payment => '1');

for my $name (qw(is_partial_payment order_id amount sign desc id)) {
    my %rest = @partial;
    my @moved = ($name => delete $rest{$name});
    my @rest  = map { $_ => $rest{$_} } sort keys %rest;

    forged("$name in the body of a GET", 'a GET has a body',
        '/notify?' . form_encode(@rest), method => 'GET', form => [@moved]);
    forged("$name in the body", 'a signed parameter stands in the query',
        '/notify?' . form_encode(@rest), method => 'POST', form => [@moved]);
    forged("$name in the query of a form",
        'a signed parameter stands in the query',
        '/notify?' . form_encode(@moved), method => 'POST', form => [@rest]);
    forged("$name in the query of JSON",
        'a signed parameter stands in the query',
        '/notify?' . form_encode(@moved), method => 'POST',
        json => $t->json(@rest));
}

works('is_partial_payment in the body of a GET', 'get', 'is_partial_payment',
    undef, '?' . form_encode(id => 1), method => 'GET',
    form => [is_partial_payment => 1]);

forged('whole notification in query and body',
    'a signed parameter stands in the query',
    "/notify?$q", method => 'POST', form => [@p]);
forged('GET with a form', 'a GET has a body', "/any?$q", method => 'GET',
    form => [x => 1]);
forged('GET with a chunked form', 'a GET has a body', "/any?$q",
    method => 'GET', form => [x => 1], chunked => 1);
forged('GET with JSON', 'a GET has a body', "/any?$q",
    method => 'GET', json => '{}');
forged('unsigned parameter in the body, all others in the query',
    'a signed parameter stands in the query', "/any?$q", method => 'POST',
    form => [x => 1]);
passes('POST with an empty body', "/notify?$q", method => 'POST', body => '');
passes('GET with an empty body', "/notify?$q", method => 'GET', body => '');
is_deeply([sort keys %{ passes(
    'unsigned parameter in the query, all others in a form',
    '/some?route=x', method => 'POST', form => [@p])->{get} }], ['route'],
    'unsigned parameter in the query, all others in a form: PHP\'s $_GET');

# Characters that are not escaped, or not properly.

my %raw = (
    'a semicolon is not escaped' => [
        'desc=a;order_id=77', 'desc=;', 'x=1;y=2', ';', 'x=;%6frder_id=77',
        'desc=&amp;order_id=77' ],
    'a bracket is not escaped' => [
        'desc=[', 'desc=]', 'x[]=1', 'order_id[]=77', 'order[id=77',
        ']order_id=77', 'x=[order_id]' ],
    'an escape is malformed' => [
        'desc=%', 'desc=%4', 'desc=%zz', 'desc=a%2', 'desc=%%41',
        'desc=%u0041', 'x=%g1', '%=1', 'x%4=1', 'desc=%+1' ],
    'a space, a control or a non-ASCII character' => [
        "desc=\xc3\xa9", "x=\xff", "\xc5\xbfign=x" ],
);

for my $why (sort keys %raw) {
    for my $raw (@{ $raw{$why} }) {
        my $desc = $raw =~ /^desc=/ ? $raw : "desc=x&$raw";
        my $query = form_encode($n->pairs(desc => undef, sign => undef))
            . "&$desc";
        my $sign = form_encode(sign => $n->php('sign', '-', $query));

        # The check of the query finds a semicolon first.

        forged("\"$raw\" in a query", $why, "/any?$query&$sign");
        forged("\"$raw\" in a form", $why, '/any', method => 'POST',
            body => "$query&$sign",
            headers => ['Content-Type: application/x-www-form-urlencoded']);
        forged("\"$raw\" beside JSON", $why, "/any?$raw", method => 'POST',
            json => $t->json($n->pairs(desc => 'x')));
    }
}

for my $c (map { chr } 0 .. 32, 127) {
    forged(sprintf('character %d in a form', ord $c),
        'a space, a control or a non-ASCII character', '/notify',
        method => 'POST', body => "$q$c",
        headers => ['Content-Type: application/x-www-form-urlencoded']);
}

passes('semicolon, brackets, percent sign, non-ASCII, escaped', '/notify?'
    . $n->query(desc => ";[]%\xc3\xa9\xff" =~ s/\xff//r));
forged('semicolon in the path', 'a semicolon is not escaped',
    "/notify;order_id=77?$q");

# Escapes in the path, of which $uri makes a query, a header or a fragment.

forged("\"$_\" in the path", 'the path has an escape', "/decoded$_?$q")
    for '%3Forder_id=77&amount=1&x=', '%3forder_id=77', '%23', '%3B', '%20',
        '%0D%0AX-Proven:%201', '%7F', '/%41', '%2f', '%5c', '%25', '%C3%A9';

# A path of which "try_files" and "rewrite" make parameters.

for my $path ('/routed', '/rewritten/pay') {
    passes("plain path $path", "$path?$q");
    forged("path $path$_", 'the path has ', "$path$_?$q")
        for '&order_id=77', '%26order_id=77', '%26order_id%3D77&x=', '=77',
            "\xc3\xa9", '[0]';
}

# Other spellings of an exact location: proxy_pass may send the client's to the
# shop.

passes('exact location', "/exact?$q");
forged("exact location spelt \"$_\"", 'the path has an e', "$_?$q")
    for '/order_id/77/../../exact', '/./exact', '//exact', '/%65xact',
        '/x/%2e%2e/exact', '/x/..%2fexact', '/exact/..%2fexact';
forged('exact location in an absolute target', 'the path has an empty segment',
    "http://localhost//exact?$q");

is($t->get("/decode/x%3Fextra=77%26x=?$q")->{json}{get}{extra}, '77',
    'escaped "?" in the path, no check: PHP\'s $_GET');
shop();

# Names that a parser might take for that of a signed parameter.

my $like = 'a parameter\'s name might be taken for a signed one';

for my $name (qw(order_id payment_status is_partial_payment id amount sign),
    'type', 'commission_amount')
{
    my ($head, $tail) = $name =~ /^(.+)_(.+)$/;

    for (uc $name, ucfirst $name, " $name", "$name ", "\t$name", "$name\n",
        "\0$name", "$name\0", "$name\0x", "[$name]", "]$name", "$name\]",
        "[[$name", "[]$name", "$name\[]", "$name\[", "$name\[x]", "$name\[x",
        "$name\[0][1]", "x[$name]", "x[0][$name]", "x.$name", "$name.x",
        "_$name", "!$name", "$name:int", "$name(1i)", "-$name", "'$name'",
        "\"$name\"", "$name=1", "$name&x", "$name;x", "$name#", "$name%20",
        ($name =~ s/s/\xc5\xbf/r), ($name =~ s/([a-z])/fullwidth($1)/er),
        "$name\xc2\xa0", "\xe2\x80\x8b$name", "\xef\xbb\xbf$name",
        "x[$name", "$name/x", "x/$name", "$name\\", '$' . $name,
        defined $head ? ("$head\[$tail", "$head\[$tail]", "$head.$tail",
            "$head $tail", "$head-$tail", "$head\0$tail", "$head+$tail",
            "$head.$tail\[x]", " $head.$tail", ($name =~ s/_//gr),
            ($name =~ s/_(.)/\u$1/gr), ($name =~ s/_/-/gr),
            ($name =~ s/_/__/gr), 'x.' . ($name =~ s/_//gr),
            'x[' . ($name =~ s/_(.)/\u$1/gr) . ']') : ())
    {
        next if $_ eq $name;
        my $shown = s/([^ -~])/sprintf '\x%02x', ord $1/ger;
        my $extra = form_encode($_ => 77);

        forged("$name as \"$shown\" in front", $like, "/any?$extra&$q");
        forged("$name as \"$shown\" behind", $like, "/any?$q&$extra");
    }
}

sub fullwidth ($c) {
    my $s = chr(ord($c) + 0xfee0);
    utf8::encode($s);
    return $s;
}

my @tale = (id => 1, desc => 2, amount => 3);

works($_->[0], 'get', $_->[1], $_->[2], '?' . form_encode(@tale, @$_[0, 2]))
    for ['order[id', 'order_id', '77'], [' order.id', 'order_id', '77'],
        ["order id\0x", 'order_id', '77'], ['is[partial_payment',
        'is_partial_payment', '0'];

for ("payment_statu\xc5\xbf", "\xe2\x84\xaaind", "x\xc3\xa9", ' ', '', "a b",
    'a+b', 'a=b', "a\x01", 'a"b')
{
    my $shown = s/([^ -~])/sprintf '\x%02x', ord $1/ger;
    forged("name \"$shown\"", $like, "/any?$q&" . form_encode($_ => 1));
}

forged("name \"$_\"", $like, "/any?$q&$_=1")
    for qw(_charset_ utf8 UTF8 _method _Method _method%20);

my $json = $t->json($n->pairs(desc => 'x'));

for (qw(Order_id order.id [order_id] payment_\u017ftatus \u212aind
    x[order_id] _method), "order_id ", '')
{
    forged("JSON member \"$_\"", $like, '/any', method => 'POST',
        json => $json =~ s/^\{/{"$_":"77",/r);
}

passes("harmless name \"$_\"", "/any?$q&" . form_encode($_ => 1))
    for qw(x ids order_ids wc-api shop-id foo[bar] /callback a.b signature
        order utm_source account_id types _ a[0]);

# Unsigned parameters that repeat or are many.

forged('unsigned parameter twice', 'a parameter is repeated',
    "/any?x=1&$q&x=1");
forged('allowed parameter twice', 'a parameter is repeated',
    "/some?route=1&$q&route=1");
forged('unsigned parameter in the query and in a form',
    'a parameter is repeated', '/any?x=1',
    method => 'POST', form => [@p, x => 2]);
forged('unsigned parameter in the query and in JSON', 'a parameter is repeated',
    '/any?x=1', method => 'POST', json => $json =~ s/^\{/{"x":"2",/r);
forged('unsigned array', 'a parameter is repeated', "/any?x%5B%5D=1&$q"
    . '&x%5B%5D=2');
forged('90 unsigned parameters', 'too many parameters', '/any?'
    . join('&', map { "x$_=1" } 1 .. 90) . "&$q");
forged('30 unsigned parameters in the query and 30 in a form',
    'too many parameters', '/any?'
    . join('&', map { "x$_=1" } 1 .. 30), method => 'POST',
    form => [@p, map { ("y$_" => 1) } 1 .. 30]);
forged('90 unsigned members of JSON', 'too many parameters', '/any',
    method => 'POST',
    json => $json =~ s/^\{/'{' . join '', map { "\"x$_\":1," } 1 .. 90/er);
forged('1000 empty parameters in front', 'too many parameters',
    '/notify?' . '&' x 1000 . $q);
forged('1000 empty parameters in the middle', 'too many parameters', '/notify?'
    . $q =~ s/&is_partial/'&' x 1000 . 'is_partial'/er);
forged('1000 empty parameters of a form', 'too many parameters', '/notify',
    method => 'POST', body => '&' x 1000 . $q,
    headers => ['Content-Type: application/x-www-form-urlencoded']);
passes('three empty parameters', "/notify?&$q&&");
passes('40 unsigned parameters',
    '/any?' . join('&', map { "x$_=1" } 1 .. 40) . "&$q");

# Unsigned parameters whose value changes how others are read.

forged('ISO-2022 escape sequence in a value',
    'a parameter has control characters', "/any?$q&x=%1b%24B");
forged('NUL in a value', 'a parameter has control characters', "/any?$q&x=%00");
forged('value that is not UTF-8', 'a parameter is not UTF-8',
    "/any?$q&x=%83%5c");
forged('JSON object as a value', 'a parameter is not text', '/any',
    method => 'POST', json => $json =~ s/^\{/{"x":{"order_id":"77"},/r);
forged('JSON member "__proto__"', 'a parameter is not text', '/any',
    method => 'POST', json => $json =~ s/^\{/{"__proto__":{"desc":"77"},/r);
forged("JSON value \"$_\"", 'a parameter in JSON that is not signed has',
    '/any', method => 'POST', json => $json =~ s/^\{/{"x":"$_",/r)
    for 'x&order_id=77&z=', '&', '=', ';', '\u0026order_id\u003d77';
forged('JSON array as a value', 'a parameter is not text', '/any',
    method => 'POST', json => $json =~ s/^\{/{"x":[1],/r);

# A second question mark, from which a shop may read the query, and parameters
# without "=", which some parsers read as null.

forged('signed parameters behind a second question mark',
    'a signed parameter stands behind', '/some?route=?&' . $q);
forged('question mark in the value of order_id',
    'a signed parameter stands behind', '/notify?'
    . $n->query(order_id => 'A?1') =~ s/%3F/?/r);
passes('escaped question mark in a value', '/some?route=%3F&' . $q);
passes('question mark behind all signed parameters', "/some?$q&route=?");
forged('question mark, then "=", in an unsigned value',
    'a "=" stands behind a question mark', "/any?$q&x=a?order_id=77");
forged('question mark, then "=", in a signed value',
    'a "=" stands behind a question mark', '/notify?'
    . $n->query(order_id => 'A?b=1') =~ s/%3Fb%3D/?b=/r);
forged('question mark, then "=", in a form',
    'a "=" stands behind a question mark', '/any', method => 'POST',
    body => "$q&x=a?order_id=77",
    headers => ['Content-Type: application/x-www-form-urlencoded']);
forged('desc without "="', 'a signed parameter has no "="', '/notify?'
    . $n->query(desc => '') =~ s/desc=/desc/r);
forged('sign without "="', 'a signed parameter has no "="', "/notify?sign&$q");
passes('unsigned parameter without "="', "/some?route&$q");

# Cookies.

my $cookie = 'a cookie\'s name might be taken for a signed parameter\'s';

for ('order_id=77', 'a=b; order_id=77', 'a=b;order_id=77', 'Order_ID=77',
    'order.id=77', 'order[id=77', ' order id=77', 'order_id[]=77',
    'order%5Fid=77', '%6frder_id=77', 'order_id', 'order_id;x', 'a=b,id=1',
    'payment status=paid', 'order_id =77', '%20' x 200 . 'order_id=77',
    'sign=x', 'type=x', "a=b;\torder_id=77")
{
    forged("cookie \"$_\"" =~ s/(%20)+/%20/r, $cookie, "/notify?$q",
        headers => ["Cookie: $_"]);
    forged("cookie \"$_\" of a POST" =~ s/(%20)+/%20/r, $cookie, '/notify',
        method => 'POST', form => [@p], headers => ["Cookie: $_"]);
}

forged('order_id in the second Cookie header', $cookie, "/notify?$q",
    headers => ['Cookie: a=b', 'Cookie: order_id=77']);
works('cookie "order_id=77"', 'request', 'order_id', '77', '?order_id=1',
    headers => ['Cookie: order_id=77']);
works('cookie "order[id=77"', 'request', 'order_id', '77', '?order_id=1',
    headers => ['Cookie: order[id=77']);
is(passes('cookies with other names', "/notify?$q", headers => [
    'Cookie: PHPSESSID=1; lang=id; orders=2; x=order_id=77; user_id=5'])
    ->{request}{order_id}, 'A/1',
    'cookies with other names: PHP reads the signed order_id');

# Types in JSON.

for my $name (qw(amount payment_amount commission_amount order_id service)) {
    my %types = $n->pairs($name => '9007199254740993', desc => 'x');
    my $text = $t->json(%types);
    passes("JSON, $name as text", '/notify', method => 'POST', json => $text);
    forged("JSON, $name as a number", 'a number stands where text is signed',
        '/notify', method => 'POST',
        json => $text =~ s/"$name":"(\d+)"/"$name":$1/r);
}

forged('JSON, sign as a number', 'a number stands where text is signed',
    '/notify', method => 'POST', json => $json =~ s/"sign":"[^"]*"/"sign":1/r);
forged('JSON, sign as a boolean', 'a parameter is not text', '/notify',
    method => 'POST', json => $json =~ s/"sign":"[^"]*"/"sign":true/r);

my $big = $t->json($n->pairs(id => '9007199254740993', desc => 'x'));
passes('JSON, id of 2^53 + 1 as text', '/notify', method => 'POST',
    json => $big);
forged('JSON, id of 2^53 + 1 as a number', 'a number is above 2^53 - 1',
    '/notify', method => 'POST', json => $big =~ s/"id":"(\d+)"/"id":$1/r);
$big = $t->json($n->pairs(id => '9007199254740991', desc => 'x'));
passes('JSON, id of 2^53 - 1 as a number', '/notify', method => 'POST',
    json => $big =~ s/"id":"(\d+)"/"id":$1/r);
forged("JSON, id as $_", 'id is not an integer', '/notify', method => 'POST',
    json => $json =~ s/"id":"(\d+)"/"id":$_/r)
    for '108465371.0', '1e8', '-108465371', '-0', 'null';
forged('JSON, id twice', 'equal names', '/notify', method => 'POST',
    json => $json =~ s/^\{/{"id":1,/r);
forged('JSON, id twice, once escaped', 'equal names', '/notify',
    method => 'POST', json => $json =~ s/^\{/{"\\u0069d":1,/r);
forged('JSON, equal names in a nested object', 'equal names', '/any',
    method => 'POST', json => $json =~ s/^\{/{"x":{"y":1,"y":2},/r);

# Content types and encodings of the body.

my $text = form_encode(@p);

for ('text/plain', 'application/x-www-form-urlencoded; charset=utf-16',
    'application/x-www-form-urlencoded; charset=shift_jis',
    'application/x-www-form-urlencoded; charset=us-ascii',
    'application/x-www-form-urlencoded; charset=iso-8859-1',
    'application/x-www-form-urlencoded; charset=utf-8; charset=utf-16',
    'application/x-www-form-urlencoded; x="; charset=utf-16"',
    'application/x-www-form-urlencoded, text/plain',
    'application/x-www-form-urlencoded;;', 'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded; charset', 'application/json', '')
{
    my $why = /json/ ? 'unexpected' : 'the body is neither form nor JSON';
    forged("content type \"$_\" of a form", $why, '/notify', method => 'POST',
        body => $text, headers => ["Content-Type: $_"]);
}

forged('content type of JSON in UTF-16', 'the body is neither form nor JSON',
    '/notify', method => 'POST', body => $json,
    headers => ['Content-Type: application/json; charset=utf-16']);
forged('no content type', 'the body is neither form nor JSON', '/notify',
    method => 'POST', body => $text);
forged('two Content-Type headers', 'Content-Type is repeated', '/notify',
    method => 'POST', body => $text, headers => ['Content-Type: '
    . 'application/x-www-form-urlencoded', 'content-type: application/json']);
forged('Content-Encoding deflate', 'the body is neither form nor JSON',
    '/notify',
    method => 'POST', form => [@p], headers => ['Content-Encoding: deflate']);
passes("accepted content type \"$_\"", '/notify', method => 'POST',
    body => $text, headers => ["Content-Type: $_"])
    for 'application/x-www-form-urlencoded; charset=utf-8',
        'application/x-www-form-urlencoded;charset=UTF-8',
        'Application/X-WWW-Form-URLEncoded; charset="utf-8"';

# Another location has read a part of the body, and the client has not sent the
# rest.

for my $how ('Content-Length: ' . (16 + length $text),
    'Transfer-Encoding: chunked')
{
    forged("partly read body, $how" =~ s/:.*//r, 'the body is incomplete',
        '/unbuffered', pieces => ["POST /unbuffered HTTP/1.1\r\n"
        . "Host: localhost\r\nConnection: close\r\n$how\r\n"
        . "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
        . ($how =~ /chunked/ ? sprintf("%x\r\n%s\r\n", length $text, $text)
            : $text)]);
}

forged("header $_", 'a header asks for another method', "/notify?$q",
    headers => ["$_: DELETE"])
    for qw(X-HTTP-Method-Override x-http-method X-Method-Override);

$t->done;
