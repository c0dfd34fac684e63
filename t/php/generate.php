<?php

/*
 * Makes random payments, payouts and JSON objects.  Prints one case a line: the
 * case in hex, as payments.c reads it, a tab, and the body that PHP makes, in
 * hex, with its signatures by openssl_sign(), or "refused".
 *
 *     php generate.php key.pem passphrase seed payments objects
 */

list(, $pem, $passphrase, $seed, $payments, $objects) = $argv;

mt_srand((int) $seed);

$key = openssl_pkey_get_private(file_get_contents($pem), $passphrase);

if ($key === false) {
    exit(2);
}

$banks = [
    'online_banking_idr_hpp' =>
        ['BCA', 'BNI', 'BRI', 'CIMBN', 'MDR', 'PMTB', 'PANIN'],
    'qr_code_idr_hpp' => ['QRIS', 'DANAQRIS', 'GOPAYQRIS', 'LINKAJAQRIS',
        'OVOQRIS', 'SHOPEEQRIS'],
    'virtual_account_idr_hpp' => ['BCAVA', 'BNIVA', 'BRIVA', 'CIMBNVA',
        'MBBIVA', 'MDRVA', 'PMTBVA', 'PANINVA', 'BDIVA'],
    'local_bank_transfer_idr_hpp' => ['BCALBT', 'BNILBT', 'BRILBT', 'MDRLBT'],
];

$cards = ['PMTB', 'BCASB', 'BMI', 'BRISB', 'BSM', 'BTN', 'BTPN', 'OCBCN',
    'MDRSB', 'PNBN', 'UOBI', 'BSI', 'PTBC', 'HSBCI', 'PANIN', 'DBSI', 'HANAI',
    'MNC', 'BKAL', 'ALLOB', 'SEABANK', 'SUMUT', 'BMLI', 'BCAD', 'BJB'];

$optional = ['success_redirect_id', 'fail_redirect_id',
    'notification_endpoint_id', 'success_redirect_url', 'fail_redirect_url',
    'notification_endpoint_url'];


/* Encodes a code point in UTF-8.  PHP's mbstring is a separate package. */

function utf8($c)
{
    if ($c < 0x800) {
        return chr(0xc0 | $c >> 6) . chr(0x80 | $c & 0x3f);
    }

    if ($c < 0x10000) {
        return chr(0xe0 | $c >> 12) . chr(0x80 | $c >> 6 & 0x3f)
               . chr(0x80 | $c & 0x3f);
    }

    return chr(0xf0 | $c >> 18) . chr(0x80 | $c >> 12 & 0x3f)
           . chr(0x80 | $c >> 6 & 0x3f) . chr(0x80 | $c & 0x3f);
}


/* Returns a random character, of any kind that JSON treats differently. */

function character()
{
    switch (mt_rand(0, 9)) {
    case 0: return '/';
    case 1: return '"';
    case 2: return '\\';
    case 3: return chr(mt_rand(1, 31));
    case 4: return "\x7f";
    case 5: return utf8(mt_rand(0x80, 0x7ff));
    case 6:
        do {
            $c = mt_rand(0x800, 0xffff);
        } while ($c >= 0xd800 && $c <= 0xdfff);
        return utf8($c);
    case 7: return utf8(mt_rand(0x10000, 0x10ffff));
    case 8: return ['<', '>', '&', "'", "\u{2028}", "\u{2029}",
                    "\u{ffff}", "\u{d7ff}", "\u{e000}"][mt_rand(0, 8)];
    default: return chr(mt_rand(0x20, 0x7e));
    }
}


/* Returns a random text of at most $max characters that is not blank. */

function text($max)
{
    $length = mt_rand(0, 9) ? mt_rand(1, min($max, 30)) : $max;

    for ($s = 'x', $i = 1; $i < $length; $i++) {
        $s .= character();
    }

    return $s;
}


function amount()
{
    switch (mt_rand(0, 5)) {
    case 0: return '0.01';
    case 1: return '999999999.99';
    case 2: return (string) mt_rand(1, 999999999);
    case 3: return mt_rand(0, 999999999) . '.' . mt_rand(1, 9);
    case 4: return mt_rand(0, 999999999) . '.' . mt_rand(1, 9) . '0';
    default:
        return mt_rand(0, 999999999) . '.' . sprintf('%02d', mt_rand(1, 99));
    }
}


function ip()
{
    if (mt_rand(0, 2)) {
        return long2ip(mt_rand(0, 0xffffffff));
    }

    return inet_ntop(random(16));
}


function random($n)
{
    for ($s = ''; strlen($s) < $n; ) {
        $s .= chr(mt_rand(0, 255));
    }

    return $s;
}


function url()
{
    $url = (mt_rand(0, 1) ? 'https' : 'http') . '://shop.example/p/'
           . mt_rand() . '?a=' . mt_rand() . '&b=%20#c';

    return mt_rand(0, 4) ? $url : $url . str_repeat('x', 255 - strlen($url));
}


function answer($json, $words)
{
    global $key;

    echo implode(' ', array_map('bin2hex', $words)), "\t";

    if ($json === false) {
        echo "refused\n";
        return;
    }

    openssl_sign($json, $sha1, $key);
    openssl_sign($json, $sha256, $key, OPENSSL_ALGO_SHA256);

    echo bin2hex($json), ' ', base64_encode($sha1), ' ',
         base64_encode($sha256), "\n";
}


/*
 * Prints a case of an operation: makes the data as a merchant's PHP would, and
 * the words that payments.c reads.
 */

