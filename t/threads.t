#!/usr/bin/env perl

# Signing in threads: whatever becomes of the client, the worker or the queue
# while a signature is made, each task ends, each request is cleaned up once,
# and nothing leaks.  Under nginx as it is, under valgrind, and with
# AddressSanitizer in the module and all that it allocates.

use v5.36;

use lib 't/lib';

use Socket qw(SOL_SOCKET SO_LINGER);
use Test::Alikassa qw(wait_for json_decode);
use Test::More;
use Time::HiRes qw(sleep);

my $libasan = `gcc -print-file-name=libasan.so`;
chomp $libasan;

# valgrind runs one thread at a time: without taking turns fairly, one that
# signs may keep the worker from running until it is through

my %how = (
    plain    => {},
    valgrind => { wrapper => ['valgrind', '-q', '--fair-sched=yes',
        '--leak-check=full',
        '--errors-for-leak-kinds=definite', '--show-leak-kinds=definite',
        '--suppressions=t/valgrind.supp',
        '--log-file=%DIR%/valgrindsan.%p'] },
    asan     => { module => 'build/sanitized/ngx_http_alikassa_module.so',
        preload => $libasan },
);

for my $how ($ENV{ALIKASSA_THREADS} // qw(plain asan valgrind)) {
    my $many  = { plain => 60, asan => 25, valgrind => 6 }->{$how};
    my $pause = $how eq 'valgrind' ? 0.5 : 0.05;
    my $t = Test::Alikassa->new(%{ $how{$how} })->sandbox;

    # a long key makes long signatures

    my $k = "$t->{dir}/key";
    mkdir $k;
    system("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096 "
        . "-out $k/private.pem 2>/dev/null && openssl pkey -in $k/private.pem "
        . "-pubout -out $k/public.pem && chmod 600 $k/private.pem && "
        . "cp $k/public.pem $t->{box}/main/payment/public.pem") == 0 or die;

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
    alikassa_account   %%ACCOUNT%%;
    alikassa_key       %%DIR%%/key;
    alikassa_audit_log %%DIR%%/audit.log;
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
            alikassa_idempotency orders;
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
            alikassa_idempotency orders;
        }
        location = /default-zone {
            alikassa_payment;
            alikassa_idempotency orders;
        }
        location = /off     { alikassa_payment; alikassa_thread_pool off; }
        location = /status  { alikassa_payment_status; alikassa_thread_pool one; }
        location = /static  { return 204; }
        %%API%%
    }
}
EOF
    $t->conf($conf =~ s/SHUTDOWN//r)->run;

    my $n = 0;

    my $work = sub ($uri, $count) {
        return map { my $id = "$how-" . ++$n;
            [$id, $uri, method => 'POST', form => [$t->payment(order_id => $id)]]
        } 1 .. $count;
    };

    my $audit = sub { return map { json_decode($_) } split /\n/,
        $t->log('audit.log') };

    my $outcomes = sub (@ids) {
        my %want = map { $_ => 1 } @ids;
        my %by;
        wait_for(sub {
            %by = ();
            $by{ $_->{order_id} } .= $_->{outcome}
                for grep { $want{ $_->{order_id} } } $audit->();
            keys %by == @ids;
        }, 60);
        my %count;
        $count{$_}++ for map { $_ // 'none' } @by{@ids};
        return \%count;
    };

    my $sent = sub (@ids) {
        my %want = map { $_ => 1 } @ids;
        return scalar grep { $want{ $_->{order_id} // '' } } $t->requests;
    };

    my $all = sub ($uri, $count = $many) {
        my @work = $work->($uri, $count);
        my @r = $t->parallel([map { [@$_[1 .. $#$_]] } @work], $count);
        my %status;
        $status{ $_->{status} }++ for @r;
        return (\%status, \@r, map { $_->[0] } @work);
    };

    # well

    for my $uri (qw(/default /one /one-zone /off)) {
        my ($status, $r, @ids) = $all->($uri);
        is_deeply($status, { 200 => $many }, "$how, $uri: all are paid");
        is($sent->(@ids), $many, 'once');
    }

    my @times = $t->log('vars.log') =~ /^\S+ (\d\.\d{6})$/mg;
    ok(@times && !grep({ $_ == 0 } @times), "$how: the time it takes");
    is(scalar(() = $t->log =~ /\[notice\] .*signs without a thread pool/g), 1,
        "$how: one notice about signing at once");

    # a queue that is full

    my ($status, $r, @ids) = $all->('/tiny', $many * 2);
    is(($status->{200} // 0) + ($status->{503} // 0), $many * 2,
        "$how: paid, or told to come again");
    cmp_ok($status->{200} // 0, '>', 0, 'some are paid');
    cmp_ok($status->{503} // 0, '>', 0, 'some are not');
    my ($busy) = grep { $_->{status} == 503 } @$r;
    is($busy->{header}->('Retry-After'), 1, 'Retry-After');
    like($busy->{body}, qr/^\{"message":"The server is busy\. Nothing was sent: .*"outcome":"unsent","order_id":"$how-\d+"\}$/,
        'in the shape');
    is($sent->(@ids), $status->{200}, 'those that are not are not sent');
    is_deeply($outcomes->(@ids), { accepted => $status->{200},
        unsent => $status->{503} }, 'and recorded');

    # full, too, for a status that must be asked for first: the order may exist

    {
        my ($id, $r);

        for (1 .. 20) {
            ($id, my @q) = @{ ($work->('/tiny-zone', 1))[0] };
            $t->faults({ action => 'cut_before', call => 'payment',
                count => 1, order_id => $id });
            is($t->get(@q)->{status}, 502, "$how: an order nobody knows of");
            $t->faults;

            my @s = map { $t->send_request(@$_[1 .. $#$_]) }
                $work->('/tiny', 8);
            $r = $t->get(@q);
            Test::Alikassa::read_all($_, 60) for @s;
            last if $r->{status} == 503;
        }

        is($r->{status}, 503, 'no room to ask for its status');
        is($r->{header}->('Retry-After'), 1, 'Retry-After');
        like($r->{body}, qr/This order was sent before and may exist: .*"outcome":"unknown","order_id":"$id"/,
            'and nothing says that it was not sent');
    }

    # the client goes while its signature is made: a payment is made all the
    # same, a status is not asked for

    for my $uri (qw(/default /one /one-zone /tiny)) {
        for my $end (qw(close reset HTTP/2)) {
            my @work = $work->($uri, $many);
            my @s;

            for (@work) {
                my ($id, @request) = @$_;

                if ($end eq 'HTTP/2') {
                    push @s, h2_post($t, @request);
                    next;
                }

                push @s, $t->send_request(@request);
            }

            ok(wait_for(sub { $t->unread == 0 }, 60), 'nginx has them all');

            for my $s (@s) {
                setsockopt($s, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0))
                    if $end eq 'reset';
                close $s;
            }

            my @ids = map { $_->[0] } @work;
            my $got = $outcomes->(@ids);
            my $full = $uri eq '/tiny' ? delete $got->{unsent} // 0 : 0;
            is_deeply($got, { accepted => $many - $full },
                "$how, $uri, $end while signing: recorded");
            cmp_ok($full, '<', $many, 'some find room');
            is($sent->(@ids), $many - $full, 'and made once');
        }
    }

    # a time-out while it is made: who waits for the order is told so, and the
    # one whose order it is goes on

    {
        my @work = $work->('/wait', $many);
        my @first = map { my ($id, @q) = @$_; $t->send_request(@q) } @work;
        my @second = map { my ($id, @q) = @$_; $t->send_request(@q) } @work;
        my (%first, %second);
        $_->[1]{ Test::Alikassa::parse_response(
            Test::Alikassa::read_all($_->[0], 60))->{status} }++
            for map({ [$_, \%first] } @first), map({ [$_, \%second] } @second);
        my %both = map { $_ => ($first{$_} // 0) + ($second{$_} // 0) }
            200, 409;
        is($both{200} + $both{409}, $many * 2,
            "$how: paid, or told that it is in flight");
        cmp_ok($both{409}, '>', 0, 'some waits end while signing');
        my @ids = map { $_->[0] } @work;
        is_deeply($outcomes->(@ids), { accepted => $many }, 'recorded once');
        is($sent->(@ids), $many, 'and made once');
    }

    my @gone = map { $t->send_request("/status?order_id=x$_") } 1 .. $many;
    close $_ for @gone;

    # a reload meanwhile: all are answered, by the old worker

    for my $uri (qw(/default /one /tiny)) {
        my @work = $work->($uri, $many);
        my @s = map { my ($id, @q) = @$_; $t->send_request(@q) } @work;
        sleep $pause / 2;
        ok($t->reload, "$how, $uri: reload");
        my %answers;
        $answers{ Test::Alikassa::parse_response(
            Test::Alikassa::read_all($_, 60))->{status} }++ for @s;
        my $full = $uri eq '/tiny' ? delete $answers{503} // 0 : 0;
        is_deeply(\%answers, { 200 => $many - $full }, 'none in flight fails');
        is($sent->(map { $_->[0] } @work), $many - $full, 'each once');
    }

    # one that cuts them off: each has its one line, and none is sent twice

    $t->conf($conf =~ s/SHUTDOWN/worker_shutdown_timeout 1ms;/r);
    $t->reload;

    for my $uri (qw(/default-zone /one-zone /tiny-zone)) {
        my @work = $work->($uri, $many);
        my @s = map { my ($id, @q) = @$_; $t->send_request(@q) } @work;
        sleep $pause / 2;
        $t->reload;
        Test::Alikassa::read_all($_, 60) for @s;
        sleep 0.2;
        my %ours = map { $_->[0] => 1 } @work;
        my (%lines, %posts);
        $lines{ $_->{order_id} }++
            for grep { $ours{ $_->{order_id} } } $audit->();
        is(scalar(grep { $_ > 1 } values %lines), 0,
            "$how, $uri, worker_shutdown_timeout: one line at most");
        $posts{ $_->{order_id} }++
            for grep { $ours{ $_->{order_id} // '' } } $t->requests;
        is(scalar(grep { $_ > 1 } values %posts), 0, 'and one POST at most');

        # whatever became of them, they are paid in the end, once

        my @r = map { $t->get(@$_[1 .. $#$_]) } @work;
        is(scalar(grep { $_->{status} != 200 } @r), 0, 'they are paid then');
    }

    is(scalar(grep { $_->{created} != 1 } $t->ledger), 0, 'no order twice');

    # the end while signatures are made, orderly

    my @s = map { my ($id, @q) = @$_; $t->send_request(@q) }
        $work->('/one', $many);
    sleep $pause / 2;

    $t->{no_fds} = 1;       # there are connections still
    $t->done_quietly;
    close $_ for @s;
}

done_testing();

sub h2_post ($t, $uri, %opt) {
    require Protocol::HTTP2::Client;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $t->port(1)) or die;
    my $client = Protocol::HTTP2::Client->new(upgrade => 0);
    $client->request(
        ':scheme' => 'http', ':authority' => 'localhost', ':path' => $uri,
        ':method' => 'POST',
        headers => ['content-type' => 'application/x-www-form-urlencoded'],
        data => Test::Alikassa::form_encode(@{ $opt{form} }),
        on_done => sub { });
    while (my $frame = $client->next_frame) { syswrite $s, $frame }
    return $s;
}
