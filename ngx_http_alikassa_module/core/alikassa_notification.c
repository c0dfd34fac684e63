
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Verifying a notification.
 */


#include <openssl/err.h>
#include <openssl/evp.h>

#include "alikassa_json_string.h"
#include "alikassa_notification_internal.h"
#include "alikassa_value.h"


/* "{", of each field "name": and ",", "null" where it is absent, "}" */
#define ALIKASSA_NOTIFICATION_FRAME                                           \
    (2 + ALIKASSA_NOTIFICATION_MAX_FIELDS                                     \
         * (ALIKASSA_NOTIFICATION_MAX_NAME + sizeof("\"\":,null")))


_Static_assert(ALIKASSA_NOTIFICATION_VALUES <= ALIKASSA_NOTIFICATION_SIGN,
               "a bit for each value");


/* how "/" and non-ASCII characters may be escaped; PHP's default is first */

static const unsigned  alikassa_notification_escapes[] = {
    ALIKASSA_JSON_ESCAPE_SLASH|ALIKASSA_JSON_ESCAPE_UNICODE,
    0,
    ALIKASSA_JSON_ESCAPE_UNICODE,
    ALIKASSA_JSON_ESCAPE_SLASH,

    /* without a further flag PHP still escapes U+2028 and U+2029 */
    ALIKASSA_JSON_ESCAPE_LINES,
    ALIKASSA_JSON_ESCAPE_SLASH|ALIKASSA_JSON_ESCAPE_LINES
};


static alikassa_rc_t alikassa_notification_fields(
    const alikassa_notification_t *notification, const alikassa_str_t *account,
    alikassa_errmsg_t *errmsg);
static int alikassa_notification_is_account(const alikassa_str_t *value,
    const alikassa_str_t *account);
static int alikassa_notification_sign(const alikassa_str_t *sign,
    unsigned char *raw, size_t *len);
static alikassa_rc_t alikassa_notification_try(
    const alikassa_str_t *text, alikassa_verifier_t *const *verifiers,
    size_t nverifiers, const unsigned char *raw, size_t len);
static size_t alikassa_notification_size(
    const alikassa_notification_t *notification);
static unsigned alikassa_notification_escapable(
    const alikassa_notification_t *notification);
static size_t alikassa_notification_write(
    const alikassa_notification_t *notification, unsigned escape, int older,
    unsigned char *dst);


/* "Payment status" of the vendor's page, except "wait" */

static const alikassa_str_t  alikassa_notification_finals[] = {
    alikassa_string("paid"),
    alikassa_string("cancel"),
    alikassa_string("fail"),
    alikassa_null_string
};


alikassa_rc_t
alikassa_notification_verify(const alikassa_pool_t *pool,
    const alikassa_notification_t *notification,
    alikassa_verifier_t *const *verifiers, size_t nverifiers,
    const alikassa_str_t *account, alikassa_errmsg_t *errmsg)
{
    int             older;
    size_t          i, len;
    unsigned        escapable, escape, tried;
    unsigned char  *buf;
    alikassa_rc_t   rc;
    alikassa_str_t  text;
    unsigned char   raw[ALIKASSA_SIGN_BASE64_MAX];

    rc = alikassa_notification_fields(notification, account, errmsg);

    if (rc != ALIKASSA_OK) {
        return rc;
    }

    if (!alikassa_notification_sign(&notification->sign, raw, &len)) {
        return alikassa_notification_refuse(errmsg, "sign is not base64");
    }

    for (i = 0; i < nverifiers; i++) {
        if (alikassa_verifier_size(verifiers[i]) == len) {
            break;
        }
    }

    if (i == nverifiers) {
        return alikassa_notification_refuse(errmsg,
                                            "sign has the wrong length");
    }

    buf = alikassa_alloc(pool, alikassa_notification_size(notification));
    if (buf == NULL) {
        return ALIKASSA_ERROR;
    }

    text.data = buf;

    escapable = alikassa_notification_escapable(notification);

    older = notification->fields->older
            && notification->values
                   [ALIKASSA_NOTIFICATION_COMMISSION_AMOUNT].data == NULL;

    for ( /* void */ ; older >= 0; older--) {

        tried = 0;

        for (i = 0; i < sizeof(alikassa_notification_escapes)
                        / sizeof(alikassa_notification_escapes[0]); i++)
        {
            escape = alikassa_notification_escapes[i] & escapable;

            if (tried & (1U << escape)) {
                continue;
            }

            tried |= 1U << escape;

            text.len = alikassa_notification_write(notification, escape,
                                                   older, buf);

            rc = alikassa_notification_try(&text, verifiers, nverifiers, raw,
                                           len);

            if (rc != ALIKASSA_DECLINED) {
                return rc;
            }
        }
    }

    return alikassa_notification_refuse(errmsg, "signature does not match");
}