function call($operation, $fields, $extra = [])
{
    $words = [$operation];
    $data = [];

    foreach ($fields as $name => $value) {

        $words[] = $name;
        $words[] = $value;

        if ($name == 'amount') {
            $data[$name] = (float) $value;

        } elseif (substr($name, -3) == '_id' && $name != 'order_id') {
            $data[$name] = (int) $value;

        } else {
            $data[$name] = $value;
        }
    }

    foreach ($extra as $name => $value) {
        $words[] = "@$name";
        $words[] = $value;
        $data[$name] = $value;
    }

    answer(json_encode($data), $words);
}


function payment($fields)
{
    global $banks, $optional;

    $service = array_rand($banks);

    $all = [
        'amount' => amount(),
        'order_id' => text(128),
        'service' => $service,
        'customer_ip' => ip(),
        'customer_code' => $banks[$service][array_rand($banks[$service])],
        'customer_first_name' => text(300),
        'customer_last_name' => text(300),
    ];

    foreach ($optional as $name) {
        if (isset($fields[$name])) {
            $all[$name] = $fields[$name];

        } elseif (mt_rand(0, 1)) {
            $all[$name] = substr($name, -3) == '_id'
                ? (string) [mt_rand(1, 99999), PHP_INT_MAX, 1][mt_rand(0, 2)]
                : url();
        }
    }

    $extra = [];

    if (mt_rand(0, 3) == 0) {
        $extra['desc'] = text(60);
        $extra['customer_email'] = 'budi@shop.example';
        $extra['customer_browser_user_agent'] = text(90);
    }

    call('payment', array_merge($all, $fields), $extra);
}


function value($depth)
{
    switch (mt_rand(0, $depth > 3 ? 6 : 9)) {
    case 0: return '"' . addcslashes(text(20), "\0..\37\"\\") . '"';
    case 1: return (string) mt_rand();
    case 2: return '-' . mt_rand(1, 99999);
    case 3: return mt_rand(0, 9999) . '.' . mt_rand(0, 99999);
    case 4: return ['true', 'false', 'null', '{}', '[]', '0', '0.0', '1e2',
                    '1E-3', '1.50', '100.00', '1e16', '1e17', '1e-5',
                    '123456789012345678', '0.1e1',
                    '9223372036854775807', '-9223372036854775808',
                    '1.7976931348623157e308', '5e-324',
                    '2.5e-7', '1e22', '1e23', '123456789.125'][mt_rand(0, 23)];
    case 5: return json_encode(text(20));
    case 6: return json_encode(text(20), JSON_UNESCAPED_UNICODE);
    case 7:
    case 8: return object($depth + 1);
    default:
        for ($a = [], $i = mt_rand(0, 4); $i; $i--) {
            $a[] = value($depth + 1);
        }
        return '[' . implode(" ,\n", $a) . ']';
    }
}


function object($depth)
{
    for ($a = [], $i = mt_rand(0, 5); $i; $i--) {
        $name = json_encode(text(12), mt_rand(0, 1) ? JSON_UNESCAPED_UNICODE
                                                    : 0);
        $a[$name] = "$name :\t" . value($depth);
    }

    return '{ ' . implode(',', $a) . '}';
}


/* Replaces the escapes of addcslashes(), which are octal, with JSON's \u. */

function legal($json)
{
    return preg_replace_callback('/\\\\([0-7]{3})/', function ($m) {
        return sprintf('\\u%04x', octdec($m[1]));
    }, str_replace(['\\a', '\\v'], ['\\u0007', '\\u000b'], $json));
}


/* Fixed cases; the order_id names the case. */

payment(['order_id' => 'one-cent', 'amount' => '0.01']);
payment(['order_id' => 'largest', 'amount' => '999999999.99']);
payment(['order_id' => 'trailing-zero', 'amount' => '100.50']);
payment(['order_id' => 'trailing-zeros', 'amount' => '100.00']);
payment(['order_id' => 'four-decimals', 'amount' => '150000.0000']);
payment(['order_id' => 'four-decimals-cents', 'amount' => '20.5000']);
payment(['order_id' => 'whole', 'amount' => '150000']);
payment(['order_id' => 'below-one', 'amount' => '0.10']);
payment(['order_id' => 'slash/es', 'success_redirect_url' =>
    'https://shop.example/a/b']);
payment(['order_id' => 'quote"backslash\\']);
payment(['order_id' => "controls\x01\x08\x09\x0a\x0b\x0c\x0d\x1f"]);
payment(['order_id' => "del\x7f"]);
payment(['order_id' => 'html<>&\'']);
payment(['order_id' => "latin\u{e9}", 'customer_first_name' => "\u{42f}"]);
payment(['order_id' => "astral\u{1f600}\u{10ffff}\u{10000}"]);
payment(['order_id' => "lines\u{2028}\u{2029}"]);
payment(['order_id' => str_repeat("\u{1f600}", 128)]);
payment(['order_id' => 'largest-id',
    'notification_endpoint_id' => '9223372036854775807']);
payment(['order_id' => 'ipv6', 'customer_ip' => '2001:db8::1']);
payment(['order_id' => 'mapped', 'customer_ip' => '::ffff:192.0.2.1']);
payment(['order_id' => '0', 'customer_last_name' => '0']);

for ($i = 0; $i < $payments; $i++) {

    if ($i % 4) {
        payment([]);
        continue;
    }

    call('payout', [
        'amount' => amount(),
        'order_id' => text(128),
        'service' => 'payment_card_idr',
        'number' => text(100),
        'customer_code' => $cards[array_rand($cards)],
        'customer_first_name' => text(100),
        'customer_last_name' => text(100),
    ]);
}

for ($i = 0; $i < $objects; $i++) {

    $text = legal(object(0));
    $data = json_decode($text);

    if ($data === null) {
        continue;
    }

    answer(json_encode($data), ['reencode', $text]);
}
