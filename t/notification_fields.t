#!/usr/bin/env perl

# alikassa_notification_fields, booleans, and each spelling of the signed JSON.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(form_encode json_decode);
use Test::More;
use Test::Notification;

my $t = Test::Alikassa->new->sandbox;
my $n = Test::Notification->new($t);

my $twelve = 'type id order_id payment_status amount payment_amount'
    . ' commission_amount is_partial_payment account service desc card_brand';

$t->conf(<<'EOF' =~ s/%%TWELVE%%/$twelve/gr)->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    alikassa_account %%ACCOUNT%%;
    alikassa_idempotency_zone notifications 1m;
    alikassa_notification_fields %%TWELVE%%;

    proxy_set_header X-Values "$alikassa_notification|$alikassa_notification_id|$alikassa_notification_amount|$alikassa_notification_is_partial_payment|$alikassa_notification_desc|$alikassa_notification_card_brand|$alikassa_notification_RRN|$alikassa_notification_rrn|$alikassa_notification_none";

    server {
        listen 127.0.0.1:%%PORT_0%%;

        location /twelve {
            alikassa_notification %%KEYS%%/notification/public.pem;
            proxy_pass http://127.0.0.1:%%PORT_2%%;

            location /twelve/three {
                alikassa_notification_fields order_id payment_status id;
                proxy_pass http://127.0.0.1:%%PORT_2%%;
            }
        }
        location /brand {
            alikassa_notification_fields card_brand RRN id order_id
                                         payment_status account;
            alikassa_notification %%KEYS%%/notification/public.pem
                                  unsigned=desc;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location /any {
            alikassa_notification_fields id order_id payment_status account;
            alikassa_notification %%KEYS%%/notification/public.pem unsigned=*;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location /rewrite {
            alikassa_notification %%KEYS%%/notification/public.pem;
            rewrite ^ /brand last;
        }
        location /alike {
            alikassa_notification_fields card_brand RRN id order_id
                                         payment_status account;
            alikassa_notification %%KEYS%%/notification/public.pem;
            rewrite ^ /brand last;
        }
        location /once {
            alikassa_notification_fields id order_id payment_status;
            alikassa_notification %%KEYS%%/notification/public.pem;
            alikassa_idempotency notifications;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
    }

    server {
        listen 127.0.0.1:%%PORT_1%%;
        alikassa_notification_fields type id order_id payment_status amount
            payment_amount commission_amount is_partial_payment account
            service desc;

        location /eleven {
            alikassa_notification %%KEYS%%/notification/public.pem;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
    }

    server {
        listen 127.0.0.1:%%PORT_2%%;
        location / { return 200 "shop $http_x_values"; }
    }
}
EOF

my $log = 0;

sub refusal {
    my $text = substr $t->log, $log;
    $log += length $text;
    return join ', ', $text =~ /notification refused: (.*?), client/g;
}

sub passes ($name, $values, $uri, %opt) {
    my $r = $t->get($uri, %opt);
    is("$r->{status} $r->{body}", "200 shop $values", "$name: delivered")
        or diag(refusal());
    refusal();
}

sub bad ($name, $why, $uri, %opt) {
    is($t->get($uri, %opt)->{status}, 403, "$name: refused");
    like(refusal(), qr/^\Q$why\E/, "$name: reason in the error log");
}

sub flags ($names, $letters = '-') { return "$letters=" . $names =~ tr/ /,/r }

# Twelve fields.

my $f = flags($twelve);
my $common = '1|108465371|150000.50|0';

passes('twelve fields', "$common|Kopi & teh \xc3\xa9|visa|||", '/twelve?'
    . $n->query(card_brand => 'visa', flags => $f));
passes('twelve fields, one absent', "$common|Kopi & teh \xc3\xa9||||",
    '/twelve?' . $n->query(flags => $f));
bad('eleven fields where the directive has twelve', 'signature does not match',
    '/twelve?' . $n->query);
bad('ten fields where the directive has twelve', 'signature does not match',
    '/twelve?' . $n->query(commission_amount => undef, flags => 'o'));
bad('twelve fields, one value changed', 'signature does not match', '/twelve?'
    . $n->query(card_brand => 'visa', flags => $f) =~ s/visa/visb/r);
bad('twelve fields, one removed', 'signature does not match', '/twelve?'
    . $n->query(card_brand => 'visa', flags => $f) =~ s/&card_brand=visa//r);
bad('twelve fields, one also as "card.brand"',
    'a parameter\'s name might be taken', '/twelve?'
    . $n->query(flags => $f) . '&card.brand=visa');
bad('twelve fields, one also in a cookie', 'a cookie\'s name might be taken',
    '/twelve?'
    . $n->query(flags => $f), headers => ['Cookie: card_brand=visa']);
bad('twelve fields where the directive has eleven', 'a parameter is not signed',
    '/eleven?' . $n->query(card_brand => 'visa', flags => $f),
    port => $t->port(1));
passes('eleven fields where the directive has eleven',
    "$common|Kopi & teh \xc3\xa9||||", '/eleven?'
    . $n->query, port => $t->port(1));
bad('ten fields where the directive has eleven', 'signature does not match',
    '/eleven?' . $n->query(commission_amount => undef, flags => 'o'),
    port => $t->port(1));
passes('twelve fields in a form', "$common|a\/b|visa|||", '/twelve',
    method => 'POST', form => [$n->pairs(card_brand => 'visa', desc => 'a/b',
        flags => $f)]);

# Other fields, in their order; in a nested location, and after a rewrite.

my @none = map { $_ => undef } qw(type amount payment_amount
    commission_amount is_partial_payment service desc);

passes('three fields in a nested location', '1|108465371|||||||',
    '/twelve/three?' . $n->query(@none,
    account => undef, flags => flags('order_id payment_status id')));
bad('three fields signed in another order', 'signature does not match',
    '/twelve/three?' . $n->query(@none, account => undef,
        flags => flags('id order_id payment_status')));
my @brand = (@none, card_brand => "a\tb", RRN => '012',
    flags => flags('card_brand RRN id order_id payment_status account'));
passes('fields with names of their own', '1|108465371|||||012|012|', '/brand?'
    . $n->query(@brand));
passes('fields with names of their own, after a rewrite',
    '1|108465371|||||012|012|', '/alike?' . $n->query(@brand));

# nginx makes the check of each location that a request comes through, also of
# one with other fields.

bad('rewrite from a location with other fields',
    'a parameter is not signed', '/rewrite?' . $n->query(@brand));
passes('documented field that is not signed, allowed by unsigned=',
    '1|108465371|||||012|012|', '/brand?' . $n->query(@brand) . '&desc=x');
bad('documented field that is not signed', 'a parameter is not signed',
    '/brand?' . $n->query(@brand) . '&amount=1');
bad('documented field that is not signed, with unsigned=*',
    'a parameter is not signed', '/any?' . $n->query(@none,
        flags => flags('id order_id payment_status account')) . '&amount=1');
bad('signed field also in lower case', 'a parameter\'s name might be taken',
    '/brand?' . $n->query(@brand) . '&rrn=1');
bad('notification of another account', 'it is of another account', '/brand?'
    . $n->query(@brand, account => $t->{other}));
my $three = $n->query(@none, account => undef, id => 3,
    flags => flags('id order_id payment_status'));
passes('fields without an account, first delivery', '1|3|||||||',
    "/once?$three");
is($t->get("/once?$three")->{header}->('Idempotent-Replayed'), 'true',
    'fields without an account, second delivery: a replay');
refusal();

# Booleans.

my $boolean = flags($twelve, 'b');

sub json (%opt) {
    my @pairs = $n->pairs(card_brand => 'visa', desc => 'x', %opt);
    return $t->json(@pairs);
}

for my $value ('0', '1') {
    my $word = $value ? 'true' : 'false';
    my $text = json(is_partial_payment => $value, flags => $boolean);
    my $q = $n->query(card_brand => 'visa', desc => 'x',
        is_partial_payment => $value, flags => $boolean);

    passes("$word signed, $word in JSON",
        "1|108465371|150000.50|$word|x|visa|||", '/twelve', method => 'POST',
        json => $text
            =~ s/"is_partial_payment":"$value"/"is_partial_payment": $word/r);
    bad("$word signed, \"$value\" in JSON", 'signature does not match',
        '/twelve', method => 'POST', json => $text);
    bad("$word signed, \"$word\" as text in JSON", 'signature does not match',
        '/twelve', method => 'POST',
        json => $text
            =~ s/"is_partial_payment":"$value"/"is_partial_payment":"$word"/r);
    bad("$word signed, the other boolean in JSON", 'signature does not match',
        '/twelve', method => 'POST', json => $text
            =~ s/"is_partial_payment":"$value"/'"is_partial_payment":'
            . ($value ? 'false' : 'true')/er);
    bad("$word signed, the number $value in JSON",
        'a number stands where text is signed', '/twelve', method => 'POST',
        json => $text
            =~ s/"is_partial_payment":"$value"/"is_partial_payment":$value/r);
    bad("$word signed, $value in a query", 'signature does not match',
        "/twelve?$q");
    bad("$word signed, $word in a query", 'signature does not match',
        '/twelve?' . $q =~ s/partial_payment=$value/partial_payment=$word/r);
    bad("\"$value\" signed, $word in JSON", 'signature does not match',
        '/twelve', method => 'POST', json => json(is_partial_payment => $value,
            flags => $f)
            =~ s/"is_partial_payment":"$value"/"is_partial_payment":$word/r);
    bad("$word in JSON for a field of text", 'a parameter is not text',
        '/twelve', method => 'POST',
        json => json(flags => $f) =~ s/"desc":"x"/"desc":$word/r);
}

# Spellings: slashes and non-ASCII characters, escaped or not.

my @values = ("a/b \xc3\xa9", 'a/b', "\xc3\xa9", 'plain', '',
    "\xe2\x80\xa8/\xe2\x80\xa9", "\xe2\x80\x93", "\xf0\x9f\x98\x80/",
    "\"\\/\b\f\n\r\t\x01\x7f<>&'", "\xef\xbf\xbd\xee\x80\x80");

for my $value (@values) {
    my $shown = $value =~ s/([^ -~])/sprintf '\x%02x', ord $1/ger;
    (my $told = $value) =~ tr/\x00-\x1f\x7f/ /;

    for my $letters ('-', 'j', 's', 'u', 'su') {
        for my $desc ([desc => $value, "|$told"], [order_id => $value, '|x']) {
            my %fields = (desc => 'x', $desc->[0] => $value);
            passes("$desc->[0] \"$shown\", signed with flags $letters",
                "$common$desc->[2]|visa|||", '/twelve?'
                . $n->query(card_brand => 'visa', %fields,
                    flags => flags($twelve, $letters)));
        }
    }
}

# JSON that is spelt as it was signed, or otherwise.

for my $letters ('-', 'j', 's', 'u') {
    my %pairs = $n->pairs(card_brand => 'visa', desc => "a/b \xc3\xa9",
        flags => flags($twelve, $letters));
    utf8::decode($pairs{desc});
    my $text = $t->json(%pairs);
    passes("JSON, signed with flags $letters", "$common|a/b \xc3\xa9|visa|||",
        '/twelve', method => 'POST', json => $text);
    passes("escaped JSON, signed with flags $letters",
        "$common|a/b \xc3\xa9|visa|||", '/twelve', method => 'POST',
        json => $text =~ s{/}{\\/}gr =~ s/\xc3\xa9/\\u00e9/gr);
}

$t->done;
