
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#include "alikassa_json_string.h"
#include "alikassa_refusal.h"
#include "alikassa_value.h"


/* where the next byte goes; with dst NULL only the length counts */

typedef struct {
    unsigned char           *dst;
    size_t                   len;
} alikassa_refusal_writer_t;


#define alikassa_refusal_literal(w, s)                                        \
    alikassa_refusal_bytes(w, (const unsigned char *) s, sizeof(s) - 1)


static void alikassa_refusal_bytes(alikassa_refusal_writer_t *w,
    const unsigned char *data, size_t len);
static void alikassa_refusal_text(alikassa_refusal_writer_t *w,
    const alikassa_str_t *text);


static const alikassa_str_t  alikassa_existing_order_message =
    alikassa_string("This order exists already, its first answer was lost.");


size_t
alikassa_refusal_write(unsigned char *dst, const alikassa_refusal_t *refusal)
{
    size_t                          i;
    alikassa_refusal_writer_t       w;
    const alikassa_field_error_t   *error;
    const alikassa_field_errors_t  *errors;

    w.dst = dst;
    w.len = 0;

    errors = refusal->errors;

    alikassa_refusal_literal(&w, "{\"message\":");
    alikassa_refusal_text(&w, &refusal->message);
    alikassa_refusal_literal(&w, ",\"errors\":{");

    for (i = 0; errors != NULL && i < errors->nelts; i++) {

        error = &errors->elts[i];

        if (i) {
            alikassa_refusal_literal(&w, ",");
        }

        alikassa_refusal_text(&w, &error->field);
        alikassa_refusal_literal(&w, ":[");
        alikassa_refusal_text(&w, &error->message);
        alikassa_refusal_literal(&w, "]");
    }

    alikassa_refusal_literal(&w, "}");

    if (refusal->outcome != ALIKASSA_OUTCOME_NONE) {

        alikassa_refusal_literal(&w, ",\"outcome\":");
        alikassa_refusal_text(&w, alikassa_outcome_name(refusal->outcome));

        if (refusal->order_id.len) {
            alikassa_refusal_literal(&w, ",\"order_id\":");
            alikassa_refusal_text(&w, &refusal->order_id);
        }
    }

    alikassa_refusal_literal(&w, "}");

    return w.len;
}


alikassa_rc_t
alikassa_refusal_build(const alikassa_pool_t *pool,
    const alikassa_refusal_t *refusal, alikassa_str_t *out)
{
    unsigned char  *dst;

    out->len = alikassa_refusal_write(NULL, refusal);

    dst = alikassa_alloc(pool, out->len);
    if (dst == NULL) {
        return ALIKASSA_ERROR;
    }

    (void) alikassa_refusal_write(dst, refusal);

    out->data = dst;

    return ALIKASSA_OK;
}


size_t
alikassa_existing_order_write(unsigned char *dst,
    const alikassa_response_t *response, const alikassa_str_t *order_id)
{
    alikassa_refusal_writer_t  w;

    w.dst = dst;
    w.len = 0;

    alikassa_refusal_literal(&w, "{\"message\":");
    alikassa_refusal_text(&w, &alikassa_existing_order_message);

    if (response->payment_status.len) {
        alikassa_refusal_literal(&w, ",\"payment_status\":");
        alikassa_refusal_text(&w, &response->payment_status);
    }

    if (response->id.len) {

        alikassa_refusal_literal(&w, ",\"id\":");

        if (alikassa_integer(&response->id)) {
            alikassa_refusal_bytes(&w, response->id.data, response->id.len);

        } else {
            alikassa_refusal_text(&w, &response->id);
        }
    }

    alikassa_refusal_literal(&w, ",\"order_id\":");
    alikassa_refusal_text(&w, order_id);
    alikassa_refusal_literal(&w, "}");

    return w.len;
}


alikassa_rc_t
alikassa_existing_order_build(const alikassa_pool_t *pool,
    const alikassa_response_t *response, const alikassa_str_t *order_id,
    alikassa_str_t *out)
{
    unsigned char  *dst;

    out->len = alikassa_existing_order_write(NULL, response, order_id);

    dst = alikassa_alloc(pool, out->len);
    if (dst == NULL) {
        return ALIKASSA_ERROR;
    }

    (void) alikassa_existing_order_write(dst, response, order_id);

    out->data = dst;

    return ALIKASSA_OK;
}


static void
alikassa_refusal_bytes(alikassa_refusal_writer_t *w,
    const unsigned char *data, size_t len)
{
    if (w->dst != NULL) {
        memcpy(w->dst + w->len, data, len);
    }

    w->len += len;
}


static void
alikassa_refusal_text(alikassa_refusal_writer_t *w, const alikassa_str_t *text)
{
    w->len += alikassa_json_write_text(w->dst ? w->dst + w->len : NULL, text);
}
