/* augment.c - graft augment PHOTO: a sheet of what --augment's words make of an image. */
#include "out_file.h"
#include "verbs.h"

static const option options[] = {
    HEADING("Changes"),
    SETTING("augment", "augment.words"),
    SETTING("grid", "augment.grid"),

    HEADING("Pictures"),
    SETTING("size", "augment.size"),
    OPTION_GEOMETRY_ROWS,
    SETTING("max-pixels", "data.max_pixels"),

    HEADING("Output"),
    {"out", OPTION_FILE, PLACE(out), "FILE.png", NO_RANGE, NULL, "the file to write (needed)"},
    {"force", OPTION_SET, PLACE(force), NULL, NO_RANGE, NULL, "overwrite the file that is there"},
    OPTION_GENERAL_ROWS("seed of the changes"),
};

static graft_status check(const verb *v, settings *s, graft_error *err)
{
    return out_file_check(v->name, "sheet.png", s, err);
}

static graft_status run(session *self, graft_error *err)
{
    settings *s = self->settings;
    graft_result *result = NULL;
    graft_status status = graft_augment(self->context, s->arguments[0], s->out, s->train.seed, &result, err);
    if (!status) status = session_print(self, result, err);
    graft_result_free(result);
    return status;
}

const verb verb_augment = {
    .name = "augment",
    .arguments = "PHOTO",
    .least = 1,
    .most = 1,
    .summary = "show what random changes make of an image",
    .about = "Writes a sheet of images as PNG: first the photo as a network would get it, then as --augment's words "
             "change it in one epoch after the other. The same seed gives the same sheet.",
    .examples = "graft augment photo.jpg --augment medium --out sheet.png\n"
                "graft augment photo.jpg --augment flip,rotate=10deg,zoom=0.2 --grid 16 --seed 7 --out sheet.png",
    OPTIONS(options),
    .check = check,
    .run = run,
};
