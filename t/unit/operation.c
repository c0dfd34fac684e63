
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Tests for alikassa_operation.c.  The tables repeat every row of the vendor's
 * page.
 */


#include "test.h"

#include "alikassa_json_string.h"
#include "alikassa_request.h"


#define STRING   ALIKASSA_FIELD_STRING
#define AMOUNT   ALIKASSA_FIELD_AMOUNT
#define INTEGER  ALIKASSA_FIELD_INTEGER
#define IP       ALIKASSA_FIELD_IP
#define URL      ALIKASSA_FIELD_URL


typedef struct {
    const char               *service;
    const char               *code;
    const char               *bank;
} test_bank_t;


typedef struct {
    const char               *name;
    alikassa_field_type_t     type;
    alikassa_field_role_t     role;
    unsigned                  max;
    unsigned                  required;
} test_field_t;


typedef struct {
    const char               *name;
    const char               *path;
    const char               *status;
    unsigned                  moves_money;
    unsigned                  is_payout;
    unsigned                  is_read_only;
    unsigned                  exactly_one_field;
    unsigned                  redirects_payer;
    const test_field_t       *fields;
    const char *const        *services;
    const test_bank_t        *banks;
} test_operation_t;


/* the page's table "Deposit Bank Code" */

static const test_bank_t  test_deposit_banks[] = {

    { "online_banking_idr_hpp", "BCA", "Bank Central Asia" },
    { "online_banking_idr_hpp", "BNI", "Bank Negara Indonesia" },
    { "online_banking_idr_hpp", "BRI", "Bank Rakyat Indonesia" },
    { "online_banking_idr_hpp", "CIMBN", "CIMB Niaga" },
    { "online_banking_idr_hpp", "MDR", "Mandiri Bank" },
    { "online_banking_idr_hpp", "PMTB", "Permata Bank" },
    { "online_banking_idr_hpp", "PANIN", "Panin Bank" },

    { "qr_code_idr_hpp", "QRIS", "QRIS" },
    { "qr_code_idr_hpp", "DANAQRIS", "DANA QRIS" },
    { "qr_code_idr_hpp", "GOPAYQRIS", "GO PAY QRIS" },
    { "qr_code_idr_hpp", "LINKAJAQRIS", "LINK AJA QRIS" },
    { "qr_code_idr_hpp", "OVOQRIS", "OVO QRIS" },
    { "qr_code_idr_hpp", "SHOPEEQRIS", "Shopee Pay QRIS" },

    { "virtual_account_idr_hpp", "BCAVA", "BCA Virtual Account" },
    { "virtual_account_idr_hpp", "BNIVA", "BNI Virtual Account" },
    { "virtual_account_idr_hpp", "BRIVA", "BRI Virtual Account" },
    { "virtual_account_idr_hpp", "CIMBNVA", "CIMBN Virtual Account" },
    { "virtual_account_idr_hpp", "MBBIVA", "MBBI Virtual Account" },
    { "virtual_account_idr_hpp", "MDRVA", "MDR Virtual Account" },
    { "virtual_account_idr_hpp", "PMTBVA", "PMTB Virtual Account" },
    { "virtual_account_idr_hpp", "PANINVA", "PANIN Virtual Account" },
    { "virtual_account_idr_hpp", "BDIVA", "BDI Virtual Account" },

    { "local_bank_transfer_idr_hpp", "BCALBT",
      "BCA Bank Local Bank Transfer" },
    { "local_bank_transfer_idr_hpp", "BNILBT",
      "BNI Bank (Local Bank Transfer)" },
    { "local_bank_transfer_idr_hpp", "BRILBT",
      "BRI Bank (Local Bank Transfer)" },
    { "local_bank_transfer_idr_hpp", "MDRLBT",
      "Mandiri Bank (Local Bank Transfer)" },

    { NULL, NULL, NULL }
};


/* the page's table "Payout Bank Code" */

