
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Tests for alikassa_multipart.c.
 */


#include "test.h"

#include "alikassa_multipart.h"


#define TEST_MAX_PARTS  5

#define CRLF  "\r\n"

/* the boundary of all bodies here is B */

#define test_field(header, value)                                             \
    "--B" CRLF "Content-Disposition: form-data; " header CRLF CRLF value CRLF
#define test_typed(header, value)                                             \
    "--B" CRLF header CRLF "Content-Disposition: form-data; name=\"a\"" CRLF  \
    CRLF value CRLF
#define test_end  "--B--" CRLF


typedef struct {
    const char             *name;
    size_t                  name_len;
    const char             *value;
    size_t                  value_len;
    alikassa_value_type_t   type;
    unsigned                repeated:1;
    unsigned                malformed:1;
} test_part_t;


typedef struct {
    const char             *body;
    size_t                  len;
    test_part_t             parts[TEST_MAX_PARTS];
} test_form_t;


typedef struct {
    const char             *body;
    size_t                  len;
    const char             *errmsg;
} test_refused_t;


#define test_body(s)  s, sizeof(s) - 1

#define test_any(n, v, type, repeated, malformed)                             \
    { n, sizeof(n) - 1, v, sizeof(v) - 1, type, repeated, malformed }

#define test_part(n, v)  test_any(n, v, ALIKASSA_VALUE_STRING, 0, 0)
#define test_repeated(n, v)  test_any(n, v, ALIKASSA_VALUE_STRING, 1, 0)
#define test_malformed(n, v)  test_any(n, v, ALIKASSA_VALUE_STRING, 0, 1)
#define test_file(n)  test_any(n, "", ALIKASSA_VALUE_FILE, 0, 0)


/* what may stand around the parts */

static const test_form_t  test_frames[] = {

    { test_body(test_field("name=\"a\"", "1")
                test_field("name=\"b\"", "2") test_end),
      { test_part("a", "1"), test_part("b", "2") } },

    /* forms without a field */

    { test_body("--B--"), { { 0 } } },
    { test_body("--B--" CRLF), { { 0 } } },
    { test_body(CRLF "--B--" CRLF), { { 0 } } },

    /* preamble and epilogue */

    { test_body("preamble" CRLF test_field("name=\"a\"", "1") test_end),
      { test_part("a", "1") } },
    { test_body(CRLF test_field("name=\"a\"", "1") test_end),
      { test_part("a", "1") } },
    { test_body("x--B" CRLF "\r--B" CRLF "\n--B" CRLF "--b" CRLF
                test_field("name=\"a\"", "1") test_end),
      { test_part("a", "1") } },
    { test_body(test_field("name=\"a\"", "1") test_end "epilogue"),
      { test_part("a", "1") } },
    { test_body(test_field("name=\"a\"", "1") test_end
                test_field("name=\"b\"", "2") test_end),
      { test_part("a", "1") } },
    { test_body(test_field("name=\"a\"", "1") "--B--"),
      { test_part("a", "1") } },
    { test_body(test_field("name=\"a\"", "1") "--B--\n"),
      { test_part("a", "1") } },

    /* white space after a boundary */

    { test_body("--B \t" CRLF "Content-Disposition: form-data; name=a" CRLF
                CRLF "1" CRLF "--B--\t " CRLF),
      { test_part("a", "1") } },
    { test_body("--B" CRLF "Content-Disposition: form-data; name=a" CRLF
                CRLF "1" CRLF "--B--  "),
      { test_part("a", "1") } },

    /* lines that are similar to a boundary */

    { test_body(test_field("name=\"a\"", "x--B" CRLF "-B" CRLF "--" CRLF "--b"
                           CRLF "--BB" CRLF "--B-" CRLF "--B-x" CRLF "--B--x"
                           CRLF "--B x" CRLF "--B\nx\n--B\r\r--B" CRLF "---B")
                test_end),
      { test_part("a", "x--B" CRLF "-B" CRLF "--" CRLF "--b" CRLF "--BB" CRLF
                  "--B-" CRLF "--B-x" CRLF "--B--x" CRLF "--B x" CRLF
                  "--B\nx\n--B\r\r--B" CRLF "---B") } },

    { NULL, 0, { { 0 } } }
};


