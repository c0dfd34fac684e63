#!/usr/bin/env perl

# Each configuration error is reported with the file, line, cause and a
# suggested fix.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(read_file);
use Test::More;

my $t = Test::Alikassa->new->sandbox;
my $d = $t->dir;
my $k = "$t->{box}/payment";

# Invalid keys.

sub openssl (@args) {
    system("openssl @args 2>/dev/null") == 0 or die "openssl @args";
}

openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 "
    . "-out $d/short.pem");
openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 "
    . "-out $d/ec.pem");
openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 "
    . "-out $d/plain.pem");
openssl("pkey -in $d/plain.pem -pubout -out $d/plain.pub");

$t->write('garbage.pem', "no key\n");
$t->write('empty.pem', '');
$t->write('wrong.txt', "wrong\n");
$t->write('many.txt', "wrong\r\n\n" . read_file("$k/password.txt") . "\r\n");
mkdir "$d/folder";

chmod 0600, glob("$d/*.pem $d/*.txt");

# Checks a configuration with directives of http and of server level.  @want has
# the patterns of the error, or "warn" and those of a warning; without it the
# configuration is valid.

sub try ($name, $http, $location, @want) {
    $t->conf(<<"EOF");
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    $http
    server {
        listen 127.0.0.1:%%PORT_0%%;
        $location
        %%API%%
    }
}
EOF
    my ($status, $text) = $t->test_config;
    my $good = !@want || $want[0] eq 'warn';

    shift @want if @want && $want[0] eq 'warn';

    is($status != 0 ? 'fails' : 'good', $good ? 'good' : 'fails', $name)
        or diag($text);

    for my $re (@want) {
        like($text, $re, "$name: message matches $re") if ref $re;
    }

    return $text;
}

my $where = qr{in \S+/nginx\.conf:\d+};
my $a     = 'alikassa_account %%ACCOUNT%%;';
my $key   = "alikassa_key $k;";
my $pay   = 'location = /pay { alikassa_payment; }';

unlike(try('valid payment', "$a $key", $pay), qr/warn|emerg|alikassa module/,
    'valid payment: no message');

