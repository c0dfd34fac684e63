
/*
 * Notifications: reading and proving them.
 */


#include <stdio.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "alikassa_input_internal.h"
#include "alikassa_json.h"
#include "alikassa_notification.h"
#include "alikassa_utf8.h"
#include "alikassa_value.h"


/* the longest name that matters, "is_partial_payment", and some more */
#define ALIKASSA_NOTIFICATION_NAME  32

/* "{" , eleven times "name": and ",", "null" where absent, "}" */
#define ALIKASSA_NOTIFICATION_FRAME  512


typedef struct {
    alikassa_str_t           name;
    unsigned                 integer:1;     /* a JSON number, not a string */
    unsigned                 amount:1;
    unsigned                 account:1;
    unsigned                 newer:1;       /* the older form had it not */
    unsigned                 text:1;        /* the merchant's own: controls
                                               are allowed */
} alikassa_notification_row_t;


static size_t alikassa_notification_name(const unsigned char *p,
    const unsigned char *last, unsigned char *dst);
static int alikassa_notification_like(const alikassa_str_t *name);
static size_t alikassa_notification_fold(const alikassa_str_t *name,
    unsigned char *dst);
static int alikassa_notification_extra(const alikassa_str_t *name,
    const alikassa_notification_extra_t *extra);
static alikassa_rc_t alikassa_notification_fields(
    const alikassa_notification_t *notification, const alikassa_str_t *account,
    alikassa_reason_t *reason);
static int alikassa_notification_is_account(const alikassa_str_t *value,
    const alikassa_str_t *account);
static int alikassa_notification_sign(const alikassa_str_t *sign,
    unsigned char *raw, size_t *len);
static alikassa_rc_t alikassa_notification_try(
    const alikassa_str_t *text, alikassa_verifier_t *const *verifiers,
    size_t nverifiers, const unsigned char *raw, size_t len);
static size_t alikassa_notification_size(
    const alikassa_notification_t *notification);
static size_t alikassa_notification_write(
    const alikassa_notification_t *notification, int php, int older,
    unsigned char *dst);
static alikassa_rc_t alikassa_notification_refuse(alikassa_reason_t *reason,
    const char *text);


static const alikassa_notification_row_t  alikassa_notification_rows[] = {
    { alikassa_string("type"), 0, 0, 0, 0, 0 },
    { alikassa_string("id"), 1, 0, 0, 0, 0 },
    { alikassa_string("order_id"), 0, 0, 0, 0, 1 },
    { alikassa_string("payment_status"), 0, 0, 0, 0, 0 },
    { alikassa_string("amount"), 0, 1, 0, 0, 0 },
    { alikassa_string("payment_amount"), 0, 0, 0, 0, 0 },
    { alikassa_string("commission_amount"), 0, 0, 0, 1, 0 },
    { alikassa_string("is_partial_payment"), 0, 0, 0, 0, 0 },
    { alikassa_string("account"), 0, 0, 1, 0, 0 },
    { alikassa_string("service"), 0, 0, 0, 0, 0 },
    { alikassa_string("desc"), 0, 0, 0, 0, 1 }
};


static const alikassa_str_t  alikassa_notification_sign_name =
    alikassa_string("sign");


/* the page's "Payment status": all but "wait" */

static const alikassa_str_t  alikassa_notification_finals[] = {
    alikassa_string("paid"),
    alikassa_string("cancel"),
    alikassa_string("fail"),
    alikassa_null_string
};


alikassa_rc_t
alikassa_notification_add(alikassa_notification_t *notification,
    const alikassa_inputs_t *inputs,
    const alikassa_notification_extra_t *extra, alikassa_reason_t *reason)
{
    int                      n;
    size_t                   i;
    alikassa_str_t          *value;
    const alikassa_input_t  *input;

    if (inputs->nelts > ALIKASSA_NOTIFICATION_MAX_INPUTS) {
        return alikassa_notification_refuse(reason, "too many parameters");
    }

    for (i = 0; i < inputs->nelts; i++) {

        input = &inputs->elts[i];

        if (alikassa_str_eq(&input->name, &alikassa_notification_sign_name)) {
            n = ALIKASSA_NOTIFICATION_NFIELDS;
            value = &notification->sign;

        } else {
            n = alikassa_notification_find(&input->name);

            if (n >= 0) {
                value = &notification->values[n];

            } else if (alikassa_notification_like(&input->name)) {
                return alikassa_notification_refuse(reason,
                                       "a parameter's name might be taken "
                                       "for a signed one");

            } else if (alikassa_notification_extra(&input->name, extra)) {
                continue;

            } else {
                return alikassa_notification_refuse(reason,
                                       "a parameter is not signed, allow it "
                                       "with \"unsigned=name\" if the URL "
                                       "you gave AliKassa has it");
            }
        }

        if (input->repeated || notification->seen & (1U << n)) {
            return alikassa_notification_refuse(reason,
                                                "a parameter is repeated");
        }

        notification->seen |= 1U << n;

        if (input->type == ALIKASSA_VALUE_NULL) {
            continue;
        }

        if (input->type != ALIKASSA_VALUE_STRING
            && input->type != ALIKASSA_VALUE_NUMBER)
        {
            return alikassa_notification_refuse(reason,
                                                "a parameter is not text");
        }

        /* a NUL is a character here, so "malformed" is not asked */

        if (!alikassa_utf8_check(&input->value, NULL)) {
            return alikassa_notification_refuse(reason,
                                                "a parameter is not UTF-8");
        }

        value->len = input->value.len;
        value->data = input->value.len ? input->value.data
                                       : (const unsigned char *) "";
    }

    return ALIKASSA_OK;
}


