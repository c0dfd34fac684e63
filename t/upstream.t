#!/usr/bin/env perl

# Whatever AliKassa, the network, the client and a careless configuration do,
# there is one POST, one recorded outcome and one JSON response.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::Alikassa qw(message wait_for $LIMIT);
use Test::Build qw(need_modules);
use Test::More;

BEGIN { need_modules('Protocol::HTTP2') }
use Protocol::HTTP2::Constants qw(:frame_types :errors);

my $t = Test::Alikassa->new->sandbox;

# for an AliKassa that never answers, and for one that cannot be reached

$t->api_conf('hasty.conf', read_timeout => '1s');
$t->api_conf('deaf.conf', connect_timeout => '1s');
$t->write('small.conf', $t->api_conf('api.conf')
    =~ s/^proxy_\w*buffer\w*\s.*\n//mgr);

# a port whose backlog is full does not answer a connection

my $deaf = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
my @stuck = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $deaf->sockport, Blocking => 0) } 1 .. 4;

my $careless = <<'EOC';
            proxy_pass https://two/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_next_upstream error timeout invalid_header http_500 http_502
                                http_403 http_404 http_429 non_idempotent;
            proxy_next_upstream_tries 5;
            proxy_intercept_errors on;
            proxy_ignore_client_abort off;
            proxy_store %%DIR%%/stored;
            error_page 302 400 403 408 429 500 502 504 =200 /error;
EOC

my $conf = <<'EOC';
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    %%MERCHANT%%

    log_format outcome '$arg_n $status $alikassa_outcome $alikassa_error '
                       '$alikassa_order_id';
    access_log %%DIR%%/outcome.log outcome;

    upstream two {
        server %%SANDBOX%% max_fails=0;
        server %%SANDBOX%% max_fails=0;
    }

    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_1%% http2;

        location = /pay      { alikassa_payment; }
        location = /inline   { alikassa_payment; alikassa_thread_pool off; }
        location = /careless { alikassa_payment; alikassa_api /careless; }
        location = /hasty    { alikassa_payment; alikassa_api /hasty; }
        location = /careless-hasty {
            alikassa_payment;
            alikassa_api /careless-hasty;
        }
        location = /ping     { access_log off; return 204; }
        location = /refused  { alikassa_payment; alikassa_api /refused; }
        location = /deaf     { alikassa_payment; alikassa_api /deaf; }
        location = /verify   { alikassa_payment; alikassa_api /verify; }
        location = /static   { alikassa_payment; alikassa_api /static; }
        location = /self     { alikassa_payment; alikassa_api /self; }
        location = /returns  { alikassa_payment; alikassa_api /says; }
        location = /small    { alikassa_payment; alikassa_api /buffers; }
        location = /page {
            alikassa_payment;
            alikassa_intercept_errors on;
            error_page 400 502 504 /error;
        }
        location = /html {
            alikassa_payment;
            error_page 400 502 504 /error;
        }
        location = /error {
            return 200 "$alikassa_outcome $alikassa_error $alikassa_order_id";
        }
        location = /secret { internal; return 200 "secret"; }

        # all that is unwise at once

        proxy_read_timeout %%LIMIT%%s;

        location /careless/ {
            CARELESS
        }
        location /careless-hasty/ {
            proxy_read_timeout 1s;
            CARELESS
        }

        location /refused/ {
            internal;
            proxy_pass https://127.0.0.1:%%PORT_8%%/;
        }
        location /deaf/ {
            internal;
            include %%DIR%%/deaf.conf;
            proxy_pass https://127.0.0.1:%%DEAF%%/;
        }
        location /verify/ {
            internal;
            include %%API_CONF%%;
            proxy_pass https://%%SANDBOX%%/;
            proxy_ssl_name another.example;
        }
        location /static/  { internal; root %%DIR%%; }
        location /self/    { internal; alikassa_payment; }
        location /says/    { internal; return 200 "{\"id\":1}"; }
        location /buffers/ {
            internal;
            include %%DIR%%/small.conf;
            proxy_buffer_size 1k;
            proxy_buffers 4 1k;
            subrequest_output_buffer_size 64;
            proxy_pass https://%%SANDBOX%%/;
            proxy_ssl_name localhost;
        }
        location /hasty/ {
            internal;
            include %%DIR%%/hasty.conf;
            proxy_pass https://%%SANDBOX%%/;
            proxy_ssl_name localhost;
        }
        %%API%%
    }
}
EOC

my $deaf_port = $deaf->sockport;
$conf =~ s/%%DEAF%%/$deaf_port/;
$conf =~ s/%%LIMIT%%/$LIMIT/;
$conf =~ s/^ *CARELESS\n/$careless/mg;
$t->conf($conf)->run;

my $n = 0;

# audit lines of one order

