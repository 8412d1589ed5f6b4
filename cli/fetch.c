/* fetch.c - graft fetch NAME: published weights into the cache. */
#include "errors.h"
#include "verbs.h"

static const option options[] = {
    HEADING("What"),
    {"data", OPTION_SET, PLACE(of_data), NULL, NO_RANGE, NULL,
     "NAME is an archive of images (flower_photos, cats_and_dogs_filtered, caltech101), or any http(s) address of one"},
    {"sha256", OPTION_TEXT, PLACE(sha256), "DIGEST", NO_RANGE, NULL, "with --data, the SHA-256 that it must have"},
    {"from", OPTION_FOLDER, PLACE(from), "DIR|URL", NO_RANGE, NULL,
     "take the file from this folder, or below this http(s) address, instead of its publisher's"},
    {"list", OPTION_SET, PLACE(list), NULL, NO_RANGE, NULL, "list what there is instead"},
    OPTION_GENERAL_ROWS("has no effect here: nothing is random"),
};

static graft_status check(const verb *v, settings *s, graft_error *err)
{
    if (s->list && (s->n_arguments || s->from || s->of_data))
        return fail(err, E_USAGE, NULL, "--list lists all weights and data and takes nothing else");
    if (s->sha256 && !s->of_data)
        return fail(err, E_USAGE, NULL, "--sha256 is for --data: weights are checked by what their publisher tells");
    if (!s->list && s->n_arguments == 0)
        return fail(err, E_USAGE, "`graft fetch --list` lists them",
                    "graft %s needs the name of weights, or --data and that of data", v->name);
    return GRAFT_OK;
}

static graft_status run(session *self, graft_error *err)
{
    const settings *s = self->settings;
    graft_result *result = NULL;
    graft_status status = s->list ? graft_fetch_list(self->context, &result, err)
                          : s->of_data
                              ? graft_fetch_data(self->context, s->arguments[0], s->sha256, s->from, &result, err)
                              : graft_fetch(self->context, s->arguments[0], s->from, &result, err);
    if (!status) status = session_print(self, result, err);
    graft_result_free(result);
    return status;
}

const verb verb_fetch = {
    .name = "fetch",
    .arguments = "NAME",
    .least = 0,
    .most = 1,
    .summary = "get published weights, or an archive of images",
    .about =
        "Prints where the weights of that name are. They are kept in $XDG_CACHE_HOME/graft/weights (or "
        "~/.cache/graft/weights) and fetched from their publisher if they are not there yet: a download that was cut "
        "off goes on where it ended, and a file that is not what was published is never used. NAME is a name that "
        "--list shows, or an architecture: its ImageNet weights. `graft train --weights imagenet` (or --weights NAME) "
        "does the same on its way. With --data, NAME is an archive of images, kept in graft/data beside; what is "
        "printed is a path that other verbs take as their data.\n"
        "GRAFT_OFFLINE=1 in the environment forbids the network; proxies are taken from https_proxy and its like, "
        "certificates to trust from SSL_CERT_FILE; GRAFT_CATALOGUE names another catalogue.",
    .examples = "graft fetch --list\n"
                "graft fetch mobilenet_v2-1-160\n"
                "graft fetch resnet50 --from /media/mirror\n"
                "graft train $(graft fetch --data flower_photos) --out runs/flowers",
    OPTIONS(options),
    .check = check,
    .run = run,
};
