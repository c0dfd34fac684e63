#!/usr/bin/env perl

# Signing in threads: whatever happens to the client, the worker or the queue
# while a thread signs, each task ends, each request is cleaned up once, and
# nothing leaks.  The test runs with nginx alone, under valgrind, and with
# AddressSanitizer in the module and in all its allocations.
#
# t/preload/hold_sign.c holds signatures until the event under test has
# occurred.  Each case also runs without that, so that both may occur at the
# same moment.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Socket qw(SOL_SOCKET SO_LINGER);
use Test::Alikassa qw(json_decode read_all read_response wait_for $LIMIT);
use Test::Build qw(need_programs);
use Test::Helpers qw(skip_test);
use Test::More;
use Time::HiRes qw(sleep);

my $libasan = `gcc 2>/dev/null -print-file-name=libasan.so`;
chomp $libasan;

# valgrind runs one thread at a time.  Without --fair-sched a signing thread may
# keep the worker from running until it has signed.

my %how = (
    plain    => {},
    valgrind => { wrapper => ['valgrind', '-q', '--fair-sched=yes',
        '--leak-check=full',
        '--errors-for-leak-kinds=definite', '--show-leak-kinds=definite',
        '--suppressions=t/valgrind.supp',
        '--log-file=%DIR%/valgrindsan.%p'] },
    asan     => { build => 'sanitized', preload => $libasan },
);

my @how = $ENV{ALIKASSA_THREADS} // qw(plain asan valgrind);

need_programs('valgrind') if grep { $_ eq 'valgrind' } @how;
skip_test('the compiler has no libasan')
    if $libasan !~ m{/} && grep { $_ eq 'asan' } @how;

