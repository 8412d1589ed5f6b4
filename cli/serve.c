/* serve.c - graft serve RUN...: the models over HTTP, until a signal asks for a stop. */
#include "errors.h"
#include "text.h"
#include "verbs.h"

#include <graft/serve.h>
#include <stdlib.h>
#include <sys/resource.h>

static const option options[] = {
    HEADING("Serving"),

    HEADING("Limits"),
    SETTING("max-pixels", "data.max_pixels"),

    HEADING("Images"),
    SETTING("allow-truncated", "data.allow_truncated"),

    OPTION_GENERAL_ROWS("has no effect here: nothing is random"),
};

/* A connection takes a descriptor: as many as the system lets this process have. */
static void raise_descriptors(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r)) return;
    r.rlim_cur = r.rlim_max;
    setrlimit(RLIMIT_NOFILE, &r);
}

static graft_status print_address(session *self, const graft_serve *serve, graft_error *err)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (!f) return fail(err, E_NO_MEMORY, NULL, "out of memory");
    if (self->settings->json) fputs("{\"address\": ", f);
    if (self->settings->json) text_write_json(f, graft_serve_address(serve));
    fputs(self->settings->json ? "}" : graft_serve_address(serve), f);
    graft_status status = fclose(f) ? fail(err, E_NO_MEMORY, NULL, "out of memory") : GRAFT_OK;
    if (!status) status = session_print_text(self, text, n, err);
    free(text);
    return status;
}

static graft_status run(session *self, graft_error *err)
{
    const settings *s = self->settings;
    graft_serve *serve = NULL;
    raise_descriptors();
    graft_status status = graft_serve_open(self->context, s->arguments, s->n_arguments, NULL, &serve, err);
    if (!status) status = print_address(self, serve, err);
    if (!status) status = graft_serve_run(serve, err);
    graft_serve_free(serve);
    return status;
}

const verb verb_serve = {
    .name = "serve",
    .arguments = "[NAME=]RUN...",
    .least = 1,
    .most = -1,
    .summary = "answer over HTTP with runs' best models",
    .about =
        "Opens the models, listens, and prints the address. POST an image to /predict for its labels, to /embed for "
        "its features; /predict/NAME and /embed/NAME are those of another model than the first. /openapi.json "
        "lists all there is. The answers are those of graft predict, to the bit.\n\nOnly this machine's programs "
        "reach the server, unless --listen says otherwise; then a token is wanted.\n\nSIGTERM and SIGINT: no more "
        "connections are taken, what came is answered, and the exit code is 0.",
    .examples = "graft serve runs/pets\n"
                "curl --data-binary @photo.jpg 'localhost:8080/predict?top=3'\n"
                "curl -F image=@a.jpg -F image=@b.png localhost:8080/predict\n"
                "graft serve pets=runs/pets dogs=runs/dogs --listen 0.0.0.0:8080 --token-file token",
    OPTIONS(options),
    .run = run,
};
