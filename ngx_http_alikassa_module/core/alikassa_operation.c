
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The tables follow the vendor's page "Payment solution ID 2" (Indonesia,
 * IDR).
 */


#include "alikassa_operation.h"


#define alikassa_count(table)  (sizeof(table) / sizeof((table)[0]))

#define alikassa_service(name, banks)                                         \
    { alikassa_string(name), banks, alikassa_count(banks) }


_Static_assert(ALIKASSA_MAX_FIELDS <= 32, "a mask has a bit for each field");


static const alikassa_bank_t  alikassa_online_banking[] = {
    { alikassa_string("BCA"), alikassa_string("Bank Central Asia") },
    { alikassa_string("BNI"), alikassa_string("Bank Negara Indonesia") },
    { alikassa_string("BRI"), alikassa_string("Bank Rakyat Indonesia") },
    { alikassa_string("CIMBN"), alikassa_string("CIMB Niaga") },
    { alikassa_string("MDR"), alikassa_string("Mandiri Bank") },
    { alikassa_string("PMTB"), alikassa_string("Permata Bank") },
    { alikassa_string("PANIN"), alikassa_string("Panin Bank") }
};


static const alikassa_bank_t  alikassa_qr_code[] = {
    { alikassa_string("QRIS"), alikassa_string("QRIS") },
    { alikassa_string("DANAQRIS"), alikassa_string("DANA QRIS") },
    { alikassa_string("GOPAYQRIS"), alikassa_string("GO PAY QRIS") },
    { alikassa_string("LINKAJAQRIS"), alikassa_string("LINK AJA QRIS") },
    { alikassa_string("OVOQRIS"), alikassa_string("OVO QRIS") },
    { alikassa_string("SHOPEEQRIS"), alikassa_string("Shopee Pay QRIS") }
};


static const alikassa_bank_t  alikassa_virtual_account[] = {
    { alikassa_string("BCAVA"), alikassa_string("BCA Virtual Account") },
    { alikassa_string("BNIVA"), alikassa_string("BNI Virtual Account") },
    { alikassa_string("BRIVA"), alikassa_string("BRI Virtual Account") },
    { alikassa_string("CIMBNVA"), alikassa_string("CIMBN Virtual Account") },
    { alikassa_string("MBBIVA"), alikassa_string("MBBI Virtual Account") },
    { alikassa_string("MDRVA"), alikassa_string("MDR Virtual Account") },
    { alikassa_string("PMTBVA"), alikassa_string("PMTB Virtual Account") },
    { alikassa_string("PANINVA"), alikassa_string("PANIN Virtual Account") },
    { alikassa_string("BDIVA"), alikassa_string("BDI Virtual Account") }
};


static const alikassa_bank_t  alikassa_local_bank_transfer[] = {
    { alikassa_string("BCALBT"),
      alikassa_string("BCA Bank Local Bank Transfer") },
    { alikassa_string("BNILBT"),
      alikassa_string("BNI Bank (Local Bank Transfer)") },
    { alikassa_string("BRILBT"),
      alikassa_string("BRI Bank (Local Bank Transfer)") },
    { alikassa_string("MDRLBT"),
      alikassa_string("Mandiri Bank (Local Bank Transfer)") }
};


static const alikassa_bank_t  alikassa_payment_card[] = {
    { alikassa_string("PMTB"), alikassa_string("Permata Bank") },
    { alikassa_string("BCASB"),
      alikassa_string("BCA Syariah Bank (enterprise)") },
    { alikassa_string("BMI"), alikassa_string("Bank Mega Indonesia") },
    { alikassa_string("BRISB"),
      alikassa_string("BRI Syariah Bank (enterprise)") },
    { alikassa_string("BSM"), alikassa_string("Bank Sinarmas") },
    { alikassa_string("BTN"), alikassa_string("Bank Tabungan Negara") },
    { alikassa_string("BTPN"),
      alikassa_string("Bank Tabungan Pensiunan Nasional") },
    { alikassa_string("OCBCN"), alikassa_string("Bank OCBC NISP") },
    { alikassa_string("MDRSB"), alikassa_string("Mandiri Syariah Bank") },
    { alikassa_string("PNBN"), alikassa_string("PT. Bank Pan Indonesia") },
    { alikassa_string("UOBI"), alikassa_string("UOB Indonesia") },
    { alikassa_string("BSI"),
      alikassa_string("Bank Syariah Indonesia (under maintenance)") },
    { alikassa_string("PTBC"), alikassa_string("PT. Bank Commonwealth") },
    { alikassa_string("HSBCI"), alikassa_string("HSBC Indonesia") },
    { alikassa_string("PANIN"), alikassa_string("Panin Bank") },
    { alikassa_string("DBSI"), alikassa_string("BANK DBS") },
    { alikassa_string("HANAI"), alikassa_string("Hanabank Indonesia") },
    { alikassa_string("MNC"), alikassa_string("Bank MNC Internasional") },
    { alikassa_string("BKAL"), alikassa_string("Bank Kalteng") },
    { alikassa_string("ALLOB"), alikassa_string("ALLO BANK") },
    { alikassa_string("SEABANK"), alikassa_string("SeaBank") },
    { alikassa_string("SUMUT"), alikassa_string("Bank Sumut") },
    { alikassa_string("BMLI"), alikassa_string("Bank Muamalat") },
    { alikassa_string("BCAD"), alikassa_string("BCA Digital") },
    { alikassa_string("BJB"), alikassa_string("Bank Jabar (BJB)") }
};