alikassa_rc_t
alikassa_notification_separators(const alikassa_str_t *text,
    alikassa_reason_t *reason)
{
    alikassa_str_t        name;
    const unsigned char  *p, *last;
    unsigned char         buf[ALIKASSA_NOTIFICATION_NAME];

    if (text->len == 0) {
        return ALIKASSA_OK;
    }

    name.data = buf;

    last = text->data + text->len;

    for (p = memchr(text->data, ';', text->len);
         p != NULL;
         p = memchr(p, ';', (size_t) (last - p)))
    {
        name.len = alikassa_notification_name(++p, last, buf);

        if (alikassa_notification_find(&name) >= 0
            || alikassa_str_eq(&name, &alikassa_notification_sign_name)
            || alikassa_notification_like(&name))
        {
            return alikassa_notification_refuse(reason,
                                       "a signed parameter's name stands "
                                       "behind a semicolon");
        }
    }

    return ALIKASSA_OK;
}


/*
 * Unescapes the name of the pair that begins at p; white space before it is
 * passed over.  Returns its length, 0 if it is longer than one that matters.
 */

static size_t
alikassa_notification_name(const unsigned char *p, const unsigned char *last,
    unsigned char *dst)
{
    int             high, low;
    size_t          n;
    unsigned char   c;

    for (n = 0; p < last && *p != '=' && *p != '&' && *p != ';'; p++) {

        c = (*p == '+') ? ' ' : *p;

        if (c == '%' && last - p > 2) {
            high = alikassa_form_hex(p[1]);
            low = alikassa_form_hex(p[2]);

            if (high >= 0 && low >= 0) {
                c = (unsigned char) (high << 4 | low);
                p += 2;
            }
        }

        if (n == 0 && c <= ' ') {
            continue;
        }

        if (n == ALIKASSA_NOTIFICATION_NAME) {
            return 0;
        }

        dst[n++] = c;
    }

    return n;
}


/*
 * Whether some parser might read the name as a signed one, though it is none.
 */

static int
alikassa_notification_like(const alikassa_str_t *name)
{
    alikassa_str_t  s;
    unsigned char   folded[ALIKASSA_NOTIFICATION_NAME];

    s.len = alikassa_notification_fold(name, folded);
    s.data = folded;

    return alikassa_notification_find(&s) >= 0
           || alikassa_str_eq(&s, &alikassa_notification_sign_name);
}


/*
 * What PHP's php_register_variable_ex() makes of a name: leading spaces go,
 * a NUL and an array's bracket end it, space and dot become "_".  Beyond that
 * capitals are made small, and all white space around is cut off.
 */

static size_t
alikassa_notification_fold(const alikassa_str_t *name, unsigned char *dst)
{
    size_t         i, n;
    unsigned char  c;

    i = 0;
    n = 0;

    while (i < name->len && name->data[i] <= ' ') {
        i++;
    }

    for ( /* void */ ; i < name->len; i++) {

        c = name->data[i];

        if (c == '[' || c == '\0') {
            break;
        }

        if (n == ALIKASSA_NOTIFICATION_NAME) {
            return 0;
        }

        if (c >= 'A' && c <= 'Z') {
            c |= 0x20;
        }

        dst[n++] = (c <= ' ' || c == '.') ? '_' : c;
    }

    return n;
}


static int
alikassa_notification_extra(const alikassa_str_t *name,
    const alikassa_notification_extra_t *extra)
{
    size_t  i;

    static const alikassa_str_t  any = alikassa_string("*");

    for (i = 0; i < extra->nelts; i++) {

        if (alikassa_str_eq(&extra->elts[i], name)
            || alikassa_str_eq(&extra->elts[i], &any))
        {
            return 1;
        }
    }

    return 0;
}