/*
 * Validates the fields before the signature is verified.
 */

static alikassa_rc_t
alikassa_notification_fields(const alikassa_notification_t *notification,
    const alikassa_str_t *account, alikassa_errmsg_t *errmsg)
{
    int                                 place;
    size_t                              i, k;
    const alikassa_str_t               *value;
    const alikassa_notification_row_t  *row;

    if (notification->sign.data == NULL || notification->sign.len == 0) {
        return alikassa_notification_refuse(errmsg, "no sign");
    }

    for (i = 0; i < notification->fields->nelts; i++) {

        place = notification->fields->places[i];

        row = alikassa_notification_row(place);
        value = &notification->values[place];

        if (row->integer && (value->data == NULL || !alikassa_integer(value)))
        {
            return alikassa_notification_refuse(errmsg,
                                                "id is not an integer");
        }

        if (row->account && account != NULL
            && !alikassa_notification_is_account(value, account))
        {
            return alikassa_notification_refuse(errmsg,
                                                "it is of another account");
        }

        for (k = 0; !row->text && k < value->len; k++) {
            if (value->data[k] < 0x20 || value->data[k] == 0x7f) {
                return alikassa_notification_refuse(errmsg,
                                       "a parameter has control characters");
            }
        }
    }

    return ALIKASSA_OK;
}


/*
 * Tells whether both are the same UUID; its hex digits may have either case.
 */

static int
alikassa_notification_is_account(const alikassa_str_t *value,
    const alikassa_str_t *account)
{
    size_t         i;
    unsigned char  a, b;

    if (value->data == NULL || value->len != account->len) {
        return 0;
    }

    for (i = 0; i < value->len; i++) {

        a = value->data[i];
        b = account->data[i];

        if (a != b
            && ((a | 0x20) != (b | 0x20)
                || (a | 0x20) < 'a' || (a | 0x20) > 'f'))
        {
            return 0;
        }
    }

    return 1;
}


/*
 * Decodes strict base64 (RFC 4648, section 4) on one line: only the alphabet,
 * padded, unused bits zero.  Two texts are then never the same signature.  raw
 * has room for ALIKASSA_SIGN_BASE64_MAX bytes.  Returns 0 if sign is malformed.
 */

static int
alikassa_notification_sign(const alikassa_str_t *sign, unsigned char *raw,
    size_t *len)
{
    int            n;
    size_t         i, pad;
    unsigned char  c, check[ALIKASSA_SIGN_BASE64_MAX];

    if (sign->len % 4 != 0 || sign->len >= ALIKASSA_SIGN_BASE64_MAX) {
        return 0;
    }

    pad = 0;

    while (pad < 2 && sign->data[sign->len - 1 - pad] == '=') {
        pad++;
    }

    for (i = 0; i < sign->len - pad; i++) {

        c = sign->data[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
              || (c >= '0' && c <= '9') || c == '+' || c == '/'))
        {
            return 0;
        }
    }

    n = EVP_DecodeBlock(raw, sign->data, (int) sign->len);

    if (n < 0 || (size_t) n < pad) {
        ERR_clear_error();
        return 0;
    }

    *len = (size_t) n - pad;

    (void) EVP_EncodeBlock(check, raw, (int) *len);

    return memcmp(check, sign->data, sign->len) == 0;
}


