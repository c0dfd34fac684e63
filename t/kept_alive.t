#!/usr/bin/env perl

# Connections to AliKassa that are kept alive: the module does not accept a
# chunked response that is cut or stalls, and the next call, over another
# connection, gets its own response.  A response to a status query that is cut
# or stalls has no status: the module does not send the order again.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use IO::Select;
use IO::Socket::INET;
use Test::Alikassa qw(json_decode $LIMIT);
use Test::More;

my $t = Test::Alikassa->new->sandbox;

# This process plays AliKassa.

my $listen = IO::Socket::INET->new(Listen => 128, LocalAddr => '127.0.0.1',
    ReuseAddr => 1) or die "listen: $!";
my $port = $listen->sockport;

# "stall" has a time-out of its own, and the connections of the other

my $locations = '';

for my $buffering (qw(on off)) {
    for my $conf (qw(kept stall)) {
        my $name = $conf eq 'stall' ? "stall-$buffering" : "cut-$buffering";
        $locations .= <<"EOL";
        location = /$name {
            alikassa_payment;
            alikassa_api /raw-$name;
            alikassa_idempotency orders;
        }
        location = /status-$name {
            alikassa_payment_status;
            alikassa_api /raw-$name;
        }
        location /raw-$name/ {
            internal;
            include %%DIR%%/$conf.conf;
            proxy_buffering $buffering;
            proxy_pass http://kept-$name/;
        }
EOL
    }
}

my $upstreams = join '', map { <<"EOL" } qw(cut-on cut-off stall-on stall-off);
    upstream kept-$_ { server 127.0.0.1:$port; keepalive 4; }
EOL

$t->conf(<<"EOC");
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    alikassa_account   %%ACCOUNT%%;
    alikassa_key       %%KEYS%%/payment;
    alikassa_audit_log %%DIR%%/audit.log;
    alikassa_idempotency_zone orders 1m;

    $upstreams

    server {
        listen 127.0.0.1:%%PORT_0%%;
        $locations
    }
}
EOC

my $kept_conf = $t->log('alikassa-api.conf')
    =~ s/^(proxy_set_header\s+Connection\s+)close;/${1}"";/mr;
$t->write('kept.conf', $kept_conf);

# The time in which this process must begin its response, and after which a
# response has stalled: much longer than a response takes.

$t->write('stall.conf', $kept_conf
    =~ s/^(proxy_read_timeout\s+)\d+s/${1}5s/mr);
$t->run;

my $n = 0;

# Reads the next call over the connection $c, or over a new one if $c is undef.
# Returns the connection and the path of the call, or "none" if no call comes.

