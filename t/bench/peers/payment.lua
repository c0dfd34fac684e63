-- The payment in lua-nginx-module: OpenSSL by FFI, ngx.location.capture.

local ffi  = require "ffi"
local bit  = require "bit"

ffi.cdef[[
typedef struct bio_st BIO;
typedef struct evp_pkey_st EVP_PKEY;
typedef struct evp_pkey_ctx_st EVP_PKEY_CTX;
typedef struct evp_md_st EVP_MD;
BIO *BIO_new_mem_buf(const void *buf, int len);
int BIO_free(BIO *a);
EVP_PKEY *PEM_read_bio_PrivateKey(BIO *bp, EVP_PKEY **x, void *cb, void *u);
EVP_MD *EVP_MD_fetch(void *ctx, const char *algorithm, const char *props);
EVP_PKEY_CTX *EVP_PKEY_CTX_new_from_pkey(void *libctx, EVP_PKEY *pkey,
                                         const char *props);
int EVP_PKEY_sign_init(EVP_PKEY_CTX *ctx);
int EVP_PKEY_CTX_set_rsa_padding(EVP_PKEY_CTX *ctx, int pad_mode);
int EVP_PKEY_CTX_set_signature_md(EVP_PKEY_CTX *ctx, const EVP_MD *md);
int EVP_PKEY_sign(EVP_PKEY_CTX *ctx, unsigned char *sig, size_t *siglen,
                  const unsigned char *tbs, size_t tbslen);
]]

local C     = ffi.load("libcrypto.so.3")
local ctx   = {}        -- of each key, ready to sign
local buf   = ffi.new("unsigned char[2048]")
local len   = ffi.new("size_t[1]")
local byte, format, gsub, find, concat = string.byte, string.format,
                                         string.gsub, string.find, table.concat

local _M = {}

local function slurp(path)
    local f = assert(io.open(path, "rb"))
    local s = f:read("*a")
    f:close()
    return s
end

-- a key is read once a worker