try('account that is no UUID', 'alikassa_account abc;', '',
    qr/"abc" is not an account's UUID, which looks like "6c1f/, $where);
try('account set twice', "$a $a", '',
    qr/"alikassa_account" directive is duplicate/, $where);
try('account by a variable', "alikassa_account \$host; $key", $pay);
try('account by an unknown variable', 'alikassa_account $nothing_like_it;', '',
    qr/unknown "nothing_like_it" variable/);

try('payment without an account', $key, $pay,
    qr/no "alikassa_account" is defined for the "alikassa_payment"/, $where);
try('payment without a key', $a, $pay,
    qr/no "alikassa_key" is defined for the "alikassa_payment"/, $where);

# Keys.

for (['missing key file', "$d/nothing.pem", qr/cannot find key .*No such file/],
    ['key folder that is empty', "$d/folder",
        qr{cannot find "$d/folder/private.pem"}],
    ['key file with garbage', "$d/garbage.pem", qr/not a private key in PEM/],
    ['empty key file', "$d/empty.pem", qr/the file is empty/],
    ['public key as the private key', "$d/plain.pub",
        qr/not a private key in PEM/],
    ['EC key', "$d/ec.pem", qr/not an RSA key/],
    ['key of 1024 bits', "$d/short.pem", qr/has 1024 bits, from 2048/],
    ['encrypted key without a passphrase', "$k/private.pem",
        qr/is encrypted and there is no passphrase, name its file with "pass/],
    ['wrong passphrase', "$k/private.pem password=wrong.txt",
        qr/no passphrase given opens it/],
    ['missing password file', "$k/private.pem password=no.txt",
        qr{"$d/no.txt" failed .*No such file}],
    ['public key of another pair', "$d/plain.pem public=$k/public.pem",
        qr/not the other half of the private key, take both from one archive/],
    ['public key file with garbage', "$d/plain.pem public=garbage.pem",
        qr/not a public key in PEM/],
    ['missing public key file', "$d/plain.pem public=no.pem", qr/No such file/],
    ['unknown parameter of alikassa_key', "$d/plain.pem passwd=x",
        qr/invalid parameter "passwd=x", it must be "password=file"/],
    ['empty parameter of alikassa_key', "$d/plain.pem password=",
        qr/invalid parameter/])
{
    try($_->[0], "$a alikassa_key $_->[1];", $pay, $_->[2], $where);
}

try('key without a passphrase', "$a alikassa_key $d/plain.pem;", $pay);
try('key by a relative path', "$a alikassa_key plain.pem public=plain.pub;",
    $pay);
try('password file with several passphrases',
    "$a alikassa_key $k/private.pem password=many.txt;", $pay);
try('key folder with parameters',
    "$a alikassa_key $k password=many.txt public=$k/public.pem;", $pay);

chmod 0644, "$d/plain.pem";
try('key file that others can read', "$a alikassa_key plain.pem;", $pay, 'warn',
    qr/secret file "$d\/plain.pem" can be read by every user, run "chmod o-r/,
    $where);
chmod 0600, "$d/plain.pem";

# Other directives.

try('unknown digest', "$a $key alikassa_digest md5;", $pay,
    qr/invalid digest "md5", it must be "sha1" or "sha256"/, $where);
try('digest sha256', "$a $key alikassa_digest sha256;", $pay);
try('field set twice', "$a $key", 'location = /pay { alikassa_payment; '
    . "alikassa_set amount 1;\nalikassa_set amount 2; }",
    qr/field "amount" is set twice, first in \S+nginx.conf:\d+/, $where);
try('set with value before name', "$a $key",
    'location = /pay { alikassa_payment; alikassa_set $order_total amount; }',
    qr/the field's name "\$order_total" is a variable, write the name first and then its value, as in "alikassa_set amount \$order_total"/,
    $where);
try("accept $_", "$a $key",
    "location = /pay { alikassa_payment; alikassa_accept $_; }",
    qr/"\$x" is a variable, name fields that a client may send, as in "alikassa_accept amount order_id"/,
    $where)
    for '$x', 'amount $x';
try('idempotency $zone', "$a $key", 'location = /pay { alikassa_payment; '
    . 'alikassa_idempotency $zone; }',
    qr/invalid zone name "\$zone", it must be a word and cannot have variables/,
    $where);
try('idempotency zone $zone', "$a $key alikassa_idempotency_zone \$zone 1m;",
    $pay,
    qr/invalid zone name "\$zone", it must be a word and cannot have variables/,
    $where);
try('notification, unsigned=$name', '', 'location = /n { alikassa_notification '
    . "$t->{box}/notification/public.pem unsigned=\$name; return 204; }",
    qr/invalid parameter "unsigned=\$name", name a parameter, a variable cannot be used/,
    $where);
try("audit log $_", "$a $key alikassa_audit_log $_;", $pay,
    qr/invalid audit log "\Q$_\E", it cannot have variables: give each location its own "alikassa_audit_log"/,
    $where)
    for '/tmp/$host.log', '$audit_path', 'syslog:server=$host',
        'syslog:server=127.0.0.1,tag=$host';
try('field set at two levels', "$a $key alikassa_set amount 1;",
    'location = /pay { alikassa_payment; alikassa_set amount 2; }');

# Variables of fields that have no value yet.

for (['amount of itself', 'amount $alikassa_amount', 'amount', 'amount'],
    ['order_id of itself', 'order_id "A-${alikassa_order_id}"', 'order_id',
        'order_id'],
    ['amount of order_id', 'amount $alikassa_order_id', 'amount', 'order_id'])
{
    my ($name, $set, $field, $of) = @$_;
    try($name, "$a $key",
        "location = /pay { alikassa_payment;\nalikassa_set $set; }",
        qr/"\$alikassa_$of" has no value yet in "alikassa_set $field", since "$of" is not before it: use what "$of" is made of, such as "\$alikassa_field_$of", in \S+nginx\.conf:\d+/);
    try("$name, set in the server", "$a $key alikassa_set $set;", $pay,
        qr/has no value yet in "alikassa_set $field".* $where/);
    try("$name, set in a server without payments", "$a $key alikassa_set $set;",
        '');
}

try('order_id of itself, in a status location', "$a $key",
    'location = /s { alikassa_payment_status; '
    . 'alikassa_set order_id $alikassa_order_id; }',
    qr/"\$alikassa_order_id" has no value yet/, $where);
try('fields of fields that come before them', "$a $key",
    'location = /pay { alikassa_payment; '
    . 'alikassa_set success_redirect_url "https://a/$alikassa_order_id"; '
    . 'alikassa_set order_id "$alikassa_amount-$arg_x"; '
    . 'alikassa_set shop_order "$alikassa_order_id $alikassa_amount '
    . '$alikassa_account $alikassa_operation"; }');

for (qw(sign id uuid url payment_status status error outcome sign_time
    response_time idempotency))
{
    try("set of \$alikassa_$_", "$a $key alikassa_set desc x\$alikassa_$_;", '',
        qr/"\$alikassa_$_" has no value before the call is made, remove it from "alikassa_set"/,
        $where);
    try("account of \$alikassa_$_", "alikassa_account \$alikassa_$_; $key", '',
        qr/"\$alikassa_$_" has no value before the call .*"alikassa_account"/,
        $where);
}

try('account of itself', "alikassa_account \$alikassa_account; $key", $pay,
    qr/"alikassa_account" directive has "\$alikassa_account" in its own value/,
    $where);

try('accept with an unknown field', "$a $key alikassa_accept amount nothing;",
    $pay, qr/"nothing" is no field that a client may send/, $where);
try('two operations in one location', "$a $key",
    'location = /pay { alikassa_payment; alikassa_payout; }',
    qr/has "alikassa_payment" already/, $where);
try('proxy_pass before', "$a $key",
    'location = /pay { proxy_pass http://127.0.0.1:1; alikassa_payment; }',
    qr/cannot stand beside another content handler/, $where);
try('proxy_pass after', "$a $key",
    "location = /pay { alikassa_payment;\nproxy_pass http://127.0.0.1:1; }",
    qr/shares its location with another content handler/, $where);

# Directives that respond before the content handler.

for ('alikassa_payment', 'alikassa_payout', 'alikassa_payment_status',
    'alikassa_payout_status', 'alikassa_request /v1/x')
{
    my ($operation) = /(\w+)/;
    my $no = qr/"$operation" makes no call beside "(?:return|try_files)", which answers before it: remove "\w+", or give it another location or an "if", $where/;

    for my $first ('return 303 https://a/;', 'return 204;',
        'return https://a/;', 'return 200 "x$arg_a";', 'try_files /x /y;',
        'try_files $uri =404;',
        'set $a 1; return 303 /;', 'set $a "x$arg_b/$host"; return 303 /;',
        'if ($arg_a) { return 403; } return 303 /;',
        'if ($arg_a ~ "^x(.)$") { return 403; } return 303 /;',
        'if ($arg_a = "") { set $b 1; } if (-f $arg_b) { break; } return 204;')
    {
        try("$_, $first", "$a $key", "location = /x { internal;\n$_; $first }",
            $no);
        try("$first $_", "$a $key", "location = /x { internal;\n$first $_; }",
            $no);
    }

    for my $first ('if ($arg_a) { return 403; }', 'set $a "x$arg_b";',
        'if ($arg_a ~ x) { return 403; } if ($arg_b != y) { return 410; }',
        'break; return 303 /;', 'rewrite ^/y /z last;',
        'rewrite ^/y /z break; return 204;', 'error_page 502 /y; root /y;')
    {
        try("$_ with $first", "$a $key",
            "location = /x { internal;\n$first $_; }");
    }
}

# Other content handlers, before and after ours.

for my $other ('proxy_pass http://127.0.0.1:1;', 'fastcgi_pass 127.0.0.1:1;',
    'uwsgi_pass 127.0.0.1:1;', 'scgi_pass 127.0.0.1:1;',
    'grpc_pass 127.0.0.1:1;', 'memcached_pass 127.0.0.1:1;', 'stub_status;',
    'empty_gif;', 'flv;', 'mp4;', 'alikassa_payout;',
    'alikassa_request /v1/x;')
{
    for ("alikassa_payment; $other", "$other alikassa_payment;") {
        try("two handlers, $_", "$a $key", "location = /x { internal;\n$_ }",
            qr/another content handler|location has "alikassa_\w+" already|is duplicate/,
            $where);
    }
}

try('api in a named location', "$a $key alikassa_api \@x;", $pay,
    qr/named location "\@x"/, $where);
try('api without a slash', "$a $key alikassa_api x;", $pay,
    qr/invalid path "x", it must start with "\/"/, $where);
try('redirect with an invalid value', "$a $key alikassa_redirect maybe;", $pay,
    qr/invalid value "maybe"/, $where);
try('unknown thread pool', "$a $key alikassa_thread_pool nowhere;", $pay,
    qr/unknown thread pool "nowhere"/, $where);
try('thread pool off', "$a $key alikassa_thread_pool off;", $pay, 'warn',
    qr/signs without a thread pool/);
try('unknown idempotency zone', 'alikassa_idempotency nowhere;' . "$a $key",
    $pay, qr/nowhere/);
try('idempotency zone that is too small', 'alikassa_idempotency_zone x 1k;', '',
    qr/zone "?x/, $where);
try('request without a slash', "$a $key",
    'location = /r { alikassa_request v1; }', qr/invalid path "v1"/, $where);
try('payment with if and limit_except', "$a $key",
    'location /pay { alikassa_payment; '
    . 'if ($arg_a) { set $b 1; } limit_except GET { deny all; } }');

# Notifications.

my $note = "$t->{box}/notification/public.pem";

try('valid notification', '', "location = /n { alikassa_notification $note; "
    . "proxy_pass http://127.0.0.1:1; }");

for (['notification, missing key file', 'nowhere.pem', qr/No such file/],
    ['notification, key file with garbage', 'garbage.pem', qr/not a public key in PEM, give public\.pem of AliKassa's/],
    ['notification, private key', 'plain.pem', qr/not a public key in PEM/],
    ['notification, no key', 'unsigned=x', qr/has no public key/],
    ['notification, unsigned= with a signed field', "$note unsigned=amount",
        qr/invalid parameter "unsigned=amount", name a parameter that AliKassa does not sign/],
    ['notification, unsigned= without a name', "$note unsigned=",
        qr/invalid parameter "unsigned="/])
{
    try($_->[0], '', "location = /n { alikassa_notification $_->[1]; }",
        $_->[2], $where);
}

openssl("pkey -in $d/ec.pem -pubout -out $d/ec.pub");
openssl("pkey -in $d/short.pem -pubout -out $d/short.pub");

try('notification, EC key', '',
    "location = /n { alikassa_notification ec.pub; }",
    qr/not an RSA key/, $where);
try('notification, key of 1024 bits', '',
    "location = /n { alikassa_notification short.pub; }",
    qr/has 1024 bits/, $where);
try('notification, directive twice', '',
    "location = /n { alikassa_notification $note; "
    . "alikassa_notification $note; }", qr/is duplicate/, $where);
try('notification, in http', "alikassa_notification $note;", '',
    qr/not allowed here/);

# Parameters that are signed, and those that need not be.

my $check = "location = /n { alikassa_notification $note";
my $dropped = qr/takes for a signed one, without escapes, in \S+\/nginx\.conf:\d+/;

try("notification, invalid unsigned=$_", '', "$check unsigned=$_; }",
    qr/invalid parameter "unsigned=\Q$_\E", name a parameter that AliKassa does not sign and that no parser/,
    $dropped)
    for 'sign', 'order[id', '[order_id]', 'Order_ID', 'order-id', 'x[amount]',
        'order%5Fid', '_method', '_charset_', "payment_\xc5\xbftatus";
try("notification, valid unsigned=$_", '', "$check unsigned=$_; }")
    for '*', 'wc-api', 'filter[x]', 'shop-id';

my $fields = 'alikassa_notification_fields';

try('notification_fields at three levels',
    "$fields id order_id payment_status;",
    "$fields payment_status id order_id a b_2; $check; "
    . "$fields type id order_id payment_status; }");
try('notification_fields in a nested location', '',
    "location /n { alikassa_notification "
    . "$note; location /n/n { $fields id order_id payment_status x; } }");

for (['notification_fields, a field twice', 'id order_id payment_status id',
        qr/a field is named twice/],
    ['notification_fields, a field twice in another case',
        'id order_id payment_status Order_ID',
        qr/a field is named twice, capitals are not told apart/],
    ['notification_fields, sign', 'id order_id payment_status sign',
        qr/"sign" is the signature itself/],
    ['notification_fields, Sign', 'id order_id payment_status Sign',
        qr/"sign" is the signature itself/],
    ['notification_fields, no id', 'order_id payment_status',
        qr/"id" is missing/],
    ['notification_fields, no order_id', 'id payment_status ORDER',
        qr/"order_id" is missing/],
    ['notification_fields, no payment_status', 'id order_id',
        qr/"payment_status" is missing/],
    ['notification_fields, ID for id', 'ID order_id payment_status',
        qr/"id" is missing/],
    (map { [ "notification_fields, invalid name \"$_\"",
        "id order_id payment_status $_",
        qr/a letter and then letters, digits and "_", at most 64 of them/ ] }
        'a.b', 'a[b]', 'a-b', '_a', '1a', '""', "\xc3\xa9", "'a b'",
        '$a', 'a' x 65),
    ['notification_fields, 33 fields', join(' ', qw(id order_id payment_status),
        map { "f$_" } 1 .. 30), qr/more than 32 fields/])
{
    try($_->[0], "$fields $_->[1];", '',
        qr/invalid "alikassa_notification_fields": /, $_->[2],
        qr/, name the signed fields in their order in \S+\/nginx\.conf:\d+/);
}

try('notification_fields, a name that a built-in variable has',
    "$fields id order_id payment_status "
    . "Bar;", '', qr/\$alikassa_notification_Bar would not be the field "Bar"/,
    $where);
try('notification_fields, 32 fields',
    join(' ', $fields, qw(id order_id payment_status),
    map { 'f' x 62 . sprintf '%02d', $_ } 1 .. 29) . ';', "$check; }");
try('notification_fields, directive twice',
    "$fields id order_id payment_status; "
    . "$fields id order_id payment_status;", '', qr/is duplicate/, $where);
try('notification_fields, then unsigned= with a signed field',
    "$fields id order_id payment_status brand;",
    "$check unsigned=brand; }", qr/invalid parameter "unsigned=brand"/);
try('unsigned= with a signed field, then notification_fields', '',
    "$check unsigned=brand; $fields id order_id payment_status brand; }",
    qr/invalid parameter "unsigned=brand"/);
try('unsigned= with a documented field that is not signed', '',
    "$check unsigned=desc; $fields id order_id payment_status; }");
try('notification_fields, no account', $a,
    "$check; $fields id order_id payment_status; }", 'warn',
    qr/\[warn\] .*has no "account": notifications of other accounts are accepted, too/,
    $where);

# A payout location that anyone can reach.

my $warning = qr{anybody who reaches location "/out" can make "alikassa_payout" pay out, add "allow 127\.0\.0\.1; deny all;" .* in \S+/nginx\.conf:\d+};

try('open payout location', "$a $key", 'location = /out { alikassa_payout; }',
    'warn', $warning);

for ('internal;', 'allow 127.0.0.1; deny all;', 'deny all;',
    'auth_basic x; auth_basic_user_file x;', 'auth_request /x;',
    'if ($arg_x != "secret") { return 403; }')
{
    unlike(try("payout location with $_", "$a $key",
        "location = /out { alikassa_payout; $_ }"), qr/anybody/,
        "payout location with $_: no warning");
}

unlike(try('payout location behind a server\'s auth_basic', "$a $key",
    'auth_basic x; auth_basic_user_file x; '
    . 'location = /out { alikassa_payout; }'), qr/anybody/,
    'payout location behind a server\'s auth_basic: no warning');
like(try('payout location with auth_basic off', "$a $key", 'auth_basic x; '
    . 'location = /out { auth_basic off; alikassa_payout; }'), $warning,
    'payout location with auth_basic off: warning');
unlike(try('payout location with client certificates', "$a $key",
    "ssl_verify_client on; ssl_client_certificate $t->{box}/ca.pem; "
    . "ssl_certificate $t->{box}/server.pem; "
    . "ssl_certificate_key $t->{box}/server.key; "
    . 'location = /out { alikassa_payout; }'), qr/anybody/,
    'payout location with client certificates: no warning');

done_testing();
