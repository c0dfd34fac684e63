#!/usr/bin/env perl

# The module accepts a response only if its end was received.  Responses are cut
# at every byte, stall or have no end of their own, with and without buffering.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(json_decode read_response);
use Test::More;
use Test::Peer qw(accept_call listener);

my $t = Test::Alikassa->new->sandbox;

# this process is AliKassa: it gives byte by byte what a test wants

my $listen = listener();
my $port = $listen->sockport;

my $locations = join '', map { <<"EOL" } qw(on off);
        location = /pay-$_ { alikassa_payment; alikassa_api /raw-$_; }
        location = /payout-$_ {
            allow 127.0.0.1; deny all;
            alikassa_payout;
            alikassa_api /raw-$_;
        }
        location = /zone-$_ {
            alikassa_payment;
            alikassa_api /raw-$_;
            alikassa_idempotency orders;
        }
        location = /stall-$_ { alikassa_payment; alikassa_api /stalled-$_; }
        location = /status-$_ {
            alikassa_payment_status;
            alikassa_api /raw-$_;
        }
        location /raw-$_/ {
            internal;
            include %%API_CONF%%;
            proxy_buffering $_;
            proxy_pass http://127.0.0.1:$port/;
        }
        location /stalled-$_/ {
            internal;
            include %%DIR%%/stall.conf;
            proxy_buffering $_;
            proxy_pass http://127.0.0.1:$port/;
        }
EOL

# the time in which this process must begin its answer, and after which it has
# stalled: much longer than it takes

$t->api_conf('stall.conf', read_timeout => '10s');

$t->conf(<<"EOC")->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    %%MERCHANT%%
    alikassa_idempotency_zone orders 1m;

    server {
        listen 127.0.0.1:%%PORT_0%%;
        $locations
    }
}
EOC

my $n = 0;

sub id { return 'W-' . ++$n }

sub try ($uri, $bytes, $id = id()) {
    my $s = $t->send_request($uri, method => 'POST', form =>
        [$uri =~ /status/ ? (order_id => $id) : $uri =~ /payout/
            ? $t->payout(order_id => $id) : $t->payment(order_id => $id)]);
    my ($c) = accept_call($listen);
    syswrite $c, $bytes if length $bytes;
    close $c;
    return read_response($s, 20);
}