static const test_bank_t  test_payout_banks[] = {
    { "payment_card_idr", "PMTB", "Permata Bank" },
    { "payment_card_idr", "BCASB", "BCA Syariah Bank (enterprise)" },
    { "payment_card_idr", "BMI", "Bank Mega Indonesia" },
    { "payment_card_idr", "BRISB", "BRI Syariah Bank (enterprise)" },
    { "payment_card_idr", "BSM", "Bank Sinarmas" },
    { "payment_card_idr", "BTN", "Bank Tabungan Negara" },
    { "payment_card_idr", "BTPN", "Bank Tabungan Pensiunan Nasional" },
    { "payment_card_idr", "OCBCN", "Bank OCBC NISP" },
    { "payment_card_idr", "MDRSB", "Mandiri Syariah Bank" },
    { "payment_card_idr", "PNBN", "PT. Bank Pan Indonesia" },
    { "payment_card_idr", "UOBI", "UOB Indonesia" },
    { "payment_card_idr", "BSI",
      "Bank Syariah Indonesia (under maintenance)" },
    { "payment_card_idr", "PTBC", "PT. Bank Commonwealth" },
    { "payment_card_idr", "HSBCI", "HSBC Indonesia" },
    { "payment_card_idr", "PANIN", "Panin Bank" },
    { "payment_card_idr", "DBSI", "BANK DBS" },
    { "payment_card_idr", "HANAI", "Hanabank Indonesia" },
    { "payment_card_idr", "MNC", "Bank MNC Internasional" },
    { "payment_card_idr", "BKAL", "Bank Kalteng" },
    { "payment_card_idr", "ALLOB", "ALLO BANK" },
    { "payment_card_idr", "SEABANK", "SeaBank" },
    { "payment_card_idr", "SUMUT", "Bank Sumut" },
    { "payment_card_idr", "BMLI", "Bank Muamalat" },
    { "payment_card_idr", "BCAD", "BCA Digital" },
    { "payment_card_idr", "BJB", "Bank Jabar (BJB)" },
    { NULL, NULL, NULL }
};


static const test_bank_t  test_no_banks[] = { { NULL, NULL, NULL } };


static const char *const  test_payment_services[] = {
    "online_banking_idr_hpp",
    "qr_code_idr_hpp",
    "virtual_account_idr_hpp",
    "local_bank_transfer_idr_hpp",
    NULL
};


static const char *const  test_payout_services[] = {
    "payment_card_idr",
    NULL
};


static const char *const  test_no_services[] = { NULL };


static const test_field_t  test_payment_fields[] = {
    { "amount", AMOUNT, ALIKASSA_ROLE_AMOUNT, 0, 1 },
    { "order_id", STRING, ALIKASSA_ROLE_ORDER_ID, 128, 1 },
    { "service", STRING, ALIKASSA_ROLE_SERVICE, 100, 1 },
    { "customer_ip", IP, ALIKASSA_ROLE_CLIENT_IP, 0, 1 },
    { "customer_code", STRING, ALIKASSA_ROLE_CODE, 100, 1 },
    { "customer_first_name", STRING, ALIKASSA_ROLE_NONE, 0, 1 },
    { "customer_last_name", STRING, ALIKASSA_ROLE_NONE, 0, 1 },
    { "success_redirect_id", INTEGER, ALIKASSA_ROLE_NONE, 0, 0 },
    { "fail_redirect_id", INTEGER, ALIKASSA_ROLE_NONE, 0, 0 },
    { "notification_endpoint_id", INTEGER, ALIKASSA_ROLE_NONE, 0, 0 },
    { "success_redirect_url", URL, ALIKASSA_ROLE_NONE, 255, 0 },
    { "fail_redirect_url", URL, ALIKASSA_ROLE_NONE, 255, 0 },
    { "notification_endpoint_url", URL, ALIKASSA_ROLE_NONE, 255, 0 },
    { NULL, STRING, ALIKASSA_ROLE_NONE, 0, 0 }
};


static const test_field_t  test_payout_fields[] = {
    { "amount", AMOUNT, ALIKASSA_ROLE_AMOUNT, 0, 1 },
    { "order_id", STRING, ALIKASSA_ROLE_ORDER_ID, 128, 1 },
    { "service", STRING, ALIKASSA_ROLE_SERVICE, 100, 1 },
    { "number", STRING, ALIKASSA_ROLE_NONE, 100, 1 },
    { "customer_code", STRING, ALIKASSA_ROLE_CODE, 100, 1 },
    { "customer_first_name", STRING, ALIKASSA_ROLE_NONE, 100, 1 },
    { "customer_last_name", STRING, ALIKASSA_ROLE_NONE, 100, 1 },
    { "notification_endpoint_id", INTEGER, ALIKASSA_ROLE_NONE, 0, 0 },
    { "notification_endpoint_url", URL, ALIKASSA_ROLE_NONE, 255, 0 },
    { NULL, STRING, ALIKASSA_ROLE_NONE, 0, 0 }
};


