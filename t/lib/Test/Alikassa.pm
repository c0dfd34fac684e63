package Test::Alikassa;

# Runs a real nginx with the module against the sandbox AliKassa.
#
#     my $t = Test::Alikassa->new->sandbox;
#     $t->conf(<<'EOF')->run;        # conf() explains the names between %%
#     ...
#     EOF
#     my $r = $t->post('/pay', form => [amount => 5, ...]);
#     is($r->{status}, 200, '...');
#     $t->done;
#
# The test fails in done(), too, if the log has an alert, a worker died, file
# descriptors leaked or a sanitizer made a report.  t/README.md explains the
# ALIKASSA_ variables of the environment.

use v5.36;

use Exporter qw(import);
use Fcntl qw(:flock);
use File::Path qw(make_path);
use File::Spec ();
use HTTP::Tiny;
use IO::Select;
use POSIX qw(:sys_wait_h);
use Scalar::Util qw(weaken);
use Test::Build qw(module_path need_build need_modules need_programs);
use Test::Helpers qw($LIMIT $TOP answers connect_to form_encode free_port
    json_decode json_encode read_file slurp temp_dir verbose wait_for
    write_file);
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(form_encode json_decode merge message read_all read_file
    read_response recipe slurp wait_for $LIMIT);

# The objects whose nginx and sandbox must be ended before the test exits.

my @alive;
my $test_pid = $$;

# Creates the object and the test's folder, and builds the module.  Options:
# build (the target of the Makefile that builds the module), module (the path
# of a module that is built already), preload (a library), wrapper (a command
# that runs nginx), workers (their number), patient => 1 and sign => 1 (see
# hold()).

sub new ($class, %opt) {
    my $build = delete $opt{build}
        // (defined($opt{module} // $ENV{ALIKASSA_MODULE}) ? undef : 'module');

    my $self = bless {
        nginx   => $ENV{ALIKASSA_NGINX} // 'nginx',
        module  => $build ? module_path($build) : $ENV{ALIKASSA_MODULE},
        ports   => [],
        workers => 1,
        allowed => [],
        dead    => 0,
        %opt,
    }, $class;

    need_programs($self->{nginx});
    need_build($build) if $build;
    need_build('preload') if $self->{sign} || $self->{patient};

    $self->{dir} = temp_dir();
    mkdir "$self->{dir}/$_" for qw(body proxy fastcgi uwsgi scgi);

    push @alive, $self;
    weaken($alive[-1]);

    return $self;
}

sub dir ($self) { return $self->{dir} }

# Returns the test's port number n, which no other test uses until this one
# ends.