static const test_form_t  test_values[] = {

    { test_body(test_field("name=\"a\"", "") test_end),
      { test_part("a", "") } },

    /* the line break of the blank line belongs to the boundary */

    { test_body("--B" CRLF "Content-Disposition: form-data; name=\"a\"" CRLF
                CRLF "--B--" CRLF),
      { test_part("a", "") } },

    { test_body(test_field("name=\"a\"", CRLF) test_end),
      { test_part("a", CRLF) } },
    { test_body(test_field("name=\"a\"", "\r") test_end),
      { test_part("a", "\r") } },
    { test_body(test_field("name=\"a\"", CRLF "\r\r\n\n" CRLF) test_end),
      { test_part("a", CRLF "\r\r\n\n" CRLF) } },
    { test_body(test_field("name=\"a\"", " 1+1=%32&b ") test_end),
      { test_part("a", " 1+1=%32&b ") } },
    { test_body(test_field("name=\"a\"", "\xd0\x98") test_end),
      { test_part("a", "\xd0\x98") } },
    { test_body(test_field("name=\"a\"", "caf\xe9")
                test_field("name=\"b\"", "x\0y") test_end),
      { test_malformed("a", "caf\xe9"), test_malformed("b", "x\0y") } },
    { test_body(test_field("name=\"a\"", "1") test_field("name=\"b\"", "2")
                test_field("name=\"a\"", "3") test_end),
      { test_repeated("a", "1"), test_part("b", "2"),
        test_repeated("a", "3") } },

    { NULL, 0, { { 0 } } }
};


static const test_form_t  test_names[] = {

    { test_body(test_field("name=a", "") test_field("name=b;x=y", "")
                test_field("name=c d ", "") test_field("name=\"\"", "")
                test_field("name=", "") test_end),
      { test_part("a", ""), test_part("b", ""), test_part("c d", ""),
        test_repeated("", ""), test_repeated("", "") } },

    { test_body("--B" CRLF "CONTENT-DISPOSITION:Form-Data;NAME=\"A\"" CRLF
                CRLF "1" CRLF
                "--B" CRLF "content-disposition:\tform-data\t;\tname\t=\t\"b\""
                "\t;" CRLF CRLF "2" CRLF test_end),
      { test_part("A", "1"), test_part("b", "2") } },

    /* escapes of browsers, of newer and of older versions of curl */

    { test_body(test_field("name=\"a%22b%0D%0Ac\"", "") test_end),
      { test_part("a\"b\r\nc", "") } },
    { test_body(test_field("name=\"%41%0d%25%2\"", "") test_end),
      { test_part("%41%0d%25%2", "") } },
    { test_body(test_field("name=\"a\\\"b\\\\c\"", "") test_end),
      { test_part("a\"b\\c", "") } },
    { test_body(test_field("name=\"a\\b\\n\"", "") test_end),
      { test_part("a\\b\\n", "") } },
    { test_body(test_field("name=\"%5C\\\\\"", "") test_end),
      { test_part("%5C\\", "") } },
    { test_body(test_field("name=\"\\\"\"", "") test_end),
      { test_part("\"", "") } },

    /* a "\" or "%" that begins no escape is kept */

    { test_body(test_field("name=a%22\\b", "") test_end),
      { test_part("a%22\\b", "") } },

    { test_body(test_field("name=\"a;b=c; name=d\"", "") test_end),
      { test_part("a;b=c; name=d", "") } },
    { test_body(test_field("name=\"\xd0\x98\"", "")
                test_field("name=\"\xe9\"", "")
                test_field("name=\"x\0y\"", "") test_end),
      { test_part("\xd0\x98", ""), test_malformed("\xe9", ""),
        test_malformed("x\0y", "") } },
    { test_body(test_field("name*=utf-8''b; name=\"a\"; x=\"\"", "") test_end),
      { test_part("a", "") } },
    { test_body(test_field("; ;name=\"a\";; ", "") test_end),
      { test_part("a", "") } },

    /* a part without a name is not a field */

    { test_body("--B" CRLF CRLF "1" CRLF
                "--B" CRLF "Content-Type: text/plain" CRLF CRLF "2" CRLF
                "--B" CRLF "Content-Disposition: form-data" CRLF CRLF "3" CRLF
                "--B" CRLF "Content-Disposition:" CRLF CRLF "4" CRLF
                test_field("name*=utf-8''b", "5")
                test_field("names=b", "6")
                "--B" CRLF "Content-Disposition: attachment; name=\"b\"" CRLF
                CRLF "7" CRLF
                test_field("name=\"a\"", "8") test_end),
      { test_part("a", "8") } },

    { NULL, 0, { { 0 } } }
};