static const test_field_t  test_status_fields[] = {
    { "order_id", STRING, ALIKASSA_ROLE_ORDER_ID, 128, 0 },
    { "id", INTEGER, ALIKASSA_ROLE_NONE, 0, 0 },
    { NULL, STRING, ALIKASSA_ROLE_NONE, 0, 0 }
};


static const test_operation_t  test_operations[] = {

    { "payment", "/v1/payment", "payment_status", 1, 0, 0, 0, 1,
      test_payment_fields, test_payment_services, test_deposit_banks },

    { "payout", "/v1/payout", "payout_status", 1, 1, 0, 0, 0,
      test_payout_fields, test_payout_services, test_payout_banks },

    { "payment_status", "/v1/payment/status", NULL, 0, 0, 1, 1, 0,
      test_status_fields, test_no_services, test_no_banks },

    { "payout_status", "/v1/payout/status", NULL, 0, 0, 1, 1, 0,
      test_status_fields, test_no_services, test_no_banks },

    { NULL, NULL, NULL, 0, 0, 0, 0, 0, NULL, NULL, NULL }
};


/* names that are similar to those of an operation or a field */

static const char *const  test_strangers[] = {
    "", " ", "Payment", "PAYMENT", "payment ", " payment", "paymen",
    "payments", "payment_statu", "payment_status_", "payment-status",
    "payment/status", "/v1/payment", "status", "balance", "Amount", "AMOUNT",
    "amount ", "amoun", "amounts", "order-id", "order_i", "order_idd",
    "orderid", "ID", "i", "idd", "url", "account", "sign", "desc", "currency",
    NULL
};


static void
operations_match_the_vendor_page(void **state)
{
    const test_operation_t      *t;
    const alikassa_operation_t  *op;

    (void) state;

    for (t = test_operations; t->name; t++) {

        op = alikassa_operation_find(t->name);
        assert_non_null(op);

        test_equal(&op->name, t->name);
        test_equal(&op->path, t->path);

        assert_int_equal(op->moves_money, t->moves_money);
        assert_int_equal(op->is_payout, t->is_payout);
        assert_int_equal(op->is_read_only, t->is_read_only);
        assert_int_equal(op->exactly_one_field, t->exactly_one_field);
        assert_int_equal(op->redirects_payer, t->redirects_payer);
        assert_int_equal(op->signs_client_object, 0);

        assert_ptr_equal(op, alikassa_operation_find(t->name));
    }
}


static void
signed_request_has_the_configured_path(void **state)
{
    alikassa_str_t        path;
    alikassa_operation_t  op;

    (void) state;

    memset(&op, 0xa5, sizeof(alikassa_operation_t));

    path = test_str("/v1/other");

    alikassa_operation_client_object(&op, &path);

    test_equal(&op.name, "request");
    test_equal(&op.path, "/v1/other");
    assert_int_equal(op.signs_client_object, 1);

    assert_int_equal(op.nfields, 0);
    assert_int_equal(op.nservices, 0);
    assert_int_equal(op.moves_money, 0);
    assert_int_equal(op.is_payout, 0);
    assert_int_equal(op.is_read_only, 0);
    assert_int_equal(op.exactly_one_field, 0);
    assert_int_equal(op.redirects_payer, 0);
    assert_null(op.status);
}


static void
status_operation_is_read_only(void **state)
{
    const test_operation_t      *t;
    const alikassa_operation_t  *op, *status;

    (void) state;

    for (t = test_operations; t->name; t++) {

        op = alikassa_operation_find(t->name);
        assert_non_null(op);

        if (t->status == NULL) {
            assert_null(op->status);
            continue;
        }

        assert_string_equal(op->status, t->status);

        status = alikassa_operation_find(op->status);
        assert_non_null(status);

        assert_true(status->is_read_only);
        assert_false(status->moves_money);
    }
}


