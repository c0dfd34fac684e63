
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#include "ngx_http_alikassa_error.h"


const ngx_http_alikassa_error_t  ngx_http_alikassa_errors[] = {
    [NGX_HTTP_ALIKASSA_ERROR_METHOD] = {
        .status = NGX_HTTP_NOT_ALLOWED,
        .code = ngx_string("method_not_allowed"),
        .message = alikassa_string("The method is not allowed here.")
    },

    [NGX_HTTP_ALIKASSA_ERROR_BODY_TOO_LARGE] = {
        .status = NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
        .code = ngx_string("body_too_large"),
        .message = alikassa_string("The request is too large.")
    },

    [NGX_HTTP_ALIKASSA_ERROR_BAD_REQUEST] = {
        .status = NGX_HTTP_BAD_REQUEST,
        .code = ngx_string("bad_request"),
        .message = alikassa_string("The request is malformed.")
    },

    [NGX_HTTP_ALIKASSA_ERROR_MEDIA_TYPE] = {
        .status = NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
        .code = ngx_string("unsupported_media_type"),
        .message = alikassa_string(
            "The request must be application/json, "
            "application/x-www-form-urlencoded or multipart/form-data in "
            "UTF-8, not encoded.")
    },

    [NGX_HTTP_ALIKASSA_ERROR_MEDIA_TYPE_JSON] = {
        .status = NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
        .code = ngx_string("unsupported_media_type"),
        .message = alikassa_string(
            "The request must be application/json in UTF-8, not encoded.")
    },

    [NGX_HTTP_ALIKASSA_ERROR_BAD_JSON] = {
        .status = NGX_HTTP_BAD_REQUEST,
        .code = ngx_string("bad_json"),
        .message = alikassa_string("The given data was invalid.")
    },

    [NGX_HTTP_ALIKASSA_ERROR_BAD_FORM] = {
        .status = NGX_HTTP_BAD_REQUEST,
        .code = ngx_string("bad_form"),
        .message = alikassa_string("The given data was invalid.")
    },

    [NGX_HTTP_ALIKASSA_ERROR_INVALID] = {
        .status = NGX_HTTP_BAD_REQUEST,
        .code = ngx_string("invalid_"),
        .message = alikassa_string("The given data was invalid."),
        .field_errors = 1
    },

    [NGX_HTTP_ALIKASSA_ERROR_NO_ACCOUNT] = {
        .status = NGX_HTTP_INTERNAL_SERVER_ERROR,
        .code = ngx_string("invalid_account"),
        .message = alikassa_string("There is no account for this request.")
    },

    [NGX_HTTP_ALIKASSA_ERROR_NO_MEMORY] = {
        .status = NGX_HTTP_INTERNAL_SERVER_ERROR,
        .code = ngx_string("internal"),
        .message = alikassa_string(
            "The server could not handle the request. Nothing was sent.")
    },

    [NGX_HTTP_ALIKASSA_ERROR_SIGN_FAILED] = {
        .status = NGX_HTTP_INTERNAL_SERVER_ERROR,
        .code = ngx_string("sign_failed"),
        .message = alikassa_string(
            "The request could not be signed. Nothing was sent."),
        .with_outcome = 1
    },

    [NGX_HTTP_ALIKASSA_ERROR_BUSY] = {
        .status = NGX_HTTP_SERVICE_UNAVAILABLE,
        .code = ngx_string("busy"),
        .message = alikassa_string(
            "The server is busy. Nothing was sent: "
            "the same request can be made again."),
        .retry_after = 1,
        .with_outcome = 1
    },

    [NGX_HTTP_ALIKASSA_ERROR_STORE_FULL] = {
        .status = NGX_HTTP_SERVICE_UNAVAILABLE,
        .code = ngx_string("busy"),
        .message = alikassa_string(
            "The server cannot take another order now. Nothing was sent: "
            "the same request can be made again."),
        .retry_after = 10,
        .with_outcome = 1
    },

    [NGX_HTTP_ALIKASSA_ERROR_MAY_EXIST] = {
        .status = NGX_HTTP_INTERNAL_SERVER_ERROR,
        .code = ngx_string("unknown"),
        .message = alikassa_string(
            "This order was sent before and may exist, but the server could "
            "not find out. Make the same request again for its answer."),
        .with_outcome = 1
    },

    [NGX_HTTP_ALIKASSA_ERROR_MAY_EXIST_BUSY] = {
        .status = NGX_HTTP_SERVICE_UNAVAILABLE,
        .code = ngx_string("busy"),
        .message = alikassa_string(
            "The server is busy. This order was sent before and may exist: "
            "make the same request again for its answer."),
        .retry_after = 1,
        .with_outcome = 1
    },

    [NGX_HTTP_ALIKASSA_ERROR_MAY_EXIST_FULL] = {
        .status = NGX_HTTP_SERVICE_UNAVAILABLE,
        .code = ngx_string("busy"),
        .message = alikassa_string(
            "The server cannot ask for this order now. It was sent before "
            "and may exist: make the same request again for its answer."),
        .retry_after = 10,
        .with_outcome = 1
    },

    [NGX_HTTP_ALIKASSA_ERROR_IN_FLIGHT] = {
        .status = NGX_HTTP_CONFLICT,
        .code = ngx_string("in_flight"),
        .message = alikassa_string(
            "This order is still being handled. "
            "Make the same request again for its answer."),
        .retry_after = 5,
        .with_outcome = 1
    },

    [NGX_HTTP_ALIKASSA_ERROR_MISMATCH] = {
        .status = 422,
        .code = ngx_string("conflict"),
        .message = alikassa_string("This order_id was used with other data.")
    },

    [NGX_HTTP_ALIKASSA_ERROR_UNREACHABLE] = {
        .status = NGX_HTTP_BAD_GATEWAY,
        .code = ngx_string("unreachable"),
        .message = alikassa_string(
            "AliKassa could not be reached. Nothing was sent: "
            "the same request can be made again."),
        .with_outcome = 1
    },

    [NGX_HTTP_ALIKASSA_ERROR_CONNECT_TIMEOUT] = {
        .status = NGX_HTTP_GATEWAY_TIME_OUT,
        .code = ngx_string("timeout"),
        .message = alikassa_string(
            "AliKassa could not be reached in time. Nothing was sent: "
            "the same request can be made again."),
        .with_outcome = 1
    },

    [NGX_HTTP_ALIKASSA_ERROR_RESEND_UNREACHABLE] = {
        .status = NGX_HTTP_BAD_GATEWAY,
        .code = ngx_string("unreachable"),
        .message = alikassa_string(
            "AliKassa could not be reached. This order was sent before and "
            "may exist: make the same request again for its answer."),
        .with_outcome = 1
    },

    [NGX_HTTP_ALIKASSA_ERROR_RESEND_TIMEOUT] = {
        .status = NGX_HTTP_GATEWAY_TIME_OUT,
        .code = ngx_string("timeout"),
        .message = alikassa_string(
            "AliKassa could not be reached in time. This order was sent "
            "before and may exist: make the same request again for its "
            "answer."),
        .with_outcome = 1
    },

    [NGX_HTTP_ALIKASSA_ERROR_BAD_RESPONSE] = {
        .status = NGX_HTTP_BAD_GATEWAY,
        .code = ngx_string("bad_answer"),
        .message = alikassa_string(
            "AliKassa gave no usable answer. It may have taken the request: "
            "ask for the status of this order before making it again."),
        .with_outcome = 1
    },

    [NGX_HTTP_ALIKASSA_ERROR_BAD_RESPONSE_CLAIMED] = {
        .status = NGX_HTTP_BAD_GATEWAY,
        .code = ngx_string("bad_answer"),
        .message = alikassa_string(
            "AliKassa gave no usable answer. It may have taken the request: "
            "make the same request again for its answer."),
        .with_outcome = 1
    },

    [NGX_HTTP_ALIKASSA_ERROR_TIMEOUT] = {
        .status = NGX_HTTP_GATEWAY_TIME_OUT,
        .code = ngx_string("timeout"),
        .message = alikassa_string(
            "AliKassa did not answer in time. It may have taken the request: "
            "ask for the status of this order before making it again."),
        .with_outcome = 1
    },

    [NGX_HTTP_ALIKASSA_ERROR_TIMEOUT_CLAIMED] = {
        .status = NGX_HTTP_GATEWAY_TIME_OUT,
        .code = ngx_string("timeout"),
        .message = alikassa_string(
            "AliKassa did not answer in time. It may have taken the request: "
            "make the same request again for its answer."),
        .with_outcome = 1
    },

    [NGX_HTTP_ALIKASSA_ERROR_UNRESOLVED] = {
        .status = NGX_HTTP_CONFLICT,
        .code = ngx_string("unknown"),
        .message = alikassa_string(
            "This order may exist, and AliKassa does not tell its status "
            "now. Ask for the status of this order before making it again."),
        .retry_after = 10,
        .with_outcome = 1
    },

    [NGX_HTTP_ALIKASSA_ERROR_UNRESOLVED_CLAIMED] = {
        .status = NGX_HTTP_CONFLICT,
        .code = ngx_string("unknown"),
        .message = alikassa_string(
            "This order was sent and may exist, and AliKassa does not tell "
            "its status now. Make the same request again for its answer."),
        .retry_after = 10,
        .with_outcome = 1
    },

    [NGX_HTTP_ALIKASSA_ERROR_NOTIFICATION_UNVERIFIED] = {
        .status = NGX_HTTP_FORBIDDEN,
        .code = ngx_string("forbidden"),
        .message = alikassa_string("This notification is not verified.")
    },

    [NGX_HTTP_ALIKASSA_ERROR_NOTIFICATION_IN_FLIGHT] = {
        .status = NGX_HTTP_CONFLICT,
        .code = ngx_string("in_flight"),
        .message = alikassa_string("This notification is still being handled."),
        .retry_after = 5
    },

    [NGX_HTTP_ALIKASSA_ERROR_NOTIFICATION_BUSY] = {
        .status = NGX_HTTP_SERVICE_UNAVAILABLE,
        .code = ngx_string("busy"),
        .message = alikassa_string(
            "The server cannot take another notification now."),
        .retry_after = 10
    },

    [NGX_HTTP_ALIKASSA_ERROR_NOTIFICATION_REPLAYED] = {
        .status = NGX_HTTP_OK,
        .message = alikassa_string("This notification was answered before.")
    }
};