static const test_form_t  test_files[] = {

    { test_body(test_field("name=\"f\"; filename=\"x.png\"", "\x89PNG\0\xff")
                test_field("name=\"a\"", "1") test_end),
      { test_file("f"), test_part("a", "1") } },

    /* the user has chosen no file */

    { test_body(test_field("name=\"f\"; filename=\"\"" CRLF
                           "Content-Type: application/octet-stream", "")
                test_end),
      { test_file("f") } },

    { test_body(test_field("filename=my file.txt; name=f", "x") test_end),
      { test_file("f") } },
    { test_body(test_field("name=f; FileName=\"a\\\"b; name=c\"", "x")
                test_end),
      { test_file("f") } },
    { test_body(test_field("name=f; filename=\"C:\\dir\\x.txt\"", "x")
                test_end),
      { test_file("f") } },
    { test_body(test_field("name=f; filename*=UTF-8''%e2%82%ac", "x")
                test_end),
      { test_file("f") } },
    { test_body(test_field("name=f; filename*0=\"a\"; filename*1=\".txt\"",
                           "x") test_end),
      { test_file("f") } },
    { test_body(test_field("name=f; filename*1=b", "x") test_end),
      { test_file("f") } },
    { test_body(test_field("name=f; FILENAME*0*=UTF-8''%e2; filename*1*=%82",
                           "x") test_end),
      { test_file("f") } },
    { test_body(test_field("name=f; filename*=", "x") test_end),
      { test_file("f") } },

    /* other parameters do not matter */

    { test_body(test_field("name=f; filenames=x; filenam=y; x-filename=z; "
                           "file*name=a", "1") test_end),
      { test_part("f", "1") } },

    { test_body(test_field("name=f; filename=\"caf\xe9\"", "x") test_end),
      { test_file("f") } },

    /* a parameter that only contains "name" */

    { test_body(test_field("filename=\"x\"", "x") test_end), { { 0 } } },

    { test_body(test_field("name=f; filename=x", "1")
                test_field("name=f", "2") test_end),
      { test_any("f", "", ALIKASSA_VALUE_FILE, 1, 0),
        test_repeated("f", "2") } },

    { NULL, 0, { { 0 } } }
};


static const test_form_t  test_types[] = {

    { test_body(test_typed("Content-Type: text/plain", "1") test_end),
      { test_part("a", "1") } },
    { test_body(test_typed("Content-Type: text/plain; charset=utf-8", "1")
                test_end),
      { test_part("a", "1") } },
    { test_body(test_typed("content-type:text/plain;charset=\"UTF-8\"", "1")
                test_end),
      { test_part("a", "1") } },
    { test_body(test_typed("Content-Type: text/plain; charset=us-ascii", "1")
                test_end),
      { test_part("a", "1") } },
    { test_body(test_typed("Content-Type: text/plain; charset=utf8", "1")
                test_end),
      { test_part("a", "1") } },
    { test_body(test_typed("Content-Type: text/plain; charset=\"utf-8\0\"",
                           "1") test_end),
      { test_malformed("a", "1") } },
    { test_body(test_typed("Content-Type: text/plain; charset=utf-8\0x", "1")
                test_end),
      { test_malformed("a", "1") } },
    { test_body(test_typed("Content-Type: text/plain; charset=utf-", "1")
                test_end),
      { test_malformed("a", "1") } },
    { test_body(test_typed("Content-Type: application/json", "{}") test_end),
      { test_part("a", "{}") } },
    { test_body(test_typed("Content-Type: text/plain; charset=iso-8859-1", "1")
                test_end),
      { test_malformed("a", "1") } },
    { test_body(test_typed("Content-Type: text/plain; x=y; Charset=utf-16",
                           "1") test_end),
      { test_malformed("a", "1") } },
    { test_body(test_typed("Content-Type: text/plain; charset=", "1")
                test_end),
      { test_malformed("a", "1") } },
    { test_body(test_typed("Content-Type: text/plain; charset", "1")
                test_end),
      { test_malformed("a", "1") } },
    { test_body(test_typed("Content-Type: text/plain; charset=\"utf-8", "1")
                test_end),
      { test_malformed("a", "1") } },
    { test_body(test_typed("Content-Type: a; charset=utf-8; charset=koi8-r",
                           "1") test_end),
      { test_malformed("a", "1") } },

    { test_body(test_typed("Content-Transfer-Encoding: 8bit", "1") test_end),
      { test_part("a", "1") } },
    { test_body(test_typed("content-transfer-encoding:7BIT ", "1") test_end),
      { test_part("a", "1") } },
    { test_body(test_typed("Content-Transfer-Encoding: binary", "1")
                test_end),
      { test_part("a", "1") } },
    { test_body(test_typed("Content-Transfer-Encoding: base64", "MQ==")
                test_end),
      { test_malformed("a", "MQ==") } },
    { test_body(test_typed("Content-Transfer-Encoding: quoted-printable",
                           "=31") test_end),
      { test_malformed("a", "=31") } },
    { test_body(test_typed("Content-Transfer-Encoding:", "1") test_end),
      { test_malformed("a", "1") } },
    { test_body(test_typed("Content-Transfer-Encoding: 8bit; x", "1")
                test_end),
      { test_malformed("a", "1") } },

    { test_body(test_typed("X-Other: charset=koi8-r; name=\"b", "1")
                test_end),
      { test_part("a", "1") } },
    { test_body(test_typed("Content-Typ: a; charset=koi8-r", "1")
                test_typed("Content-Types: a; charset=koi8-r", "2")
                test_end),
      { test_repeated("a", "1"), test_repeated("a", "2") } },

    { NULL, 0, { { 0 } } }
};