sub audit ($order_id) { return $t->audit($order_id) }

# posts a payment over both protocols while AliKassa behaves as told; what is
# expected: status, outcome, error, POSTs

sub try ($uri, $name, $fault, $status, $outcome, $error, $posts = 1) {
    for my $http (qw(HTTP/1.1 HTTP/2)) {
        my $id = 'O-' . ++$n;

        $t->faults($fault ? { %$fault, count => 1 } : ());

        my @form = (form => [$t->payment(order_id => $id)]);
        my $r = $http eq 'HTTP/2' ? $t->h2("$uri?n=$n", @form)
            : $t->post("$uri?n=$n", @form);

        my $what = "$uri, $name, $http";

        is($r->{status}, $status, "$what: status") or diag($r->{body});

        if ($status >= 500) {
            like($r->{json}{message}, qr/\.$/, "$what: JSON")
                or diag($r->{body});
            is($r->{json}{outcome}, $outcome, "$what: outcome");
            is($r->{json}{order_id}, $id, "$what: order_id");
            like($r->{json}{message}, $outcome eq 'unsent'
                ? qr/Nothing was sent/ : qr/may have taken/,
                "$what: what to do");
        }

        my ($line) = wait_for(sub { $t->log('outcome.log') =~ /^$n .*$id$/m })
            ? $t->log('outcome.log') =~ /^($n .*)$/m : '';
        is($line, "$n $status $outcome $error $id", "$what: access log");

        # nginx may give up before AliKassa has read what was sent

        ok(wait_for(sub { $t->unread($t->{api}) == 0 }), "$what: read");
        my @sent = $t->requests($id);
        is(scalar @sent, $posts, "$what: POSTs");

        my @audit = audit($id);
        is(scalar @audit, 1, "$what: one line in the audit log");
        is($audit[0]{outcome}, $outcome, "$what: outcome in the audit log");
    }
}

for my $uri (qw(/pay /inline)) {
    try($uri, 'good', undef, 200, 'accepted', '');
}

for (['hang', 504, 'timeout'],
    map { [$_, 502, 'bad_answer'] } qw(cut_before reset_before cut_after
        reset_after half chunks garbage empty broken_json array no_id
        html_500 html_502 moved gzip))
{
    for my $uri (qw(/pay /careless)) {
        my $hasty = { '/pay' => '/hasty', '/careless' => '/careless-hasty' };
        try($_->[0] eq 'hang' ? $hasty->{$uri} : $uri, $_->[0],
            { action => $_->[0] }, $_->[1], 'unknown', $_->[2]);
    }
}

# AliKassa's own JSON is passed on; what 408 means for the order, and 500,
# nobody knows; 429 says that nothing was done

for (['json_500', 500, 'unknown'], ['timeout_408', 408, 'unknown'],
    ['json_429', 429, 'rejected'], ['forbidden', 403, 'rejected'])
{
    my ($action, $status, $outcome) = @$_;

    for my $uri (qw(/pay /careless)) {
        my $id = "S-$action-" . substr $uri, 1;
        $t->faults({ action => $action, count => 1 });
        my $r = $t->post($uri, form => [$t->payment(order_id => $id)]);
        is($r->{status}, $status, "$uri, $action: status");
        is($r->{body}, '{"message":"Error."}',
            "$uri, $action: body of AliKassa");
        is(join(' ', map { $_->{outcome} } audit($id)), $outcome,
            "$uri, $action: outcome");
        is(scalar $t->requests($id), 1, "$uri, $action: one POST");
    }
}

for my $size (2000, 4096, 70_000, 255_000) {
    try('/pay', "an answer of $size", { action => 'huge', size => $size },
        200, 'accepted', '');
}

try('/pay', 'an answer of 300,000', { action => 'huge', size => 300_000 }, 502,
    'unknown', 'bad_answer');
try('/small', 'an answer larger than the buffers',
    { action => 'huge', size => 50_000 }, 200, 'accepted', '');
try('/pay', 'byte by byte', { action => 'slow' }, 200, 'accepted', '');
try('/pay', 'unknown keys', { action => 'more' }, 200, 'accepted', '');

# an answer that does not fit is an answer all the same

$t->faults({ action => 'huge', size => 255_000, count => 1 });
my $r = $t->post('/pay', form => [$t->payment]);
is(length $r->{body}, 255_015, 'response of 255,000 bytes: length');

# nginx does not obey X-Accel headers of AliKassa's response.

for my $uri (qw(/pay /careless)) {
    try($uri, 'X-Accel-Redirect', { action => 'accel' }, 200, 'accepted', '');
}

ok(!-e $t->dir . '/stored', 'X-Accel headers of AliKassa: nothing is stored');

# Calls that are never sent.

