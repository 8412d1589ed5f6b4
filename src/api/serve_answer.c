/* serve_answer.c - answers as they leave: documents, files, errors. */
#include "api/serve.h"

#include <stdio.h>
#include <string.h>

void gf_serve_answer_bytes(const gf_call *call, const char *type, gf_text *t)
{
    graft_error why;
    if (t->failed) {
        gf_fail_memory(&why, t->n, "an answer");
        gf_serve_fail(call, &why);
    } else {
        const gf_http_answer a = {.status = 200, .type = type, .body = t->s, .n = t->n};
        gf_http_answer_with(call->exchange, &a);
    }
    gf_text_free(t);
}

void gf_serve_answer_json(const gf_call *call, int status, gf_json *document)
{
    char *text = gf_json_text(document, 0);
    graft_error why;
    gf_json_free(document);
    if (text) {
        const gf_http_answer a = {.status = status, .type = "application/json", .body = text, .n = strlen(text)};
        gf_http_answer_with(call->exchange, &a);
    } else {
        gf_fail_memory(&why, 0, "an answer");
        gf_serve_fail(call, &why);
    }
    gf_free(text);
}

/* One object that clients of every dialect find their error in. */
gf_json *gf_serve_error_json(const graft_error *why)
{
    char text[sizeof why->message + 32], code[16];
    gf_json *j = gf_json_object();
    snprintf(code, sizeof code, "E%d", why->number);
    snprintf(text, sizeof text, "%s: %s", code, why->message);
    gf_json_set(j, "error", gf_json_string(text));
    gf_json_set(j, "code", gf_json_string(code));
    gf_json_set(j, "status", gf_json_int(gf_http_status_of(why)));
    if (why->hint[0]) gf_json_set(j, "hint", gf_json_string(why->hint));
    return j;
}

void gf_serve_fail(const gf_call *call, const graft_error *why) { gf_http_answer_error(call->exchange, why); }

void gf_serve_make_error(graft_serve *s, const graft_error *why, gf_http_answer *a, char **text)
{
    static const struct {
        int status;
        const char *line;
    } lines[] = {{401, "WWW-Authenticate: Bearer\r\n"}, {503, "Retry-After: 1\r\n"}};
    memcpy(s->extra, s->next_extra, sizeof s->extra);
    s->next_extra[0] = '\0';
    gf_json *j = gf_serve_error_json(why);
    *text = gf_json_text(j, 0);
    gf_json_free(j);
    if (!*text) return;
    *a = (gf_http_answer){.status = gf_http_status_of(why),
                          .type = "application/json",
                          .extra = s->extra,
                          .body = *text,
                          .n = strlen(*text)};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (lines[i].status == a->status && !s->extra[0]) a->extra = lines[i].line;
    }
}