#define test_wrong(s, errmsg)  { s, sizeof(s) - 1, errmsg }

static const test_refused_t  test_refused[] = {

    test_wrong("", "an empty body"),
    test_wrong("a=1&b=2", "no boundary in the body"),
    test_wrong("B", "no boundary"),
    test_wrong("--", "no boundary"),
    test_wrong("--B", "no boundary"),
    test_wrong("--B\r", "no boundary"),
    test_wrong("--B" CRLF, "no boundary"),
    test_wrong("--B-", "no boundary"),
    test_wrong("--B--x", "no boundary"),
    test_wrong("--BB--" CRLF, "no boundary"),
    test_wrong(" --B--" CRLF, "no boundary"),
    test_wrong("\n--B--" CRLF, "no boundary"),
    test_wrong("--B\nContent-Disposition: form-data; name=\"a\"\n\n1\n--B--\n",
               "no boundary"),

    test_wrong(test_field("name=\"a\"", "1"), "no closing boundary"),
    test_wrong(test_field("name=\"a\"", "1") "--B", "no closing boundary"),
    test_wrong(test_field("name=\"a\"", "1") "--B-", "no closing boundary"),
    test_wrong(test_field("name=\"a\"", "1") "--B" CRLF,
               "no closing boundary"),
    test_wrong(test_field("name=\"a\"", "1") "--b--" CRLF,
               "no closing boundary"),
    test_wrong(test_field("name=\"a\"", "1") "-B--" CRLF,
               "no closing boundary"),
    test_wrong("--B" CRLF "Content-Disposition: form-data; name=\"a\"" CRLF
               CRLF "1--B--" CRLF, "no closing boundary"),
    test_wrong("--B" CRLF "Content-Disposition: form-data; name=\"a\"" CRLF
               CRLF "1\n--B--" CRLF, "no closing boundary"),

    test_wrong("--B" CRLF "--B--" CRLF,
               "no blank line after the header in the part at byte 5"),
    test_wrong("--B" CRLF "--B" CRLF CRLF CRLF "--B--" CRLF,
               "no blank line after the header in the part at byte 5"),
    test_wrong("--B" CRLF "Content-Disposition: form-data; name=\"a\"" CRLF
               "--B--" CRLF,
               "no blank line after the header in the part at byte 5"),
    test_wrong("--B" CRLF "Content-Disposition: form-data; name=\"a\"" CRLF
               "X: y" CRLF test_end,
               "no blank line after the header in the part at byte 5"),
    test_wrong(test_field("name=\"a\"", "1") "--B" CRLF "X: y" CRLF test_end,
               "no blank line after the header in the part at byte 57"),

    test_wrong(test_field("name=\"a\"", "--B") test_end,
               "no blank line after the header in the part at byte 54"),

    /* malformed headers */

    test_wrong("--B" CRLF "Content-Disposition: form-data; name=\"a\"" CRLF
               "1" CRLF CRLF test_end, "a malformed line of the header"),
    test_wrong("--B" CRLF "Content-Disposition: form-data;" CRLF
               " name=\"a\"" CRLF CRLF "1" CRLF test_end,
               "a malformed line of the header"),
    test_wrong("--B" CRLF "Content-Disposition : form-data; name=\"a\"" CRLF
               CRLF "1" CRLF test_end, "a malformed line of the header"),
    test_wrong("--B" CRLF ": x" CRLF CRLF "1" CRLF test_end,
               "a malformed line of the header"),
    test_wrong("--B" CRLF "X: y\nZ: 1" CRLF CRLF "1" CRLF test_end,
               "a bare line break in the header"),
    test_wrong("--B" CRLF "X: y\rZ: 1" CRLF CRLF "1" CRLF test_end,
               "a bare line break in the header"),
    test_wrong("--B" CRLF "\nX: y" CRLF CRLF "1" CRLF test_end,
               "a bare line break in the header"),
    test_wrong(test_field("name=\"a\nb\"", "1") test_end,
               "a bare line break in the header"),

    /* headers that parsers read differently */

    test_wrong(test_field("name=\"a\"; name=\"a\"", "1") test_end,
               "two names"),
    test_wrong(test_field("name=a" CRLF "Content-Disposition: form-data", "1")
               test_end, "two Content-Disposition lines"),

    test_wrong(test_field("name=\"a", "1") test_end,
               "a malformed Content-Disposition"),
    test_wrong(test_field("name=\"a\\\"", "1") test_end,
               "a malformed Content-Disposition"),
    test_wrong(test_field("name=\"a\\b\\\"", "1") test_end,
               "a malformed Content-Disposition"),
    test_wrong(test_field("name=\"a\"x=y", "1") test_end,
               "a malformed Content-Disposition"),
    test_wrong(test_field("name=\"a\" filename=x", "1") test_end,
               "a malformed Content-Disposition"),
    test_wrong(test_field("name=\"a\"x", "1") test_end,
               "a malformed Content-Disposition"),
    test_wrong(test_field("name=\"a\"\"b\"", "1") test_end,
               "a malformed Content-Disposition"),
    test_wrong(test_field("name=\"a\"; filename=\"x", "1") test_end,
               "a malformed Content-Disposition"),
    test_wrong(test_field("name", "1") test_end,
               "a malformed Content-Disposition"),
    test_wrong(test_field("name; x=y", "1") test_end,
               "a malformed Content-Disposition"),
    test_wrong(test_field("=\"a\"", "1") test_end,
               "a malformed Content-Disposition"),
    test_wrong(test_field("\"name\"=a", "1") test_end,
               "a malformed Content-Disposition"),

    { NULL, 0, NULL }
};


