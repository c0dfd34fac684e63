
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#include "alikassa_json_string.h"
#include "alikassa_param.h"
#include "alikassa_utf8.h"


void
alikassa_param_take(alikassa_param_t *param, const alikassa_input_t *input)
{
    param->value = input->value;
    param->type = input->type;
    param->repeated = input->repeated;
    param->malformed = input->malformed;
    param->plain = input->plain;

    if (!param->plain) {
        param->plain = alikassa_json_plain(&input->value) != 0;
    }

    param->given = input->repeated
                   || input->malformed
                   || (input->type != ALIKASSA_VALUE_NULL
                       && (input->value.len != 0
                           || input->type >= ALIKASSA_VALUE_ARRAY));
}


void
alikassa_param_set(alikassa_param_t *param, const alikassa_str_t *value)
{
    param->value = *value;
    param->type = ALIKASSA_VALUE_STRING;
    param->repeated = 0;
    param->plain = alikassa_json_plain(value) != 0;
    param->given = value->len != 0;

    param->malformed = !param->plain
                       && (memchr(value->data, '\0', value->len) != NULL
                           || !alikassa_utf8_check(value, NULL));
}