function _M.load(name, dir)
    local pem  = slurp(dir .. "/private.pem")
    local pass = gsub(slurp(dir .. "/password.txt"), "[\r\n]", "")
    local bio  = C.BIO_new_mem_buf(pem, #pem)
    local key  = C.PEM_read_bio_PrivateKey(bio, nil, nil,
                                           ffi.cast("char *", pass))
    C.BIO_free(bio)
    assert(key ~= nil)

    local c = C.EVP_PKEY_CTX_new_from_pkey(nil, key, nil)
    assert(C.EVP_PKEY_sign_init(c) == 1
           and C.EVP_PKEY_CTX_set_rsa_padding(c, 1) == 1
           and C.EVP_PKEY_CTX_set_signature_md(c,
               C.EVP_MD_fetch(nil, "sha1", nil)) == 1)
    ctx[name] = c
end

local services = {
    online_banking_idr_hpp = { BCA = 1, BNI = 1, BRI = 1, CIMBN = 1, MDR = 1,
                               PMTB = 1, PANIN = 1 },
    qr_code_idr_hpp = { QRIS = 1, DANAQRIS = 1, GOPAYQRIS = 1, LINKAJAQRIS = 1,
                        OVOQRIS = 1, SHOPEEQRIS = 1 },
    virtual_account_idr_hpp = { BCAVA = 1, BNIVA = 1, BRIVA = 1, CIMBNVA = 1,
                                MBBIVA = 1, MDRVA = 1, PMTBVA = 1,
                                PANINVA = 1, BDIVA = 1 },
    local_bank_transfer_idr_hpp = { BCALBT = 1, BNILBT = 1, BRILBT = 1,
                                    MDRLBT = 1 },
}

local escapes = { ['"'] = '\\"', ['\\'] = '\\\\', ['/'] = '\\/',
                  ['\b'] = '\\b', ['\f'] = '\\f', ['\n'] = '\\n',
                  ['\r'] = '\\r', ['\t'] = '\\t' }

-- PHP's json_encode() of a string; nil if it is not UTF-8

local function encode(s)
    if not find(s, '[%c"\\/\128-\255]') then
        return '"' .. s .. '"'
    end

    local out, i, n = {}, 1, #s

    while i <= n do
        local c = byte(s, i)

        if c < 0x80 then
            local ch = s:sub(i, i)
            out[#out + 1] = escapes[ch]
                            or (c < 0x20 and format("\\u%04x", c)) or ch
            i = i + 1

        else
            local more, cp, min
            if c >= 0xc2 and c < 0xe0 then more, cp, min = 1, c - 0xc0, 0x80
            elseif c >= 0xe0 and c < 0xf0 then
                more, cp, min = 2, c - 0xe0, 0x800
            elseif c >= 0xf0 and c < 0xf5 then
                more, cp, min = 3, c - 0xf0, 0x10000
            else return nil end

            for k = 1, more do
                local b = byte(s, i + k)
                if not b or b < 0x80 or b > 0xbf then return nil end
                cp = cp * 64 + b - 0x80
            end

            if cp < min or cp > 0x10ffff or (cp >= 0xd800 and cp < 0xe000) then
                return nil
            end

            if cp >= 0x10000 then
                cp = cp - 0x10000
                out[#out + 1] = format("\\u%04x\\u%04x",
                                       0xd800 + bit.rshift(cp, 10),
                                       0xdc00 + bit.band(cp, 0x3ff))
            else
                out[#out + 1] = format("\\u%04x", cp)
            end

            i = i + more + 1
        end
    end

    return '"' .. concat(out) .. '"'
end

local function chars(s)
    return #gsub(s, "[\128-\191]", "")
end

local function amount(s)
    local int, dec = s:match("^(%d+)%.?(%d*)$")
    if not int or #int > 9 or #dec > 2 or (#int > 1 and byte(int) == 48)
       or (dec == "" and find(s, ".", 1, true)) or tonumber(s) == 0
    then
        return nil
    end
    dec = gsub(dec, "0+$", "")
    return dec == "" and int or int .. "." .. dec
end

local function refuse(field)
    ngx.status = 400
    ngx.header["Content-Type"] = "application/json"
    ngx.print('{"message":"The given data was invalid.","errors":{"', field,
              '":["invalid"]}}')
    return ngx.exit(400)
end

function _M.pay(name)
    ngx.req.read_body()

    local f = ngx.req.get_post_args()
    local a = f.amount and type(f.amount) == "string" and amount(f.amount)

    if not a then return refuse("amount") end

    local out = { '{"amount":', a }

    for _, field in ipairs{ "order_id", "service", "customer_ip",
                            "customer_code", "customer_first_name",
                            "customer_last_name" }
    do
        local v = f[field]

        if field == "customer_ip" and v == nil then
            v = ngx.var.remote_addr
        end

        if type(v) ~= "string" or not find(v, "%S") then
            return refuse(field)
        end

        local s = encode(v)

        if not s or (field == "order_id" and chars(v) > 128)
           or (field == "service" and not services[v])
           or (field == "customer_code" and not services[f.service][v])
           or (field == "customer_ip" and not ngx.re.find(v,
               [[^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$]], "jo"))
        then
            return refuse(field)
        end

        out[#out + 1] = ',"' .. field .. '":'
        out[#out + 1] = s
    end

    out[#out + 1] = "}"

    local body = concat(out)

    len[0] = 2048

    if C.EVP_PKEY_sign(ctx[name], buf, len, ngx.sha1_bin(body), 20) ~= 1 then
        return ngx.exit(500)
    end

    local res = ngx.location.capture("/lua-upstream/v1/payment", {
        method = ngx.HTTP_POST, body = body,
        vars = { sign = ngx.encode_base64(ffi.string(buf, len[0])) },
    })

    ngx.status = res.status
    ngx.header["Content-Type"] = "application/json"
    ngx.header["Cache-Control"] = "no-store"
    ngx.print(res.body)
end

return _M
