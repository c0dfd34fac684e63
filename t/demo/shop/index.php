<?php

/*
 * A small shop with carts, orders and a checkout form.  The form has the
 * shop's own names, and the shop does not know AliKassa.  nginx handles the
 * form, requests the amount from /order-to-pay, and passes verified
 * notifications on to /payment-received.
 */

const GOODS = ['tea' => ['Jasmine tea, 250 g', 85000],
               'cup' => ['Cup, hand-made', 65000]];

$dir  = getenv('SHOP_DATA');
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);

/* Each order is a file.  The cookie of the cart is the name of its order. */

function order_file(string $name): string
{
    global $dir;
    return "$dir/" . preg_replace('/[^A-Za-z0-9-]/', '', $name) . '.json';
}

function order_load(string $name): ?array
{
    $text = $name === '' ? false : @file_get_contents(order_file($name));
    return $text === false ? null : json_decode($text, true);
}

function order_save(array $order): void
{
    foreach ([$order['cart'], "order-$order[number]"] as $name) {
        $file = order_file($name);
        file_put_contents("$file.new", json_encode($order));
        rename("$file.new", $file);
    }
}

function order_create(string $cart, int $number): array
{
    $order = ['cart' => $cart, 'number' => $number, 'paid' => false,
        'total' => array_sum(array_column(GOODS, 1)), 'told' => 0];
    order_save($order);
    return $order;
}

function page(string $title, string $body): void
{
    header('Content-Type: text/html; charset=utf-8');
    echo "<!doctype html><meta charset=\"utf-8\"><title>$title</title>",
        '<style>body{font:16px sans-serif;max-width:34em;margin:3em auto}',
        'label{display:block;margin:.6em 0}input,select{font:inherit;',
        'width:100%;padding:.3em;box-sizing:border-box}button{font:inherit;',
        'padding:.5em 1.5em}td{padding-right:2em}</style>',
        "<h1>$title</h1>$body";
}

function rupiah(int $n): string
{
    return 'Rp ' . number_format($n, 0, ',', '.');
}

switch ($path) {

case '/':
    $cart = $_COOKIE['cart'] ?? '';
    $order = order_load($cart);

    if ($order === null || $order['paid']) {
        $cart = bin2hex(random_bytes(16));
        $order = order_create($cart, random_int(100000, 999999));
        setcookie('cart', $cart, ['path' => '/', 'httponly' => true,
            'samesite' => 'Lax']);
    }

    $rows = '';
    foreach (GOODS as [$name, $price]) {
        $rows .= "<tr><td>$name<td>" . rupiah($price);
    }
    $total = rupiah($order['total']);

    page('Tea and cups', <<<HTML
        <table>$rows<tr><th>Total<td><b>$total</b></table>
        <form method="post" action="/checkout/pay" id="checkout">
        <label>First name
        <input name="billing_first_name" value="Budi" required></label>
        <label>Last name
        <input name="billing_last_name" value="Santoso" required></label>
        <label>E-mail
        <input name="billing_email" value="budi@example.com"></label>
        <label>Pay by <select name="payment_method">
        <option value="va_bca">Virtual account, BCA
        <option value="va_mandiri">Virtual account, Mandiri
        <option value="bank_bni">Online banking, BNI
        <option value="qris">QRIS</select></label>
        <input type="hidden" name="total" value="$order[total]">
        <input type="hidden" name="checkout_nonce" value="7f3a9c">
        <button name="place_order" value="1" id="place_order">Pay</button>
        </form>
        HTML);
    break;

case '/order-to-pay':
    $order = order_load($_COOKIE['cart'] ?? '');

    if ($order === null || $order['paid']) {
        http_response_code(403);
        break;
    }

    header("X-Order-Total: $order[total]");
    header("X-Order-Number: $order[number]");
    break;

case '/payment-received':
    $order = order_load('order-' . ($_GET['order_id'] ?? ''));

    if ($order === null) {
        http_response_code(404);
        break;
    }

    $order['told']++;

    if ($_GET['payment_status'] === 'paid'
        && (float) $_GET['amount'] >= $order['total'])
    {
        $order['paid'] = true;
    }

    order_save($order);
    break;

case '/thanks':
    $order = order_load($_COOKIE['cart'] ?? '');
    $status = $_SERVER['HTTP_X_PAYMENT_STATUS'] ?? '';

    if ($order === null || (string) $order['number'] !== ($_GET['order'] ?? ''))
    {
        http_response_code(404);
        page('No such order', '<p><a href="/">To the shop</a>');
        break;
    }

    page('Order ' . $order['number'], $status === 'paid'
        ? '<p id="state">Thank you, your payment has arrived.'
        : '<p id="state">Your payment has not arrived yet.'
            . '<p><a href="/">Back to the checkout</a>');
    break;

case '/order':
    $order = order_load('order-' . ($_GET['number'] ?? ''));
    header('Content-Type: application/json');
    echo json_encode($order === null ? null
        : ['number' => $order['number'], 'paid' => $order['paid'],
           'told' => $order['told']]), "\n";
    break;

default:
    http_response_code(404);
    page('Not found', '<p><a href="/">To the shop</a>');
}
