// The payment in njs: WebCrypto and r.subrequest.

const fs = require('fs');
const qs = require('querystring');

const services = {
    online_banking_idr_hpp: ['BCA', 'BNI', 'BRI', 'CIMBN', 'MDR', 'PMTB',
                             'PANIN'],
    qr_code_idr_hpp: ['QRIS', 'DANAQRIS', 'GOPAYQRIS', 'LINKAJAQRIS',
                      'OVOQRIS', 'SHOPEEQRIS'],
    virtual_account_idr_hpp: ['BCAVA', 'BNIVA', 'BRIVA', 'CIMBNVA', 'MBBIVA',
                              'MDRVA', 'PMTBVA', 'PANINVA', 'BDIVA'],
    local_bank_transfer_idr_hpp: ['BCALBT', 'BNILBT', 'BRILBT', 'MDRLBT'],
};

function encode(s) {
    return JSON.stringify(s).replace(/\//g, '\\/').replace(/[^\x00-\x7f]/g,
        (c) => {
            let cp = c.codePointAt(0);
            let hex = (n) => '\\u' + ('000' + n.toString(16)).slice(-4);
            if (cp < 0x10000) {
                return hex(cp);
            }
            cp -= 0x10000;
            return hex(0xd800 + (cp >> 10)) + hex(0xdc00 + (cp & 0x3ff));
        });
}

function amount(s) {
    if (!/^(?:0|[1-9]\d{0,8})(?:\.\d{1,2})?$/.test(s) || Number(s) == 0) {
        return undefined;
    }

    return s.indexOf('.') < 0 ? s : s.replace(/\.?0+$/, '');
}

function refuse(r, field) {
    r.headersOut['Content-Type'] = 'application/json';
    r.return(400, '{"message":"The given data was invalid.","errors":{"'
        + field + '":["invalid"]}}');
}

async function pay(r) {
    const f = qs.parse(r.requestText);
    const a = typeof f.amount == 'string' ? amount(f.amount) : undefined;

    if (a === undefined) {
        return refuse(r, 'amount');
    }

    let body = '{"amount":' + a;
    const names = ['order_id', 'service', 'customer_ip', 'customer_code',
                   'customer_first_name', 'customer_last_name'];

    for (let i = 0; i < names.length; i++) {
        const name = names[i];
        let v = f[name];

        if (name == 'customer_ip' && v === undefined) {
            v = r.remoteAddress;
        }

        if (typeof v != 'string' || !/\S/.test(v) || v.indexOf('\ufffd') >= 0
            || (name == 'order_id' && v.length > 128)
            || (name == 'service' && !services[v])
            || (name == 'customer_code'
                && services[f.service].indexOf(v) < 0)
            || (name == 'customer_ip' && !/^\d{1,3}(\.\d{1,3}){3}$/.test(v)))
        {
            return refuse(r, name);
        }

        body += ',"' + name + '":' + encode(v);
    }

    body += '}';

    // the VM lives as long as the request: so does a key

    const pem = fs.readFileSync(r.variables.njs_key).toString();
    const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    const alg = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-1' };
    const key = await crypto.subtle.importKey('pkcs8', der, alg, false,
                                              ['sign']);
    const sign = await crypto.subtle.sign(alg, key, body);

    r.variables.njs_sign = Buffer.from(sign).toString('base64');

    const res = await r.subrequest('/njs-upstream/v1/payment',
                                   { method: 'POST', body: body });

    r.headersOut['Content-Type'] = 'application/json';
    r.headersOut['Cache-Control'] = 'no-store';
    r.return(res.status, res.responseText);
}

export default { pay };
