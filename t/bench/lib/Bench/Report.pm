package Bench::Report;

# Writes docs/benchmark.md and its plots.

use v5.36;

use Test::Helpers qw(slurp);

sub machine {
    my ($cpu) = slurp('/proc/cpuinfo') =~ /^model name\s*: (.*)/m;
    my $cores = () = slurp('/proc/cpuinfo') =~ /^processor/mg;
    my ($mem) = slurp('/proc/meminfo') =~ /^MemTotal:\s+(\d+)/;
    my ($nginx) = `nginx -v 2>&1` =~ m{(nginx/\S+)};
    my ($openssl) = `openssl version` =~ /^(OpenSSL \S+)/;
    my ($php) = `php -v` =~ /^(PHP \S+)/;
    my ($wrk) = `wrk -v 2>&1` =~ /^(wrk \S+)/;
    my %package;
    for my $name (qw(libnginx-mod-http-lua libnginx-mod-http-js)) {
        $package{$name} = `dpkg-query -W -f '\${Version}' $name 2>/dev/null`
            || 'missing';
    }
    my ($system) = slurp('/etc/os-release') =~ /^PRETTY_NAME="(.*)"/m;
    return join(', ', ($cpu // 'unknown processor'), "$cores cores",
        sprintf('%.0f GiB', $mem / 1048576), $system // '',
        'Linux ' . (split /-/, slurp('/proc/sys/kernel/osrelease'))[0]
            =~ s/\s+//r) . ".\n"
        . join(', ', $nginx, $openssl, $php, "wrk $wrk" =~ s/^wrk wrk/wrk/r,
        map { "$_ $package{$_}" } sort keys %package) . '.';
}

my %NAME = (
    plain => 'proxy_pass of a ready body', inline => 'this module, inline',
    pool => 'this module, thread pool', full => 'this module, all features',
    lua => 'lua-nginx-module, FFI', njs => 'njs, WebCrypto',
    php => 'PHP-FPM, the page\'s sample',
);

sub name ($peer) {
    my ($kind, $bits) = $peer =~ /^([a-z]+)(\d*)$/;
    return $NAME{$kind} . ($bits ? ", RSA-$bits" : '');
}

# Breaks a paragraph into lines of at most 80 characters.

sub wrap ($text) {
    my ($line, @lines) = ('');
    for my $word (split ' ', $text) {
        if (length $line && length("$line $word" =~ s/µ/u/gr) > 80) {
            push @lines, $line;
            $line = '';
        }
        $line .= (length $line ? ' ' : '') . $word;
    }
    return join("\n", @lines, $line) . "\n";
}

# Returns a text with the median and the quartiles of a ratio.

sub ratio ($q) {
    return $q ? sprintf '%.2f (%.2f-%.2f)', @$q : '';
}

sub write ($r, $docs) {
    my $p     = $r->{peers};
    my $plain = $p->{plain}{cpu};
    my %floor = map { $_ => $plain + $r->{sign}{$_} } 2048, 4096;
    my @md;

    push @md, "# Benchmark\n", wrap('Written by `make bench`'
        . ($r->{quick} ? ' with `BENCH_QUICK=1`: one short round, whose '
            . 'figures are not reliable' : '') . '. All measurements are from '
        . 'one run on one machine, over loopback and without TLS, with one '
        . 'nginx worker, and with 16 connections of wrk unless a section says '
        . "otherwise. Payments, their CPU time and replays have $r->{rounds} "
        . "round(s) of $r->{seconds} s. Each figure is the median of its "
        . 'rounds. Each ratio is the median of the ratios of two figures of '
        . 'the same round, with its quartiles in brackets. The static file has '
        . "$r->{static_rounds} round(s). Every other measurement ran once. CPU "
        . 'is the time that the kernel\'s scheduler reports for all threads of '
        . 'the worker, and for PHP\'s processes too. Compare figures within '
        . 'the run only: other machines give other figures.'),
        wrap($r->{machine});

    push @md, "## Payments\n",
        wrap('Each peer gets the same form, checks the same fields and sends '
        . 'the same bytes to the upstream; the benchmark checks this before it '
        . 'measures. The floor is the CPU time of a plain `proxy_pass` of a '
        . 'ready-signed body, plus that of a signature in `openssl speed`: '
        . join(', ', map { sprintf '%.0f + %.0f = %.0f µs for RSA-%d', $plain,
            $r->{sign}{$_}, $floor{$_}, $_ } 2048, 4096) . '.'),
        '| | payments/s | CPU µs | in the kernel | / floor '
        . '| p50 ms | p99 ms | memory MiB |',
        '|---|---|---|---|---|---|---|---|';

    for my $peer ('plain', map { my $b = $_; map { "$_$b" }
        qw(inline pool full lua njs php) } 2048, 4096)
    {
        if (my $why = $r->{skip}{$peer}) {
            push @md, '| ' . name($peer) . " | not measured: $why "
                . '| | | | | | |';
            next;
        }

        my $x = $p->{$peer} or next;

        push @md, sprintf '| %s | %.0f%s | %.0f | %.0f | %s | %.2f | %.2f '
            . '| %s |', name($peer), $x->{rate},
            $r->{bad}{$peer} ? " ($r->{bad}{$peer} failed)" : '',
            $x->{cpu}, $x->{kernel},
            ratio($r->{ratio}{$peer}{floor}),
            $x->{p50} / 1000, $x->{p99} / 1000,
            $r->{memory}{$peer} ? sprintf('%.1f', $r->{memory}{$peer} / 1024)
                : '';
    }

    push @md, '', wrap('"All features" adds an idempotency zone, an audit log, '
        . 'and a buffered access log with the module\'s variables. PHP 8.2 '
        . 'under FPM keeps no curl connection from one request to the next, so '
        . 'each of its payments opens a connection. Memory is the peak of the '
        . 'worker (for PHP, with its processes) in a separate nginx, after 2 s '
        . 'with 64 connections; with all features, it includes the pages of '
        . 'the zone that were written to.'),
        "![CPU per payment](benchmark-cpu.svg)\n";

    my $up = $r->{awake};
    my $awake = $up->{plain}{cpu} + $up->{sign}{cpu};

    push @md, "## CPU with the upstream awake\n", wrap(sprintf('While a worker '
        . 'signs, an upstream on the same machine goes to sleep, and the '
        . 'worker\'s write to the upstream has to wake it: %.2f times in a '
        . 'payment above, %.2f times in a plain request. AliKassa is on '
        . 'another machine. So this section measures CPU again while a second '
        . 'wrk keeps the upstream and its core busy, for the floor '
        . '(%.0f + %.0f = %.0f µs) and for all others alike.',
        $p->{inline2048}{sleeps}, $p->{plain}{sleeps},
        $up->{plain}{cpu}, $up->{sign}{cpu}, $awake)),
        '| | CPU µs | in the kernel | / floor |',
        '|---|---|---|---|',
        (map { sprintf '| %s | %.0f | %.0f | %s |', name($_), $up->{$_}{cpu},
            $up->{$_}{kernel}, ratio($r->{awake_ratio}{$_}{floor}) }
            grep { $up->{$_} } qw(plain inline2048 full2048 lua2048)), '';

    push @md, "## A static file during payments\n",
        wrap('One connection requests a file of 1 KiB from the same worker '
        . 'while 16 others make payments or post a ready body. Without other '
        . 'requests, and during payments that wait for a signature, the worker '
        . 'sleeps between two requests; the figure includes the time to wake '
        . 'it.'),
        '| during | p50 µs | p99 µs | p50 / idle p50 |', '|---|---|---|---|';

    for my $peer (grep { $r->{static}{$_} } 'idle', 'plain', map { my $b = $_;
        map { "$_$b" } qw(pool inline full lua njs php) } 2048, 4096)
    {
        my $x = $r->{static}{$peer};
        push @md, sprintf '| %s | %.0f | %.0f | %.1f |',
            $peer eq 'idle' ? 'nothing else' : name($peer), $x->{50}, $x->{99},
            $x->{ratio} // 1;
    }

    my $i = $r->{instructions};

    push @md, "\n## Instructions\n", wrap('Instructions of one request '
        . 'outside libcrypto, counted by callgrind, from the difference '
        . 'between 300 and 100 requests over one connection.'),
        '| | instructions | / plain |', '|---|---|---|',
        map { sprintf '| %s | %.0f | %.2f |', name($_), $i->{$_},
            $i->{$_} / $i->{plain} } grep { $i->{$_} } qw(plain inline2048
            full2048);

    my $f = $r->{flight};

    push @md, "\n## Memory of payments in progress\n", wrap('The memory of the '
        . 'worker, with an upstream that accepts connections and does not '
        . 'respond' . ($r->{files} ? '. A process on this machine can open '
            . "$r->{files} files, and a payment takes two" : '') . '.'),
        '| | in progress | KiB each |', '|---|---|---|',
        map { sprintf '| %s | %d | %.1f |', name($_), $f->{$_}{n},
            $f->{$_}{memory} } qw(plain pool2048);

    push @md, "\n## Growing load\n", wrap('CPU µs of a payment. With more than '
        . '1000 connections, wrk runs for 10 s.'),
        '| connections | plain | thread pool | pool payments/s | p99 ms '
        . '| failed |',
        '|---|---|---|---|---|---|',
        map { my $x = $r->{connections}{$_}; sprintf
            '| %d | %.0f | %.0f | %.0f | %.1f | %d |', $_, $x->{plain}{cpu},
            $x->{pool2048}{cpu}, $x->{pool2048}{rate},
            $x->{pool2048}{p99} / 1000, $x->{pool2048}{bad} }
            sort { $a <=> $b } keys %{ $r->{connections} };

    push @md, '', '| locations | CPU µs | memory MiB |', '|---|---|---|',
        map { sprintf '| %d | %.0f | %.1f |', $_, $r->{locations}{$_}{cpu},
            $r->{locations}{$_}{memory} / 1024 }
            sort { $a <=> $b } keys %{ $r->{locations} };

    push @md, '', '| bytes of the form | CPU µs |', '|---|---|',
        map { sprintf '| %d | %.0f |', $_, $r->{body}{$_}{cpu} }
            sort { $a <=> $b } keys %{ $r->{body} };

    push @md, "\n![CPU per payment by connections]"
        . "(benchmark-connections.svg)\n";

    my $zone = $r->{zone};

    push @md, "## Replays\n", wrap(sprintf('A replay takes %.1f µs of CPU, a '
        . '`return 200` of the same size %.1f µs; the ratio is %.2f. With %d '
        . 'finished orders in the zone, a replay takes %.1f µs, in a zone of '
        . 'one order %.1f µs; the ratio is %.2f.', $r->{replay}{replay},
        $r->{replay}{return}, $r->{replay}{ratio},
        @$zone{qw(n many few ratio)}));

    # the goals

    my ($q, $a) = @$r{qw(ratio awake_ratio)};

    my @goals = (
        ['CPU of a payment, inline, all features / floor, RSA-2048',
            $q->{full2048}{floor}[0], '<=', 1.05],
        ['the same with the upstream awake', $a->{full2048}{floor}[0],
            '<=', 1.05],
        ['the same with RSA-4096', $q->{full4096}{floor}[0], '<=', 1.05],
        ($p->{lua2048} ? (['CPU of a payment, inline / Lua, RSA-2048',
            $q->{inline2048}{lua}[0], '<=', 1],
            ['the same with the upstream awake', $a->{inline2048}{lua}[0],
                '<=', 1],
            ['all features / Lua without them',
                $q->{full2048}{lua}[0], '<=', 1],
            ['the same with the upstream awake', $a->{full2048}{lua}[0],
                '<=', 1]) : ()),
        ['instructions outside libcrypto / plain proxied POST',
            $i->{inline2048} / $i->{plain}, '<=', 1.6],
        ['p50 of the static file, pool, RSA-4096 / idle',
            $r->{static}{pool4096}{ratio}, '<=', 2],
        ['payments/s, pool / openssl speed, all cores, RSA-2048',
            $q->{pool2048}{cores}[0], '>=', 0.9],
        ['the same with RSA-4096', $q->{pool4096}{cores}[0], '>=', 0.9],
        ['KiB of a payment in progress, more than plain proxying',
            $f->{pool2048}{memory} - $f->{plain}{memory}, '<=', 16],
        ['CPU of a replay / `return 200`',
            $r->{replay}{ratio}, '<=', 2],
    );

    push @md, "## Goals\n", '| | measured | goal | |',
        '|---|---|---|---|', map {
            my ($what, $n, $op, $goal) = @$_;
            sprintf '| %s | %.3f | %s %s | %s |', $what, $n,
                $op eq '<=' ? 'at most' : 'at least', $goal,
                ($op eq '<=' ? $n <= $goal : $n >= $goal) ? 'reached'
                    : 'not reached';
        } @goals;

    # the reasons why a goal is not reached

    my $cores = $r->{cores};
    my $sign  = $cores * 1e6 / $r->{all_cores}{2048};
    my $rest  = $cores * 1e6 / $p->{plain}{rate} - $plain;
    my $most  = $cores * 1e6 / ($sign + $plain + $rest);

    push @md, "\n## Why goals are not reached\n", wrap('CPU: a payment makes '
        . 'the same system calls as a plain request, which are two '
        . '`recvfrom`, two `writev`, one `getsockopt`, and the waits. With all '
        . 'features it also makes a `write` to the audit log. The kernel\'s '
        . 'part of the time is in these calls and in waking the processes that '
        . 'wait. The rest is the work of the module, and of nginx for a '
        . 'subrequest (see the instructions above), both with caches that the '
        . 'signature has overwritten. The signature, too, takes 2 to 8 µs more '
        . 'with overwritten caches than in a loop of its own; this was tried '
        . 'separately and is not from this run. In µs above the floor, '
        . 'RSA-2048, medians of the differences in each round:'),
        '| | all | in the kernel | upstream awake: all | in the kernel |',
        '|---|---|---|---|---|',
        (map { my $peer = $_; sprintf '| %s | %.0f | %.0f | %.0f | %.0f |',
            name($peer), map { ($_->{$peer}{over}[0], $_->{$peer}{kernel}[0]) }
            $q, $a } grep { $a->{$_} } qw(inline2048 full2048 lua2048)),
        '',
        wrap(sprintf('Payments/s with the pool: wrk and the upstream run on '
        . 'the same %d cores. A signature takes %.0f µs, plain proxying '
        . '%.0f µs, and wrk, the upstream and idle time take %.0f µs for each '
        . 'plain request. So a module without any cost of its own would make '
        . '%.0f payments/s with RSA-2048, which is %.2f of `openssl speed`. '
        . 'This module makes %.2f of that.', $cores, $sign, $plain, $rest,
        $most, $most / $r->{all_cores}{2048}, $p->{pool2048}{rate} / $most)),
        "## How to repeat it\n\n    make bench\n";

    save("$docs/benchmark.md", join("\n", @md) =~ s/\n{3,}/\n\n/gr);
    save("$docs/benchmark-cpu.svg", bars($r, \%floor));
    save("$docs/benchmark-connections.svg", lines($r));
}

sub save ($path, $text) {
    open(my $fh, '>:utf8', $path) or die "$path: $!";
    utf8::decode($text);
    print $fh $text;
    close $fh;
}

my $STYLE = '<style>text{font:13px sans-serif;fill:#333}</style>';

# CPU per payment, RSA-2048

sub bars ($r, $floor) {
    my @peers = grep { $r->{peers}{$_} } map { "${_}2048" }
        qw(inline pool full lua njs php);
    my ($max) = sort { $b <=> $a } map { $r->{peers}{$_}{cpu} } @peers;
    my $y = 40;
    my $svg = '';

    for my $peer (@peers) {
        my $cpu = $r->{peers}{$peer}{cpu};
        my $w   = 420 * $cpu / $max;
        my $own = $peer =~ /inline|pool|full/;
        $svg .= sprintf '<text x="200" y="%d" text-anchor="end">%s</text>'
            . '<rect x="210" y="%d" width="%.1f" height="20" fill="%s"/>'
            . '<text x="%.1f" y="%d">%.0f µs</text>', $y + 15,
            name($peer) =~ s/, RSA.*//r =~ s/'/&#39;/r, $y, $w,
            $own ? '#2a7' : '#999', 216 + $w, $y + 15, $cpu;
        $y += 30;
    }

    my $x = 210 + 420 * $floor->{2048} / $max;
    return sprintf '<svg xmlns="http://www.w3.org/2000/svg" width="720" '
        . 'height="%d">%s<text x="10" y="20">CPU per payment, RSA-2048; the '
        . 'line is the floor</text>%s<path d="M%.1f 32V%d" stroke="#c33"/>'
        . "</svg>\n", $y + 10, $STYLE, $svg, $x, $y;
}

# CPU per payment by connections

sub lines ($r) {
    my @n   = sort { $a <=> $b } keys %{ $r->{connections} };
    my ($max) = sort { $b <=> $a } map { ($_->{plain}{cpu},
        $_->{pool2048}{cpu}) } values %{ $r->{connections} };
    my $svg = '';
    my %colour = (plain => '#999', pool2048 => '#2a7');

    for my $peer (sort keys %colour) {
        my @points = map { sprintf '%.1f,%.1f', 60 + 560 * $_ / ($#n || 1),
            260 - 210 * $r->{connections}{ $n[$_] }{$peer}{cpu} / $max }
            0 .. $#n;
        $svg .= "<polyline points=\"@points\" fill=\"none\" stroke=\""
            . "$colour{$peer}\" stroke-width=\"2\"/>";
        my ($x, $y) = split /,/, $points[-1];
        $svg .= sprintf '<text x="%.1f" y="%.1f">%s</text>', $x + 6, $y + 4,
            $peer eq 'plain' ? 'plain' : 'thread pool';
    }

    $svg .= sprintf '<text x="%.1f" y="280" text-anchor="middle">%d</text>',
        60 + 560 * $_ / ($#n || 1), $n[$_] for 0 .. $#n;

    return '<svg xmlns="http://www.w3.org/2000/svg" width="720" height="310">'
        . "$STYLE<text x=\"10\" y=\"20\">CPU µs per payment (0 to "
        . sprintf('%.0f', $max) . ') by connections</text>'
        . '<path d="M60 50V260H620" fill="none" stroke="#333"/>' . $svg
        . "</svg>\n";
}

1;
