#!/usr/bin/env perl

# Files that nginx reads with its configuration: paths that are not regular
# files, keys that this OpenSSL cannot decrypt, passphrases as editors save
# them.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use POSIX qw(mkfifo);
use Socket qw(SOCK_STREAM AF_UNIX pack_sockaddr_un);
use Test::Alikassa qw(read_file wait_for);
use Test::Build qw(need_build);
use Test::More;

need_build('preload');

my $t = Test::Alikassa->new->sandbox;
my $d = $t->dir;
my $k = "$t->{box}/payment";

sub openssl (@args) {
    system("openssl @args 2>>$d/openssl.err") == 0
        or die "openssl @args: " . read_file("$d/openssl.err");
}

# Runs nginx -t.  Returns its status, undef if it does not end, and its output.
# Without a key the configuration has no payment, only $more.

sub try ($key, $more = '') {
    my $payment = $key ? 'location = /pay { alikassa_payment; }' : '';
    my $with    = $key ? "alikassa_key $key;" : '';
    my $api     = $key ? '%%API%%' : '';

    $t->conf(<<"EOF");
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    alikassa_account %%ACCOUNT%%;
    $with
    server {
        listen 127.0.0.1:%%PORT_0%%;
        $payment
        $more
        $api
    }
}
EOF
    my $pid = $t->spawn("$d/test.out", $t->nginx('-t'));
    my $status;

    wait_for(sub {
        waitpid($pid, POSIX::WNOHANG()) or return;
        $status = $?;
        return 1;
    }) or do { kill 'KILL', $pid; waitpid $pid, 0; return };

    my $text = read_file("$d/test.out") . read_file("$d/error.log");
    unlink "$d/test.out", "$d/error.log";
    return ($status, $text);
}

sub fails ($name, $re, @conf) {
    my ($status, $text) = try(@conf);
    ok(defined $status, "$name: nginx -t ends") or return;
    isnt($status, 0, "$name: refused");
    like($text, $re, "$name: the cause");
    like($text, qr{ in \S+/nginx\.conf:\d+}, "$name: file and line");
    return $text;
}