alikassa_rc_t
alikassa_notification_verify(const alikassa_pool_t *pool,
    const alikassa_notification_t *notification,
    alikassa_verifier_t *const *verifiers, size_t nverifiers,
    const alikassa_str_t *account, alikassa_reason_t *reason)
{
    int             older, php;
    size_t          i, len;
    unsigned char  *buf;
    alikassa_rc_t   rc;
    alikassa_str_t  text;
    unsigned char   raw[ALIKASSA_SIGN_BASE64_MAX];

    rc = alikassa_notification_fields(notification, account, reason);

    if (rc != ALIKASSA_OK) {
        return rc;
    }

    if (!alikassa_notification_sign(&notification->sign, raw, &len)) {
        return alikassa_notification_refuse(reason, "sign is not base64");
    }

    for (i = 0; i < nverifiers; i++) {
        if (alikassa_verifier_size(verifiers[i]) == len) {
            break;
        }
    }

    if (i == nverifiers) {
        return alikassa_notification_refuse(reason,
                                            "sign has the wrong length");
    }

    buf = alikassa_alloc(pool, alikassa_notification_size(notification));
    if (buf == NULL) {
        return ALIKASSA_ERROR;
    }

    text.data = buf;

    older = notification->values[ALIKASSA_NOTIFICATION_COMMISSION_AMOUNT].data
            == NULL;

    for ( /* void */ ; older >= 0; older--) {

        for (php = 1; php >= 0; php--) {

            text.len = alikassa_notification_write(notification, php, older,
                                                   buf);

            rc = alikassa_notification_try(&text, verifiers, nverifiers, raw,
                                           len);

            if (rc != ALIKASSA_DECLINED) {
                return rc;
            }
        }
    }

    return alikassa_notification_refuse(reason, "signature does not match");
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
 * The forms of the fields, before a signature is looked at: what is refused
 * here no signature could mend.
 */

static alikassa_rc_t
alikassa_notification_fields(const alikassa_notification_t *notification,
    const alikassa_str_t *account, alikassa_reason_t *reason)
{
    size_t                              i, k;
    alikassa_str_t                      canonical;
    const alikassa_str_t               *value;
    const alikassa_notification_row_t  *row;

    if (notification->sign.data == NULL || notification->sign.len == 0) {
        return alikassa_notification_refuse(reason, "no sign");
    }

    for (i = 0; i < ALIKASSA_NOTIFICATION_NFIELDS; i++) {

        row = &alikassa_notification_rows[i];
        value = &notification->values[i];

        if (row->integer && (value->data == NULL || !alikassa_integer(value)))
        {
            return alikassa_notification_refuse(reason,
                                                "id is not an integer");
        }

        if (row->amount
            && (value->data == NULL || !alikassa_amount(value, &canonical)))
        {
            return alikassa_notification_refuse(reason,
                                                "amount is no amount");
        }

        if (row->account && account != NULL
            && !alikassa_notification_is_account(value, account))
        {
            return alikassa_notification_refuse(reason,
                                                "it is of another account");
        }

        for (k = 0; !row->text && k < value->len; k++) {
            if (value->data[k] < 0x20 || value->data[k] == 0x7f) {
                return alikassa_notification_refuse(reason,
                                       "a parameter has control characters");
            }
        }
    }

    return ALIKASSA_OK;
}


/* a UUID's hex digits may be of either case */

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
 * Strict base64 (RFC 4648, section 4) on one line: nothing but the alphabet,
 * padded, no bits to spare, so that no two texts are one signature.  raw has
 * room for ALIKASSA_SIGN_BASE64_MAX.
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


static size_t
alikassa_notification_size(const alikassa_notification_t *notification)
{
    size_t                 i, php, text, size;
    const alikassa_str_t  *value;

    size = ALIKASSA_NOTIFICATION_FRAME;

    for (i = 0; i < ALIKASSA_NOTIFICATION_NFIELDS; i++) {

        value = &notification->values[i];

        if (value->data != NULL) {
            php = alikassa_json_write_string(NULL, value);
            text = alikassa_json_write_text(NULL, value);
            size += (php > text) ? php : text;
        }
    }

    return size;
}


static size_t
alikassa_notification_write(const alikassa_notification_t *notification,
    int php, int older, unsigned char *dst)
{
    size_t                              i;
    unsigned char                      *p;
    const alikassa_str_t               *value;
    const alikassa_notification_row_t  *row;

    p = dst;

    for (i = 0; i < ALIKASSA_NOTIFICATION_NFIELDS; i++) {

        row = &alikassa_notification_rows[i];
        value = &notification->values[i];

        if (older && row->newer) {
            continue;
        }

        *p = (p == dst) ? '{' : ',';
        p++;
        *p++ = '"';
        memcpy(p, row->name.data, row->name.len);
        p += row->name.len;
        *p++ = '"';
        *p++ = ':';

        if (value->data == NULL) {
            memcpy(p, "null", sizeof("null") - 1);
            p += sizeof("null") - 1;

        } else if (row->integer) {
            memcpy(p, value->data, value->len);
            p += value->len;

        } else {
            p += php ? alikassa_json_write_string(p, value)
                     : alikassa_json_write_text(p, value);
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


int
alikassa_notification_find(const alikassa_str_t *name)
{
    int  i;

    for (i = 0; i < ALIKASSA_NOTIFICATION_NFIELDS; i++) {

        if (alikassa_str_eq(&alikassa_notification_rows[i].name, name)) {
            return i;
        }
    }

    return -1;
}


static alikassa_rc_t
alikassa_notification_refuse(alikassa_reason_t *reason, const char *text)
{
    snprintf(reason->text, ALIKASSA_REASON_LEN, "%s", text);

    return ALIKASSA_DECLINED;
}
