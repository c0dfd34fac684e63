#!/usr/bin/env perl

# nginx ends while calls are in flight.  The audit log has a line for each call:
# with the outcome "unknown" if the call was sent, otherwise "unsent".  The zone
# has the same outcome.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(SOCK_DGRAM);
use Test::Alikassa qw(json_decode read_file wait_for $LIMIT);
use Test::Helpers qw(answers temp_dir write_file);
use Test::More;

my $CALLS = 30;
my $n     = 0;

# Peers that accept a connection and send nothing: a call to them stays unsent.

my $mute = IO::Socket::INET->new(Listen => 128, LocalAddr => '127.0.0.1')
    or die;

my $conf = <<'EOC' =~ s/MUTE/$mute->sockport/er;
%%GLOBALS%%
MAIN
thread_pool tiny threads=1 max_queue=1;
events { }
http {
    %%HTTP%%
    %%CREDENTIALS%%
    alikassa_audit_log AUDIT;
    alikassa_idempotency_zone orders 1m;

    server {
        listen 127.0.0.1:%%PORT_0%% reuseport;
        location = /none   { alikassa_payment; }
        location = /zone   { alikassa_payment; alikassa_idempotency orders; }
        location = /tiny   {
            alikassa_payment;
            alikassa_idempotency orders;
            alikassa_thread_pool tiny;
        }
        location = /muted  {
            alikassa_payment;
            alikassa_idempotency orders;
            alikassa_api /mute;
        }
        location = /payout {
            %%PAYOUT%%
        }
        location = /balance { alikassa_request /v1/account/balance; }
        location = /static  { return 204; }
        LOCATIONS
        location /mute/ {
            internal;
            include %%API_CONF%%;
            proxy_pass https://127.0.0.1:MUTE/;
        }
        %%API%%
    }
}
EOC