sub audit {
    my ($last) = substr($t->log('audit.log'), -1000) =~ /^(\{.*)\n\z/m;
    return json_decode($last)->{outcome};
}

sub chunks (@parts) {
    return join('', map { sprintf "%x\r\n%s\r\n", length, $_ } @parts)
        . "0\r\n\r\n";
}

my $object  = '{"url":"https://pay.example/1","payment_status":"wait","id":7}';
my $no      = '{"message":"The given data was invalid.","errors":{}}';
my $json    = "Content-Type: application/json\r\n";
my $chunked = "${json}Transfer-Encoding: chunked\r\n\r\n";

my %whole = (
    'one chunk' => "HTTP/1.1 200 OK\r\n$chunked" . chunks($object),
    'two chunks' => "HTTP/1.1 200 OK\r\n$chunked"
        . chunks(substr($object, 0, 20), substr $object, 20),
    'a chunk for a byte' => "HTTP/1.1 200 OK\r\n$chunked"
        . chunks(split //, $object),
    'a trailer' => "HTTP/1.1 200 OK\r\n$chunked"
        . chunks($object) =~ s/\r\n$/X-Trailer: 1\r\n\r\n/r,
    'a chunk extension' => "HTTP/1.1 200 OK\r\n$chunked"
        . sprintf("%x;x=y\r\n%s\r\n0;x=y\r\n\r\n", length $object, $object),
    'Content-Length' => "HTTP/1.1 200 OK\r\n${json}Content-Length: "
        . length($object) . "\r\n\r\n$object",
    'a rejection in chunks' => "HTTP/1.1 400 Bad Request\r\n$chunked"
        . chunks($no),
);

my @cuts;

for my $buffering (qw(on off)) {
    for my $name (sort keys %whole) {
        my $bytes = $whole{$name};
        my $what  = "buffering $buffering, $name";
        my $no    = $name =~ /rejection/;
        my $from  = index($bytes, "\r\n\r\n") + 4;
        my @wrong;

        # the header cut is no answer for nginx; one payment and one payout

        my @at = (0, 20, $from .. length($bytes) - 1);
        @at = grep { $_ % 7 == 0 || $_ > length($bytes) - 12 } @at
            if $name eq 'a chunk for a byte';

        for my $at (@at) {
            my $uri = $at % 2 ? "/pay-$buffering" : "/payout-$buffering";
            my $r = try($uri, substr $bytes, 0, $at);
            push @wrong, "$at of " . length($bytes) . ": $r->{status}"
                unless $r->{status} == 502 && $r->{json}{outcome} eq 'unknown'
                && audit() eq 'unknown';
        }

        is("@wrong", '', "$what: cut at " . @at
            . ' places: the outcome is unknown');

        my $r = try("/pay-$buffering", $bytes);
        is($r->{status}, $no ? 400 : 200, "$what: whole: status");
        is(audit(), $no ? 'rejected' : 'accepted', "$what: whole: outcome");

        # a status call for a client of its own

        next if $no;
        is(try("/status-$buffering", substr $bytes, 0, -1)->{status}, 502,
            "$what: status location, cut: 502");
        is(try("/status-$buffering", $bytes)->{status}, 200,
            "$what: status location, whole: 200");
    }

    # A response with data after its end is accepted.

    for my $name ('one chunk', 'Content-Length') {
        my $r = try("/pay-$buffering", $whole{$name} . 'more');
        is($r->{status}, 200,
            "buffering $buffering, $name, data after the end: accepted");
    }

    # no end but the connection's

    for my $version ('1.0', '1.1') {
        for my $head ('', "Connection: close\r\n") {
            for my $status ('200 OK', '400 Bad Request') {
                my $name = "buffering $buffering, HTTP/$version $status $head"
                    =~ s/\r\n//r;
                my $had = () = $t->log =~ /proxy_http_version 1\.1/g;
                my $r = try("/pay-$buffering", "HTTP/$version $status\r\n"
                    . "$json$head\r\n$object");
                is("$r->{status} $r->{json}{outcome}", '502 unknown',
                    "$name: the outcome is unknown");
                is(audit(), 'unknown', "$name: outcome in the audit log");
                my $has = () =
                    $t->log =~ /\[error\] .*proxy_http_version 1\.1/g;
                is($has, $had + 1,
                    "$name: the error log names proxy_http_version");
            }
        }
    }

    is(try("/pay-$buffering", "HTTP/1.0 200 OK\r\n${json}Content-Length: "
        . length($object) . "\r\n\r\n$object")->{status}, 200,
        "buffering $buffering, HTTP/1.0 with a length: accepted");

    # "no such order" that is cut sends nothing

    my $none  = '{"message":"Not found."}';
    my %lines = (
        chunks => "HTTP/1.1 404 Not Found\r\n$chunked" . chunks($none),
        length => "HTTP/1.1 404 Not Found\r\n${json}Content-Length: "
            . length($none) . "\r\n\r\n$none",
        close  => "HTTP/1.0 404 Not Found\r\n$json\r\n$none",
    );

    for my $name (sort keys %lines) {
        my $bytes = $lines{$name};
        my $id    = id();
        my (@wrong, @paths);

        is(try("/zone-$buffering", '', $id)->{status}, 502,
            "buffering $buffering, 404 by $name: the first response is lost");

        for my $at (index($bytes, "\r\n\r\n") + 4 .. length($bytes)
            - ($name ne 'close'))
        {
            my $s = $t->send_request("/zone-$buffering", method => 'POST',
                form => [$t->payment(order_id => $id)]);
            my ($c, $path) = accept_call($listen);
            syswrite $c, substr $bytes, 0, $at;
            close $c;
            my $r = read_response($s, 20);
            push @wrong, "$at: $path $r->{status}"
                unless $path eq '/v1/payment/status' && $r->{status} == 409;
        }

        is("@wrong", '', "buffering $buffering, 404 by $name, cut: no POST");
        ok(!accept_call($listen, 0),
            "buffering $buffering, 404 by $name, cut: no call waits");
        next if $name eq 'close';

        my $s = $t->send_request("/zone-$buffering", method => 'POST',
            form => [$t->payment(order_id => $id)]);
        my ($c, $path) = accept_call($listen);
        syswrite $c, $bytes;
        close $c;
        ($c, $path) = accept_call($listen);
        is($path, '/v1/payment',
            "buffering $buffering, 404 by $name, whole: the order is sent");
        syswrite $c, $whole{'one chunk'};
        close $c;
        is(read_response($s, 20)->{status}, 200,
            "buffering $buffering, 404 by $name, whole: status");
    }
}

# a whole object, and then nothing more, all at once

my @stalled;

for my $buffering (qw(on off)) {
    for my $name ('one chunk', 'Content-Length') {
        my $s = $t->send_request("/stall-$buffering", method => 'POST',
            form => [$t->payment(order_id => id())]);
        my ($c) = accept_call($listen);
        syswrite $c, $name eq 'one chunk' ? $whole{$name} =~ s/0\r\n\r\n$//r
            : $whole{$name} =~ s/^(Content-Length: )(\d+)/$1 . ($2 + 1)/mer;
        push @stalled, ["buffering $buffering, $name", $s, $c];
    }
}

for (@stalled) {
    my ($name, $s) = @$_;
    my $r = read_response($s);
    is("$r->{status} $r->{json}{outcome}", '502 unknown',
        "$name, stalled: the outcome is unknown");
}

$t->done;