static const alikassa_service_t  alikassa_payment_services[] = {
    alikassa_service("online_banking_idr_hpp", alikassa_online_banking),
    alikassa_service("qr_code_idr_hpp", alikassa_qr_code),
    alikassa_service("virtual_account_idr_hpp", alikassa_virtual_account),
    alikassa_service("local_bank_transfer_idr_hpp",
                     alikassa_local_bank_transfer)
};


static const alikassa_service_t  alikassa_payout_services[] = {
    alikassa_service("payment_card_idr", alikassa_payment_card)
};


/* the order of the page's table is the order in which fields are signed */

static const alikassa_field_t  alikassa_payment_fields[] = {
    { alikassa_string("amount"), ALIKASSA_FIELD_AMOUNT,
      ALIKASSA_ROLE_AMOUNT, 0, 1, 0 },
    { alikassa_string("order_id"), ALIKASSA_FIELD_STRING,
      ALIKASSA_ROLE_ORDER_ID, 128, 1, 1 },
    { alikassa_string("service"), ALIKASSA_FIELD_STRING,
      ALIKASSA_ROLE_SERVICE, 100, 1, 0 },
    { alikassa_string("customer_ip"), ALIKASSA_FIELD_IP,
      ALIKASSA_ROLE_CLIENT_IP, 0, 1, 0 },
    { alikassa_string("customer_code"), ALIKASSA_FIELD_STRING,
      ALIKASSA_ROLE_CODE, 100, 1, 0 },
    { alikassa_string("customer_first_name"), ALIKASSA_FIELD_STRING,
      ALIKASSA_ROLE_NONE, 0, 1, 1 },
    { alikassa_string("customer_last_name"), ALIKASSA_FIELD_STRING,
      ALIKASSA_ROLE_NONE, 0, 1, 1 },
    { alikassa_string("success_redirect_id"), ALIKASSA_FIELD_INTEGER,
      ALIKASSA_ROLE_NONE, 0, 0, 0 },
    { alikassa_string("fail_redirect_id"), ALIKASSA_FIELD_INTEGER,
      ALIKASSA_ROLE_NONE, 0, 0, 0 },
    { alikassa_string("notification_endpoint_id"), ALIKASSA_FIELD_INTEGER,
      ALIKASSA_ROLE_NONE, 0, 0, 0 },
    { alikassa_string("success_redirect_url"), ALIKASSA_FIELD_URL,
      ALIKASSA_ROLE_NONE, 255, 0, 0 },
    { alikassa_string("fail_redirect_url"), ALIKASSA_FIELD_URL,
      ALIKASSA_ROLE_NONE, 255, 0, 0 },
    { alikassa_string("notification_endpoint_url"), ALIKASSA_FIELD_URL,
      ALIKASSA_ROLE_NONE, 255, 0, 0 }
};


static const alikassa_field_t  alikassa_payout_fields[] = {
    { alikassa_string("amount"), ALIKASSA_FIELD_AMOUNT,
      ALIKASSA_ROLE_AMOUNT, 0, 1, 0 },
    { alikassa_string("order_id"), ALIKASSA_FIELD_STRING,
      ALIKASSA_ROLE_ORDER_ID, 128, 1, 1 },
    { alikassa_string("service"), ALIKASSA_FIELD_STRING,
      ALIKASSA_ROLE_SERVICE, 100, 1, 0 },
    { alikassa_string("number"), ALIKASSA_FIELD_STRING,
      ALIKASSA_ROLE_NONE, 100, 1, 1 },
    { alikassa_string("customer_code"), ALIKASSA_FIELD_STRING,
      ALIKASSA_ROLE_CODE, 100, 1, 0 },
    { alikassa_string("customer_first_name"), ALIKASSA_FIELD_STRING,
      ALIKASSA_ROLE_NONE, 100, 1, 1 },
    { alikassa_string("customer_last_name"), ALIKASSA_FIELD_STRING,
      ALIKASSA_ROLE_NONE, 100, 1, 1 },
    { alikassa_string("notification_endpoint_id"), ALIKASSA_FIELD_INTEGER,
      ALIKASSA_ROLE_NONE, 0, 0, 0 },
    { alikassa_string("notification_endpoint_url"), ALIKASSA_FIELD_URL,
      ALIKASSA_ROLE_NONE, 255, 0, 0 }
};


