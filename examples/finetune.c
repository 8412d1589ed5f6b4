/* finetune.c - fine-tunes MobileNetV2 on a folder of images and labels one image with it, through libgraft alone.
 *
 *     cc finetune.c -o finetune $(pkg-config --cflags --libs graft)
 *     ./finetune pets mobilenet_v2.h5 runs/pets photo.jpg
 *
 * pets/cat, pets/dog: a folder of images per class; runs/pets: made, with the model and a report in it. */
#include <graft/graft.h>
#include <stdio.h>

static void show(void *user, const graft_progress *p)
{
    (void)user;
    if (p->stage == GRAFT_STAGE_EPOCH) printf("epoch %d of %d: accuracy %.3f\n", p->epoch, p->epochs, p->val_accuracy);
}

static graft_status finetune(graft_context *context, char **argv, graft_error *err)
{
    graft_model *model = NULL; /* all are NULL until they are made, and every _free takes NULL */
    graft_data *data = NULL;
    graft_result *trained = NULL, *labels = NULL;
    graft_model_options model_options;
    graft_data_options data_options;
    graft_train_options train_options;
    graft_model_defaults(&model_options);
    graft_data_defaults(&data_options);
    graft_train_defaults(&train_options);
    model_options.weights = argv[2];
    model_options.fine_tune_at = 100;
    train_options.out = argv[3];

    graft_status status = graft_model_open(context, &model_options, &model, err);
    if (!status) status = graft_data_open(context, argv[1], &data_options, &data, err);
    if (!status) status = graft_train(model, data, &train_options, &trained, err);
    if (!status) status = graft_predict(model, (const char *const *)&argv[4], 1, 1, &labels, err);
    if (!status) {
        graft_prediction p = graft_result_prediction(labels, 0);
        printf("%s: %s (%.3f)\n", p.path, p.label, p.probability);
    }
    graft_result_free(labels);
    graft_result_free(trained);
    graft_data_free(data);
    graft_model_free(model);
    return status;
}

int main(int argc, char **argv)
{
    graft_error err = {0};
    graft_context *context = NULL;
    graft_context_options options;
    graft_context_defaults(&options);
    options.progress = show;
    if (argc != 5) return fprintf(stderr, "usage: finetune DATA WEIGHTS RUN PICTURE\n"), GRAFT_USAGE;
    graft_status status = graft_context_open(&options, &context, &err);
    if (!status) status = finetune(context, argv, &err);
    if (status) fprintf(stderr, "%s\n%s\n", err.message, err.hint);
    graft_context_free(context);
    return (int)status;
}