static void
fields_match_the_vendor_page(void **state)
{
    size_t                       i;
    alikassa_str_t               name;
    const test_field_t          *f;
    const test_operation_t      *t;
    const alikassa_field_t      *field;
    const alikassa_operation_t  *op;

    (void) state;

    for (t = test_operations; t->name; t++) {

        op = alikassa_operation_find(t->name);
        assert_non_null(op);

        for (i = 0, f = t->fields; f->name; f++, i++) {

            assert_true(i < op->nfields);

            field = &op->fields[i];
            name = test_str(f->name);

            test_equal(&field->name, f->name);

            /* request.c writes names without escapes */

            assert_true(alikassa_json_plain(&field->name));

            if (field->type != f->type || field->role != f->role
                || field->max != f->max || field->required != f->required)
            {
                fail_msg("%s: field %s differs from the page", t->name,
                         f->name);
            }

            assert_int_equal(alikassa_operation_field(op, &name), (int) i);
            assert_true(alikassa_operation_any_field(&name));
        }

        assert_int_equal(op->nfields, i);
        assert_true(op->nfields <= ALIKASSA_MAX_FIELDS);
    }
}


static void
services_and_banks_match_the_vendor_page(void **state)
{
    size_t                       i, j, n;
    const test_bank_t           *b;
    const test_operation_t      *t;
    const alikassa_service_t    *service;
    const alikassa_operation_t  *op;

    (void) state;

    for (t = test_operations; t->name; t++) {

        op = alikassa_operation_find(t->name);
        assert_non_null(op);

        b = t->banks;

        for (i = 0; t->services[i]; i++) {

            assert_true(i < op->nservices);

            service = &op->services[i];
            test_equal(&service->name, t->services[i]);

            for (j = 0; j < service->nbanks; j++, b++) {

                if (b->service == NULL) {
                    fail_msg("%s: too many banks", t->services[i]);
                }

                assert_string_equal(b->service, t->services[i]);

                test_equal(&service->banks[j].code, b->code);
                test_equal(&service->banks[j].bank, b->bank);
            }
        }

        assert_int_equal(op->nservices, i);
        assert_null(b->service);

        if (i == 0) {
            assert_null(op->services);
        }
    }

    /* the page has this number of rows */

    for (n = 0, b = test_deposit_banks; b->service; b++) {
        n++;
    }

    assert_int_equal(n, 7 + 6 + 9 + 4);

    for (n = 0, b = test_payout_banks; b->service; b++) {
        n++;
    }

    assert_int_equal(n, 25);
}


static void
unknown_operations_and_fields_are_not_found(void **state)
{
    const char *const       *s;
    alikassa_str_t           name;
    const test_operation_t  *t;

    (void) state;

    for (s = test_strangers; *s; s++) {

        name = test_str(*s);

        if (alikassa_operation_find(*s) != NULL) {
            fail_msg("\"%s\" is found as an operation", *s);
        }

        if (alikassa_operation_any_field(&name)) {
            fail_msg("\"%s\" is found as a field", *s);
        }

        for (t = test_operations; t->name; t++) {
            assert_int_equal(alikassa_operation_field(
                                     alikassa_operation_find(t->name), &name),
                             -1);
        }
    }
}


/*
 * A field is found in the operations that have it and in no other one.
 * alikassa_operation_any_field() finds the fields of all operations.
 */

static void
field_is_found_only_in_its_operations(void **state)
{
    alikassa_str_t               name;
    const test_field_t          *f, *g;
    const test_operation_t      *t, *other;
    const alikassa_operation_t  *op;

    (void) state;

    for (t = test_operations; t->name; t++) {

        for (f = t->fields; f->name; f++) {

            name = test_str(f->name);

            for (other = test_operations; other->name; other++) {

                op = alikassa_operation_find(other->name);

                for (g = other->fields; g->name; g++) {
                    if (strcmp(f->name, g->name) == 0) {
                        break;
                    }
                }

                assert_int_equal(alikassa_operation_field(op, &name),
                                 g->name ? (int) (g - other->fields) : -1);
            }
        }
    }

    /* the length of a name counts, not its NUL */

    name = test_str("amount");
    name.len--;
    assert_false(alikassa_operation_any_field(&name));

    name.len += 2;
    assert_false(alikassa_operation_any_field(&name));

    name.len = 0;
    name.data = NULL;
    assert_false(alikassa_operation_any_field(&name));
}