for (['/refused', 502, 'unreachable'], ['/deaf', 504, 'timeout'],
    ['/verify', 502, 'unreachable'], ['/static', 502, 'unreachable'],
    ['/self', 502, 'unreachable'], ['/returns', 502, 'unreachable'])
{
    try($_->[0], 'no AliKassa', undef, $_->[1], 'unsent', $_->[2], 0);
}

like($t->log, qr/\[error\] .* "\/self\/v1\/payment".*proxy_pass/,
    'location without proxy_pass: error log');

# a browser gets a page of the operator's where he asks for one

$t->faults({ action => 'html_500', count => 1 });
$r = $t->post('/page', form => [$t->payment(order_id => 'P-1')]);
is($r->{body}, 'unknown bad_answer P-1',
    'error_page for an unknown outcome: its response');
$t->faults({ action => 'html_500', count => 1 });
$r = $t->post('/html', form => [$t->payment(order_id => 'P-2')]);
is($r->{json}{outcome}, 'unknown',
    'unknown outcome without an error_page: JSON');
$r = $t->post('/page', form => [$t->payment(order_id => '')]);
is($r->{body}, 'invalid invalid_order_id ',
    'error_page for an invalid request: its response');

# the payer vanishes: in the middle of the body nothing is sent; after it, one
# POST goes out and is recorded

sub vanish ($s, $how) {
    setsockopt($s, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)) if $how eq 'reset';
    close $s;
}

# nginx has taken what came until now, and has no connection open but the
# @open ones

sub idle (@open) {
    return $t->get('/ping')->{status} == 204
        && wait_for(sub { $t->fds <= $t->{fds} + @open });
}

for my $how (qw(close reset)) {
    my $id = "V-body-$how";
    my $message = message('/pay', method => 'POST',
        form => [$t->payment(order_id => $id)]);
    my $s = $t->send_request('/pay',
        pieces => [substr $message, 0, length($message) - 10]);
    vanish($s, $how);
    ok(idle(), "$id, gone amid the body: nginx has no connection open");
    is(scalar $t->requests($id), 0, "$id, gone amid the body: nothing is sent");
    is(scalar audit($id), 0,
        "$id, gone amid the body: no line in the audit log");
}

# what AliKassa does when the payer has gone: it holds its answer until then

my @moments = (
    ['at once', undef],
    ['while it is made', {}],
    ['after it is made', { delay_when => 'after' }],
    ['amid the answer', { action => 'slow', delay_when => 'amid' }],
    ['before a cut', { action => 'cut_after' }],
    ['before garbage', { action => 'garbage' }],
);

for my $uri (qw(/pay /inline /careless)) {
    for my $m (@moments) {
        for my $how (qw(close reset HTTP/2-close HTTP/2-reset)) {
            my ($when, $fault) = @$m;
            my $id   = 'V-' . ++$n;
            my @form = (form => [$t->payment(order_id => $id)]);
            my $what = "$uri, gone $when, $how";
            my ($s, $client);

            $t->faults($fault ? $t->held_response(%$fault, count => 1) : ());

            if ($how =~ /^HTTP/) {
                ($s, $client) = $t->h2_client($uri, @form);
            } else {
                $s = $t->send_request($uri, method => 'POST', @form);
            }

            ok(wait_for(sub { $t->requests($id) }), "$what: it is sent")
                if $fault;

            if ($how eq 'HTTP/2-reset') {
                h2_reset($s, $client);
            } elsif ($how eq 'HTTP/2-close') {
                close $s;
            } else {
                vanish($s, $how);
            }

            # HTTP/2-reset leaves its connection open

            my @open = $how eq 'HTTP/2-reset' ? $s : ();

            if (!$fault) {

                # the system may drop what nginx had not read yet

                ok(idle(@open), "$what: nginx has no connection open");
                is(scalar audit($id), scalar $t->requests($id),
                    "$what: each POST has an audit line");
                cmp_ok(scalar $t->requests($id), '<=', 1,
                    "$what: one POST at most");
                close $_ for @open;
                next;
            }

            is($t->get('/ping')->{status}, 204, "$what: nginx serves others");
            $t->respond;
            ok(wait_for(sub { audit($id) == 1 }),
                "$what: one line in the audit log");
            is((audit($id))[0]{outcome}, $when =~ /^before/ ? 'unknown'
                : 'accepted', "$what: outcome");
            is(scalar $t->requests($id), 1, "$what: one POST");
            close $_ for @open;
        }
    }
}

# The client resets the stream and keeps the connection.

sub h2_reset ($s, $client) {
    my $con = $client->{con};
    syswrite $s, $con->frame_encode(RST_STREAM, 0, 1, CANCEL);
}

close $_ for @stuck;

is(scalar(grep { $_->{created} != 1 } $t->ledger), 0,
    'no order is created twice');

$t->done;