for my $how (@how) {
    my $many  = { plain => 60, asan => 25, valgrind => 6 }->{$how};
    my $pause = $how eq 'valgrind' ? 0.5 : 0.05;
    my $t = Test::Alikassa->new(%{ $how{$how} }, sign => 1)->sandbox;

    my $conf = <<'EOF';
%%GLOBALS%%
thread_pool one threads=1 max_queue=65536;
thread_pool tiny threads=1 max_queue=1;
SHUTDOWN
events { worker_connections 2048; }
http {
    %%HTTP%%
    log_format vars '$alikassa_order_id $alikassa_sign_time';
    access_log %%DIR%%/vars.log vars;
    %%MERCHANT%%
    alikassa_idempotency_zone orders 1m;
    lingering_close off;
    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_1%% http2;
        location = /default { alikassa_payment; }
        location = /one     { alikassa_payment; alikassa_thread_pool one; }
        location = /one-zone {
            alikassa_payment;
            alikassa_thread_pool one;
            alikassa_idempotency orders wait=LIMITs;
        }
        location = /wait    {
            alikassa_payment;
            alikassa_thread_pool one;
            alikassa_idempotency orders wait=1ms;
        }
        location = /tiny    { alikassa_payment; alikassa_thread_pool tiny; }
        location = /tiny-zone {
            alikassa_payment;
            alikassa_thread_pool tiny;
            alikassa_idempotency orders wait=LIMITs;
        }
        location = /default-zone {
            alikassa_payment;
            alikassa_idempotency orders wait=LIMITs;
        }
        location = /off     { alikassa_payment; alikassa_thread_pool off; }
        location = /status  { alikassa_payment_status; alikassa_thread_pool one; }
        location = /status-post {
            alikassa_payment_status;
            alikassa_thread_pool one;
            post_action /after;
        }
        location = /after   { proxy_pass http://127.0.0.1:%%PORT_0%%/static; }
        location = /static  { return 204; }
        %%API%%
    }
}
EOF
    $conf =~ s/LIMIT/$LIMIT/g;
    $t->conf($conf =~ s/SHUTDOWN//r)->run;

    my $n = 0;

    my $work = sub ($uri, $count) {
        return map { my $id = "$how-" . ++$n;
            [$id, $uri, method => 'POST',
                form => [$t->payment(order_id => $id)]]
        } 1 .. $count;
    };

    # Read only what is new of the audit log and of the sandbox's requests, as
    # both become long.

    my (@lines, @requests, $audit);

    my $audited = sub {
        open($audit, '<', "$t->{dir}/audit.log") or die unless $audit;
        seek $audit, 0, 1;

        while (my $line = readline $audit) {
            if ($line !~ /\n$/) {
                seek $audit, -length $line, 1;
                last;
            }

            push @lines, json_decode($line);
        }

        return @lines;
    };

    my $requested = sub {
        push @requests, @{ $t->control('/requests?since=' . @requests) };
        return @requests;
    };

    my $outcomes = sub (@ids) {
        my %want = map { $_ => 1 } @ids;
        my %by;
        wait_for(sub {
            %by = ();
            $by{ $_->{order_id} } .= $_->{outcome}
                for grep { $want{ $_->{order_id} } } $audited->();
            keys %by == @ids;
        });
        my %count;
        $count{$_}++ for map { $_ // 'none' } @by{@ids};
        return \%count;
    };

    my $sent = sub (@ids) {
        my %want = map { $_ => 1 } @ids;
        return scalar grep { $want{ $_->{order_id} // '' } } $requested->();
    };

    my $gone = sub ($end, @s) {
        for my $s (@s) {
            setsockopt($s, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0))
                if $end eq 'reset';
            close $s;
        }
    };

    # Checks that each order has at most one audit line and one POST, whatever
    # its outcome, and that a retry pays it.

    my $once = sub (@ids) {
        my %ours = map { $_ => 1 } @ids;
        my (%lines, %posts);
        $lines{ $_->{order_id} }++
            for grep { $ours{ $_->{order_id} } } $audited->();
        is(scalar(grep { $_ > 1 } values %lines), 0,
            "$how, orders of $ids[0]: at most one audit line each");
        $posts{ $_->{order_id} }++
            for grep { $ours{ $_->{order_id} // '' } } $requested->();
        is(scalar(grep { $_ > 1 } values %posts), 0,
            "$how, orders of $ids[0]: at most one POST each");

        my @r = map { $t->get('/default-zone', method => 'POST',
            form => [$t->payment(order_id => $_)]) } @ids;
        is(scalar(grep { $_->{status} != 200 } @r), 0,
            "$how, orders of $ids[0], retried: all are paid");
    };

    my $all = sub ($uri, $count = $many) {
        my @work = $work->($uri, $count);
        my @r = $t->parallel([map { [@$_[1 .. $#$_]] } @work], $count);
        my %status;
        $status{ $_->{status} }++ for @r;
        return (\%status, \@r, map { $_->[0] } @work);
    };

    # Sends requests whose signatures are held: each thread has begun one,
    # nginx has read the others too, and the worker serves other clients.
    # Returns how many are not refused ($room), the connections and the orders.

    my $held = sub ($uri, $send = $t->can('send_request')) {
        my $threads = $uri =~ /default/ ? 32 : 1;
        my $begin   = $threads < $many ? $threads : $many;
        my $room    = $uri =~ /tiny/ ? 2 : $many;
        my @work    = $work->($uri, $many);

        $t->hold;

        # A queue of one task is empty when the first signature has begun.

        my ($first, @s) = (1);

        for (@work) {
            my ($id, @request) = @$_;
            push @s, $send->($t, @request);
            $first = $t->begun(1) if @s == 1;
        }

        ok($first && $t->begun($begin), "$how, $uri: $begin signatures begin");
        ok(wait_for(sub { $t->unread == 0 }),
            "$how, $uri, held: nginx has read all requests of $work[0][0]");
        is($t->get('/static')->{status}, 204,
            "$how, $uri, held: nginx serves others");
        is(length $t->log('begun'), $begin,
            "$how, $uri, held: no more signatures than threads");

        return ($room, \@s, map { $_->[0] } @work);
    };

    my $statuses = sub (@s) {
        my %status;
        $status{ read_response($_)->{status} }++ for @s;
        return \%status;
    };

    # Signatures that are not held.

    for my $uri (qw(/default /one /one-zone /off)) {
        my ($status, $r, @ids) = $all->($uri);
        is_deeply($status, { 200 => $many }, "$how, $uri: all are paid");
        is($sent->(@ids), $many, "$how, $uri: each has one POST");
    }

    my @times = $t->log('vars.log') =~ /^\S+ (\d\.\d{6})$/mg;
    ok(@times && !grep({ $_ == 0 } @times), "$how: the signing time is logged");
    is(scalar(() = $t->log =~ /\[notice\] .*signs without a thread pool/g), 1,
        "$how: one notice about signing without a pool");

    for my $uri (qw(/default /one /one-zone)) {
        my ($room, $s, @ids) = $held->($uri);
        is($sent->(@ids), 0,
            "$how, $uri, held: none is sent before it is signed");
        $t->release;
        is_deeply($statuses->(@$s), { 200 => $many },
            "$how, $uri, held: all are paid");
        is($sent->(@ids), $many, "$how, $uri, held: each has one POST");
    }

    # The queue is full.

    {
        my ($room, $s, @ids) = $held->('/tiny');
        my $r = $t->get(@{ ($work->('/tiny', 1))[0] }[1 .. 5]);
        is($r->{status}, 503, "$how, full queue: status");
        is($r->{header}->('Retry-After'), 1, "$how, full queue: Retry-After");
        like($r->{body}, qr/^\{"message":"The server is busy\. Nothing was sent: .*"outcome":"unsent","order_id":"$how-\d+"\}$/,
            "$how, full queue: body");
        $t->release;
        is_deeply($statuses->(@$s), { 200 => 2, 503 => $many - 2 },
            "$how, full queue: those that fit are paid");
        is($sent->(@ids), 2, "$how, full queue: the others are not sent");
        is_deeply($outcomes->(@ids), { accepted => 2, unsent => $many - 2 },
            "$how, full queue: audit log");
    }

    # The queue is full for the status query before a retry: the order may
    # exist.

    {
        my ($id, @q) = @{ ($work->('/tiny-zone', 1))[0] };
        $t->faults({ action => 'cut_before', call => 'payment', count => 1,
            order_id => $id });
        is($t->get(@q)->{status}, 502,
            "$how, full queue, status query: the first call is lost");
        $t->faults;

        my ($room, $s) = $held->('/tiny');
        my $r = $t->get(@q);
        $t->release;
        $statuses->(@$s);

        is($r->{status}, 503, "$how, full queue, status query: status");
        is($r->{header}->('Retry-After'), 1,
            "$how, full queue, status query: Retry-After");
        like($r->{body}, qr/This order was sent before and may exist: .*"outcome":"unknown","order_id":"$id"/,
            "$how, full queue, status query: the order may exist");
        is($t->get(@q)->{status}, 200,
            "$how, full queue, status query: paid afterwards");
        is($sent->($id), 3, "$how, full queue, status query: calls");
    }

    # A signature fails: nothing is sent, and the request releases the order.

    {
        my ($id, @q) = @{ ($work->('/one-zone', 1))[0] };
        $t->fail_signing;
        my $r = $t->get(@q);
        is($r->{status}, 500, "$how, failed signature: status");
        like($r->{body}, qr/^\{"message":"The request could not be signed\. Nothing was sent\.".*"outcome":"unsent"/,
            "$how, failed signature: body");
        is($sent->($id), 0, "$how, failed signature: nothing is sent");
        like($t->log, qr/\[crit\] .*cannot sign with key ".*signing failed/,
            "$how, failed signature: error log");
        $t->release;

        $t->faults({ action => 'cut_before', call => 'payment', count => 1,
            order_id => $id });
        is($t->get(@q)->{status}, 502,
            "$how, failed signature of a query: the first call is lost");
        $t->faults;
        $t->fail_signing;
        $r = $t->get(@q);
        $t->release;
        is($r->{status}, 500, "$how, failed signature of a query: status");
        like($r->{body}, qr/^\{"message":"This order was sent before and may exist, .*"outcome":"unknown"/,
            "$how, failed signature of a query: the order may exist");
        is($t->get(@q)->{status}, 200,
            "$how, failed signature of a query: paid afterwards");
        is($sent->($id), 3, "$how, failed signature of a query: calls");
    }

    # The client leaves while a thread signs: a payment is still made, a status
    # query is not.

    for my $uri (qw(/default /one /one-zone /tiny)) {
        for my $end (qw(close reset HTTP/2)) {
            my ($room, $s, @ids) = $held->($uri,
                $end eq 'HTTP/2'
                    ? $t->can('send_h2') : $t->can('send_request'));

            $gone->($end, @$s);
            is($t->get('/static')->{status}, 204,
                "$how, $uri, client left ($end): nginx serves others");
            $t->release;

            my $got  = $outcomes->(@ids);
            my $full = $many - $room;
            is_deeply($got, { accepted => $room,
                $full ? (unsent => $full) : () },
                "$how, $uri, client left ($end): audit log");
            is($sent->(@ids), $room,
                "$how, $uri, client left ($end): each has one POST");
        }
    }

    for my $uri (qw(/status /status-post)) {
        my $name = "$how-" . substr $uri, 1;
        my @ids  = map { "$name-$_" } 1 .. $many;
        $t->hold;
        my @s = map { $t->send_request("$uri?order_id=$_") } @ids;
        ok($t->begun(1) && wait_for(sub { $t->unread == 0 }),
            "$how, $uri, held: nginx has read all requests");
        $gone->('close', @s);
        is($t->get('/static')->{status}, 204,
            "$how, $uri, clients left: nginx serves others");
        $t->release;
        is($t->get("/status?order_id=$name")->{status}, 404,
            "$how, $uri, clients left: one that stays is answered");

        if ($uri eq '/status') {
            is($sent->(@ids), 0, "$how, $uri, clients left: no status query");

        } else {
            ok(wait_for(sub { $sent->(@ids) == $many }),
                "$how, $uri, clients left: post_action keeps the requests");
        }
    }

    # Once more without a held signature: the client may leave at the moment
    # when the signature is made.

    for my $end (qw(close reset HTTP/2)) {
        my @work = $work->('/default', $many);
        my @s = map { my ($id, @q) = @$_; $end eq 'HTTP/2' ? $t->send_h2(@q)
            : $t->send_request(@q) } @work;
        my @ids = map { $_->[0] } @work;

        ok(wait_for(sub { $t->unread == 0 }),
            "$how, $end while signing: nginx has read all requests");
        $gone->($end, @s);
        is_deeply($outcomes->(@ids), { accepted => $many },
            "$how, $end while signing: audit log");
        is($sent->(@ids), $many, "$how, $end while signing: each has one POST");
    }

    # A wait times out while a thread signs: the waiting requests get 409, and
    # the owner of the order goes on.

    {
        my ($room, $s, @ids) = $held->('/wait');
        my @again = map { my ($id, @q) = @$_; $t->send_request(@q) }
            map { [$_, '/wait', method => 'POST',
                form => [$t->payment(order_id => $_)]] } @ids;
        is_deeply($statuses->(@again), { 409 => $many },
            "$how, wait ends while signing: 409 for those that wait");
        $t->release;
        is_deeply($statuses->(@$s), { 200 => $many },
            "$how, wait ends while signing: the owners are paid");
        is_deeply($outcomes->(@ids), { accepted => $many },
            "$how, wait ends while signing: audit log");
        is($sent->(@ids), $many,
            "$how, wait ends while signing: each has one POST");
    }

    # A reload while threads sign: the old worker sends all responses.

    for my $uri (qw(/default /one /tiny)) {
        my ($room, $s, @ids) = $held->($uri);
        ok($t->reload, "$how, $uri, reload while signing: new workers");
        is($t->get('/static')->{status}, 204,
            "$how, $uri, reload while signing: nginx serves others");
        $t->release;
        my $full = $many - $room;
        is_deeply($statuses->(@$s), { 200 => $room,
            $full ? (503 => $full) : () },
            "$how, $uri, reload while signing: status");
        is($sent->(@ids), $room,
            "$how, $uri, reload while signing: each has one POST");
    }

    # A reload that cuts the requests off: each order has one audit line, and
    # none is sent twice.

    $t->conf($conf =~ s/SHUTDOWN/worker_shutdown_timeout 1ms;/r);
    $t->reload;

    for my $uri (qw(/default-zone /one-zone /tiny-zone)) {
        my ($room, $s, @ids) = $held->($uri);
        ok($t->reload,
            "$how, $uri, worker_shutdown_timeout while signing: new workers");
        sleep $pause;
        $t->release;
        read_all($_) for @$s;
        $once->(@ids);
    }

    # The same without a held signature.

    for my $uri (qw(/default-zone /one-zone)) {
        my @work = $work->($uri, $many);
        my @old = $t->workers;
        my @s = map { my ($id, @q) = @$_; $t->send_request(@q) } @work;
        sleep $pause / 2;
        $t->reload;
        read_all($_) for @s;
        ok(wait_for(sub { !grep { -e "/proc/$_" } @old }),
            "$how, $uri, reload while signing: the old worker ends");
        $once->(map { $_->[0] } @work);
    }

    is(scalar(grep { $_->{created} != 1 } $t->ledger), 0,
        "$how: no order is created twice");

    # QUIT while threads sign: nginx sends all responses.

    $t->conf($conf =~ s/SHUTDOWN//r);
    $t->reload;

    for my $uri (qw(/default /one)) {
        my ($room, $s, @ids) = $held->($uri);
        $t->signal('QUIT');
        ok(wait_for(sub { !Test::Alikassa::answers($t->port(0)) }),
            "$how, $uri, QUIT while signing: nginx closes its port");
        $t->release;
        is_deeply($statuses->(@$s), { 200 => $many },
            "$how, $uri, QUIT while signing: all are paid");
        is($sent->(@ids), $many,
            "$how, $uri, QUIT while signing: each has one POST");
        $t->stop;
        $t->run;
    }

    # TERM while threads sign: the threads end their tasks, the worker exits.

    # The test signals the worker itself: nginx's master kills a worker that has
    # not ended a second after TERM, and under valgrind one takes longer.

    my ($room, $s, @ids) = $held->('/one');
    my @old = $t->workers;
    kill 'TERM', @old;
    ok(wait_for(sub { !grep { $t->log !~ /\] $_#\d+: exiting$/m } @old }),
        "$how, TERM while signing: the worker logs its exit");
    $t->release;
    read_all($_) for @$s;
    ok(wait_for(sub { !grep { -e "/proc/$_" } @old }),
        "$how, TERM while signing: the worker ends");
    $t->stop;
    is(scalar(grep { $sent->($_) > 1 } @ids), 0,
        "$how, TERM while signing: no order has two POSTs");

    $t->done_quietly;
}

done_testing();
