
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Builds and signs the cases that PHP built and signed; t/php.t compares them.
 *
 * Reads cases from standard input, one a line, as hex texts separated by
 * spaces: the operation's name or "reencode", then the name and the value of
 * each field.  A name with "@" before it is an extra field.  Writes, for each
 * case, a line: the body in hex and its signatures with SHA-1 and SHA-256, or
 * "refused".
 *
 *     payments key.pem passphrase
 */


#include <stdio.h>
#include <stdlib.h>

#include "alikassa_request.h"
#include "alikassa_json.h"
#include "alikassa_key.h"
#include "alikassa_signer.h"


#define CASE_FIELDS  64


typedef struct piece_s  piece_t;

struct piece_s {
    piece_t               *next;
    max_align_t            data[];
};


static piece_t  *pieces;


static void *
piece_alloc(void *data, size_t size)
{
    piece_t  *piece;

    (void) data;

    piece = malloc(sizeof(piece_t) + size);
    if (piece == NULL) {
        return NULL;
    }

    piece->next = pieces;
    pieces = piece;

    return piece->data;
}


static void
piece_free(void)
{
    piece_t  *piece;

    while (pieces) {
        piece = pieces;
        pieces = piece->next;
        free(piece);
    }
}


static const alikassa_pool_t  pool = { piece_alloc, NULL };


static alikassa_str_t
unhex(const char *text)
{
    size_t           i;
    unsigned         c;
    alikassa_str_t   s;
    unsigned char   *dst;

    s.len = strlen(text) / 2;

    dst = alikassa_alloc(&pool, s.len + 1);
    if (dst == NULL) {
        exit(2);
    }

    for (i = 0; i < s.len; i++) {
        if (sscanf(&text[i * 2], "%2x", &c) != 1) {
            exit(2);
        }

        dst[i] = (unsigned char) c;
    }

    dst[s.len] = '\0';
    s.data = dst;

    return s;
}


static void
answer(const alikassa_str_t *body, alikassa_signer_t **signers)
{
    size_t             i;
    unsigned char      sign[ALIKASSA_SIGN_BASE64_MAX];
    alikassa_errmsg_t  errmsg;

    for (i = 0; i < body->len; i++) {
        printf("%02x", body->data[i]);
    }

    for (i = 0; i < 2; i++) {

        if (alikassa_signer_sign(signers[i], body, sign, &errmsg)
            != ALIKASSA_OK)
        {
            fprintf(stderr, "%s\n", errmsg.text);
            exit(2);
        }

        printf(" %s", (char *) sign);
    }

    printf("\n");
}


static void
payment(const alikassa_str_t *words, size_t nwords,
    alikassa_signer_t **signers)
{
    int                          field;
    size_t                       i;
    alikassa_str_t               name, body;
    alikassa_extra_t             extra[CASE_FIELDS];
    alikassa_param_t            *param;
    alikassa_fields_t            fields;
    alikassa_field_errors_t      errors;
    const alikassa_operation_t  *op;

    op = alikassa_operation_find((const char *) words[0].data);
    if (op == NULL) {
        exit(2);
    }

    memset(&fields, 0, sizeof(fields));
    memset(extra, 0, sizeof(extra));

    fields.extra = extra;

    for (i = 1; i + 1 < nwords; i += 2) {

        name = words[i];

        if (name.data[0] == '@') {
            param = &extra[fields.nextra].param;
            extra[fields.nextra].name.len = name.len - 1;
            extra[fields.nextra].name.data = name.data + 1;
            fields.nextra++;

        } else {
            field = alikassa_operation_field(op, &name);
            if (field < 0) {
                exit(2);
            }

            param = &fields.known[field];
        }

        alikassa_param_set(param, &words[i + 1]);
        param->given = 1;
    }

    if (alikassa_request_build(&pool, op, ALIKASSA_VALIDATE_FIELDS, &fields,
                            &body, &errors)
        != ALIKASSA_OK)
    {
        printf("refused\n");

        for (i = 0; i < errors.nelts; i++) {
            fprintf(stderr, "# %.*s\n", (int) errors.elts[i].message.len,
                    (const char *) errors.elts[i].message.data);
        }

        return;
    }

    answer(&body, signers);
}


static char *
slurp(const char *path)
{
    FILE    *f;
    char    *text;
    size_t   n;

    f = fopen(path, "rb");
    text = malloc(65536);

    if (f == NULL || text == NULL) {
        exit(2);
    }

    n = fread(text, 1, 65535, f);
    text[n] = '\0';

    fclose(f);

    return text;
}


int
main(int argc, char **argv)
{
    char               *line, *word, *text;
    size_t              size, n;
    alikassa_key_t     *key;
    alikassa_str_t      pem, pass, body, words[CASE_FIELDS];
    alikassa_errmsg_t   errmsg;
    alikassa_signer_t  *signers[2];

    if (argc != 3) {
        return 2;
    }

    text = slurp(argv[1]);

    pem.len = strlen(text);
    pem.data = (unsigned char *) text;
    pass.len = strlen(argv[2]);
    pass.data = (unsigned char *) argv[2];

    if (alikassa_key_create(&pem, &pass, 1, &key, &errmsg) != ALIKASSA_OK
        || alikassa_signer_create(key, "sha1", &signers[0], &errmsg)
           != ALIKASSA_OK
        || alikassa_signer_create(key, "sha256", &signers[1], &errmsg)
           != ALIKASSA_OK)
    {
        fprintf(stderr, "%s\n", errmsg.text);
        return 2;
    }

    size = 1 << 24;

    line = malloc(size);
    if (line == NULL) {
        return 2;
    }

    while (fgets(line, (int) size, stdin)) {

        n = 0;

        for (word = strtok(line, " \n");
             word && n < CASE_FIELDS;
             word = strtok(NULL, " \n"))
        {
            words[n++] = unhex(word);
        }

        if (n == 0) {
            return 2;
        }

        if (strcmp((const char *) words[0].data, "reencode") != 0) {
            payment(words, n, signers);

        } else if (alikassa_json_reencode(&pool, &words[1], &body, &errmsg)
                   != ALIKASSA_OK)
        {
            printf("refused\n");

        } else {
            answer(&body, signers);
        }

        piece_free();
    }

    alikassa_signer_free(signers[0]);
    alikassa_signer_free(signers[1]);
    alikassa_key_free(key);

    free(line);
    free(text);

    return 0;
}
