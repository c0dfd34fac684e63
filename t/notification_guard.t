#!/usr/bin/env perl

# A notification that is not verified does not reach the shop, whatever nginx
# does with the request after the refusal.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use IO::Socket::INET;
use IPC::Open2;
use Test::Alikassa qw(form_encode wait_for);
use Test::More;

my $t = Test::Alikassa->new->sandbox;
my $k = "$t->{box}/notification";

system("openssl pkey -in $k/private.pem -out $t->{dir}/plain.pem"
    . (-e "$k/password.txt" ? " -passin file:$k/password.txt" : '')
    . " && openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "
    . "$t->{dir}/other.pem 2>/dev/null && openssl pkey -in "
    . "$t->{dir}/other.pem -pubout -out $t->{dir}/other.pub") == 0 or die;

my $pid = open2(my $out, my $in, 'php', 't/php/notify.php',
    "$t->{dir}/plain.pem", "$k/public.pem");

mkdir "$t->{dir}/html";
$t->write('html/page.html', 'a file');
$t->write('html/ssi.html', 'ssi <!--#include virtual="/ways/proxy" -->');
mkdir "$t->{dir}/html/folder";
$t->write('html/folder/index.html', 'an index');

# Locations to which a request may be redirected after a refusal, by name.

my %ways = (
    proxy    => 'proxy_pass http://127.0.0.1:%%PORT_2%%;',
    fastcgi  => 'fastcgi_pass 127.0.0.1:%%PORT_2%%;',
    uwsgi    => 'uwsgi_pass 127.0.0.1:%%PORT_2%%;',
    scgi     => 'scgi_pass 127.0.0.1:%%PORT_2%%;',
    grpc     => 'grpc_pass 127.0.0.1:%%PORT_2%%;',
    memcached => 'set $memcached_key x; memcached_pass 127.0.0.1:%%PORT_2%%;',
    stub     => 'stub_status;',
    pay      => 'alikassa_payment; alikassa_accept none;',
    rewrite  => 'rewrite ^ /ways/proxy last;',
    try      => 'try_files /none /ways/proxy;',
    named    => 'try_files /none @proxy;',
    if       => 'if ($uri) { proxy_pass http://127.0.0.1:%%PORT_2%%; }',
    limit    => 'limit_except POST { proxy_pass http://127.0.0.1:%%PORT_2%%; }'
        . ' proxy_pass http://127.0.0.1:%%PORT_2%%;',
    satisfy  =>
        'satisfy any; allow all; proxy_pass http://127.0.0.1:%%PORT_2%%;',
    again    => 'error_page 403 = @proxy; recursive_error_pages on;'
        . ' return 403;',
    deny     => 'error_page 403 = @proxy; recursive_error_pages on; deny all;',
    other    => 'alikassa_notification %%DIR%%/other.pub; satisfy any;'
        . ' allow all; proxy_pass http://127.0.0.1:%%PORT_2%%;',
    auth     => 'auth_request /ways/proxy; root %%DIR%%/html;'
        . ' try_files /page.html =404;',
);

my %files = (
    file     => ['root %%DIR%%/html; try_files /page.html =404;', 'a file'],
    return   => ['return 200 "returned";', 'returned'],
    ssi      => ['ssi on; root %%DIR%%/html; try_files /ssi.html =404;',
        qr/^ssi (?!shop)/],
    said     => ['ssi on; default_type text/html; return 200 '
        . '"said <!--#include virtual=\"/ways/proxy\" -->";',
        qr/^said (?!shop)/],
    after    => ['add_after_body /ways/proxy; default_type text/html;'
        . ' root %%DIR%%/html; try_files /page.html =404;',
        qr/^a file(?!.*shop)/s],
    mirror   => ['mirror /ways/proxy; root %%DIR%%/html;'
        . ' try_files /page.html =404;', 'a file'],
    post     => ['post_action @proxy; return 200 "posted";', 'posted'],
);

my $addition = `nginx -V 2>&1` =~ /http_addition_module/;
delete $files{after} unless $addition;

# Locations that refuse the request themselves, with a response of their own.

my %own = (auth => 1);

my $check = 'recursive_error_pages on; '
    . 'alikassa_notification %%KEYS%%/notification/public.pem;';

