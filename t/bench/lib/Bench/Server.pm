package Bench::Server;

# Runs an nginx with one worker, and measures its CPU time and memory.

use v5.36;

use POSIX ();
use Test::Helpers qw(answers slurp spawn wait_for write_file);
use Time::HiRes qw(sleep);

sub new ($class, %opt) {
    my $self = bless {%opt}, $class;
    my $dir  = $self->{dir};

    mkdir $dir;
    mkdir "$dir/$_" for qw(body proxy fastcgi uwsgi scgi);
    write_file("$dir/nginx.conf", $self->{conf});

    $self->{pid} = spawn("$dir/out.log", @{ $self->{wrapper} // [] },
        $ENV{ALIKASSA_NGINX} // 'nginx', '-p', "$dir/", '-c',
        "$dir/nginx.conf", '-e', "$dir/error.log");

    return $self if wait_for(sub { answers($self->{port}) }, 30);

    die "nginx does not start: " . slurp("$dir/error.log")
        . slurp("$dir/out.log");
}

sub children ($pid) {
    return split ' ', slurp("/proc/$pid/task/$pid/children");
}

# Returns the pid of the worker or, without a master process, of nginx.

sub worker ($self) { return (children($self->{pid}))[0] // $self->{pid} }

# Returns the CPU time of processes, all threads included, in microseconds.

sub cpu (@pids) {
    my $ns = 0;

    for my $pid (@pids) {
        for my $task (glob "/proc/$pid/task/*/schedstat") {
            $ns += (split ' ', slurp($task))[0] // 0;
        }
    }

    return $ns / 1000;
}

# Returns the user and the kernel time of processes, in ticks of the clock.  The
# unit is too coarse for a time, but good enough for the kernel's share.

sub ticks (@pids) {
    my ($user, $kernel) = (0, 0);

    for my $pid (@pids) {
        my @field = split ' ', slurp("/proc/$pid/stat") =~ s/^.*\)//r;
        $user += $field[11];
        $kernel += $field[12];
    }

    return ($user, $kernel);
}

# Returns how often a process went to sleep.

sub sleeps ($pid) {
    return slurp("/proc/$pid/status") =~ /^voluntary_ctxt_switches:\s+(\d+)/m
        ? $1 : 0;
}

# Waits until the worker, and other processes, have nothing left to do: nginx
# signs and sends also the payments whose clients have closed the connection.

sub rest ($self, @more) {
    for (1 .. 600) {
        my $before = cpu($self->worker, @more);
        sleep 0.2;
        return if cpu($self->worker, @more) - $before < 2000;
    }
}

# Resets VmHWM, the peak of the memory of processes.

sub forget_peak (@pids) {
    for my $pid (@pids) {
        open(my $fh, '>', "/proc/$pid/clear_refs") or next;
        print $fh '5';
        close $fh;
    }
}

# Returns the memory of the worker, and of other processes, in kilobytes: VmRSS
# (now) or VmHWM (the peak).

sub memory ($self, $what = 'VmRSS') {
    my $n = 0;
    $n += slurp("/proc/$_/status") =~ /^$what:\s+(\d+)/m ? $1 : 0
        for $self->worker, @{ $self->{more} // [] };
    return $n;
}

sub stop ($self) {
    my $pid = delete $self->{pid} or return;
    kill 'TERM', $pid;

    # Under valgrind a signal may not interrupt epoll_wait(); a connection does.

    for (1 .. 300) {
        return if waitpid($pid, POSIX::WNOHANG()) == $pid;
        sleep 0.1;
        answers($self->{port}) if $self->{wrapper};
    }

    kill 'KILL', $pid;
    waitpid $pid, 0;
}

sub DESTROY ($self) { local ($?, $!); $self->stop }

1;