sub port ($self, $n) { return $self->{ports}[$n] //= free_port() // die }

# Starts the sandbox.  The keys are made once and kept under build/.

sub sandbox ($self) {
    need_programs(qw(openssl curl));
    need_modules(qw(Mojolicious CryptX IO::Socket::SSL));

    my $keys = "$TOP/build/keys";
    make_path("$TOP/build");

    open(my $lock, '>', "$TOP/build/keys.lock") or die;
    flock $lock, LOCK_EX;

    if (!-e "$keys/made") {
        system($^X, '-I', "$TOP/t/sandbox/lib", '-MSandbox::Keys=make_keys',
            '-e', 'make_keys($ARGV[0])', $keys) == 0 or die 'no keys';
        open(my $made, '>', "$keys/made") or die;
    }

    close $lock;

    $self->{box} = "$self->{dir}/sandbox";
    system('cp', '-a', $keys, $self->{box}) == 0 or die;

    $self->{sandbox_pid} = $self->spawn("$self->{dir}/sandbox.log",
        $^X, "$TOP/t/sandbox/alikassa", '--dir', $self->{box}, '--port',
        free_port(), '--control-port', free_port());

    wait_for(sub { -e "$self->{box}/ready" })
        or die 'no sandbox: ' . slurp("$self->{dir}/sandbox.log");

    my $ready = json_decode(slurp("$self->{box}/ready"));

    $self->{$_} = $ready->{$_} for qw(control account other);
    $self->{api} = $ready->{port};

    return $self;
}

sub spawn ($self, $log, @command) {
    return Test::Helpers::spawn($log, @command);
}

# Starts a shop at port n: PHP's built-in server with these options, whose only
# page is the code.  The environment variable DIR tells the code the test's
# folder.

sub php ($self, $n, $code, @options) {
    need_programs('php');

    my $port = $self->port($n);

    mkdir "$self->{dir}/shop$n";
    $self->write("shop$n/index.php", $code);

    local @ENV{qw(PHP_CLI_SERVER_WORKERS DIR)} = (8, $self->{dir});

    push @{ $self->{groups} }, Test::Helpers::spawn_group(
        "$self->{dir}/php$n.log", 'php', @options, '-S', "127.0.0.1:$port",
        "$self->{dir}/shop$n/index.php");

    wait_for(sub { answers($port) }) or die 'no PHP';

    return $self;
}

# Writes nginx.conf, with these names replaced:
#
#     %%GLOBALS%%, %%HTTP%%   directives that every test needs
#     %%PORT_n%%              see port()
#     %%DIR%%                 the test's folder
#     %%ACCOUNT%%, %%OTHER%%  the accounts of two merchants
#     %%KEYS%%                the folder with the keys payment, payout,
#                             notification, other
#     %%CREDENTIALS%%         the account and the key of payments
#     %%MERCHANT%%            %%CREDENTIALS%% and an audit log
#     %%PAYOUT%%              a payout that this machine may request
#     %%ORDER_LOG%%           a log, vars.log, whose lines begin with the
#                             order_id of the request
#     %%API%%, %%API_CONF%%   the location of calls, and the file it includes
#     %%SANDBOX%%             the sandbox's address

sub conf ($self, $text) {
    my $box = $self->{box} // '';

    $self->api_conf('alikassa-api.conf');

    my $credentials = 'alikassa_account ' . ($self->{account} // '') . ";\n"
        . "alikassa_key $box/payment;\n";

    my %value = (
        GLOBALS => 'load_module '
            . File::Spec->rel2abs($self->{module}, $TOP) . ";\n"
            . "daemon off; user www-data; worker_processes "
            . "$self->{workers};\npid $self->{dir}/nginx.pid;\n"
            . "error_log $self->{dir}/error.log "
            . ($ENV{ALIKASSA_LOG} // 'info') . ";\n",
        HTTP => join('', map {
            "${_}_temp_path $self->{dir}/" . s/^client_//r . ";\n" }
            qw(client_body proxy fastcgi uwsgi scgi))
            . "access_log $self->{dir}/access.log;\n",
        DIR      => $self->{dir},
        ACCOUNT  => $self->{account} // '',
        OTHER    => $self->{other} // '',
        KEYS     => $box,
        CREDENTIALS => $credentials,
        MERCHANT    => $credentials
            . "alikassa_audit_log $self->{dir}/audit.log;\n",
        PAYOUT    => "allow 127.0.0.1; deny all;\n"
            . "alikassa_key $box/payout;\nalikassa_payout;\n",
        ORDER_LOG => "log_format vars '\$alikassa_order_id \$status "
            . '$alikassa_idempotency $alikassa_outcome $alikassa_error\';'
            . "\naccess_log $self->{dir}/vars.log vars;\n",
        SANDBOX  => '127.0.0.1:' . ($self->{api} // 0),
        API_CONF => "$self->{dir}/alikassa-api.conf",
        API      => "location /alikassa-api/ { internal;\n"
            . "include $self->{dir}/alikassa-api.conf;\n"
            . 'proxy_pass https://127.0.0.1:' . ($self->{api} // 0) . "/;\n"
            . "proxy_ssl_name localhost;\n"
            . "}\n",
    );

    $text =~ s/%%PORT_(\d)%%/$self->port($1)/ge;
    $text =~ s/%%([A-Z_]+)%%/$value{$1} \/\/ die "no $1"/ge;

    $self->write('nginx.conf', $text);

    return $self;
}

# Writes docs/alikassa-api.conf under another name, for the sandbox.  Sets the
# time-outs that the caller gives (connect_timeout, send_timeout, read_timeout,
# or timeout for all three); the others are too long to fire.  Returns the text.

sub api_conf ($self, $name, %opt) {
    my $text = read_file("$TOP/docs/alikassa-api.conf");
    my $all  = $opt{timeout} // "${LIMIT}s";

    $text =~ s{/etc/ssl/certs/ca-certificates\.crt}
        {@{[$self->{box} // '']}/ca.pem};
    $text =~ s/^proxy_((?:connect|send|read)_timeout)(\s+)\w+/
        "proxy_$1$2" . ($opt{$1} \/\/ $all)/mge;

    $self->write($name, $text);

    return $text;
}

sub write ($self, $name, $text) {
    write_file("$self->{dir}/$name", $text);
    return $self;
}

sub nginx ($self, @more) {
    my @wrapper = map { s/%DIR%/$self->{dir}/r } @{ $self->{wrapper} // [] };

    my @preload = ($self->{preload} // (),
        $self->{sign} ? "$TOP/build/preload/hold_sign.so" : (),
        $self->{patient} ? "$TOP/build/preload/patient_master.so" : ());

    unshift @wrapper, 'env', 'LD_PRELOAD=' . join(':', @preload),
        "ASAN_OPTIONS=log_path=$self->{dir}/asan" . ':detect_leaks=0',
        "ALIKASSA_SIGN=$self->{dir}"
        if @preload;

    return (@wrapper, $self->{nginx}, '-p', "$self->{dir}/", '-c',
        "$self->{dir}/nginx.conf", '-e', "$self->{dir}/error.log", @more);
}

# Runs nginx -t.  Returns its exit status and its output.

sub test_config ($self) {
    my $out = "$self->{dir}/test.out";
    my $pid = $self->spawn($out, $self->nginx('-t'));
    waitpid $pid, 0;
    my $status = $? >> 8;
    my $text   = slurp($out) . slurp("$self->{dir}/error.log");
    unlink $out, "$self->{dir}/error.log";
    return ($status, $text);
}

sub run ($self) {
    $self->{pid} = $self->spawn("$self->{dir}/nginx.out", $self->nginx);

    wait_for(sub {
        waitpid($self->{pid}, WNOHANG) and delete $self->{pid}
            and die 'nginx: '
            . slurp("$self->{dir}/nginx.out")
            . slurp("$self->{dir}/error.log");
        -s "$self->{dir}/nginx.pid" && $self->workers == $self->{workers}
            && answers($self->port(0));
    }) or die 'nginx does not start';

    # The master sends each worker the channels of the workers that it starts
    # later.  Wait until each worker has all channels, and so as many files.

    wait_for(sub {
        my %n = map { $_ => 1 } $self->fds_of_each;
        keys %n == 1;
    });

    $self->{fds} = $self->fds;

    return $self;
}

sub signal ($self, $name) {
    kill $name, $self->{pid};
    return $self;
}

# With new(patient => 1), the master does not kill workers that are slow to end
# after TERM: see t/preload/patient_master.c.

# These need new(sign => 1): see t/preload/hold_sign.c.  hold() stops threads
# from making signatures until release(); begun() waits until n signatures have
# begun since hold(); fail_signing() makes signatures fail until release().

sub hold ($self) {
    $self->write('begun', '');
    chmod 0666, "$self->{dir}/begun";
    $self->write('hold', '');
}

sub fail_signing ($self) { $self->write('fail', '') }

sub release ($self, @what) {
    unlink map { "$self->{dir}/$_" } @what ? @what : qw(hold fail begun);
}

sub begun ($self, $n) {
    return wait_for(sub { length $self->log('begun') >= $n });
}

# Waits until there are new workers and no old worker accepts connections.

sub reload ($self) {
    my @old = $self->workers;
    my %old = map { $_ => 1 } @old;

    $self->signal('HUP');

    return wait_for(sub {
        my @new = grep { !$old{$_} } $self->workers;
        my $log = $self->log;
        @new >= $self->{workers}
            && !grep { $log !~ /\] $_#\d+: gracefully shutting down/ } @old
    });
}

sub workers ($self) {
    my @pids = split ' ',
        slurp("/proc/$self->{pid}/task/$self->{pid}/children");

    # valgrind keeps the name of the process

    return @pids if $self->{wrapper};
    return grep { slurp("/proc/$_/cmdline") =~ /worker process/ } @pids;
}

sub fds ($self) {
    my $n = 0;
    $n += $_ for $self->fds_of_each;
    return $n;
}

sub fds_of_each ($self) {
    return map { scalar(() = glob "/proc/$_/fd/*") } $self->workers;
}

# Returns the files that the workers have open, connections as in /proc/net/tcp.

sub open_files ($self) {
    my %tcp = map { (split)[9] => $_ } split /\n/, slurp('/proc/net/tcp');
    return map {
        my $file = readlink() // '';
        $file =~ /^socket:\[(\d+)\]/ && $tcp{$1} ? "$_ $tcp{$1}" : "$_ $file";
    } map { glob "/proc/$_/fd/*" } $self->workers;
}

# Sends a request over a new connection and returns the response.  %opt: method,
# headers [..], body, form [..], json (text), http (1.0), chunked, pieces [..],
# port.

sub request ($self, $uri, %opt) {
    my $s = $self->send_request($uri, %opt);
    return read_response($s);
}

sub send_request ($self, $uri, %opt) {
    my $port = $opt{port} // $self->port(0);
    my $s = connect_to($port) or die "connect: $!";

    for my $piece (ref $opt{pieces} ? @{ $opt{pieces} }
        : message($uri, %opt))
    {
        verbose("request to port $port", $piece);
        syswrite $s, $piece;
        sleep 0.02 if ref $opt{pieces};
    }

    return $s;
}

# Send a form over HTTP/2, to port 1 by default, and do not read the response.
# send_h2() returns the connection, h2_client() the connection and the client
# object.

sub send_h2 ($self, @request) { return ($self->h2_client(@request))[0] }

sub h2_client ($self, $uri, %opt) {
    need_modules('Protocol::HTTP2::Client');

    my $s = connect_to($opt{port} // $self->port(1)) or die "connect: $!";
    my $client = Protocol::HTTP2::Client->new(upgrade => 0);

    $client->request(
        ':scheme' => 'http', ':authority' => 'localhost', ':path' => $uri,
        ':method' => 'POST',
        headers => ['content-type' => 'application/x-www-form-urlencoded'],
        data => form_encode(@{ $opt{form} }),
        on_done => sub { });

    while (my $frame = $client->next_frame) { syswrite $s, $frame }

    return ($s, $client);
}

sub message ($uri, %opt) {
    my @headers = @{ $opt{headers} // [] };
    my $http    = $opt{http} // '1.1';
    my $body    = $opt{body};

    if ($opt{form}) {
        $body = form_encode(@{ $opt{form} });
        push @headers, 'Content-Type: application/x-www-form-urlencoded';
    }

    if (defined $opt{json}) {
        $body = $opt{json};
        push @headers, 'Content-Type: application/json';
    }

    if ($opt{multipart}) {
        my @pairs = @{ $opt{multipart} };
        $body = '';
        while (my ($name, $value) = splice @pairs, 0, 2) {
            $body .= "--xYzZY\r\nContent-Disposition: form-data; "
                . "name=\"$name\"\r\n\r\n$value\r\n";
        }
        $body .= "--xYzZY--\r\n";
        push @headers, 'Content-Type: multipart/form-data; boundary=xYzZY';
    }

    my $method = $opt{method} // (defined $body ? 'POST' : 'GET');

    if ($opt{chunked}) {
        push @headers, 'Transfer-Encoding: chunked';
        my $size = $opt{chunked};
        $body = join('', map { sprintf("%x\r\n%s\r\n", length, $_) }
            unpack "(a$size)*", $body) . "0\r\n\r\n";

    } elsif (defined $body && !grep { /^Content-Length/i } @headers) {
        push @headers, 'Content-Length: ' . length $body;
    }

    my $host = $opt{host} // 'localhost';

    return "$method $uri HTTP/$http\r\nHost: $host\r\n"
        . "Connection: close\r\n"
        . join('', map { "$_\r\n" } @headers) . "\r\n" . ($body // '');
}

sub read_all ($s, @) {
    my $end  = time() + $LIMIT;
    my $data = '';
    my $select = IO::Select->new($s);

    while (time() < $end) {
        $select->can_read($end - time()) or last;
        my $n = sysread $s, $data, 65536, length $data;
        last if !$n;
    }

    return $data;
}

# Reads the response of a request that send_request() sent.

sub read_response ($s, @) { return parse_response(read_all($s)) }

sub parse_response ($raw) {
    verbose('response', $raw);

    my ($head, $body) = split /\r\n\r\n/, $raw, 2;
    my ($line, @lines) = split /\r\n/, $head // '';
    my ($status) = ($line // '') =~ m{^HTTP/1\.\d (\d+)};
    my %headers;

    for (@lines) {
        my ($name, $value) = split /:\s*/, $_, 2;
        push @{ $headers{ lc $name } }, $value;
    }

    $body //= '';

    if (($headers{'transfer-encoding'}[0] // '') eq 'chunked') {
        my $plain = '';
        while ($body =~ s/^([0-9a-f]+)\r\n//i && hex $1) {
            $plain .= substr $body, 0, hex $1, '';
            $body =~ s/^\r\n//;
        }
        $body = $plain;
    }

    return { status => $status // 0, body => $body, raw => $raw,
        header => sub ($name) { join ', ', @{ $headers{ lc $name } // [] } },
        json => scalar eval { json_decode($body) } };
}

sub get ($self, $uri, %opt)  { return $self->request($uri, %opt) }

sub post ($self, $uri, %opt) {
    return $self->request($uri, method => 'POST', %opt);
}

# Returns the fields of a valid payment, with these changes.  A field that is
# undef is left out.

sub payment ($self, %change) {
    state $n = 0;
    my @fields = (
        amount              => '150000.50',
        order_id            => "order-$$-" . $n++,
        service             => 'virtual_account_idr_hpp',
        customer_ip         => '192.0.2.7',
        customer_code       => 'BCAVA',
        customer_first_name => 'Budi',
        customer_last_name  => 'Santoso',
    );
    return merge(\@fields, %change);
}

sub payout ($self, %change) {
    state $n = 0;
    my @fields = (
        amount              => '150000.50',
        order_id            => "payout-$$-" . $n++,
        service             => 'payment_card_idr',
        number              => '1234567890',
        customer_code       => 'PMTB',
        customer_first_name => 'Budi',
        customer_last_name  => 'Santoso',
    );
    return merge(\@fields, %change);
}

sub merge ($fields, %change) {
    my @out;
    while (my ($name, $value) = splice @$fields, 0, 2) {
        $value = delete $change{$name} if exists $change{$name};
        push @out, $name, $value if defined $value;
    }
    return (@out, map { $_ => $change{$_} } grep { defined $change{$_} }
        sort keys %change);
}

sub json ($self, @pairs) {
    my @members;
    while (my ($name, $value) = splice @pairs, 0, 2) {
        push @members, json_encode($name) . ':' . json_encode($value);
    }
    return '{' . join(',', @members) . '}';
}

# Sends many requests at once, each [uri, %opt].  Returns the responses in the
# same order.

sub parallel ($self, $requests, $concurrency = 50) {
    my (@answers, %open);
    my $next   = 0;
    my $select = IO::Select->new;

    while ($next < @$requests || %open) {

        while ($next < @$requests && keys %open < $concurrency) {
            my ($uri, %opt) = @{ $requests->[$next] };
            my $s = eval { $self->send_request($uri, %opt) };

            if (!$s) {
                $answers[$next++] = { status => 0, body => '', raw => '',
                    header => sub { '' } };
                next;
            }

            $open{ fileno $s } = { n => $next++, data => '', s => $s,
                end => time() + $LIMIT };
            $select->add($s);
        }

        for my $s ($select->can_read(0.5)) {
            my $o = $open{ fileno $s };
            my $n = sysread $s, $o->{data}, 65536, length $o->{data};
            $o->{over} = 1 if !$n;
        }

        for my $fd (keys %open) {
            my $o = $open{$fd};
            next unless $o->{over} || time() > $o->{end};
            $select->remove($o->{s});
            $answers[$o->{n}] = parse_response($o->{data});
            close delete($open{$fd})->{s};
        }
    }

    return @answers;
}

# Sends a request over HTTP/2 by curl.  Returns the status and the body.

sub h2 ($self, $uri, %opt) {
    my $out = "$self->{dir}/h2";
    my @command = ('curl', '-s', '--http2-prior-knowledge', '-m', $LIMIT, '-o',
        "$out.body", '-w', '%{http_code}');

    push @command, '-H', $_ for @{ $opt{headers} // [] };

    if (defined(my $body = $opt{form} ? form_encode(@{ $opt{form} })
        : $opt{json} // $opt{body}))
    {
        open(my $fh, '>', "$out.in") or die;
        print $fh $body;
        close $fh;
        push @command, '--data-binary', "\@$out.in";
        push @command, '-H', 'Content-Type: application/json'
            if defined $opt{json};
    }

    unlink "$out.body";
    open(my $pipe, '-|', @command, 'http://127.0.0.1:'
        . ($opt{port} // $self->port(1)) . $uri) or die;
    my $status = join '', <$pipe>;
    close $pipe;

    my $body = slurp("$out.body");
    verbose("HTTP/2: $uri", "$status\n$body");

    return { status => $status, body => $body,
        json => scalar eval { json_decode($body) } };
}

# Sends a request to the sandbox's control API.  Returns the decoded response.

sub control ($self, $path, $data = undef) {
    my $url = "http://127.0.0.1:$self->{control}$path";
    my $http = HTTP::Tiny->new(timeout => $LIMIT);
    my $res = defined $data
        ? $http->post($url, {
            headers => { 'Content-Type' => 'application/json' },
            content => json_encode($data) })
        : $http->get($url);
    verbose("sandbox: $path", (defined $data ? json_encode($data) . "\n" : '')
        . "$res->{status} $res->{content}");
    $res->{success} or die "control $path: $res->{status} $res->{content}";
    return json_decode($res->{content});
}

sub faults ($self, @rules)    { return $self->control('/faults', \@rules) }

# Returns a rule for faults(): the sandbox holds its response until respond().

sub held_response ($self, %rule) {
    unlink "$self->{dir}/respond";
    return { action => 'none', until => "$self->{dir}/respond", %rule };
}

sub respond ($self)           { return $self->write('respond', '') }

sub settings ($self, %values) { return $self->control('/settings', \%values) }
sub reset ($self)             { return $self->control('/reset', {}) }
sub ledger ($self)            { return @{ $self->control('/ledger') } }

sub requests ($self, $order_id = undef) {
    return grep { !defined $order_id || ($_->{order_id} // '') eq $order_id }
        @{ $self->control('/requests') };
}

# Count the calls that the sandbox got for an order: orders_sent() payments and
# payouts, status_queries() queries of their status.

sub orders_sent ($self, $order_id) {
    return scalar grep { $_->{call} !~ /status/ } $self->requests($order_id);
}

sub status_queries ($self, $order_id) {
    return scalar grep { $_->{call} =~ /status/ } $self->requests($order_id);
}

# logs

# Returns the audit log's lines about an order, as hashes.

sub audit ($self, $order_id) {
    return grep { ($_->{order_id} // '') eq $order_id }
        map { json_decode($_) } split /\n/, $self->log('audit.log');
}

# Returns these lines as a text such as
# "payment 400 unknown, payment_status 200 replayed".

sub audit_text ($self, $order_id) {
    return join ', ', map { join ' ', $_->{call} // $_->{operation},
        $_->{status}, $_->{outcome} } $self->audit($order_id);
}

sub log ($self, $name = 'error.log') { return slurp("$self->{dir}/$name") }

sub allow_alert ($self, $re) { push @{ $self->{allowed} }, $re }
sub expect_dead ($self, $n = 1) { $self->{dead} += $n }

# the end

# Ends nginx and the sandbox, makes the last checks and ends the test's plan.
# done_quietly() does the same and leaves the plan open.

sub done ($self) {
    $self->done_quietly;
    done_testing();
}

# Returns the number of bytes that clients have sent and nginx has not read,
# bytes on their way included: if a client closes its connection, nginx may
# never read them.  The kernel counts the end of a connection as a byte in
# /proc/net/tcp (08 is CLOSE_WAIT); this function does not.  If the caller gives
# ports, only connections to these ports count.

sub unread ($self, @ports) {
    my $ports = join '|', map { sprintf '%04X', $_ } grep { $_ }
        @ports ? @ports : @{ $self->{ports} };
    my $text = slurp('/proc/net/tcp') || die 'no /proc/net/tcp';
    my $n = 0;

    for (split /\n/, $text) {
        if (/^\s*\d+: \S+:(?:$ports) \S+:(?!0000 )\S+ (\S+) \S+?:(\S+)/) {
            $n += hex($2) - ($1 eq '08' && hex $2 ? 1 : 0);

        } elsif (/^\s*\d+: \S+ \S+:(?:$ports) \S+ (\S+?):/) {
            $n += hex $1;
        }
    }

    return $n;
}

sub done_quietly ($self) {
    if ($self->{pid}) {
        ok(wait_for(sub { $self->fds <= $self->{fds} }),
            'no file descriptor leaks')
            or diag('file descriptors: ' . $self->fds . ", $self->{fds} "
                . "at the start\n", join "\n", $self->open_files)
            unless $self->{no_fds};
    }

    $self->stop;

    my @lines = split /\n/, $self->log;

    is(join("\n", grep { my $line = $_;
        $line =~ /\[(?:alert|emerg)\]/
            && !grep { $line =~ $_ } @{ $self->{allowed} },
            qr/exited on signal 9/ } @lines), '', 'no alerts');

    is(scalar(grep { /exited on signal|exited with (?!code 0)/ } @lines),
        $self->{dead}, 'no worker died');

    is(join('', map { slurp($_) } glob("$self->{dir}/*{san,asan}.*")), '',
        'no sanitizer reports');
}

sub stop ($self) {
    my $pid = delete $self->{pid} or return;
    kill 'QUIT', $pid;

    if (!wait_for(sub { waitpid($pid, WNOHANG) == $pid })) {
        fail('nginx ends');
        kill 'TERM', $pid;
        waitpid $pid, 0;
    }
}

# Ends the processes that this object started.  With ALIKASSA_CATLOG, prints the
# error log, too.  The END block also calls this, before Test::Helpers removes
# the folder.

sub DESTROY ($self) {
    return if $$ != $test_pid || $self->{ended}++;

    local ($?, $!, $@);
    $self->stop if $self->{pid};
    kill 'KILL', map { -$_ } @{ $self->{groups} } if $self->{groups};
    kill 'KILL', $self->{sandbox_pid} if $self->{sandbox_pid};
    waitpid $_, 0 for grep { $_ } $self->{sandbox_pid},
        @{ $self->{groups} // [] };

    Test::More->builder->diag("$self->{dir}/error.log:\n"
        . $self->log =~ s/^/  /gmr) if $ENV{ALIKASSA_CATLOG};
}

END { $_->DESTROY for grep { defined } @alive }

# helpers

# Returns the nginx configuration in a page of docs/recipes, which is in its
# indented blocks.

sub recipe ($name) {
    my $text = read_file("$TOP/docs/recipes/$name.md");
    my @blocks = grep { /^ {4}(?:location|map|server|upstream) /m }
        $text =~ /((?:^ {4}.*\n|^\n)+)/mg;
    die "no recipe $name" unless @blocks;
    return join '', @blocks;
}

1;
