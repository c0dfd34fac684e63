#!/usr/bin/env perl

# The demo, as README has it: the printed curl line, then a payer's browser
# from the shop's form to the payment page and back.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use HTTP::Tiny;
use JSON::PP ();
use POSIX qw(:sys_wait_h);
use Test::Alikassa;
use Test::Build qw(need_programs);
use Test::Helpers qw(answers free_port slurp spawn_group wait_for $LIMIT);
use Test::More;

need_programs(qw(curl php openssl chromedriver));

my $dir = Test::Alikassa->new->dir;
my $json = JSON::PP->new->utf8;
my %pids;

END {
    local $?;
    kill 'TERM', -$_ for keys %pids;
    waitpid $_, 0 for keys %pids;
}

sub start ($log, @command) {
    my $pid = spawn_group($log, @command);
    $pids{$pid} = 1;
    return $pid;
}

$ENV{PORT} = free_port();

my $demo = start("$dir/demo.out", 't/demo/run');

ok(wait_for(sub { slurp("$dir/demo.out") =~ /Ctrl-C ends it/ }),
    'demo: it starts')
    or BAIL_OUT(slurp("$dir/demo.out"));

my $text = slurp("$dir/demo.out");
my ($shop) = $text =~ m{The shop: +(http://127\.0\.0\.1:\d+/)};
my ($curl) = $text =~ /A payment by curl: (curl .*)/;
my ($logs) = $text =~ /nginx.conf, logs: +(\S+)/;

is($shop, "http://127.0.0.1:$ENV{PORT}/",
    "demo: the shop has the port of $ENV{PORT}");

# The printed curl line, word for word.

my $answer = `$curl 2>/dev/null`;
like($answer, qr{^HTTP/1\.1 200 OK\r\n}, 'curl: the printed line answers 200');
my ($body) = $answer =~ /\r\n\r\n(.*)/s;
my $url = $json->decode($body)->{url};
like($url, qr{^https://localhost:\d+/pay/[0-9a-f-]{36}$},
    'curl: the response has the URL of a payment page');
my $ca = "$logs/sandbox/ca.pem";
is(substr(`curl -s --cacert $ca -o /dev/null -w '%{http_code}' $url`, 0, 3),
    '200', 'curl: the payment page opens');

$answer = `$curl -s -H 'Accept: text/html,*/*;q=0.8'`;
like($answer, qr{^HTTP/1\.1 303 See Other\r\n},
    'curl as a browser: a redirect');
like($answer, qr{^Location: \Q$url\E\r$}m,
    'curl as a browser: to the page of the same payment');

# A forged notification, and a request to the shop's own page from outside.

my $http = HTTP::Tiny->new(max_redirect => 0, timeout => $LIMIT);
my ($number) = $json->decode($body)->{success_redirect_url} =~ /order=(\d+)/;

is($http->get("${shop}alikassa/notify?order_id=$number&payment_status=paid"
    . '&amount=150000&id=1&sign=x')->{status}, 403,
        'forged notification: refused');
is($http->get("${shop}payment-received?order_id=$number&payment_status=paid"
    . '&amount=150000')->{status}, 404,
        'page behind the check of notifications: not reachable from outside');

sub order ($number) {
    return $json->decode($http->get("${shop}order?number=$number")
        ->{content});
}

ok(!order($number)->{paid}, 'forged notification: the order is not paid');

# A browser.

my $port = free_port();
start("$dir/chromedriver.out", 'chromedriver', "--port=$port");
ok(wait_for(sub { answers($port) }), 'browser: chromedriver starts');

my $session;

sub driver ($method, $path, $data = undef) {
    my $res = HTTP::Tiny->new(timeout => $LIMIT)->request($method,
        "http://127.0.0.1:$port" . ($session ? "/session/$session" : '')
        . $path, defined $data ? { content => $json->encode($data),
            headers => { 'Content-Type' => 'application/json' } } : {});
    my $value = $json->decode($res->{content})->{value};
    die "$method $path: $res->{content}" unless $res->{success};
    return $value;
}

$session = driver(POST => '/session', { capabilities => { alwaysMatch => {
    acceptInsecureCerts => JSON::PP::true,
    'goog:chromeOptions' => { args => ['--headless=new', '--no-sandbox',
        '--disable-gpu', '--disable-dev-shm-usage',
        "--user-data-dir=$dir/chromium"] },
} } })->{sessionId};

sub element ($css) {
    my $value;
    wait_for(sub { $value = eval { driver(POST => '/element',
        { using => 'css selector', value => $css }) } }) or die "no $css";
    return (values %$value)[0];
}

sub click ($css) { driver(POST => '/element/' . element($css) . '/click', {}) }
sub text ($css)  { return driver(GET => '/element/' . element($css) . '/text') }
sub address      { return driver(GET => '/url') }

driver(POST => '/url', { url => $shop });
is(text('h1'), 'Tea and cups', "browser: the shop's page");

# The payer lowers the price in the form: this has no effect.

driver(POST => '/execute/sync', { args => [], script =>
    'document.querySelector("[name=total]").value = "1";'
    . 'let i = document.createElement("input"); i.name = "amount";'
    . 'i.value = "1"; document.forms[0].append(i);' });
click('#place_order');

ok(wait_for(sub { address() =~ m{^https://localhost:\d+/pay/} }),
    'browser: the payment page comes after the order') or diag(address());
like(text('table'), qr/IDR 150000\b/,
    "browser: the amount is the shop's, not the form's");

my ($order) = text('table') =~ /Order (\d+)/;
my $page = address();

# The payer opens the success page by hand without paying.

driver(POST => '/url', { url => "${shop}thanks?order=$order" });
like(text('#state'), qr/has not arrived yet/,
    'browser: the success page does not say that an unpaid order is paid');
ok(!order($order)->{paid}, 'browser: the success page leaves the order unpaid');

driver(POST => '/url', { url => $page });
click('#pay');
ok(wait_for(sub { address() eq "${shop}thanks?order=$order" }),
    'browser: the payment page leads back to the success page');
like(text('#state'), qr/has arrived/,
    'browser: the success page says that the order is paid');
ok(wait_for(sub { order($order)->{paid} }),
    'browser: the notification marks the order as paid');
is(order($order)->{told}, 1, 'browser: the shop was notified once');

eval { driver(DELETE => '') };

# An order that does not exist, and an order of another payer.

is($http->get("${shop}thanks?order=1")->{status}, 404,
    'browser without a cart: the order of another is not found');

# The demo ends.

kill 'INT', $demo;
ok(wait_for(sub { waitpid($demo, WNOHANG) == $demo }),
    'Ctrl-C: the demo ends');
is($? >> 8, 0, 'Ctrl-C: exit status 0');
delete $pids{$demo};
ok(!-e $logs, 'Ctrl-C: the folder is removed');
is(scalar(grep { answers($_) } $shop =~ /:(\d+)/, $url =~ /:(\d+)/), 0,
    'Ctrl-C: no server listens any more');
unlike(slurp("$dir/demo.out"), qr/has ended, see/,
    'demo: no program ended early');

done_testing();
