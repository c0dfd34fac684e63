<?php

/*
 * Signs and verifies notifications as AliKassa's sample code does.  Reads lines
 * and writes one line for each:
 *
 *     sign FLAGS QUERY      the signature, base64
 *     verify FLAGS QUERY    1 or 0
 *
 * FLAGS: "-", or letters: j JavaScript's spelling, s slashes unescaped, u
 * non-ASCII unescaped, o the older form without commission_amount, b
 * is_partial_payment as a boolean, 2 SHA-256.  "=" and the names of other
 * fields, separated by commas, may follow.
 */

[, $private, $public] = $argv;

$private = openssl_pkey_get_private(file_get_contents($private));
$public  = openssl_pkey_get_public(file_get_contents($public));

while (($line = fgets(STDIN)) !== false) {

    [$do, $flags, $query] = explode(' ', rtrim($line, "\n"), 3);

    $_GET = [];
    parse_str($query, $_GET);

    $names = ['type', 'id', 'order_id', 'payment_status', 'amount',
        'payment_amount', 'commission_amount', 'is_partial_payment',
        'account', 'service', 'desc'];

    [$flags, $other] = explode('=', "$flags=");

    if ($other !== '') {
        $names = explode(',', $other);
    }

    if (str_contains($flags, 'o')) {
        unset($names[6]);
    }

    $data = [];

    foreach ($names as $name) {
        $data[$name] = $_GET[$name] ?? null;
    }

    $data['id'] = is_array($data['id']) ? 0 : (int) $data['id'];

    if (str_contains($flags, 'b')) {
        $data['is_partial_payment'] = (bool) $data['is_partial_payment'];
    }

    $options = 0;

    foreach (['j' => JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE
            | JSON_UNESCAPED_LINE_TERMINATORS,
        's' => JSON_UNESCAPED_SLASHES,
        'u' => JSON_UNESCAPED_UNICODE] as $letter => $option)
    {
        if (str_contains($flags, $letter)) {
            $options |= $option;
        }
    }

    $text = json_encode($data, $options);

    $digest = str_contains($flags, '2') ? OPENSSL_ALGO_SHA256
        : OPENSSL_ALGO_SHA1;

    if ($do === 'sign') {
        openssl_sign($text, $sign, $private, $digest);
        echo base64_encode($sign), "\n";

    } else {
        $sign = is_string($_GET['sign'] ?? null)
            ? base64_decode($_GET['sign']) : '';
        echo openssl_verify((string) $text, $sign, $public, $digest) === 1
            ? 1 : 0, "\n";
    }
}