sub configure ($t, %change) {
    my $text = $conf;
    $change{AUDIT} //= "$t->{dir}/audit.log";
    $text =~ s/MAIN/$change{MAIN} \/\/ ''/e;
    $text =~ s/AUDIT/$change{AUDIT}/;
    $text =~ s/LOCATIONS/$change{LOCATIONS} \/\/ ''/e;
    $text = ($change{LOAD} // '') . $text;
    return $t->conf($text);
}

# Orders that AliKassa has received and does not respond to.

sub in_flight ($t, @uris) {
    my (@s, @ids);
    my %since = map { $_->{order_id} // '' => 1 } $t->requests;

    for my $uri (@uris) {
        for (1 .. $CALLS / @uris) {
            my $id = 'sent-' . ++$n;
            push @ids, $id;
            push @s, $t->send_request($uri, method => 'POST',
                $uri eq '/balance' ? (json => qq({"order_id":"$id"}))
                : (form => [$uri eq '/payout' ? $t->payout(order_id => $id)
                    : $t->payment(order_id => $id)]));
        }
    }

    my %want = map { $_ => 1 } @ids;
    ok(wait_for(sub {
        @ids == grep { $want{ $_->{order_id} // '' } } $t->requests
    }), scalar(@ids) . ' calls are sent');

    return (\@s, @ids);
}

# Orders whose connection to AliKassa is not established.

sub connecting ($t, $count = 5) {
    my @ids = map { 'muted-' . ++$n } 1 .. $count;
    my @s   = map { $t->send_request('/muted', method => 'POST',
        form => [$t->payment(order_id => $_)]) } @ids;
    my @c   = map { $mute->accept } @ids;
    return ([@s, @c], @ids);
}

sub outcomes ($t, @lines) {
    my %of;
    for (@lines) {
        my $line = json_decode($_);
        push @{ $of{ $line->{order_id} } }, $line->{outcome};
    }
    return { map { $_ => join ' ', @{ $of{$_} } } keys %of };
}

sub lines ($t) { return split /\n/, $t->log('audit.log') }

sub expect ($t, $unknown, $unsent, $name) {
    is_deeply(outcomes($t, lines($t)), { (map { $_ => 'unknown' } @$unknown),
        map { $_ => 'unsent' } @$unsent }, $name);
}

sub ended ($t) {
    my $pid = delete $t->{pid};
    ok(wait_for(sub { waitpid($pid, POSIX::WNOHANG()) == $pid }),
        'nginx ends');
}

# A master and two workers, also while threads sign.

for my $how (qw(TERM INT stop)) {
    my $t = Test::Alikassa->new(workers => 2, sign => 1,
        patient => 1)->sandbox;
    $t->faults({ action => 'none', delay => 600, delay_when => 'after' });
    configure($t)->run;

    my ($s, @sent)  = in_flight($t, qw(/none /zone /payout /balance /zone));
    my ($m, @muted) = connecting($t);

    $t->hold;
    my @signing = map { 'signing-' . ++$n } 1 .. 5;
    my @held    = map { $t->send_request('/zone', method => 'POST',
        form => [$t->payment(order_id => $_)]) } @signing;
    ok($t->begun(5), "$how: 5 signatures are held");

    if ($how eq 'stop') {
        is(system($t->nginx('-s', 'stop')), 0, "$how: nginx -s stop succeeds");

    } else {
        $t->signal($how);
    }

    # The threads end their tasks before the worker exits.

    ok(wait_for(sub { 2 == (() = $t->log =~ /: exiting$/mg) }),
        "$how: both workers exit");
    $t->release;
    ended($t);

    expect($t, \@sent, [@muted, @signing], "$how: each has its line");
    is(scalar(() = $t->log =~ /\[error\] .*cut off before its answer/g),
        $CALLS, "$how: what was sent is in the error log");
    $t->done_quietly;
}

# nginx cannot end the threads of a pool whose queue is full, as one thread
# signs all the time.

{
    my $t = Test::Alikassa->new(sign => 1, patient => 1)->sandbox;
    $t->faults({ action => 'none', delay => 600, delay_when => 'after' });
    configure($t)->run;

    my ($s, @sent) = in_flight($t, qw(/none /zone));

    $t->hold;
    my @ids  = map { 'tiny-' . ++$n } 1 .. 2;
    my @held = map {
        my $s = $t->send_request('/tiny', method => 'POST',
            form => [$t->payment(order_id => $_)]);
        $t->begun(1) or die;
        $s
    } @ids;
    ok(wait_for(sub { $t->unread == 0 }),
        'full queue: one signs, one is queued');
    is($t->get('/static')->{status}, 204, 'full queue: nginx serves others');

    $t->signal('TERM');
    ended($t);
    like($t->log, qr/thread pool "tiny" queue overflow/,
        'full queue: error log');

    expect($t, \@sent, \@ids, 'a full queue: each has its line');
    $t->done_quietly;
    $t->release;
}

# Only the workers end: new workers have the outcomes of their orders.

{
    my $t = Test::Alikassa->new(workers => 2)->sandbox;
    $t->faults({ action => 'none', delay => 600, delay_when => 'after' });
    configure($t)->run;

    my ($s, @sent)  = in_flight($t, '/zone');
    my ($m, @muted) = connecting($t);
    my @old = $t->workers;
    kill 'TERM', @old;
    ok(wait_for(sub {
        my %now = map { $_ => 1 } $t->workers;
        keys %now == 2 && !grep { $now{$_} } @old;
    }), 'TERM for workers: there are new ones');

    expect($t, \@sent, \@muted, 'TERM for workers: each has its line');

    $t->faults;
    my @r = $t->parallel([map { ['/zone', method => 'POST',
        form => [$t->payment(order_id => $_)]] } @sent, @muted]);
    is(scalar(grep { $_->{body} =~ /exists already/ } @r), @sent,
        'TERM for workers: sent orders exist');
    is(scalar(grep { $_->{body} =~ /"url"/ } @r), @muted,
        'TERM for workers: unsent orders are paid');
    is(scalar(grep { $_->{created} != 1 } $t->ledger), 0,
        'TERM for workers: no order is created twice');
    unlike($t->log, qr/the worker that had this order/,
        'TERM for workers: no dead owner of an order is found');
    $t->done_quietly;
}

# A single process: QUIT also ends it at once.

for my $how (qw(TERM INT QUIT stop)) {
    my $t = Test::Alikassa->new->sandbox;
    $t->faults({ action => 'none', delay => 600, delay_when => 'after' });
    configure($t, MAIN => 'master_process off;');
    $t->{pid} = $t->spawn("$t->{dir}/nginx.out", $t->nginx);
    ok(wait_for(sub { -s "$t->{dir}/nginx.pid"
        && answers($t->port(0)) }), "one process, $how: it starts");

    my ($s, @sent)  = in_flight($t, qw(/none /zone /payout));
    my ($m, @muted) = connecting($t);

    $how eq 'stop' ? system($t->nginx('-s', 'stop')) : $t->signal($how);
    ended($t);

    expect($t, \@sent, \@muted, "one process, $how: each has its line");
    $t->done_quietly;
}

# nginx itself ends requests, by worker_shutdown_timeout.

{
    my $t = Test::Alikassa->new(workers => 2)->sandbox;
    $t->faults({ action => 'none', delay => 600, delay_when => 'after' });
    configure($t, MAIN => 'worker_shutdown_timeout 1ms;')->run;

    my ($s, @sent)  = in_flight($t, qw(/none /zone /payout));
    my ($m, @muted) = connecting($t);

    $t->signal('QUIT');
    ended($t);

    expect($t, \@sent, \@muted,
        'worker_shutdown_timeout: each has its line');
    $t->done_quietly;
}

# A script of another module calls exit().

SKIP: {
    my $modules = '/usr/lib/nginx/modules';

    skip 'Debian\'s Lua module is for Debian\'s nginx', 1
        if $ENV{ALIKASSA_NGINX} || !-e "$modules/ngx_http_lua_module.so";

    my $t = Test::Alikassa->new->sandbox;
    $t->faults({ action => 'none', delay => 600, delay_when => 'after' });
    configure($t, LOAD => "load_module $modules/ndk_http_module.so;\n"
        . "load_module $modules/ngx_http_lua_module.so;\n",
        LOCATIONS => 'location = /exit { content_by_lua_block { os.exit(3) } }'
            . ' location = /fork { content_by_lua_block { '
            . ' local ffi = require "ffi" '
            . ' ffi.cdef "int fork(void); void exit(int); int wait(int *);" '
            . ' if ffi.C.fork() == 0 then ffi.C.exit(0) end '
            . ' ffi.C.wait(nil) ngx.print("forked") } }')->run;

    my ($s, @sent)  = in_flight($t, qw(/none /zone /payout));
    my ($m, @muted) = connecting($t);

    is($t->get('/fork')->{body}, 'forked',
        'exit(): a child of the worker ends');
    is(scalar lines($t), 0, 'exit(): the child writes no audit line');

    $t->get('/exit');
    ok(wait_for(sub { $t->log =~ /exited with code 3/ }),
        'exit(): the worker exits');

    expect($t, \@sent, \@muted, 'exit(): each has its line');
    $t->expect_dead;
    $t->allow_alert(qr/exited with code 3/);
    $t->done_quietly;
}

# A syslog server whose queue is shorter than the list of calls.

{
    my $t = Test::Alikassa->new(patient => 1)->sandbox;
    my $path = "$t->{dir}/log.sock";
    my $log  = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path)
        or die;
    chmod 0666, $path;

    $t->faults({ action => 'none', delay => 600, delay_when => 'after' });
    configure($t, AUDIT => "syslog:server=unix:$path,tag=pay")->run;

    my ($s, @sent) = in_flight($t, qw(/none /zone /payout));

    $t->signal('TERM');
    ok(wait_for(sub { $t->log =~ /: exiting$/m }), 'syslog: the worker exits');

    my (@lines, $message);
    while (@lines < @sent && IO::Select->new($log)->can_read($LIMIT)) {
        recv $log, $message, 65536, 0;
        push @lines, $message =~ s/.* pay: //r;
    }

    ended($t);

    is_deeply(outcomes($t, @lines), { map { $_ => 'unknown' } @sent },
        'syslog: each has its line');
    $t->done_quietly;
}

# The systemd unit in the documentation: systemd accepts it, and its time-out is
# longer than a request may take.

{
    my ($unit) = read_file('docs/idempotency.md')
        =~ /^    \[Service\]\n((?:    .*\n)+)/m or die;
    $unit =~ s/^    //mg;
    my %unit = map { split /=/, $_, 2 } split /\n/, $unit;

    is($unit{ExecStop}, '', 'unit: without the stop command of Debian');
    is($unit{KillSignal}, 'SIGQUIT', 'unit: QUIT first');
    is($unit{FinalKillSignal}, 'SIGTERM', 'unit: TERM last');
    is($unit{KillMode}, 'mixed', 'unit: QUIT goes to the master');

    my $call = 0;
    $call += $_ for read_file('docs/alikassa-api.conf')
        =~ /^proxy_(?:connect|send|read)_timeout\s+(\d+)s;/mg;
    my ($wait) = read_file('docs/idempotency.md')
        =~ /`wait`, (\d+) seconds by default/ or die;
    cmp_ok($call, '>', 0, 'unit: the time-outs of a call');
    cmp_ok($unit{TimeoutStopSec}, '>', $wait + 2 * $call,
        'unit: longer than a wait, a status call and a payment');

    SKIP: {
        my $debian = '/lib/systemd/system/nginx.service';

        skip 'no systemd-analyze, or no unit of Debian\'s', 1
            if !-e $debian || system('command -v systemd-analyze >/dev/null');

        my $dir = temp_dir();
        mkdir "$dir/nginx.service.d";
        system('cp', $debian, $dir) == 0 or die;
        write_file("$dir/nginx.service.d/alikassa.conf", "[Service]\n$unit");
        is(`systemd-analyze verify $dir/nginx.service 2>&1`, '',
            'unit: systemd has no complaint');
    }
}

done_testing();