static const alikassa_field_t  alikassa_status_fields[] = {
    { alikassa_string("order_id"), ALIKASSA_FIELD_STRING,
      ALIKASSA_ROLE_ORDER_ID, 128, 0, 1 },
    { alikassa_string("id"), ALIKASSA_FIELD_INTEGER,
      ALIKASSA_ROLE_NONE, 0, 0, 0 }
};


_Static_assert(alikassa_count(alikassa_payment_fields) <= ALIKASSA_MAX_FIELDS,
               "payment has at most ALIKASSA_MAX_FIELDS fields");
_Static_assert(alikassa_count(alikassa_payout_fields) <= ALIKASSA_MAX_FIELDS,
               "payout has at most ALIKASSA_MAX_FIELDS fields");
_Static_assert(alikassa_count(alikassa_status_fields) <= ALIKASSA_MAX_FIELDS,
               "status has at most ALIKASSA_MAX_FIELDS fields");


static const alikassa_operation_t  alikassa_operations[] = {

    { .name = alikassa_string("payment"),
      .path = alikassa_string("/v1/payment"),
      .fields = alikassa_payment_fields,
      .nfields = alikassa_count(alikassa_payment_fields),
      .services = alikassa_payment_services,
      .nservices = alikassa_count(alikassa_payment_services),
      .moves_money = 1,
      .redirects_payer = 1,
      .status = "payment_status" },

    { .name = alikassa_string("payout"),
      .path = alikassa_string("/v1/payout"),
      .fields = alikassa_payout_fields,
      .nfields = alikassa_count(alikassa_payout_fields),
      .services = alikassa_payout_services,
      .nservices = alikassa_count(alikassa_payout_services),
      .moves_money = 1,
      .is_payout = 1,
      .status = "payout_status" },

    { .name = alikassa_string("payment_status"),
      .path = alikassa_string("/v1/payment/status"),
      .fields = alikassa_status_fields,
      .nfields = alikassa_count(alikassa_status_fields),
      .is_read_only = 1,
      .exactly_one_field = 1 },

    { .name = alikassa_string("payout_status"),
      .path = alikassa_string("/v1/payout/status"),
      .fields = alikassa_status_fields,
      .nfields = alikassa_count(alikassa_status_fields),
      .is_read_only = 1,
      .exactly_one_field = 1 }
};


const alikassa_operation_t *
alikassa_operation_find(const char *name)
{
    size_t          i;
    alikassa_str_t  s;

    s.len = strlen(name);
    s.data = (const unsigned char *) name;

    for (i = 0; i < alikassa_count(alikassa_operations); i++) {

        if (alikassa_str_eq(&alikassa_operations[i].name, &s)) {
            return &alikassa_operations[i];
        }
    }

    return NULL;
}


void
alikassa_operation_client_object(alikassa_operation_t *op,
    const alikassa_str_t *path)
{
    static const alikassa_str_t  name = alikassa_string("request");

    memset(op, 0, sizeof(alikassa_operation_t));

    op->name = name;
    op->path = *path;
    op->signs_client_object = 1;
}


int
alikassa_operation_field(const alikassa_operation_t *op,
    const alikassa_str_t *name)
{
    size_t  i;

    for (i = 0; i < op->nfields; i++) {

        if (alikassa_str_eq(&op->fields[i].name, name)) {
            return (int) i;
        }
    }

    return -1;
}


int
alikassa_operation_any_field(const alikassa_str_t *name)
{
    size_t  i;

    for (i = 0; i < alikassa_count(alikassa_operations); i++) {

        if (alikassa_operation_field(&alikassa_operations[i], name) >= 0) {
            return 1;
        }
    }

    return 0;
}


int
alikassa_operation_role(const alikassa_operation_t *op,
    alikassa_field_role_t role)
{
    size_t  i;

    for (i = 0; i < op->nfields; i++) {

        if (op->fields[i].role == role) {
            return (int) i;
        }
    }

    return -1;
}


const alikassa_str_t *
alikassa_operation_role_name(alikassa_field_role_t role)
{
    int                          field;
    size_t                       i;
    const alikassa_operation_t  *op;

    if (role == ALIKASSA_ROLE_NONE) {
        return NULL;
    }

    for (i = 0; i < alikassa_count(alikassa_operations); i++) {

        op = &alikassa_operations[i];
        field = alikassa_operation_role(op, role);

        if (field >= 0) {
            return &op->fields[field].name;
        }
    }

    return NULL;
}
