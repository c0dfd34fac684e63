-- wrk: a payment with an order_id of its own each time, of one length.
-- Arguments: a name, the seed, bytes to pad the form to, "json" for the body
-- that is ready, "same" for one order.

local n, form, seed, kind = 0, "", "0", ""

function init(args)
    seed = args[1] or "0"
    local pad = tonumber(args[2] or "0")
    kind = args[3] or ""

    form = "&service=virtual_account_idr_hpp&customer_ip=192.0.2.7"
        .. "&customer_code=BCAVA&customer_first_name=Budi"
        .. "&customer_last_name=Santoso&amount=150000.50"

    if pad > #form + 40 then
        form = form .. "&note=" .. string.rep("x", pad - #form - 40)
    end

    wrk.method = "POST"

    if kind == "json" then
        wrk.headers["Content-Type"] = "application/json"
        wrk.headers["Account"] = os.getenv("BENCH_ACCOUNT")
        wrk.headers["Sign"] = os.getenv("BENCH_SIGN")
    else
        wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
    end
end

function request()
    if kind ~= "same" then
        n = n + 1
    end

    local id = string.format("%s-%09d", seed, n)

    if kind == "json" then
        return wrk.format(nil, nil, nil, '{"amount":150000.5,"order_id":"' .. id
            .. '","service":"virtual_account_idr_hpp",'
            .. '"customer_ip":"192.0.2.7","customer_code":"BCAVA",'
            .. '"customer_first_name":"Budi","customer_last_name":"Santoso"}')
    end

    return wrk.format(nil, nil, nil, "order_id=" .. id .. form)
end

function done(summary, latency, requests)
    io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests,
        summary.duration, latency:percentile(50), latency:percentile(99),
        summary.errors.status, summary.errors.connect + summary.errors.read
        + summary.errors.write + summary.errors.timeout))
end