my $locations = join "\n",
    (map { "location = /ways/$_ { $ways{$_} }\n"
        . "location \@$_ { $ways{$_} }\n"
        . "location = /to/$_ { $check proxy_pass http://127.0.0.1:%%PORT_2%%;"
        . " error_page 403 500 405 = /ways/$_; }\n"
        . "location = /at/$_ { $check proxy_pass http://127.0.0.1:%%PORT_2%%;"
        . " error_page 400 403 413 500 405 = \@$_; }\n"
        . "location = /small/$_ { $check client_max_body_size 10;"
        . " error_page 413 400 408 = \@$_;"
        . " proxy_pass http://127.0.0.1:%%PORT_2%%; }\n"
        . "location = /small-plain/$_ { $check client_max_body_size 10;"
        . " error_page 413 400 408 = /ways/$_?x=\$arg_id;"
        . " proxy_pass http://127.0.0.1:%%PORT_2%%; }\n" } sort keys %ways),
    (map { "location = /files/$_ { $files{$_}[0] }\n"
        . "location = /to/$_ { $check error_page 403 = /files/$_;"
        . " proxy_pass http://127.0.0.1:%%PORT_2%%; }\n"
        . "location = /small/$_ { $check client_max_body_size 10;"
        . " error_page 413 = /files/$_; "
        . " proxy_pass http://127.0.0.1:%%PORT_2%%; }\n" } sort keys %files);

