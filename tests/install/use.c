/* A program of somebody else's: the installed library through pkg-config. Prints the parameters of a MobileNetV2. */
#include <graft/graft.h>
#include <stdio.h>

int main(void)
{
    graft_context_options context_options;
    graft_context_defaults(&context_options);
    graft_model_options model_options;
    graft_model_defaults(&model_options);
    model_options.classes = 2;
    graft_context *context = NULL;
    graft_model *model = NULL;
    graft_result *result = NULL;
    graft_error err;
    graft_status status = graft_context_open(&context_options, &context, &err);
    if (!status) status = graft_model_open(context, &model_options, &model, &err);
    if (!status) status = graft_summary(model, &result, &err);
    if (status) {
        fprintf(stderr, "E%d: %s\n", err.number, err.message);
    } else {
        printf("%.0f\n", graft_result_number(result, "total_params"));
    }
    graft_result_free(result);
    graft_model_free(model);
    graft_context_free(context);
    return (int)status;
}
