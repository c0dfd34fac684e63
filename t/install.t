#!/usr/bin/env perl

# t/install starts no service of nginx or PHP, and enables none that was not
# enabled before.  This test runs the unchanged t/install with the real apt-get,
# dpkg, deb-systemd-helper and update-rc.d in a temporary system: an empty root,
# and an archive of packages that the test makes.  The packages have the names
# in t/packages, and a postinst like debhelper's.

use v5.36;

use File::Temp qw(tempdir);
use Test::More;

plan skip_all => 'needs root, as t/install does' if $> != 0;
plan skip_all => 'update-rc.d knows no other root with insserv and openrc'
    if grep { -x } qw(/usr/lib/insserv/insserv /sbin/insserv /sbin/openrc);

my $d   = tempdir('alikassa-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $php = 'php8.9-fpm';

sub slurp ($path) {
    open(my $fh, '<', $path) or return '';
    local $/;
    return <$fh>;
}

sub spurt ($name, $text) {
    open(my $fh, '>', "$d/$name") or die "$name: $!";
    print $fh $text;
    close $fh;
}

sub run_in ($command) {
    my $out = `$command 2>&1`;
    is($?, 0, $command =~ s/\Q$d\E\/?//gr) or diag($out);
    return $out;
}

# The postinst of a package with a service; make_package() replaces SERVICE.

my $postinst = <<'EOF';
#!/bin/sh
set -e
if [ -x "$DPKG_ROOT/etc/init.d/SERVICE" ]; then
    update-rc.d SERVICE defaults >/dev/null
fi
deb-systemd-helper unmask SERVICE.service >/dev/null
if deb-systemd-helper --quiet was-enabled SERVICE.service; then
    deb-systemd-helper enable SERVICE.service >/dev/null
else
    deb-systemd-helper update-state SERVICE.service >/dev/null
fi
# as invoke-rc.d asks, which knows no root but /
if [ ! -x "$DPKG_ROOT/usr/sbin/policy-rc.d" ] \
   || "$DPKG_ROOT/usr/sbin/policy-rc.d" SERVICE start
then
    touch "$DPKG_ROOT/SERVICE.started"
fi
EOF

sub make_package ($name, %opt) {
    my $tree = "$d/tree";
    system('rm', '-rf', $tree);
    system('mkdir', '-p', "$tree/DEBIAN", "$d/archive") == 0 or die;

    spurt('tree/DEBIAN/control', "Package: $name\nVersion: 1\n"
        . "Architecture: all\nMaintainer: none <none\@shop.example>\n"
        . ($opt{depends} ? "Depends: $opt{depends}\n" : '')
        . "Description: of t/install.t\n");

    if ($opt{service}) {
        system('mkdir', '-p', "$tree/lib/systemd/system",
            "$tree/etc/init.d") == 0 or die;
        spurt("tree/lib/systemd/system/$name.service",
            "[Service]\nExecStart=/bin/true\n"
            . "[Install]\nWantedBy=multi-user.target\n");
        spurt("tree/etc/init.d/$name", "#!/bin/sh\n"
            . "### BEGIN INIT INFO\n# Provides: $name\n"
            . "# Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n"
            . "### END INIT INFO\n");
        spurt('tree/DEBIAN/postinst', $postinst =~ s/SERVICE/$name/gr);
        chmod 0755, "$tree/etc/init.d/$name", "$tree/DEBIAN/postinst";
    }

    system("dpkg-deb -b $tree $d/archive/$name.deb >/dev/null") == 0 or die;
}

my %service = map { $_ => 1 } 'nginx', $php, 'other';

# The archive has all packages but those that not each Debian has ("if-there").

my @names = map { /^([^#\s]\S*)\s.*\S/ && !/ if-there$/ ? $1 : () }
    split /\n/, slurp('t/packages');
my ($optional) = slurp('t/packages') =~ /^(\S+) .* if-there$/m;

ok(scalar(grep { $_ eq 'nginx' } @names), 't/packages is read');

make_package($_, service => $service{$_},
    depends => $_ eq 'php-fpm' ? $php
        : $_ eq 'curl' ? 'other' : undef) for @names, $php, 'other';

# Write the archive's index as dpkg-scanpackages would, which is not in Debian's
# base system.

spurt('archive/Packages', join '', map {
    my $deb  = "$d/archive/$_.deb";
    my $size = -s $deb;
    my ($sum) = `sha256sum $deb` =~ /^(\w+)/;
    `dpkg-deb -f $deb` . "Filename: ./$_.deb\nSize: $size\nSHA256: $sum\n\n";
} @names, $php, 'other');

my $root;

# Makes a system without packages.

sub system_of ($name) {
    $root = "$d/$name";
    system('mkdir', '-p', (map "$root/$_", qw(var/lib/dpkg/info usr/sbin
        var/lib/dpkg/updates var/lib/apt/lists/partial etc/apt/apt.conf.d
        var/cache/apt/archives/partial etc/systemd/system var/log/apt etc/init.d
        etc/apt/preferences.d), map "etc/rc$_.d", 0 .. 6, 'S')) == 0 or die;
    spurt("$name/var/lib/dpkg/status", '');
    spurt("$name/etc/apt/sources.list",
        "deb [trusted=yes] file:$d/archive ./\n");
    spurt("$name.conf", <<"EOF");
Dir "$root/";
Dir::State::status "$root/var/lib/dpkg/status";
Dir::Bin::dpkg "/usr/bin/dpkg";
Dir::Bin::methods "/usr/lib/apt/methods";
DPkg::Options { "--root=$root"; "--force-script-chrootless";
    "--log=$root/var/log/dpkg.log"; };
DPkg::Path "";
APT::Sandbox::User "root";
APT::Architecture "@{[`dpkg --print-architecture` =~ s/\s//r]}";
EOF
    return $root;
}

sub install (@purposes) {
    my ($conf) = "$root.conf";
    return run_in("APT_CONFIG=$conf DPKG_ROOT=$root t/install @purposes");
}

sub enabled {
    return join ' ', sort map { s/.*\///r =~ s/\.service$//r }
        glob "$root/etc/systemd/system/*.wants/*";
}

# Returns the services that System V's scripts start.

sub starts {
    return join ' ', sort map { s/.*\/S\d\d//r } glob "$root/etc/rc2.d/S*"
}

sub started { return join ' ', map { s/.*\///r } glob "$root/*.started" }

# make demo

system_of('demo');
my $out = install('build', 'demo');
like($out, qr/^installing:.* nginx\b/m, 'demo: nginx is missing');
ok(-e "$root/lib/systemd/system/nginx.service", 'demo: installed');
is(enabled(), 'other', 'demo: nginx is not enabled, others are as they come');
is(starts(), 'other', 'demo: nor in runlevels');
is(started(), '', 'demo: nothing was started');
ok(!-e "$root/usr/sbin/policy-rc.d", 'demo: no policy is left');
is(install('build', 'demo'), '', 'demo, again: nothing to do');

# make bench after make demo: php-fpm, whose service is in a package that it
# depends on

install('bench');
ok(-e "$root/lib/systemd/system/$php.service", 'bench: php-fpm is installed');
is(enabled(), 'other', 'bench: it is not enabled');
is(starts(), 'other', 'bench: nor in runlevels');
is(started(), '', 'bench: nothing was started');

# t/install leaves out a package that this Debian does not have, without an
# error.

like(install('test'), qr/^installing:.* \Q$optional\E\b/m,
    "test: $optional is missing");
is(enabled(), 'other', 'test: nothing more is enabled');

# t/install changes nothing that an administrator set: an enabled nginx, and a
# policy-rc.d

system_of('admin');
spurt('admin/usr/sbin/policy-rc.d', "#!/bin/sh\nexit 101\n");
chmod 0755, "$root/usr/sbin/policy-rc.d";
run_in("APT_CONFIG=$root.conf DPKG_ROOT=$root "
    . 'DEBIAN_FRONTEND=noninteractive sh -c "apt-get -q update '
    . '&& apt-get -q install -y nginx"');
is(enabled(), 'nginx', 'enabled before: it is');
install('demo', 'bench');
is(enabled(), 'nginx other', 'enabled before: it stays so, PHP is not');
is(starts(), 'nginx other', 'enabled before: in runlevels, too');
is(slurp("$root/usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n",
    'a policy of the administrator\'s stays');

done_testing();