static void
field_of_a_role_is_found(void **state)
{
    const alikassa_operation_t  *op;

    (void) state;

    op = alikassa_operation_find("payment");

    assert_int_equal(alikassa_operation_role(op, ALIKASSA_ROLE_AMOUNT), 0);
    assert_int_equal(alikassa_operation_role(op, ALIKASSA_ROLE_ORDER_ID), 1);
    assert_int_equal(alikassa_operation_role(op, ALIKASSA_ROLE_SERVICE), 2);
    assert_int_equal(alikassa_operation_role(op, ALIKASSA_ROLE_CLIENT_IP), 3);
    assert_int_equal(alikassa_operation_role(op, ALIKASSA_ROLE_CODE), 4);

    op = alikassa_operation_find("payout");

    assert_int_equal(alikassa_operation_role(op, ALIKASSA_ROLE_AMOUNT), 0);
    assert_int_equal(alikassa_operation_role(op, ALIKASSA_ROLE_ORDER_ID), 1);
    assert_int_equal(alikassa_operation_role(op, ALIKASSA_ROLE_SERVICE), 2);
    assert_int_equal(alikassa_operation_role(op, ALIKASSA_ROLE_CLIENT_IP), -1);
    assert_int_equal(alikassa_operation_role(op, ALIKASSA_ROLE_CODE), 4);

    op = alikassa_operation_find("payout_status");

    assert_int_equal(alikassa_operation_role(op, ALIKASSA_ROLE_AMOUNT), -1);
    assert_int_equal(alikassa_operation_role(op, ALIKASSA_ROLE_ORDER_ID), 0);
    assert_int_equal(alikassa_operation_role(op, ALIKASSA_ROLE_SERVICE), -1);
    assert_int_equal(alikassa_operation_role(op, ALIKASSA_ROLE_CODE), -1);
}


static void
role_has_one_field_name(void **state)
{
    (void) state;

    assert_null(alikassa_operation_role_name(ALIKASSA_ROLE_NONE));

    test_equal(alikassa_operation_role_name(ALIKASSA_ROLE_AMOUNT), "amount");
    test_equal(alikassa_operation_role_name(ALIKASSA_ROLE_ORDER_ID),
               "order_id");
    test_equal(alikassa_operation_role_name(ALIKASSA_ROLE_SERVICE),
               "service");
    test_equal(alikassa_operation_role_name(ALIKASSA_ROLE_CODE),
               "customer_code");
    test_equal(alikassa_operation_role_name(ALIKASSA_ROLE_CLIENT_IP),
               "customer_ip");

    assert_null(alikassa_operation_role_name((alikassa_field_role_t) 99));
}


static void
test_set(const alikassa_operation_t *op, alikassa_fields_t *fields,
    const char *name, const char *value)
{
    int               i;
    alikassa_str_t    key;
    alikassa_input_t  input;

    key = test_str(name);

    i = alikassa_operation_field(op, &key);

    if (i < 0) {
        return;
    }

    memset(&input, 0, sizeof(alikassa_input_t));

    input.value = test_str(value);
    input.type = ALIKASSA_VALUE_STRING;

    alikassa_param_take(&fields->known[i], &input);
}


/*
 * Builds a payment or payout with this service and code.
 */

static void
test_build(const alikassa_operation_t *op, alikassa_validate_t validate,
    const char *service, const char *code, alikassa_field_errors_t *errors)
{
    alikassa_rc_t       rc;
    alikassa_str_t      body;
    alikassa_fields_t   fields;

    memset(&fields, 0, sizeof(alikassa_fields_t));

    test_set(op, &fields, "amount", "1");
    test_set(op, &fields, "order_id", "A-1");
    test_set(op, &fields, "service", service);
    test_set(op, &fields, "customer_ip", "1.2.3.4");
    test_set(op, &fields, "number", "1");
    test_set(op, &fields, "customer_code", code);
    test_set(op, &fields, "customer_first_name", "Budi");
    test_set(op, &fields, "customer_last_name", "Santoso");

    rc = alikassa_request_build(test_pool(), op, validate, &fields, &body,
                             errors);

    assert_int_equal(rc, errors->nelts ? ALIKASSA_DECLINED : ALIKASSA_OK);
}


