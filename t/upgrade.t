#!/usr/bin/env perl

# make install puts the right files into the right folders, and replaces a
# module that a running nginx has mapped; make builds the module again after an
# upgrade of nginx.  The test itself builds two modules.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Cwd qw(getcwd);
use Test::Alikassa qw(read_file);
use Test::More;

my $top  = getcwd();
my $t    = Test::Alikassa->new->sandbox;
my $root = "$t->{dir}/root";
my $so   = "$root/usr/lib/nginx/modules/ngx_http_alikassa_module.so";
my $api  = "$root/etc/nginx/alikassa-api.conf";

sub make (@args) {
    local $ENV{MAKEFLAGS} = '';
    my $out = `make @args 2>&1`;
    is($?, 0, "make @args") or diag($out);
    return $out;
}

sub install (@more) {
    return make('-o', 'module', 'install', "DESTDIR=$root", @more);
}

install();

is(read_file($so), read_file('build/ngx_http_alikassa_module.so'),
    'make install: the module is the built one');
is(read_file($api), read_file('docs/alikassa-api.conf'),
    'make install: alikassa-api.conf is the shipped one');
is(join(' ', sort map { s/^\Q$root\E//r } grep { -f } split /\n/,
        `find $root`),
    '/etc/nginx/alikassa-api.conf '
    . '/usr/lib/nginx/modules/ngx_http_alikassa_module.so',
    'make install: no other file');
is((stat $so)[2] & 07777, 0644, 'make install: mode of the module');

unlike(install(), qr/is kept/,
    'make install again: the configuration is unchanged');
ok(!-e "$api.new", 'make install again: no .new file');

open(my $fh, '>>', $api) or die;
print $fh "# ours\n";
close $fh;

like(install(), qr{\Q$api\E differs and is kept, compare it with \S+\.new},
    'make install, changed configuration: message');
like(read_file($api), qr/# ours/, 'make install, changed configuration: kept');
is(read_file("$api.new"), read_file('docs/alikassa-api.conf'),
    'make install, changed configuration: the new one is beside it');

# the file of certificate authorities that docs/alikassa-api.conf names

my $certs = (map { /^proxy_ssl_trusted_certificate\s+(\S+);/ ? $1 : () }
    split /\n/, read_file('docs/alikassa-api.conf'))[0];
like(`make -pn help 2>/dev/null`, qr/^CA_CERTS = \Q$certs\E$/m,
    'ca-certificates: the path in alikassa-api.conf is the one looked for');
like(install("CA_CERTS=$t->{dir}/none.crt"),
    qr{^alikassa-api\.conf needs \Q$t->{dir}\E/none\.crt: install ca-certificates$}m,
    'no ca-certificates: said');
$t->write('some.crt', '');
unlike(install("CA_CERTS=$t->{dir}/some.crt"), qr/ca-certificates/,
    'ca-certificates there: nothing said');

# make install while nginx has the module mapped: the old file stays as it is

$ENV{ALIKASSA_LOG} = 'debug';

$t->conf(<<'EOF');
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    %%CREDENTIALS%%
    server {
        listen 127.0.0.1:%%PORT_0%%;
        location = /pay { alikassa_payment; }
        %%API%%
    }
}
EOF

my $conf = read_file("$t->{dir}/nginx.conf");
$conf =~ s{load_module \S+;}{load_module $so;} or die;
$t->write('nginx.conf', $conf);
$t->run;

# nginx logs the module's version at start, and in the debug log for each
# request.

my ($version) = read_file('CHANGES') =~ /^Changes with \S+ (\S+)$/m;

is(scalar(() = $t->log
        =~ /\[notice\] \S+ alikassa module \Q$version\E$/mg), 1,
    'version: a notice at start');

my $inode  = (stat $so)[1];
my ($pid)  = $t->workers;

install();

isnt((stat $so)[1], $inode, 'make install over a mapped module: a new file');
my ($mapped) = read_file("/proc/$pid/maps")
    =~ m{ (\d+) +\S*ngx_http_alikassa_module\.so \(deleted\)};
is($mapped, $inode,
    'make install over a mapped module: the worker maps the old file');
is($t->get('/pay', method => 'POST', form => [$t->payment(order_id => $_)])
    ->{status}, 200,
    'make install over a mapped module: a payment passes')
    for qw(upgrade-1 upgrade-2);
is(($t->workers)[0], $pid,
    'make install over a mapped module: the worker lives');
my $line = 'http alikassa handler: "alikassa_payment", module ' . $version;
like($t->log, qr{\[debug\] .* \Q$line\E$}m, 'version: in the debug log');

# If another nginx replaces nginx in the same folder, make must run configure
# again.  Debian has one nginx: the test changes a copy of its headers.

sub stamp ($src, @more) {
    my ($stamp) = `make -pn @more NGX_SRC=$src help 2>/dev/null`
        =~ /^STAMP := (\w+)/m;
    return $stamp // '';
}

my $src = "$t->{dir}/src";
system('cp', '-r', '/usr/share/nginx/src', $src) == 0 or die;
my $one = stamp($src);
like($one, qr/^\w{40}$/, 'configure stamp: a SHA-1');
is(stamp($src), $one, 'configure stamp: the same for the same tree');

for (['nginx.h', 's/nginx_version +[0-9]+/nginx_version 1099001/'],
    ['ngx_module.h',
        's/NGX_MODULE_SIGNATURE_34 .*/NGX_MODULE_SIGNATURE_34 "x"/'])
{
    my ($header, $change) = @$_;
    my ($file) = `find $src/ -name $header`;
    chomp $file;
    my $old = stamp($src);
    system('sed', '-Ei', $change, $file) == 0 or die;
    isnt(stamp($src), $old, "configure stamp: changes with $header");
}

my $old = stamp($src);
system("echo '# other' >> $src/conf_flags") == 0 or die;
isnt(stamp($src), $old, 'configure stamp: changes with conf_flags');

$old = stamp($src);
isnt(stamp($src, "CURDIR=$t->{dir}"), $old,
    'configure stamp: changes with the place of our tree');

# An nginx that was upgraded in its folder refuses the module that was built for
# the earlier version, and loads the module that make builds next.  The earlier
# version here is a copy of the headers, with the number of a version that does
# not exist.

sub build {
    return make('module', "NGX_DEV=$src", "BUILD=$t->{dir}/build",
        'NGX_CC_OPT=-O0');
}

sub tree ($version = undef) {
    system('rm', '-rf', $src) == 0 or die;
    system('cp', '-r', '/usr/share/nginx/src', $src) == 0 or die;
    return unless $version;
    system('sed', '-Ei', "s/(nginx_version +)[0-9]+/\\1$version/",
        "$src/src/core/nginx.h") == 0 or die;
}

sub loads {
    $conf =~ s{load_module \S+;}
        {load_module $t->{dir}/build/ngx_http_alikassa_module.so;} or die;
    $t->write('nginx.conf', $conf);
    return $t->test_config;
}

my ($installed) = read_file('/usr/share/nginx/src/src/core/nginx.h')
    =~ /nginx_version +(\d+)/;
my $before = $installed + 1;

tree($before);
build();
my ($status, $text) = loads();
isnt($status, 0, 'module of the nginx before the upgrade: not loaded');
like($text, qr/module "\S+" version $before instead of $installed/,
    'module of the nginx before the upgrade: nginx says why');

tree();
like(build(), qr/configure/, 'after the upgrade: configured anew');
($status, $text) = loads();
is($status, 0, 'after the upgrade: loaded') or diag($text);
unlike(build(), qr/configure/, 'nothing changed: not configured');

$t->done_quietly;

done_testing();
