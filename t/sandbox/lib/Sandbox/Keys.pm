package Sandbox::Keys;

# Makes a certificate authority, and key archives like AliKassa's.

use v5.36;

use Exporter qw(import);
use File::Path qw(make_path);

our @EXPORT_OK = qw(make_keys);

sub make_keys ($dir) {
    make_path($dir);

    authority($dir) unless -e "$dir/server.pem";

    for my $archive (qw(main/payment main/payout other/payment other/payout)) {
        archive("$dir/$archive") unless -e "$dir/$archive/public.pem";
    }

    # Most tests use this merchant: give its keys short names.

    for my $name (qw(payment payout)) {
        symlink "main/$name", "$dir/$name" unless -e "$dir/$name";
    }

    notification("$dir/notification")
        unless -e "$dir/notification/public.pem";
}

sub authority ($dir) {
    run("openssl req -x509 -newkey rsa:2048 -nodes -days 30 "
        . "-subj '/CN=Sandbox authority' -keyout $dir/ca.key "
        . "-out $dir/ca.pem");
    run("openssl req -newkey rsa:2048 -nodes -subj '/CN=localhost' "
        . "-keyout $dir/server.key -out $dir/server.csr");

    open(my $ext, '>', "$dir/server.ext") or die;
    print $ext "subjectAltName=DNS:localhost,IP:127.0.0.1,"
        . "DNS:api-merchant.alikassa.test\n";
    close $ext;

    run("openssl x509 -req -days 30 -in $dir/server.csr -CA $dir/ca.pem "
        . "-CAkey $dir/ca.key -CAcreateserial -extfile $dir/server.ext "
        . "-out $dir/server.pem");
}

# Makes a key archive: private.pem, encrypted with the passphrase in
# password.txt, and public.pem.

sub archive ($dir) {
    make_path($dir);

    my $pass = join '', map { chr(97 + int rand 26) } 1 .. 20;

    my $umask = umask 077;

    open(my $fh, '>', "$dir/password.txt") or die;
    print $fh $pass;
    close $fh;

    run("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 "
        . "-aes-256-cbc -pass file:$dir/password.txt -out $dir/private.pem");

    umask $umask;

    run("openssl pkey -in $dir/private.pem -passin file:$dir/password.txt "
        . "-pubout -out $dir/public.pem");
}

sub notification ($dir) {
    make_path($dir);
    run("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 "
        . "-out $dir/private.pem");
    run("openssl pkey -in $dir/private.pem -pubout -out $dir/public.pem");
}

sub run ($command) {
    system("$command 2>/dev/null") == 0 or die "failed: $command\n";
}

1;
