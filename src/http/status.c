/* status.c - which status of HTTP an error is answered with. */
#include "http/server.h"

typedef struct row {
    int number, status;
} row;

static const row rows[] = {
    {GF_E_HTTP_SYNTAX, 400},   {GF_E_HTTP_VERSION, 505},    {GF_E_HTTP_TARGET, 414},       {GF_E_HTTP_HEAD, 431},
    {GF_E_HTTP_CODING, 501},   {GF_E_HTTP_BODY_LARGE, 413}, {GF_E_HTTP_TIME, 408},         {GF_E_HTTP_EXPECT, 417},
    {GF_E_HTTP_NO_ROUTE, 404}, {GF_E_HTTP_METHOD, 405},     {GF_E_HTTP_TYPE, 415},         {GF_E_HTTP_BODY, 400},
    {GF_E_HTTP_HOST, 421},     {GF_E_HTTP_TOKEN, 401},      {GF_E_HTTP_BUSY, 503},         {GF_E_HTTP_STOPPING, 503},
    {GF_E_JSON_SYNTAX, 400},   {GF_E_IMAGE_UNKNOWN, 415},   {GF_E_IMAGE_UNSUPPORTED, 415}, {GF_E_SESSION_FULL, 503},
    {GF_E_SESSION_IMAGE, 400},
};

static const row by_status[] = {{GRAFT_USAGE, 400}, {GRAFT_DATA, 422}, {GRAFT_WEIGHTS, 422}, {GRAFT_RESOURCE, 503}};

int gf_http_status_of(const graft_error *e)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].number == e->number) return rows[i].status;
    }
    for (size_t i = 0; i < sizeof by_status / sizeof *by_status; i++) {
        if (by_status[i].number == (int)e->status) return by_status[i].status;
    }
    return 500;
}

const char *gf_http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].status == status) return reasons[i].reason;
    }
    return "Unknown";
}
