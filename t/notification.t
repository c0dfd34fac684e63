#!/usr/bin/env perl

# Only verified notifications reach the shop.  PHP signs them as the vendor's
# sample verifies them.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(form_encode merge $LIMIT);
use Test::More;
use Test::Notification;

my $t = Test::Alikassa->new->sandbox;
my $k = "$t->{box}/notification";

for (qw(other second)) {
    system("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:"
        . ($_ eq 'second' ? 3072 : 2048) . " -out $t->{dir}/$_.pem 2>/dev/null"
        . " && openssl pkey -in $t->{dir}/$_.pem -pubout -out "
        . "$t->{dir}/$_.pub") == 0 or die;
}

my $signer = Test::Notification->new($t);
my ($other, $second) = map { Test::Notification->new($t,
    private => "$t->{dir}/$_.pem", public => "$t->{dir}/$_.pub") }
    qw(other second);

system("openssl req -x509 -new -key $t->{dir}/notification.pem"
    . " -subj /CN=localhost -days 2 -out $t->{dir}/cert.pem") == 0 or die;

$t->conf(<<'EOF')->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    alikassa_account %%ACCOUNT%%;
    alikassa_digest  sha1;

    proxy_set_header X-Proven   $alikassa_notification;
    proxy_set_header X-Id       $alikassa_notification_id;
    proxy_set_header X-Order    $alikassa_notification_order_id;
    proxy_set_header X-Desc     $alikassa_notification_desc;
    proxy_set_header X-Foo      $alikassa_notification_foo;
    proxy_set_header X-Amount   $alikassa_notification_amount;

    map $alikassa_notification_payment_status $word {
        paid    good;
        default other;
    }

    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_1%% http2;

        set $key %%KEYS%%/notification/public.pem;

        location /notify {
            alikassa_notification %%KEYS%%/notification/public.pem;
            proxy_pass http://127.0.0.1:%%PORT_2%%;

            location /notify/inside { proxy_pass http://127.0.0.1:%%PORT_2%%; }
            location /notify/off {
                alikassa_notification off;
                proxy_pass http://127.0.0.1:%%PORT_2%%;
            }
        }
        location = /any-account {
            alikassa_account $arg_account;
            alikassa_notification %%KEYS%%/notification/public.pem;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /keys {
            alikassa_notification %%DIR%%/second.pub %%DIR%%/other.pub
                                  %%KEYS%%/notification/public.pem;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /sha256 {
            alikassa_digest sha256;
            alikassa_notification %%KEYS%%/notification/public.pem;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /unsigned {
            alikassa_notification %%KEYS%%/notification/public.pem
                                  unsigned=wc-api unsigned=route;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /star {
            alikassa_notification %%KEYS%%/notification/public.pem unsigned=*;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /try {
            alikassa_notification %%KEYS%%/notification/public.pem;
            try_files /nothing /shop$is_args$args;
        }
        location = /shop  { proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location = /page {
            alikassa_notification %%KEYS%%/notification/public.pem;
            error_page 403 = /denied;
            error_page 502 = /shop;
            proxy_pass http://127.0.0.1:%%PORT_9%%;
        }
        location = /denied { return 410 "denied $alikassa_notification"; }
        location = /any {
            satisfy any;
            allow 127.0.0.2;
            deny all;
            alikassa_notification %%KEYS%%/notification/public.pem;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /either {
            satisfy any;
            allow all;
            alikassa_notification %%KEYS%%/notification/public.pem;
            proxy_pass http://127.0.0.1:%%PORT_2%%/forbidden?;
        }
        location = /all {
            deny all;
            alikassa_notification %%KEYS%%/notification/public.pem;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /return {
            alikassa_notification %%KEYS%%/notification/public.pem;
            return 200 "ok";
        }
        location = /return204 {
            alikassa_notification %%KEYS%%/notification/public.pem;
            return 204;
        }
        location = /moved {
            alikassa_notification %%KEYS%%/notification/public.pem;
            return 302 https://elsewhere.example/;
        }
        location = /rewrite {
            alikassa_notification %%KEYS%%/notification/public.pem;
            rewrite ^ /shop?more=1 last;
        }
        location = /rewrite-open {
            alikassa_notification %%KEYS%%/notification/public.pem;
            rewrite ^ /open last;
        }
        location = /open {
            satisfy any;
            allow all;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /named {
            alikassa_notification %%KEYS%%/notification/public.pem;
            error_page 418 = @shop;
            return 418;
        }
        location @shop { proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location = /if {
            alikassa_notification %%KEYS%%/notification/public.pem;
            if ($arg_type = payment) {
                proxy_pass http://127.0.0.1:%%PORT_2%%;
            }
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /limit {
            alikassa_notification %%KEYS%%/notification/public.pem;
            limit_except GET { proxy_pass http://127.0.0.1:%%PORT_2%%; }
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /small {
            client_body_buffer_size 16;
            alikassa_notification %%KEYS%%/notification/public.pem;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /log {
            alikassa_notification %%KEYS%%/notification/public.pem;
            add_header X-Word $word always;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
    }

    server {
        listen 127.0.0.1:%%PORT_2%%;
        location /forbidden { return 403 "shop's own"; }
        location / {
            return 200 "shop $http_x_proven [$http_x_id] [$http_x_order] [$http_x_desc] [$http_x_foo] {$http_x_amount}";
        }
    }

    # The last key that nginx reads.

    server {
        listen 127.0.0.1:%%PORT_3%% ssl;

        ssl_certificate     %%DIR%%/cert.pem;
        ssl_certificate_key %%DIR%%/notification.pem;

        location = /certificate {
            alikassa_notification %%DIR%%/cert.pem;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
    }
}
EOF

# Returns a signed query.  %opt: by, the signer, and the options of
# Test::Notification.

sub query (%opt) { return (delete $opt{by} // $signer)->query(%opt) }

my $log = 0;

sub refusal {
    my $text = substr $t->log, $log;
    $log += length $text;
    return join ', ', $text =~ /notification refused: ([^,]+)/g;
}

sub good ($name, $uri, %opt) {
    my $r = $t->get($uri, %opt);
    is($r->{status}, 200, $name) or diag($r->{raw}, refusal());
    like($r->{body}, qr/^shop 1 /, "$name: delivered as proven");
    refusal();
    return $r;
}

sub bad ($name, $uri, $why, %opt) {
    my $r = $t->get($uri, %opt);
    is($r->{status}, 403, $name) or diag($r->{raw});
    is($r->{json}{message}, 'This notification is not verified.',
        "$name: JSON body") or diag($r->{raw});
    is(refusal(), $why, "$name: one error log line with the reason");
    return $r;
}

# This is the first request, since each check empties OpenSSL's error queue.  An
# error left there since nginx read the key would be an alert, see done().

my $url = 'https://127.0.0.1:' . $t->port(3) . '/certificate?' . query();
like(`curl -sk -m $LIMIT '$url'`, qr/^shop 1 /,
    'certificate as key, over TLS: delivered');

# Notifications that are delivered.

my $r = good('a notification', '/notify?' . query());
is($r->{body}, "shop 1 [108465371] [A/1] [Kopi & teh \xc3\xa9] []"
    . ' {150000.50}',
    'variables of a notification: decoded');

good('the form without commission_amount', '/notify?'
    . query(commission_amount => undef, flags => 'o'));
good('commission_amount is null', '/notify?'
    . query(commission_amount => undef));
good('spelling of JavaScript', '/notify?' . query(flags => 'j'));
good('spelling of JavaScript, no commission_amount', '/notify?'
    . query(commission_amount => undef, flags => 'jo'));
good('no desc', '/notify?' . query(desc => undef));
good('empty desc', '/notify?' . query(desc => ''));
good('all optional fields absent', '/notify?' . query(desc => undef,
    service => undef, is_partial_payment => undef, payment_amount => undef,
    order_id => undef, type => undef, payment_status => undef));
good('a payout', '/notify?' . query(type => 'payout'));
good('location inside', '/notify/inside?' . query());
good('try_files', '/try?' . query());
good('if', '/if?' . query());
good('limit_except', '/limit?' . query());
good('after error_page', '/page?' . query());
good('rewrite', '/rewrite?' . query());
good('rewrite, open', '/rewrite-open?' . query());
good('named location', '/named?' . query());
good('satisfy any', '/any?' . query());
good('SHA-256', '/sha256?' . query(flags => '2'));
good('account by variable', '/any-account?' . query());
good('account in capitals', '/notify?' . query(account => uc $t->{account}));
good('key 1 of 3', '/keys?' . query(by => $second));
good('key 2 of 3', '/keys?' . query(by => $other));
good('key 3 of 3', '/keys?' . query());
is(good('map of payment_status paid', '/log?' . query())->{header}
    ->('X-Word'), 'good', 'map of payment_status paid: value');
is(good('map of payment_status fail', '/log?' . query(payment_status => 'fail'))
    ->{header}->('X-Word'), 'other', 'map of payment_status fail: value');

good('HTTP/1.0', '/notify?' . query(), http => '1.0');
is($t->h2('/notify?' . query())->{status}, 200, 'HTTP/2: status');
is($t->h2('/notify?' . query(amount => 1, sign => 'x'))->{status}, 403,
    'HTTP/2, forged: refused');
refusal();

# Forms and JSON.

for my $uri (qw(/notify /small)) {
    for my $how ([], [chunked => 100]) {
        good("$uri form @$how", $uri, method => 'POST',
            form => [$signer->pairs], @$how);
    }

    my @pairs = $signer->pairs(desc => 'a/b', order_id => '"x"');
    good("$uri JSON", $uri, method => 'POST', json => $t->json(@pairs));
    (my $json = $t->json(@pairs)) =~ s/"id":"(\d+)"/"id": $1/;
    good("$uri JSON, id a number", $uri, method => 'POST', json => $json);
}

is($t->h2('/notify', form => [$signer->pairs])->{status}, 200,
    'form over HTTP/2: status');
is($t->h2('/notify', form => [$signer->pairs(sign => 'x')])->{status}, 403,
    'forged form over HTTP/2: refused');
refusal();

my $split = 'a signed parameter stands in the query';

bad('a form with arguments', '/notify?amount=7', $split,
    method => 'POST', form => [$signer->pairs]);
bad('JSON with arguments', '/notify?amount=7', $split,
    method => 'POST', json => $t->json($signer->pairs(desc => 'x')));
bad('null in JSON with arguments', '/notify?' . query(), $split,
    method => 'POST', json => '{"amount":null}');
bad('JSON true', '/notify', 'a parameter is not text', method => 'POST',
    json => $t->json($signer->pairs) =~ s/"desc":"[^"]*"/"desc":true/r);
bad('JSON nested', '/notify', 'a parameter is not text', method => 'POST',
    json => $t->json($signer->pairs) =~ s/"desc":"[^"]*"/"desc":["x"]/r);
bad('content type text/plain', '/notify', 'the body is neither form nor JSON',
    method => 'POST', body => form_encode($signer->pairs),
    headers => ['Content-Type: text/plain']);
bad('no content type', '/notify', 'the body is neither form nor JSON',
    method => 'POST', body => form_encode($signer->pairs));
bad('multipart', '/notify', 'the body is neither form nor JSON',
    method => 'POST', multipart => [$signer->pairs]);
bad('gzip body', '/notify', 'the body is neither form nor JSON',
    method => 'POST', form => [$signer->pairs],
    headers => ['Content-Encoding: gzip']);
bad('body too large', '/notify', 'the body is too large', method => 'POST',
    form => [$signer->pairs(desc => 'x' x 66_000)]);
bad('body too large, chunked', '/notify', 'the body is too large',
    method => 'POST', form => [$signer->pairs(desc => 'x' x 66_000)],
    chunked => 5000);
bad('PUT', '/notify?' . query(), 'neither GET nor POST', method => 'PUT',
    body => '');
bad('a body with GET', '/notify?' . query(), 'a GET has a body',
    method => 'GET', form => [amount => 7]);

# Forgeries.

bad('no sign', '/notify?' . query(sign => undef), 'no sign');
bad('empty sign', '/notify?' . query(sign => ''), 'no sign');
bad('no parameter at all', '/notify', 'no sign');
bad('sign is not base64', '/notify?' . query(sign => 'x!'),
    'sign is not base64');
bad('sign is not base64, of the right length', '/notify?'
    . query(sign => '*' x 344), 'sign is not base64');
bad('sign of the wrong length', '/notify?' . query(sign => 'abcd'),
    'sign has the wrong length');
bad('a signature of a longer key', '/notify?' . query(by => $second),
    'sign has the wrong length');
bad('signature of another key', '/notify?' . query(by => $other),
    'signature does not match');
bad('signature of another digest', '/notify?' . query(flags => '2'),
    'signature does not match');
bad('sign of zero bytes', '/notify?' . query(sign => 'A' x 342 . '=='),
    'signature does not match');
bad('id not an integer', '/notify?' . query(id => '12x'),
    'id is not an integer');

for ('', '1.0', '-1', '+1', ' 1', '01', '0x1', '9223372036854775808', '0') {
    bad("id \"$_\"", '/notify?' . query(id => $_), 'id is not an integer');
}

bad('no id', '/notify?' . query(id => undef), 'id is not an integer');

# A verified notification is delivered, also with an amount that no payment can
# have.

for ('', '1e3', '-5', '0', '0.00', '5 000', '1,000.00', '10.001', 'NaN', '05',
    '150000.000', '1500000000.00', '150000.50 IDR')
{
    my $r = good("amount \"$_\"", '/notify?' . query(amount => $_));
    is($r->{body} =~ s/.*\{(.*)\}.*/$1/sr, $_,
        "amount \"$_\": value of the variable");
}

like(good('no amount', '/notify?' . query(amount => undef))->{body},
    qr/ \{\}$/, 'no amount: the variable is empty');
bad('another account', '/notify?' . query(account => $t->{other}),
    'it is of another account');
bad('no account', '/notify?' . query(account => undef),
    'it is of another account');
bad('commission_amount added', '/notify?'
    . query(commission_amount => undef, flags => 'o')
    . '&commission_amount=1', 'signature does not match');
bad('a control character', '/notify?' . query(service => "a\nb"),
    'a parameter has control characters');
is(good('control characters in order_id and desc', '/notify?'
    . query(order_id => "a\nb", desc => "a\nb\x7fc"))->{body},
    'shop 1 [108465371] [] [a b c] [] {150000.50}',
    'control characters in order_id and desc: variables');
bad('desc is not UTF-8', '/notify?' . query(desc => undef) . '&desc=%ff',
    'a parameter is not UTF-8');

# Parameters that another parser might read otherwise.

for my $name (qw(order_id amount id sign)) {
    my $q = query();
    bad("$name repeated", "/notify?$q&$name=1", 'a parameter is repeated');
    bad("$name repeated before", "/notify?$name=1&$q",
        'a parameter is repeated');

    for my $like ("$name\[]", "$name\[x]", "$name\[", uc $name, "+$name",
        "%20$name", "$name%00x", "$name%5B%5D", $name =~ s/_/./r,
        $name =~ s/_/%20/r)
    {
        next if $like eq $name;
        bad("$like beside $name", "/star?$q&$like=1",
            $like =~ /[][]/ ? 'a bracket is not escaped'
            : 'a parameter\'s name might be taken for a signed one');
    }

    bad("$name behind a semicolon", '/star?' . $q =~ s/desc=/desc=;$name=1;/r,
        'a semicolon is not escaped');
    bad("escaped $name behind a semicolon", '/star?' . $q
        . '&x=;%20' . join('', map { sprintf '%%%02x', ord } split //, $name)
        . '=1', 'a semicolon is not escaped');
}

bad('unsigned parameter', '/notify?' . query() . '&foo=1',
    'a parameter is not signed');
good('unsigned parameters that are allowed', '/unsigned?wc-api=x&' . query()
    . '&route=a%2Fb');
bad('unsigned parameter beside the allowed ones', '/unsigned?' . query()
    . '&routes=1',
    'a parameter is not signed');
like(good('any unsigned parameter allowed', '/star?' . query()
    . '&foo=1')->{body}, qr/ \[\] \{/,
    'unsigned parameter: its variable is empty');

# Other directives of the location.

bad('forged inside', '/notify/inside?' . query(sign => 'x'),
    'sign is not base64');
like($t->get('/notify/off')->{body}, qr/^shop 0 \[\]/,
    'alikassa_notification off: passed on unproven');
bad('forged, try_files', '/try?' . query(sign => undef), 'no sign');
bad('forged, if', '/if?' . query(sign => undef), 'no sign');
bad('forged, limit_except', '/limit?' . query(sign => undef), 'no sign');
bad('forged, rewrite', '/rewrite?' . query(sign => undef), 'no sign');
bad('forged, rewrite to an open location', '/rewrite-open?'
    . query(sign => undef), 'no sign');
bad('forged, named location', '/named?' . query(sign => undef), 'no sign');
bad('forged, satisfy any', '/any?' . query(sign => undef), 'no sign');
bad('return', '/return?' . query(), '"return" responds before the check');
bad('return 204', '/return204?' . query(),
    '"return" responds before the check');
is($t->get('/moved')->{status}, 302, 'location that redirects: 302');
refusal();
is($t->get('/all?' . query())->{status}, 403, 'location that denies all: 403');

$r = $t->get('/page?' . query(sign => undef));
is("$r->{status} $r->{body}", '410 denied 0',
    'error_page for a forged notification: its response');
refusal();

$r = $t->get('/either');
is("$r->{status} $r->{body}", '403 shop\'s own',
    'satisfy any, let in by another check: the shop\'s response');
refusal();

# "+" and "%2B".

my ($plus, $n) = ('', 0);
$plus = query(desc => "x$n") while $plus !~ /%2B/ && ++$n;
good('%2B in the signature', "/notify?$plus");
bad('+ in the signature', '/notify?' . $plus =~ s/%2B/+/gr,
    'sign is not base64');

# Every ASCII character, escaped and not, as PHP decodes it.

for my $c (0 .. 127) {
    my %q = (escaped => sprintf('%%%02X', $c), small => sprintf('%%%02x', $c));
    $q{raw} = chr $c if $c > 32 && $c < 127 && chr($c) !~ /[][&#;%]/;

    for my $how (sort keys %q) {
        my $query = form_encode(merge([@{ $signer->{fields} }],
            desc => undef)) . "&desc=a$q{$how}b";
        my $sign = form_encode(sign => $signer->php('sign', '-', $query));
        my $r = $t->get("/notify?$query&$sign");
        is($r->{status}, 200, "desc with character $c, $how: delivered")
            or diag($r->{raw});
    }
}

for my $desc ('+', '%2B', '=', 'a=b', '%25', '%2541', '%3B', '%5B%5d',
    '%f0%9f%98%80', '%e2%80%a8', '%5c%22', '%00', '%0d%0aX-Evil:%201')
{
    my $query = form_encode(merge([@{ $signer->{fields} }], desc => undef))
        . "&desc=$desc";
    for my $flags ('-', 'j') {
        my $sign = form_encode(sign => $signer->php('sign', $flags, $query));
        good("desc=$desc $flags", "/notify?$query&$sign");
    }
}

# One character is changed.

my %field = @{ $signer->{fields} };
my ($sign) = query() =~ /&sign=(.*)/;

for my $name (sort keys %field) {
    my %changed = ($name => $field{$name} =~ s/^(.)/chr(ord($1) ^ 1)/er);
    my $r = $t->get('/notify?' . query(%changed, sign => undef)
        . "&sign=$sign");
    is($r->{status}, 403, "$name, one character changed: refused");
    $r = $t->get('/notify?' . query($name => undef, sign => undef)
        . "&sign=$sign");
    is($r->{status}, 403, "$name left out: refused");
}

# Random flips: PHP must verify each notification that is delivered, with the
# same values.

my $seed = $ENV{ALIKASSA_SEED} // int rand 2 ** 31;
diag("ALIKASSA_SEED=$seed");
srand $seed;

my $whole = query();
my @flips;

for (1 .. 3000) {
    my $q = $whole;
    my $p = int rand length $q;
    substr($q, $p, 1) = chr(ord(substr $q, $p, 1) ^ 1 << int rand 7);
    next if $q =~ /[\x00-\x20#\x7f]/;
    push @flips, $q;
}

my @answers = $t->parallel([map { ["/star?$_"] } @flips], 20);
my ($passed, $wrong) = (0, 0);

for my $i (0 .. $#flips) {
    my $status = $answers[$i]{status};
    next if $status == 403;
    $passed++ if $status == 200;
    $wrong++  if $status != 200 || !$signer->php('verify', '-', $flips[$i]);
}

cmp_ok(scalar @flips, '>', 2000, 'random flips: more than 2000 are tried');
cmp_ok($passed, '<', @flips / 10,
    "random flips: fewer than a tenth pass ($passed)");
is($wrong, 0, 'random flips: PHP verifies each that passes');

like($t->log, qr/notification refused: signature does not match, client/,
    'error log: the reason of a refused notification');

$t->done;