static const alikassa_str_t  test_boundary = alikassa_string("B");


static void
test_forms(const test_form_t *form)
{
    size_t              i;
    alikassa_str_t      body;
    alikassa_input_t   *input;
    const test_part_t  *part;
    alikassa_inputs_t   inputs;
    alikassa_errmsg_t   errmsg;

    for ( /* void */ ; form->body; form++) {

        body = test_copy(form->body, form->len);

        if (alikassa_multipart_decode(test_pool(), &body, &test_boundary,
                                      &inputs, &errmsg)
            != ALIKASSA_OK)
        {
            fail_msg("%s: refused, \"%s\"", form->body, errmsg.text);
        }

        for (i = 0; i < TEST_MAX_PARTS && form->parts[i].name; i++) {

            if (i == inputs.nelts) {
                fail_msg("%s: field %zu is missing", form->body, i);
            }

            part = &form->parts[i];
            input = &inputs.elts[i];

            test_equal_bytes(&input->name, part->name, part->name_len);
            test_equal_bytes(&input->value, part->value, part->value_len);

            assert_int_equal(input->type, part->type);
            assert_int_equal(input->repeated, part->repeated);

            if (input->malformed != part->malformed) {
                fail_msg("%s: field %zu: malformed is %d", form->body, i,
                         input->malformed);
            }
        }

        if (i != inputs.nelts) {
            fail_msg("%s: %zu fields, expected %zu", form->body, inputs.nelts,
                     i);
        }

        test_pool_free();
    }
}


static void
parts_are_found_between_boundaries(void **state)
{
    (void) state;

    test_forms(test_frames);
}