/*
 * Returns the number of field errors for this service and code.
 */

static size_t
test_faults(const alikassa_operation_t *op, const char *service,
    const char *code)
{
    alikassa_field_errors_t  errors;

    test_build(op, ALIKASSA_VALIDATE_STRICT, service, code, &errors);
    test_pool_free();

    return errors.nelts;
}


/*
 * Tries each service with each code of the page.  The pair is valid only if the
 * page has both in one row.  A code is invalid in lower case, truncated or with
 * a character more.
 */

static void
bank_code_is_valid_only_for_its_service(void **state)
{
    char                         code[32];
    size_t                       i, right, n;
    const test_bank_t           *b, *c, *lists[2];
    const test_operation_t      *t;
    const alikassa_operation_t  *op;

    (void) state;

    lists[0] = test_deposit_banks;
    lists[1] = test_payout_banks;

    for (t = test_operations; t->fields != test_status_fields; t++) {

        op = alikassa_operation_find(t->name);

        for (n = 0; t->services[n]; n++) {

            for (i = 0; i < 2; i++) {

                for (b = lists[i]; b->code; b++) {

                    right = 0;

                    for (c = t->banks; c->code; c++) {
                        right += strcmp(c->code, b->code) == 0
                                 && strcmp(c->service, t->services[n]) == 0;
                    }

                    if (test_faults(op, t->services[n], b->code)
                        != 1 - right)
                    {
                        fail_msg("code %s is %s for %s", b->code,
                                 right ? "refused" : "accepted",
                                 t->services[n]);
                    }
                }
            }
        }

        for (b = t->banks; b->code; b++) {

            n = strlen(b->code);

            for (i = 0; i < n; i++) {

                strcpy(code, b->code);
                code[i] |= 0x20;
                assert_int_equal(test_faults(op, b->service, code), 1);
            }

            sprintf(code, "%s ", b->code);
            assert_int_equal(test_faults(op, b->service, code), 1);

            sprintf(code, " %s", b->code);
            assert_int_equal(test_faults(op, b->service, code), 1);

            sprintf(code, "%sX", b->code);
            assert_int_equal(test_faults(op, b->service, code), 1);

            sprintf(code, "%.*sX", (int) n - 1, b->code);
            assert_int_equal(test_faults(op, b->service, code), 1);
        }
    }
}


static void
service_is_valid_only_for_its_operation(void **state)
{
    const alikassa_operation_t  *payment, *payout;

    (void) state;

    payment = alikassa_operation_find("payment");
    payout = alikassa_operation_find("payout");

    /* the codes of Permata and Panin are equal in both lists */

    assert_int_equal(test_faults(payment, "online_banking_idr_hpp", "PMTB"),
                     0);
    assert_int_equal(test_faults(payout, "payment_card_idr", "PMTB"), 0);
    assert_int_equal(test_faults(payment, "payment_card_idr", "PMTB"), 1);
    assert_int_equal(test_faults(payout, "online_banking_idr_hpp", "PMTB"),
                     1);

    assert_int_equal(test_faults(payment, "Online_banking_idr_hpp", "BCA"),
                     1);
    assert_int_equal(test_faults(payment, "online_banking_idr", "BCA"), 1);
    assert_int_equal(test_faults(payment, "online_banking_idr_hpp ", "BCA"),
                     1);
    assert_int_equal(test_faults(payment, "qr_code_idr_hp", "QRIS"), 1);
    assert_int_equal(test_faults(payout, "PAYMENT_CARD_IDR", "BJB"), 1);
    assert_int_equal(test_faults(payout, "payment_card", "BJB"), 1);
}


/*
 * Expects these field errors of service and customer_code.  NULL: no error.
 */