sub call ($c = undef) {
    my $select = IO::Select->new($c // $listen);
    my $data   = '';

    $select->can_read($LIMIT) or return (undef, 'none');
    $c //= $listen->accept;

    while (sysread $c, $data, 65536, length $data) {
        my ($head, $body) = $data =~ /^(.*?)\r\n\r\n(.*)/s or next;
        my ($length) = $head =~ /^Content-Length: (\d+)/mi;
        last if length $body >= $length;
    }

    return ($c, $data =~ m{^POST /v1/(\S+) HTTP/1\.1\r\n}
        && $data !~ /^Connection:/mi ? $1 : "'$data'");
}

sub start ($uri, $id) {
    return $t->send_request($uri, method => 'POST', form =>
        [$uri =~ /status/ ? (order_id => $id) : $t->payment(order_id => $id)]);
}

sub answer ($s) {
    return Test::Alikassa::parse_response(Test::Alikassa::read_all($s));
}

sub outcome ($id) {
    return join ' ', map { $_->{outcome} } grep { $_->{order_id} eq $id }
        map { json_decode($_) } split /\n/, $t->log('audit.log');
}

sub id { return 'K-' . ++$n }

sub chunked ($status, $object) {
    return "HTTP/1.1 $status\r\nContent-Type: application/json\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n"
        . sprintf "%x\r\n%s\r\n0\r\n\r\n", length $object, $object;
}

sub url ($n) {
    return chunked('200 OK', qq({"url":"https://pay.example/$n",)
        . '"payment_status":"wait","id":7}');
}

# Makes a call that gets a valid response, over $c or over a new connection.

sub good ($uri, $name, $c = undef) {
    my $id = id();
    my $s  = start($uri, $id);
    my ($d, $path) = call($c);
    is($path, 'payment', "$name: "
        . ($c ? 'over the kept connection' : 'over a new connection'));
    syswrite $d, url($id);
    my $r = answer($s);
    is("$r->{status} " . ($r->{json}{url} // ''),
        "200 https://pay.example/$id", "$name: its own response");
    return $d;
}

# quiet() tells whether a connection has neither data nor an end, over() whether
# it ends without data.

sub quiet ($c) { return !IO::Select->new($c)->can_read(0) }

sub over ($c) {
    my $rest = Test::Alikassa::read_all($c);
    return $rest eq '' && defined sysread $c, $rest, 1;
}

# Responses without their last bytes, by the place where they are cut.

my %ends = ('before the last chunk' => 5, 'within the last chunk' => 3,
    'within the object' => 12, 'before the last byte' => 1);

for my $uri (qw(/cut-on /cut-off /stall-on /stall-off)) {
    my $stall = $uri =~ /stall/;
    my $kept  = good($uri, "$uri, first");

    for my $end (sort keys %ends) {
        my $name = "$uri, $end";

        $kept = good($uri, "$name, again", $kept);

        # The payment.

        my $id = id();
        my $s  = start($uri, $id);
        my ($c, $path) = call($kept);
        is($path, 'payment', "$name, payment: sent over the kept connection");
        syswrite $c, substr url($id), 0, -$ends{$end};
        close $c if !$stall;
        my $r = answer($s);
        is("$r->{status} $r->{json}{outcome}", '502 unknown',
            "$name, payment: the outcome is unknown");
        is(outcome($id), 'unknown', "$name, payment: audit log");
        ok(over($c), "$name, payment: nginx closes the connection") if $stall;

        # No call gets the bytes that come late.

        syswrite $c, substr url($id), -$ends{$end} if $stall;
        $kept = good($uri, "$name, next");

        # The status query before the order is sent again.

        my $no = chunked('404 Not Found', '{"message":"Not found."}');
        $s = start($uri, $id);
        ($c, $path) = call($kept);
        is($path, 'payment/status', "$name, retry: a status query comes first");
        syswrite $c, substr $no, 0, -$ends{$end};
        close $c if !$stall;
        $r = answer($s);
        is("$r->{status} $r->{json}{outcome}", '409 unknown',
            "$name, retry without a status: the outcome is unknown");
        ok(over($c), "$name, retry without a status: no POST over it")
            if $stall;
        ok(quiet($listen),
            "$name, retry without a status: no POST over a new connection");

        # A status query of a client.

        $kept = good($uri, "$name, after the status");
        $s = start($uri =~ s{/}{/status-}r, $id);
        ($c, $path) = call($kept);
        is($path, 'payment/status',
            "$name, status query of a client: sent over the kept connection");
        syswrite $c, substr $no, 0, -$ends{$end};
        close $c if !$stall;
        is(answer($s)->{status}, 502,
            "$name, status query of a client: 502");

        # The module accepts a whole response, and nginx keeps the connection.

        $s = start($uri, $id);
        ($c, $path) = call();
        is($path, 'payment/status',
            "$name, second retry: a status query comes first");
        syswrite $c, $no;
        ($c, $path) = call($c);
        is($path, 'payment',
            "$name, second retry: the POST over the same connection");
        syswrite $c, url($id);
        is(answer($s)->{status}, 200, "$name, second retry: status");
        is(outcome($id), 'unknown accepted', "$name, second retry: audit log");
        $kept = $c;
    }
}

# Since 1.29.4 nginx can use HTTP/2 to an upstream.

my ($major, $minor, $patch) =
    qx{$t->{nginx} -v 2>&1} =~ m{/(\d+)\.(\d+)\.(\d+)};

SKIP: {
    skip "nginx $major.$minor.$patch has no HTTP/2 to an upstream (1.29.4)", 1
        if $major * 1e6 + $minor * 1e3 + $patch < 1_029_004;

    skip 'HTTP/2 to an upstream: not written', 1;
}

$t->done;