static void
part_values_are_kept(void **state)
{
    (void) state;

    test_forms(test_values);
}


static void
part_names_are_decoded(void **state)
{
    (void) state;

    test_forms(test_names);
}


static void
files_have_no_value(void **state)
{
    (void) state;

    test_forms(test_files);
}


static void
other_charsets_and_encodings_are_malformed(void **state)
{
    (void) state;

    test_forms(test_types);
}


static void
malformed_bodies_are_refused(void **state)
{
    alikassa_str_t         body;
    alikassa_inputs_t      inputs;
    alikassa_errmsg_t      errmsg;
    const test_refused_t  *refused;

    (void) state;

    for (refused = test_refused; refused->body; refused++) {

        body = test_copy(refused->body, refused->len);

        if (alikassa_multipart_decode(test_pool(), &body, &test_boundary,
                                      &inputs, &errmsg)
            != ALIKASSA_DECLINED)
        {
            fail_msg("malformed body is accepted: %s", refused->body);
        }

        if (strncmp(errmsg.text, refused->errmsg, strlen(refused->errmsg))) {
            fail_msg("%s: errmsg \"%s\"", refused->body, errmsg.text);
        }

        assert_int_equal(inputs.nelts, 0);

        test_pool_free();
    }
}


/*
 * Truncates a form after each byte.  Only the whole form is accepted.
 */

static void
truncated_bodies_are_refused(void **state)
{
    size_t             len;
    alikassa_rc_t      rc;
    alikassa_str_t     body;
    alikassa_inputs_t  inputs;
    alikassa_errmsg_t  errmsg;

    static const char  text[] =
        "--B" CRLF "Content-Disposition: form-data; name=\"a\"" CRLF CRLF
        "1" CRLF
        "--B" CRLF "Content-Disposition: form-data; name=\"f\"; "
        "filename=\"x\"" CRLF "Content-Type: text/plain" CRLF CRLF
        "--" CRLF "--B-" CRLF "--B--";

    (void) state;

    for (len = 0; len < sizeof(text); len++) {

        body = test_copy(text, len);

        rc = alikassa_multipart_decode(test_pool(), &body, &test_boundary,
                                       &inputs, &errmsg);

        assert_int_equal(rc, (len == sizeof(text) - 1) ? ALIKASSA_OK
                                                       : ALIKASSA_DECLINED);
        test_pool_free();
    }
}


static void
boundary_length_is_limited(void **state)
{
    int                n;
    char               text[256];
    size_t             len;
    alikassa_rc_t      rc;
    alikassa_str_t     body, boundary;
    alikassa_inputs_t  inputs;
    alikassa_errmsg_t  errmsg;

    static const char  dashes[] =
        "--------------------------------------------------------------------"
        "----------------------------";

    (void) state;

    for (n = 0; n < 80; n++) {

        len = (size_t) sprintf(text, "--%.*s" CRLF "Content-Disposition: "
                               "form-data; name=\"a\"" CRLF CRLF
                               "1" CRLF "--%.*s--" CRLF,
                               n, dashes, n, dashes);

        body = test_copy(text, len);
        boundary = test_copy(dashes, (size_t) n);

        rc = alikassa_multipart_decode(test_pool(), &body, &boundary,
                                       &inputs, &errmsg);

        if (n >= 1 && n <= ALIKASSA_INPUT_MAX_BOUNDARY) {
            assert_int_equal(rc, ALIKASSA_OK);
            assert_int_equal(inputs.nelts, 1);
            test_equal_bytes(&inputs.elts[0].value, "1", 1);

        } else {
            assert_int_equal(rc, ALIKASSA_DECLINED);
            assert_non_null(strstr(errmsg.text, "from 1 to 70 are allowed"));
        }

        test_pool_free();
    }
}