$t->conf(<<'EOF' =~ s/%%LOCATIONS%%/$locations/r =~ s/%%CHECK%%/$check/gr)->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    %%CREDENTIALS%%
    alikassa_idempotency_zone notifications 1m;
    log_format shop $request;

    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_1%% http2;
        error_page 400 414 494 = @proxy;
        error_page 404 = @proxy;

        location = /notify { %%CHECK%% proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location = /post {
            %%CHECK%%
            post_action @proxy;
            client_max_body_size 10;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /internal {
            %%CHECK%%
            internal;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /account {
            alikassa_account $arg_nothing;
            %%CHECK%%
            error_page 403 500 = @proxy;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /any {
            satisfy any;
            allow 127.0.0.1;
            deny all;
            %%CHECK%%
            try_files /none /ways/proxy;
        }
        location = /any-auth {
            satisfy any;
            auth_request /ways/proxy;
            %%CHECK%%
            error_page 502 = /ways/proxy;
            proxy_pass http://127.0.0.1:%%PORT_9%%;
        }
        location = /proven {
            %%CHECK%%
            error_page 502 = @proxy;
            proxy_pass http://127.0.0.1:%%PORT_9%%;
        }
        location = /teapot {
            %%CHECK%%
            error_page 418 = @proxy;
            return 418;
        }
        location = /dav {
            %%CHECK%%
            error_page 403 = @dav;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location @dav {
            root %%DIR%%/html;
            dav_methods PUT DELETE MKCOL;
        }
        location /files/folder/ { alias %%DIR%%/html/folder/; }
        location = /index {
            %%CHECK%%
            error_page 403 = /files/folder/;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        # A success that the shop did not send.

        location = /down {
            %%CHECK%%
            alikassa_idempotency notifications;
            error_page 502 = /files/file;
            proxy_pass http://127.0.0.1:%%PORT_9%%;
        }
        location = /down-try {
            recursive_error_pages off;
            alikassa_notification %%KEYS%%/notification/public.pem;
            alikassa_idempotency notifications;
            try_files /none /down-app;
        }
        location = /down-app {
            error_page 502 =200 /files/return;
            proxy_pass http://127.0.0.1:%%PORT_9%%;
        }
        location = /failed {
            %%CHECK%%
            alikassa_idempotency notifications;
            error_page 404 =200 /files/file;
            proxy_intercept_errors on;
            proxy_pass http://127.0.0.1:%%PORT_2%%/fail;
        }
        location = /content {
            %%CHECK%%
            alikassa_idempotency notifications;
            error_page 404 = /files/file;
            root %%DIR%%/html;
            try_files /none =404;
        }
        location = /second {
            %%CHECK%%
            alikassa_idempotency notifications;
            error_page 502 = @proxy;
            proxy_pass http://127.0.0.1:%%PORT_9%%;
        }
        location = /up {
            %%CHECK%%
            alikassa_idempotency notifications;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }

        # A check that follows the request to a location with another check.

        location = /along {
            %%CHECK%%
            rewrite ^ /along-any last;
        }
        location = /along-any {
            internal;
            satisfy any;
            allow all;
            %%CHECK%%
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location /one {
            %%CHECK%%
            location = /one/first { rewrite ^ /one/any last; }
            location = /one/any {
                satisfy any;
                allow all;
                if ($arg_type) { set $x 1; }
                proxy_pass http://127.0.0.1:%%PORT_2%%;
            }
        }
        location = /along-other { %%CHECK%% rewrite ^ /other last; }
        location = /along-two { %%CHECK%% rewrite ^ /other-along last; }
        location = /other-along {
            alikassa_notification %%DIR%%/other.pub;
            rewrite ^ /plain-any last;
        }
        location = /plain-any {
            satisfy any;
            allow all;
            %%CHECK%%
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /other-first {
            alikassa_notification %%DIR%%/other.pub;
            rewrite ^ /notify last;
        }
        location = /other {
            alikassa_notification %%DIR%%/other.pub;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /along-error {
            %%CHECK%%
            error_page 418 = /along-any;
            return 418;
        }
        %%LOCATIONS%%
        %%API%%
    }

    # A refusal before nginx looks for the location.

    server {
        listen 127.0.0.1:%%PORT_3%%;
        error_page 403 503 = @proxy;
        if ($http_user_agent ~ bot) { return 403; }
        if ($http_user_agent ~ crawler) { return 503; }
        if ($http_user_agent ~ other) { rewrite ^ /plain; }
        location = /notify { %%CHECK%% proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location = /plain { return 503; }
        location @proxy { proxy_pass http://127.0.0.1:%%PORT_2%%; }
    }

    # post_action of the server.

    server {
        listen 127.0.0.1:%%PORT_5%%;
        post_action @after;
        if ($arg_c = 408) { return 408; }
        if ($arg_c = 444) { return 444; }
        if ($arg_c = 403) { return 403; }
        if ($arg_c) { return 499; }
        location = /notify { %%CHECK%% proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location = /plain { return 200; }
        location @after { proxy_pass http://127.0.0.1:%%PORT_2%%; }
    }

    # The first server of a port has no check, the second has one.

    server {
        listen 127.0.0.1:%%PORT_4%%;
        error_page 400 403 = @proxy;
        if ($http_user_agent ~ bot) { return 403; }
        location @proxy { proxy_pass http://127.0.0.1:%%PORT_2%%; }
    }

    server {
        listen 127.0.0.1:%%PORT_4%%;
        server_name shop.example;
        location = /notify { %%CHECK%% proxy_pass http://127.0.0.1:%%PORT_2%%; }
    }

    server {
        listen 127.0.0.1:%%PORT_2%%;
        access_log %%DIR%%/shop.log shop;
        location / { return 200 "shop"; }
        location = /fail { return 404; }
    }
}
EOF

# Returns the requests that reached the shop since the last call.

sub shop {
    my $log = $t->log('shop.log');
    truncate "$t->{dir}/shop.log", 0;
    return join ', ', split /\n/, $log;
}

my %field = (
    type => 'payment', id => '108465371', order_id => 'A/1',
    payment_status => 'paid', amount => '150000.50',
    payment_amount => '150000.50', commission_amount => '1500.00',
    is_partial_payment => '0', account => $t->{account},
    service => 'virtual_account_idr_hpp', desc => 'x',
);

my $query = form_encode(map { $_ => $field{$_} } qw(type id order_id
    payment_status amount payment_amount commission_amount is_partial_payment
    account service desc));

print $in "sign - $query\n";
chomp(my $sign = <$out>);

# Returns a signed notification with another id.

sub other ($id) {
    my $other = $query =~ s/&id=\d+/&id=$id/r;
    print $in "sign - $other\n";
    chomp(my $sign = <$out>);
    return "$other&" . form_encode(sign => $sign);
}

my $proven = "$query&" . form_encode(sign => $sign);
my $forged = $proven =~ s/order_id=A/order_id=B/r;

is($t->get("/notify?$proven")->{body}, 'shop', 'signed: delivered');
is($t->get("/proven?$proven")->{body}, 'shop',
    'signed, error_page for 502: delivered');
is($t->get("/teapot?$proven")->{body}, 'shop',
    'signed, error_page before the check: delivered');
is($t->get("/to/proxy?$proven")->{body}, 'shop',
    'signed, error_page for 403: delivered');
is($t->get("/any?$forged")->{body}, 'shop',
    'forged, allowed by "satisfy any": delivered');
is($t->get("/any-auth?$forged")->{body}, 'shop',
    'forged, allowed by auth_request, error_page for 502: delivered');
is($t->get('/nowhere')->{body}, 'shop',
    'location without a check, error_page for 404: delivered');
shop();

for my $way (sort keys %ways) {
    for my $at (qw(to at)) {

        my $r = $t->get("/$at/$way?$forged");
        is("$r->{status} " . shop(), '403 ',
            "/$at/$way, forged query: does not reach the shop");
        is($r->{json}{message}, 'This notification is not verified.',
            "/$at/$way, forged query: message") or diag($r->{raw})
            unless $own{$way};

        $r = $t->post("/$at/$way", form => [id => 7]);
        is("$r->{status} " . shop(), '403 ',
            "/$at/$way, forged form: does not reach the shop");

        $r = $t->request("/$at/$way?$forged", method => 'PUT', body => 'x');
        is("$r->{status} " . shop(), '403 ',
            "/$at/$way, forged PUT: does not reach the shop");
    }

    # nginx responds 413 before the check, also to a signed notification.

    for (['a length'], ['chunks', chunked => 5]) {
        my ($how, @how) = @$_;

        for my $small ("/small/$way", "/small-plain/$way") {
            my $r = $t->post("$small?$proven", body => 'x' x 100, @how);
            is("$r->{status} " . shop(), '403 ',
                "$small, body with $how: does not reach the shop");
            $r = $t->post("$small?$forged", body => 'x' x 100, @how);
            is("$r->{status} " . shop(), '403 ',
                "$small, forged, body with $how: does not reach the shop");
        }
    }
}

# A body that fails while nginx reads it, after a part that is signed.

my $form = form_encode(map { $_ => $field{$_} } sort keys %field) . '&'
    . form_encode(sign => $sign);

sub pieces ($uri, @chunks) {
    return $t->request($uri, pieces => ["POST $uri HTTP/1.1\r\n"
        . "Host: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked"
        . "\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n",
        @chunks]);
}

my $whole = sprintf "%x\r\n%s\r\n", length $form, $form;

my $r = pieces('/at/proxy', $whole, "0\r\n\r\n");
is("$r->{status} $r->{body}", '200 shop', 'signed form in pieces: delivered');
shop();

for my $end ("x\r\n", "zz\r\n\r\n") {
    for my $first ([$whole], [map { "1\r\n$_\r\n" } split //, $form]) {
        my ($chunks, $bytes) = (scalar @$first, length $end);

        $r = pieces('/at/proxy', join('', @$first), $end);
        is("$r->{status} " . shop(), '403 ',
                "signed form in $chunks chunks, then $bytes invalid bytes: "
                . 'does not reach the shop')
            or diag($r->{raw});
    }
}

# nginx refuses the request while it reads the header.

my $host = "Host: localhost\r\n";

for my $head ("$host$host", "$host:\r\n", "Host: a b\r\n",
    "${host}Content-Length: 1\r\nContent-Length: 2\r\n",
    "${host}X: " . 'x' x 40_000 . "\r\n")
{
    $r = $t->request('/',
        pieces => ["GET /notify?$forged HTTP/1.1\r\n$head\r\n"]);
    is("$r->{status} " . shop(), '403 ',
        'refused header, ' . substr $head =~ s/\s+/ /gr, 0, 40);
}

# A check that follows the request: nginx makes the check of each location.

for my $uri (qw(/along /along-error /one/first)) {
    $r = $t->get("$uri?$proven");
    is("$r->{status} $r->{body}", '200 shop', "$uri, signed: delivered");
    shop();

    $r = $t->get("$uri?$forged");
    is("$r->{status} " . shop(), '403 ',
        "$uri, forged query: does not reach the shop");
    is($r->{json}{message}, 'This notification is not verified.',
        "$uri, forged query: message");

    $r = $t->post($uri, form => [id => 7]);
    is("$r->{status} " . shop(), '403 ',
        "$uri, forged form: does not reach the shop");
}

$r = $t->post('/along', form => [%field, sign => $sign]);
is("$r->{status} $r->{body}", '200 shop', '/along, signed form: delivered');
is($t->get("/one/any?$forged")->{body}, 'shop',
    'forged, allowed by "satisfy any", in an "if": delivered');
shop();

for my $uri (qw(/along-other /other-first /along-two)) {
    $r = $t->get("$uri?$proven");
    is("$r->{status} " . shop(), '403 ',
        "$uri, signed with one key of two: does not reach the shop");
}

# A success that the shop did not send is not remembered.

my $id = 7000;

for my $uri (qw(/down /down-try /failed /content)) {
    my $other = other(++$id);

    for my $time (1, 2) {
        $r = $t->get("$uri?$other");
        is($r->{status}, 200, "$uri, page for an error, request $time: status");
        unlike($r->{body}, qr/answered before/,
            "$uri, page for an error, request $time: no replay");
    }

    shop();
}

for my $uri (qw(/up /second)) {
    my $other = other(++$id);

    is($t->get("$uri?$other")->{body}, 'shop',
        "$uri, first request: delivered");
    like($t->get("$uri?$other")->{body}, qr/answered before/,
        "$uri, second request: a replay");
    shop();
}

# The server refuses the request before nginx looks for the location.

for my $agent (qw(bot crawler)) {
    $r = $t->request("/notify?$forged", port => $t->port(3),
        headers => ["User-Agent: $agent"]);
    is("$r->{status} " . shop(), '403 ',
        "\"return\" of the server, $agent: does not reach the shop");
}

is($t->request('/plain', port => $t->port(3))->{body}, 'shop',
    'location without a check beside one with it, error_page: delivered');
is($t->request('/x', port => $t->port(3), headers => ['User-Agent: other'])
    ->{body}, 'shop',
    'location without a check, rewrite of the server, error_page: delivered');
shop();

# post_action of the server, while the location is not yet known; post_action of
# a location.

for my $status (408, 444, 403, 499) {
    $t->request("/notify?$forged&c=$status", port => $t->port(5));
    $t->request('/plain', port => $t->port(5));
    ok(wait_for(sub { $t->log('shop.log') =~ m{/plain} }),
        "\"return $status\" of the server, post_action: runs in /plain");
    unlike(shop(), qr/notify/,
        "\"return $status\" of the server, post_action: not in /notify");
}

# Another server of the port refuses the request.

for my $head ("Host: a b\r\n", "Host: shop.example\r\n" x 2,
    "Host: x\r\n" x 2)
{
    $r = $t->request('/', port => $t->port(4),
        pieces => ["GET /notify?$forged HTTP/1.1\r\n$head\r\n"]);
    like("$r->{status} " . shop(), qr/^40[03] $/, 'refused by another server, '
        . substr $head =~ s/\s+/ /gr, 0, 12);
}

is($t->request('/x', port => $t->port(4), headers => ['User-Agent: bot'])
    ->{body}, 'shop', 'server without a check: delivered');
shop();

# post_action, where nginx, the check or nobody refuses the request.

$r = $t->post("/post?$forged", body => 'x' x 100);
is($r->{status}, 413, 'post_action, body with a length, too large: 413');
$r = $t->get("/post?$forged");
is($r->{status}, 403, 'post_action, forged query: 403');
$r = $t->post("/post?$forged", body => 'x' x 100, chunked => 5);
is($r->{status}, 413, 'post_action, body with chunks, too large: 413');
$t->get("/internal?$forged");
$t->get("/account?$forged");

# What nginx does after its response has ended when the same worker has
# responded to other requests.

$t->get('/files/return') for 1 .. 3;
is(shop(), '',
    'post_action, internal, invalid account: none reaches the shop');

# Files and "return".

for my $file (sort keys %files) {
    my $want = $files{$file}[1];
    $want = qr/^\Q$want\E$/ unless ref $want;

    $r = $t->get("/to/$file?$forged");
    is($r->{status}, 200, "/to/$file, forged query: status");
    like($r->{body}, $want, "/to/$file, forged query: body of the page");

    $r = $t->post("/small/$file?$proven", body => 'x' x 100);
    is($r->{status}, 200, "/small/$file, body too large: status");
    like($r->{body}, $want, "/small/$file, body too large: body of the page");

    $t->get('/files/return') for 1 .. 3;
    is(shop(), '', "/to/$file and /small/$file: none reaches the shop");
}

is($t->get("/index?$forged")->{body}, 'an index',
    'forged query, error_page is a folder: its index');

for my $method (qw(PUT DELETE MKCOL)) {
    $r = $t->request("/dav?$forged", method => $method, body => '');
    is($r->{status}, 403, "forged $method, error_page with dav_methods: 403");
}

ok(!-e "$t->{dir}/html/dav", 'forged, error_page with dav_methods: no file');

is($t->h2("/at/proxy?$forged")->{status}, 403, 'HTTP/2, forged query: 403');

# If nginx redirects to a named location after 413 over HTTP/2, it sends no
# response.

$t->send_h2("/small/proxy?$proven", form => [x => 'x' x 100]);
$t->get('/files/return') for 1 .. 3;
is(shop(), '', 'HTTP/2, body too large: does not reach the shop');

like($t->log, qr/refused: "\/ways\/proxy" would pass it on after a refusal/,
    'error log: the location that would pass a refused request on');

$t->done;
