<?php

/*
 * The payment in PHP-FPM: the page's own sample, after the same checks.
 */

const SERVICES = [
    'online_banking_idr_hpp' => ['BCA', 'BNI', 'BRI', 'CIMBN', 'MDR', 'PMTB',
        'PANIN'],
    'qr_code_idr_hpp' => ['QRIS', 'DANAQRIS', 'GOPAYQRIS', 'LINKAJAQRIS',
        'OVOQRIS', 'SHOPEEQRIS'],
    'virtual_account_idr_hpp' => ['BCAVA', 'BNIVA', 'BRIVA', 'CIMBNVA',
        'MBBIVA', 'MDRVA', 'PMTBVA', 'PANINVA', 'BDIVA'],
    'local_bank_transfer_idr_hpp' => ['BCALBT', 'BNILBT', 'BRILBT', 'MDRLBT'],
];

header('Content-Type: application/json');
header('Cache-Control: no-store');

function refuse(string $field): never
{
    http_response_code(400);
    echo json_encode(['message' => 'The given data was invalid.',
        'errors' => [$field => ['invalid']]]);
    exit;
}

$amount = $_POST['amount'] ?? '';

if (!is_string($amount)
    || !preg_match('/^(?:0|[1-9]\d{0,8})(?:\.\d{1,2})?$/D', $amount)
    || $amount == 0)
{
    refuse('amount');
}

$data = ['amount' => (float) $amount];

foreach (['order_id', 'service', 'customer_ip', 'customer_code',
    'customer_first_name', 'customer_last_name'] as $name)
{
    $value = $_POST[$name]
        ?? ($name === 'customer_ip' ? $_SERVER['REMOTE_ADDR'] : '');

    if (!is_string($value) || trim($value) === ''
        || !preg_match('//u', $value)
        || ($name === 'order_id'
            && strlen(preg_replace('/[\x80-\xbf]/', '', $value)) > 128)
        || ($name === 'service' && !isset(SERVICES[$value]))
        || ($name === 'customer_code'
            && !in_array($value, SERVICES[$data['service']], true))
        || ($name === 'customer_ip' && !filter_var($value, FILTER_VALIDATE_IP)))
    {
        refuse($name);
    }

    $data[$name] = $value;
}

$data = json_encode($data);

$dir = $_SERVER['KEY'];
$privateKey = openssl_pkey_get_private(
    file_get_contents("$dir/private.pem"),
    trim(file_get_contents("$dir/password.txt"))
);

if ($privateKey === false) {
    throw new \Exception('Error cert.');
}

openssl_sign($data, $sign, $privateKey);
$sign = base64_encode($sign);

$curl = curl_init($_SERVER['UPSTREAM'] . '/v1/payment');
curl_setopt_array($curl, [
    CURLOPT_POST => true,
    CURLOPT_POSTFIELDS => $data,
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_HTTPHEADER => ['Content-Type: application/json',
        "Account: $_SERVER[ACCOUNT]", "Sign: $sign", 'Expect:'],
]);

$answer = curl_exec($curl);
http_response_code(curl_getinfo($curl, CURLINFO_RESPONSE_CODE) ?: 502);
echo $answer;