static void
more_than_1024_parts_are_refused(void **state)
{
    char               text[16], *p;
    size_t             i, n;
    alikassa_rc_t      rc;
    alikassa_str_t     body;
    alikassa_inputs_t  inputs;
    alikassa_errmsg_t  errmsg;

    (void) state;

    for (n = ALIKASSA_INPUT_MAX_FIELDS - 1;
         n <= ALIKASSA_INPUT_MAX_FIELDS + 1;
         n++)
    {
        p = test_pool_alloc(NULL, n * 80 + 8);
        assert_non_null(p);

        body.data = (unsigned char *) p;

        for (i = 0; i < n; i++) {
            p += sprintf(p, "--B" CRLF "Content-Disposition: form-data; "
                         "name=\"n%zu\"" CRLF CRLF "%zu" CRLF, i / 2, i);
        }

        p += sprintf(p, "--B--");

        body.len = (size_t) (p - (char *) body.data);

        rc = alikassa_multipart_decode(test_pool(), &body, &test_boundary,
                                       &inputs, &errmsg);

        if (n > ALIKASSA_INPUT_MAX_FIELDS) {
            assert_int_equal(rc, ALIKASSA_DECLINED);
            assert_string_equal(errmsg.text, "more than 1024 parts");
            assert_int_equal(inputs.nelts, 0);

        } else {
            assert_int_equal(rc, ALIKASSA_OK);
            assert_int_equal(inputs.nelts, n);

            for (i = 0; i < n; i++) {
                (void) sprintf(text, "%zu", i);
                test_equal_bytes(&inputs.elts[i].value, text, strlen(text));
                assert_int_equal(inputs.elts[i].repeated,
                                 i + 1 < n || (n & 1) == 0);
            }
        }

        test_pool_free();
    }
}


/*
 * Parts without a name count to the limit, since they cost as much.
 */

static void
parts_without_a_name_count_to_the_limit(void **state)
{
    char               *p;
    size_t             i;
    alikassa_str_t     body;
    alikassa_inputs_t  inputs;
    alikassa_errmsg_t  errmsg;

    (void) state;

    p = test_pool_alloc(NULL, (ALIKASSA_INPUT_MAX_FIELDS + 1) * 16 + 16);
    assert_non_null(p);

    body.data = (unsigned char *) p;

    for (i = 0; i < ALIKASSA_INPUT_MAX_FIELDS + 1; i++) {
        p += sprintf(p, "--B" CRLF CRLF CRLF);
    }

    p += sprintf(p, "--B--");

    body.len = (size_t) (p - (char *) body.data);

    assert_int_equal(alikassa_multipart_decode(test_pool(), &body,
                                               &test_boundary, &inputs,
                                               &errmsg),
                     ALIKASSA_DECLINED);

    /* one part less */

    body.data += 9;
    body.len -= 9;

    assert_int_equal(alikassa_multipart_decode(test_pool(), &body,
                                               &test_boundary, &inputs,
                                               &errmsg),
                     ALIKASSA_OK);
    assert_int_equal(inputs.nelts, 0);

    test_pool_free();
}


static void
failed_allocation_is_an_error(void **state)
{
    long               n;
    alikassa_rc_t      rc;
    alikassa_inputs_t  inputs;
    alikassa_errmsg_t  errmsg;

    alikassa_str_t  body = alikassa_string(
        test_field("name=\"a\"", "1")
        test_field("name=\"b%22\"", "2")
        test_field("name=\"c\\\"\"", "3") test_end);

    (void) state;

    for (n = 0; n < 10; n++) {

        test_pool_fail_after(n);

        rc = alikassa_multipart_decode(test_pool(), &body, &test_boundary,
                                       &inputs, &errmsg);

        if (rc == ALIKASSA_OK) {
            break;
        }

        assert_int_equal(rc, ALIKASSA_ERROR);
        assert_int_equal(inputs.nelts, 0);

        test_pool_free();
    }

    /* one for the list, two for names with escapes */

    assert_int_equal(n, 3);
    assert_int_equal(inputs.nelts, 3);
    test_equal_bytes(&inputs.elts[1].name, "b\"", 2);
    test_equal_bytes(&inputs.elts[2].name, "c\"", 2);

    test_pool_free();
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(parts_are_found_between_boundaries),
        cmocka_unit_test(part_values_are_kept),
        cmocka_unit_test(part_names_are_decoded),
        cmocka_unit_test(files_have_no_value),
        cmocka_unit_test(other_charsets_and_encodings_are_malformed),
        cmocka_unit_test(malformed_bodies_are_refused),
        cmocka_unit_test(truncated_bodies_are_refused),
        cmocka_unit_test(boundary_length_is_limited),
        cmocka_unit_test(more_than_1024_parts_are_refused),
        cmocka_unit_test(parts_without_a_name_count_to_the_limit),
        cmocka_unit_test(failed_allocation_is_an_error),
    };

    return cmocka_run_group_tests_name("multipart", tests, NULL, NULL);
}
