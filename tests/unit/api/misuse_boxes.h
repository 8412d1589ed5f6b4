/* misuse_boxes.h - the calls of graft/boxes.h for test_misuse.c, by its macros. */
static graft_status evaluate_detections(int at, graft_error *e)
{
    OUT(3, graft_result, graft_evaluate_detections(OR_NULL(0, context), OR_NULL(1, folder), OR_NULL(2, other), to, e));
}
static graft_status convert_labels(int at, graft_error *e)
{
    OUT(4, graft_result,
        graft_convert_labels(OR_NULL(0, context), OR_NULL(1, folder), OR_NULL(2, "voc"), OR_NULL(3, other), to, e));
}
