
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#include <stdio.h>

#include "alikassa_api.h"


/* the default is the first; NULL ends the table */

static const char *const  alikassa_digests[] = {
    "sha1",
    "sha256",
    NULL
};


static const alikassa_header_name_t  alikassa_header_names[] = {

    [ALIKASSA_HEADER_CONTENT_TYPE] =
        { alikassa_string("Content-Type"), alikassa_string("content-type") },

    [ALIKASSA_HEADER_CONTENT_LENGTH] =
        { alikassa_string("Content-Length"),
          alikassa_string("content-length") },

    [ALIKASSA_HEADER_ACCOUNT] =
        { alikassa_string("Account"), alikassa_string("account") },

    [ALIKASSA_HEADER_SIGN] =
        { alikassa_string("Sign"), alikassa_string("sign") },

    [ALIKASSA_HEADER_ACCEPT] =
        { alikassa_string("Accept"), alikassa_string("accept") }
};


static const alikassa_str_t  alikassa_content_type =
    alikassa_string(ALIKASSA_CONTENT_TYPE);


const alikassa_header_name_t *
alikassa_api_header_name(alikassa_header_t header)
{
    return &alikassa_header_names[header];
}


void
alikassa_api_headers(alikassa_str_t values[ALIKASSA_NHEADERS],
    const alikassa_str_t *account, const alikassa_str_t *body,
    const alikassa_str_t *sign, unsigned char length[ALIKASSA_LENGTH_MAX])
{
    size_t          n;
    unsigned char  *p;

    /* the digits are written from the last one to the first */

    p = length + ALIKASSA_LENGTH_MAX;
    n = body->len;

    do {
        *--p = (unsigned char) ('0' + n % 10);
        n /= 10;
    } while (n);

    values[ALIKASSA_HEADER_CONTENT_TYPE] = alikassa_content_type;
    values[ALIKASSA_HEADER_CONTENT_LENGTH].data = p;
    values[ALIKASSA_HEADER_CONTENT_LENGTH].len =
        (size_t) (length + ALIKASSA_LENGTH_MAX - p);
    values[ALIKASSA_HEADER_ACCOUNT] = *account;
    values[ALIKASSA_HEADER_SIGN] = *sign;
    values[ALIKASSA_HEADER_ACCEPT] = alikassa_content_type;
}


const alikassa_str_t *
alikassa_api_signed_text(const alikassa_str_t *body)
{
    return body;
}


const char *
alikassa_api_digest_find(const alikassa_str_t *name)
{
    alikassa_str_t      s;
    const char *const  *digest;

    for (digest = alikassa_digests; *digest; digest++) {

        s.len = strlen(*digest);
        s.data = (const unsigned char *) *digest;

        if (alikassa_str_eq(&s, name)) {
            return *digest;
        }
    }

    return NULL;
}


const char *
alikassa_api_digest_default(void)
{
    return alikassa_digests[0];
}


void
alikassa_api_digest_names(alikassa_errmsg_t *names)
{
    size_t              len;
    const char *const  *digest;

    len = 0;

    for (digest = alikassa_digests; *digest; digest++) {
        len += (size_t) snprintf(names->text + len, ALIKASSA_ERRMSG_LEN - len,
                                 "%s\"%s\"", len ? " or " : "", *digest);
    }
}