sub loads ($name, @conf) {
    my ($status, $text) = try(@conf);
    is($status, 0, "$name: loaded") or diag($text);
    unlike($text // '', qr/alert|SSL:/, "$name: no error of OpenSSL is left");
}

# Paths that are not regular files.

mkfifo("$d/fifo", 0600) or die;
mkdir "$d/folder";
socket(my $socket, AF_UNIX, SOCK_STREAM, 0) or die;
bind($socket, pack_sockaddr_un("$d/socket")) or die;

open(my $huge, '>', "$d/huge") or die;
truncate $huge, 1 << 40;
close $huge;
chmod 0600, "$d/huge";

for my $what (qw(fifo folder socket huge /dev/zero /dev/tty)) {
    my $path = $what =~ m{^/} ? $what : "$d/$what";
    my $no   = $what eq 'huge' ? qr/"$path" has more than 65536 bytes/
        : qr/"$path" is not a regular file/;
    my $key  = "$k/private.pem password=$k/password.txt";

    fails("$what as key", $no, "$path password=$k/password.txt")
        if $what ne 'folder';
    fails("$what as password file", $no, "$k/private.pem password=$path");
    fails("$what as public key", $no, "$key public=$path");
    fails("$what as notification key", $no, $key,
        "location = /n { alikassa_notification $path; return 204; }");
}

for my $name (qw(private.pem password.txt public.pem)) {
    system('rm', '-rf', "$d/archive");
    mkdir "$d/archive";
    system('cp', '-a', glob("$k/*"), "$d/archive/");
    unlink "$d/archive/$name";
    mkfifo("$d/archive/$name", 0600) or die;
    fails("FIFO as $name of a folder", qr{"$d/archive/$name" is not a regular},
        "$d/archive");
}

# Notification keys whose numbers no RSA key can have.

my $note = "$t->{box}/notification/public.pem";

sub notification ($key, $more = '') {
    return (undef, "location = /n { $more alikassa_notification $key; "
        . 'return 204; }');
}

my ($modulus) = `openssl rsa -pubin -in $note -noout -modulus`
    =~ /^Modulus=(\w+)/ or die;

for (['exponent 1', $modulus, 1, qr/its public exponent is even or below 3/],
    ['exponent 2', $modulus, 2, qr/its public exponent is even or below 3/],
    ['even modulus', $modulus =~ s/.\z/E/r, 65537, qr/its modulus is even/],
    ['the sandbox\'s own', $modulus, 65537, undef])
{
    my ($name, $n, $e, $no) = @$_;

    $t->write('numbers.cnf', <<"EOF");
asn1 = SEQUENCE:spki
[spki]
algorithm = SEQUENCE:rsa
key = BITWRAP,SEQUENCE:numbers
[rsa]
type = OID:rsaEncryption
none = NULL
[numbers]
n = INTEGER:0x$n
e = INTEGER:$e
EOF
    openssl("asn1parse -genconf $d/numbers.cnf -noout -out $d/numbers.der");
    openssl("base64 -in $d/numbers.der -out $d/numbers.b64");
    $t->write('numbers.pub', "-----BEGIN PUBLIC KEY-----\n"
        . read_file("$d/numbers.b64") . "-----END PUBLIC KEY-----\n");

    if ($no) {
        fails("notification key, $name",
            qr/cannot use key "\S+numbers\.pub" with digest "sha1": $no, give public\.pem/,
            notification("$d/numbers.pub"));
    } else {
        loads("notification key, $name",
            notification("$d/numbers.pub"));
    }
}

# Passphrases as editors and copying leave them.  A passphrase that itself ends
# with a blank is taken as it is.

my $pass = read_file("$k/password.txt") =~ s/\s+\z//r;
my @file;

sub password ($text) {
    $t->write('pass.txt', $text);
    chmod 0600, "$d/pass.txt";
    return "password=$d/pass.txt";
}

for (['byte order mark', "\xef\xbb\xbf$pass\n"],
    ['byte order mark, CR LF', "\xef\xbb\xbf$pass\r\n"],
    ['blank', "$pass \n"], ['tab', "$pass\t"],
    ['blanks, CR LF', "$pass \t \r\n"],
    ['byte order mark and blank', "\xef\xbb\xbf$pass "],
    ['after wrong ones', "\xef\xbb\xbfwrong \n\n wrong\t\n$pass \n"])
{
    loads("passphrase, $_->[0]", "$k/private.pem " . password($_->[1]));
}

for my $own ("with blank ", "with tab\t", "\xef\xbb\xbfwith a mark",
    "\xef\xbb\xbfwith both ")
{
    $t->write('own.txt', "$own\n");
    openssl("genpkey -algorithm RSA -aes256 -pass file:$d/own.txt "
        . "-out $d/own.pem");
    chmod 0600, "$d/own.pem", "$d/own.txt";
    loads("passphrase of a key, \"$own\"",
        "$d/own.pem password=$d/own.txt");
}

fails('passphrase with a leading blank', qr/no passphrase given opens it/,
    "$k/private.pem " . password(" $pass\n"));
fails('passphrase file without one', qr/there is no passphrase/,
    "$k/private.pem " . password("\r\n\n"));
loads('passphrase file of 64 lines', "$k/private.pem "
    . password("x\n" x 63 . $pass));
fails('passphrase file of 65 lines',
    qr/password file "\S+" has more than 64 lines/,
    "$k/private.pem " . password("x\n" x 64 . $pass));

# Ciphers of OpenSSL's legacy provider.

my $legacy = '-provider legacy -provider default';
my $have   = system("openssl list $legacy -providers >/dev/null 2>&1") == 0;

$t->write('plain.txt', "old key\n");
$t->write('new.txt', "old key\n");
openssl("genpkey -algorithm RSA -out $d/plain.pem");
chmod 0600, "$d/plain.pem", "$d/plain.txt";

SKIP: {
    skip 'no legacy provider (openssl-provider-legacy) here', 1 unless $have;

    my $out = "-passout file:$d/plain.txt -out $d/old.pem";

    for (['DES-CBC', 'traditional', "rsa -traditional -des"],
        ['PBE-MD5-DES', 'PKCS #5', 'pkcs8 -topk8 -v1 PBE-MD5-DES'],
        ['PBE-SHA1-DES', 'PKCS #5', 'pkcs8 -topk8 -v1 PBE-SHA1-DES'],
        ['PBE-SHA1-RC2-64', 'PKCS #5', 'pkcs8 -topk8 -v1 PBE-SHA1-RC2-64'],
        ['PBE-SHA1-RC2-40', 'PKCS #12', 'pkcs8 -topk8 -v1 PBE-SHA1-RC2-40'],
        ['PBE-SHA1-RC2-128', 'PKCS #12', 'pkcs8 -topk8 -v1 PBE-SHA1-RC2-128'],
        ['PBE-SHA1-RC4-40', 'PKCS #12', 'pkcs8 -topk8 -v1 PBE-SHA1-RC4-40'],
        ['PBE-SHA1-RC4-128', 'PKCS #12', 'pkcs8 -topk8 -v1 PBE-SHA1-RC4-128'],
        ['DES-CBC', 'PKCS #8', 'pkcs8 -topk8 -v2 des-cbc'],
        ['RC2-CBC', 'PKCS #8', 'pkcs8 -topk8 -v2 rc2'],
        ['BF-CBC', 'traditional', 'rsa -traditional -bf'])
    {
        my ($cipher, $form, $command) = @$_;

        $command =~ s/^(rsa|pkcs8)/$1 $legacy -in $d\/plain.pem/;

        if (system("openssl $command $out 2>$d/openssl.err") != 0) {
            note("this openssl makes no $cipher: "
                . read_file("$d/openssl.err"));
            next;
        }

        my $text = fails("$cipher, $form",
            qr/cannot load key "\S+old\.pem" with password file "\S+": it is encrypted with \Q$cipher\E, which OpenSSL 3 has only in its legacy provider, encrypt it anew: "openssl pkey -provider legacy -provider default -in private\.pem -aes256 -out new\.pem" in /,
            "$d/old.pem password=$d/plain.txt");
        unlike($text, qr/passphrase/,
            "$cipher, $form: no hint about the passphrase");

        # The command that the message suggests.

        my ($mend) = $text =~ /"openssl (pkey .*?)"/;
        $mend =~ s/private\.pem/$d\/old.pem/;
        $mend =~ s/new\.pem/$d\/new.pem/;
        openssl("$mend -passin file:$d/plain.txt "
            . "-passout file:$d/new.txt");
        chmod 0600, "$d/new.pem", "$d/new.txt";
        loads("$cipher, $form, encrypted anew by the suggested command",
            "$d/new.pem password=$d/new.txt");
    }
}

for (['3DES', 'pkcs8 -topk8 -v1 PBE-SHA1-3DES'],
    ['3DES, traditional', 'rsa -traditional -des3'],
    ['AES', 'pkcs8 -topk8 -v2 aes-128-cbc -v2prf hmacWithSHA1'],
    ['scrypt', 'pkcs8 -topk8 -scrypt'])
{
    my ($name, $command) = @$_;
    $command =~ s/^(rsa|pkcs8)/$1 -in $d\/plain.pem/;
    openssl("$command -passout file:$d/plain.txt -out $d/old.pem");
    chmod 0600, "$d/old.pem";
    loads("key encrypted with $name", "$d/old.pem password=$d/plain.txt");
    fails("key encrypted with $name, wrong passphrase",
        qr/no passphrase given opens it/, "$d/old.pem " . password("wrong\n"));
}

# A cipher that no OpenSSL has.

$t->write('odd.pem', "-----BEGIN RSA PRIVATE KEY-----\n"
    . "Proc-Type: 4,ENCRYPTED\nDEK-Info: ODD-512-XYZ,0011223344556677\n\n"
    . "MDAwMDAw\n-----END RSA PRIVATE KEY-----\n");
chmod 0600, "$d/odd.pem";
fails('unknown cipher', qr/encrypted with ODD-512-XYZ, which OpenSSL or its pol/,
    "$d/odd.pem password=$d/plain.txt");

# A policy that allows approved algorithms only: the default provider then has
# no RSA.

$t->write('openssl.cnf', <<'EOF');
openssl_conf = init
[init]
providers = providers
alg_section = algorithms
[providers]
default = active
[active]
activate = 1
[algorithms]
default_properties = fips=yes
EOF

{
    local $ENV{OPENSSL_CONF} = "$d/openssl.cnf";
    my $no = qr/the configuration of OpenSSL \(openssl\.cnf or OPENSSL_CONF\) allows no provider with RSA: mend its "default_properties" and providers/;

    for my $key ("$d/plain.pem", "$k/private.pem password=$k/password.txt") {
        my ($name) = $key =~ m{(\w+\.pem)};
        my $text = fails("policy without RSA, $name", $no, $key);
        unlike($text, qr/passphrase|not a private/,
            "policy without RSA, $name: no hint about the passphrase");
    }

    for my $key ($note, "$t->{box}/notification/private.pem") {
        my ($name) = $key =~ m{(\w+\.pem)};
        my $case = "policy without RSA, notification key $name";
        my $text = fails($case,
            qr/cannot use key "\Q$key\E": $no in /, notification($key));
        unlike($text, qr/give public\.pem|not a public/,
            "$case: no hint about the key");
    }
}

# A policy that forbids SHA-1 and nothing else.

{
    local $t->{preload} = 'build/preload/sha1.so';
    my $key = "$k/private.pem password=$k/password.txt";

    my $text = fails('policy without SHA-1',
        qr/cannot sign with key "\S+" and digest "sha1": the library refuses the digest \(SSL: invalid digest\); allow the digest in the system's crypto policy \("update-crypto-policies --set DEFAULT:SHA1"\) or set another "alikassa_digest" that AliKassa has agreed to in /,
        $key);
    unlike($text, qr/passphrase|cannot load/,
        'policy without SHA-1: no hint about the key');

    loads('policy without SHA-1, another digest',
        "$key; alikassa_digest sha256");

    # AliKassa's key is valid.

    for (['', 'the key'], ['alikassa_digest sha1;', 'the digest']) {
        my ($digest, $where) = @$_;

        my $case = "policy without SHA-1, a notification key, $where";

        $text = fails($case,
            qr/cannot use key "\Q$note\E" with digest "sha1": the library refuses the digest \(SSL: invalid digest\); allow the digest in the system's crypto policy \("update-crypto-policies --set DEFAULT:SHA1"\) or set another "alikassa_digest" that AliKassa has agreed to in /,
            notification($note, $digest));
        unlike($text, qr/give public\.pem/,
            "$case: no hint about the key");
    }

    fails('policy without SHA-1, no key',
        qr/not a public key in PEM, give public\.pem/,
        notification("$d/openssl.cnf"));
    loads('policy without SHA-1, a notification key, another digest',
        notification($note, 'alikassa_digest sha256;'));
}

$t->done_quietly;

done_testing();
