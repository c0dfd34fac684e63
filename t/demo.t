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
use Test::Helpers qw(answers free_port slurp spawn_group wait_for);
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

ok(wait_for(sub { slurp("$dir/demo.out") =~ /Ctrl-C ends it/ }, 60), 'starts')
    or BAIL_OUT(slurp("$dir/demo.out"));

my $text = slurp("$dir/demo.out");
my ($shop) = $text =~ m{The shop: +(http://127\.0\.0\.1:\d+/)};
my ($curl) = $text =~ /A payment by curl: (curl .*)/;
my ($logs) = $text =~ /nginx.conf, logs: +(\S+)/;

is($shop, "http://127.0.0.1:$ENV{PORT}/", 'the shop\'s address');

# the curl line, word for word

my $answer = `$curl 2>/dev/null`;
like($answer, qr{^HTTP/1\.1 200 OK\r\n}, 'curl');
my ($body) = $answer =~ /\r\n\r\n(.*)/s;
my $url = $json->decode($body)->{url};
like($url, qr{^https://localhost:\d+/pay/[0-9a-f-]{36}$}, 'a payment page');
is(substr(`curl -s --cacert $logs/sandbox/ca.pem -o /dev/null -w '%{http_code}' $url`,
    0, 3), '200', 'which opens');

$answer = `$curl -s -H 'Accept: text/html,*/*;q=0.8'`;
like($answer, qr{^HTTP/1\.1 303 See Other\r\n}, 'a browser\'s Accept');
like($answer, qr{^Location: \Q$url\E\r$}m, 'to the same page: one payment');

# a forged notification, and the shop's own page from outside

my $http = HTTP::Tiny->new(max_redirect => 0);
my ($number) = $json->decode($body)->{success_redirect_url} =~ /order=(\d+)/;

is($http->get("${shop}alikassa/notify?order_id=$number&payment_status=paid"
    . '&amount=150000&id=1&sign=x')->{status}, 403, 'forged');
is($http->get("${shop}payment-received?order_id=$number&payment_status=paid"
    . '&amount=150000')->{status}, 404, 'around nginx\'s check');

sub order ($number) {
    return $json->decode($http->get("${shop}order?number=$number")
        ->{content});
}

ok(!order($number)->{paid}, 'not paid');

# a browser

my $port = free_port();
start("$dir/chromedriver.out", 'chromedriver', "--port=$port");
ok(wait_for(sub { answers($port) }, 30), 'chromedriver');

my $session;

sub driver ($method, $path, $data = undef) {
    my $res = HTTP::Tiny->new(timeout => 60)->request($method,
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
is(text('h1'), 'Tea and cups', 'the shop');

# the payer lowers the price in the form: that changes nothing

driver(POST => '/execute/sync', { args => [], script =>
    'document.querySelector("[name=total]").value = "1";'
    . 'let i = document.createElement("input"); i.name = "amount";'
    . 'i.value = "1"; document.forms[0].append(i);' });
click('#place_order');

ok(wait_for(sub { address() =~ m{^https://localhost:\d+/pay/} }),
    'to the payment page') or diag(address());
like(text('table'), qr/IDR 150000\b/, 'with the shop\'s amount');

my ($order) = text('table') =~ /Order (\d+)/;
my $page = address();

# by hand to the success page, unpaid

driver(POST => '/url', { url => "${shop}thanks?order=$order" });
like(text('#state'), qr/has not arrived yet/, 'typed by hand: not paid');
ok(!order($order)->{paid}, 'nor in the shop');

driver(POST => '/url', { url => $page });
click('#pay');
ok(wait_for(sub { address() eq "${shop}thanks?order=$order" }), 'back');
like(text('#state'), qr/has arrived/, 'paid');
ok(wait_for(sub { order($order)->{paid} }), 'by a proven notification');
is(order($order)->{told}, 1, 'once');

eval { driver(DELETE => '') };

# an order that does not exist, and one of somebody else

is($http->get("${shop}thanks?order=1")->{status}, 404, 'no order of yours');

# the end

kill 'INT', $demo;
ok(wait_for(sub { waitpid($demo, WNOHANG) == $demo }, 20), 'Ctrl-C ends it');
is($? >> 8, 0, 'well');
delete $pids{$demo};
ok(!-e $logs, 'no folder is left');
is(scalar(grep { answers($_) } $shop =~ /:(\d+)/, $url =~ /:(\d+)/), 0,
    'nor a server');
unlike(slurp("$dir/demo.out"), qr/has ended, see/, 'nothing broke');

done_testing();
