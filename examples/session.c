/* session.c - labels images with a model that graft trained, without a file of theirs: through libgraft alone.
 *
 *     cc session.c -o session $(pkg-config --cflags --libs graft)
 *     ./session runs/pets < photo.jpg
 *
 * The image comes from the standard input, as it might from a network; a program that serves would keep the session and
 * call graft_session_run from as many threads as it likes. */
#include <graft/graft.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_BYTES = 16 << 20 };

static graft_status open_session(const char *run, graft_session **session, graft_error *err)
{
    graft_context *context = NULL;
    graft_model *model = NULL;
    graft_context_options options;
    graft_context_defaults(&options);
    graft_status status = graft_context_open(&options, &context, err);
    if (!status) status = graft_run_open(context, run, &model, err);
    if (!status) status = graft_session_open(model, NULL, session, err);
    graft_model_free(model); /* the session needs neither from now on */
    graft_context_free(context);
    return status;
}

static graft_status label(graft_session *session, const void *bytes, size_t n, graft_error *err)
{
    size_t classes = graft_session_values(session, "probabilities");
    float *p = calloc(classes, sizeof *p);
    if (!p) return GRAFT_RESOURCE;
    const graft_image image = {.size = sizeof image, .kind = GRAFT_IMAGE_ENCODED, .data = bytes, .bytes = n};
    const graft_output out = {.size = sizeof out, .name = "probabilities", .data = p, .values = classes};
    graft_status status = graft_session_run(session, &image, 1, &out, 1, NULL, err);
    for (size_t k = 0; !status && k < classes; k++) {
        printf("%s\t%.9g\n", graft_session_class_name(session, (int)k), (double)p[k]);
    }
    free(p);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 2) return fprintf(stderr, "usage: session RUN < IMAGE\n"), GRAFT_USAGE;
    graft_error err = {0};
    graft_session *session = NULL;
    char *bytes = malloc(MOST_BYTES);
    if (!bytes) return GRAFT_RESOURCE;
    size_t n = fread(bytes, 1, MOST_BYTES, stdin);
    graft_status status = open_session(argv[1], &session, &err);
    if (!status) status = label(session, bytes, n, &err);
    if (status) fprintf(stderr, "E%d %s\n%s\n", err.number, err.message, err.hint);
    graft_session_free(session);
    free(bytes);
    return (int)status;
}