static alikassa_rc_t
alikassa_notification_try(const alikassa_str_t *text,
    alikassa_verifier_t *const *verifiers, size_t nverifiers,
    const unsigned char *raw, size_t len)
{
    size_t         i;
    alikassa_rc_t  rc;

    for (i = 0; i < nverifiers; i++) {

        rc = alikassa_verifier_verify(verifiers[i], text, raw, len);

        if (rc != ALIKASSA_DECLINED) {
            return rc;
        }
    }

    return ALIKASSA_DECLINED;
}


/*
 * Returns the length of the longest text.
 */

static size_t
alikassa_notification_size(const alikassa_notification_t *notification)
{
    size_t                 i, size;
    const alikassa_str_t  *value;

    size = ALIKASSA_NOTIFICATION_FRAME;

    for (i = 0; i < notification->fields->nelts; i++) {

        value = &notification->values[notification->fields->places[i]];

        if (value->data != NULL) {
            size += alikassa_json_write_escaped(NULL, value,
                                                ALIKASSA_JSON_ESCAPE_SLASH
                                                |ALIKASSA_JSON_ESCAPE_UNICODE);
        }
    }

    return size;
}


/*
 * Returns the bits of the escapes that make a difference for these values.
 */

static unsigned
alikassa_notification_escapable(const alikassa_notification_t *notification)
{
    size_t                 i, k;
    unsigned               escapable;
    const alikassa_str_t  *value;

    escapable = 0;

    for (i = 0; i < notification->fields->nelts; i++) {

        value = &notification->values[notification->fields->places[i]];

        for (k = 0; k < value->len; k++) {

            if (value->data[k] == '/') {
                escapable |= ALIKASSA_JSON_ESCAPE_SLASH;

            } else if (value->data[k] >= 0x80) {
                escapable |= ALIKASSA_JSON_ESCAPE_UNICODE;
            }

            /* the first byte of U+2028 and U+2029, and of other characters */

            if (value->data[k] == 0xe2) {
                escapable |= ALIKASSA_JSON_ESCAPE_LINES;
            }
        }
    }

    return escapable;
}


static size_t
alikassa_notification_write(const alikassa_notification_t *notification,
    unsigned escape, int older, unsigned char *dst)
{
    int                                    place;
    size_t                                 i;
    unsigned char                         *p;
    const alikassa_str_t                  *name, *value;
    const alikassa_notification_row_t     *row;
    const alikassa_notification_fields_t  *fields;

    fields = notification->fields;
    p = dst;

    for (i = 0; i < fields->nelts; i++) {

        place = fields->places[i];

        row = alikassa_notification_row(place);
        name = &fields->names[i];
        value = &notification->values[place];

        if (older && row->newer) {
            continue;
        }

        *p = (p == dst) ? '{' : ',';
        p++;
        *p++ = '"';
        memcpy(p, name->data, name->len);
        p += name->len;
        *p++ = '"';
        *p++ = ':';

        if (value->data == NULL) {
            memcpy(p, "null", sizeof("null") - 1);
            p += sizeof("null") - 1;

        } else if (row->integer
                   || (notification->booleans & (UINT64_C(1) << place)))
        {
            memcpy(p, value->data, value->len);
            p += value->len;

        } else {
            p += alikassa_json_write_escaped(p, value, escape);
        }
    }

    *p++ = '}';

    return (size_t) (p - dst);
}


int
alikassa_notification_final(const alikassa_notification_t *notification)
{
    const alikassa_str_t  *final, *status;

    status = &notification->values[ALIKASSA_NOTIFICATION_PAYMENT_STATUS];

    for (final = alikassa_notification_finals; final->data; final++) {

        if (status->data != NULL && alikassa_str_eq(final, status)) {
            return 1;
        }
    }

    return 0;
}