static void
test_told(const char *operation, alikassa_validate_t validate,
    const char *service, const char *code, const char *service_fault,
    const char *code_fault)
{
    size_t                   n;
    alikassa_field_errors_t  errors;

    test_build(alikassa_operation_find(operation), validate, service, code,
               &errors);

    n = 0;

    if (service_fault) {
        assert_true(n < errors.nelts);
        test_equal(&errors.elts[n].field, "service");
        test_equal(&errors.elts[n++].message, service_fault);
    }

    if (code_fault) {
        assert_true(n < errors.nelts);
        test_equal(&errors.elts[n].field, "customer_code");
        test_equal(&errors.elts[n++].message, code_fault);
    }

    assert_int_equal(errors.nelts, n);

    test_pool_free();
}


static void
field_errors_list_the_allowed_values(void **state)
{
    static const char  services[] =
        "The selected service is invalid; allowed: online_banking_idr_hpp, "
        "qr_code_idr_hpp, virtual_account_idr_hpp, "
        "local_bank_transfer_idr_hpp.";

    static const char  codes[] =
        "The selected customer code is invalid for qr_code_idr_hpp; allowed: "
        "QRIS, DANAQRIS, GOPAYQRIS, LINKAJAQRIS, OVOQRIS, SHOPEEQRIS.";

    static const char  cards[] =
        "The selected customer code is invalid for payment_card_idr; "
        "allowed: PMTB, BCASB, BMI, BRISB, BSM, BTN, BTPN, OCBCN, MDRSB, "
        "PNBN, UOBI, BSI, PTBC, HSBCI, PANIN, DBSI, HANAI, MNC, BKAL, ALLOB, "
        "SEABANK, SUMUT, BMLI, BCAD, BJB.";

    static const char  card[] =
        "The selected service is invalid; allowed: payment_card_idr.";

    static const char  no_service[] = "The service field is required.";
    static const char  no_code[] = "The customer code field is required.";

    (void) state;

    test_told("payment", ALIKASSA_VALIDATE_STRICT, "qr_code_idr_hpp", "BCA",
              NULL, codes);
    test_told("payment", ALIKASSA_VALIDATE_STRICT, "qr_code_idr_hpp", " ",
              NULL, codes);
    test_told("payout", ALIKASSA_VALIDATE_STRICT, "payment_card_idr", "BCA",
              NULL, cards);
    test_told("payment", ALIKASSA_VALIDATE_STRICT, " ", "BCA", services,
              NULL);

    /* with an unknown service, only the format of a code is validated */

    test_told("payment", ALIKASSA_VALIDATE_STRICT, "x", "y", services, NULL);
    test_told("payment", ALIKASSA_VALIDATE_STRICT, "x", " ", services,
              no_code);
    test_told("payment", ALIKASSA_VALIDATE_STRICT, "", " ", no_service,
              no_code);
    test_told("payout", ALIKASSA_VALIDATE_STRICT, "x", "", card, no_code);

    /* the other modes of validation do not use the tables */

    test_told("payment", ALIKASSA_VALIDATE_FIELDS, "x", "y", NULL, NULL);
    test_told("payment", ALIKASSA_VALIDATE_FIELDS, " ", "\t", no_service,
              no_code);
    test_told("payout", ALIKASSA_VALIDATE_FIELDS, "payment_card_idr", "BCA",
              NULL, NULL);
    test_told("payout", ALIKASSA_VALIDATE_OFF, " ", "", NULL, NULL);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(operations_match_the_vendor_page),
        cmocka_unit_test(signed_request_has_the_configured_path),
        cmocka_unit_test(status_operation_is_read_only),
        cmocka_unit_test(fields_match_the_vendor_page),
        cmocka_unit_test(services_and_banks_match_the_vendor_page),
        cmocka_unit_test(unknown_operations_and_fields_are_not_found),
        cmocka_unit_test(field_is_found_only_in_its_operations),
        cmocka_unit_test(field_of_a_role_is_found),
        cmocka_unit_test(role_has_one_field_name),
        cmocka_unit_test(bank_code_is_valid_only_for_its_service),
        cmocka_unit_test(service_is_valid_only_for_its_operation),
        cmocka_unit_test(field_errors_list_the_allowed_values),
    };

    return cmocka_run_group_tests_name("operation", tests, NULL, NULL);
}
