/* onnx_out_acts.c - activations as operators of opset 17. Those that ONNX has no operator for are spelt out, in the way
 * that exporters do. */
#include "exchange/onnx_out.h"

#include <stddef.h>

enum {
    X = -1,
    NONE = -2,
    NUMBER = -3
}; /* operands: the layer's input, none, the step's number; else an earlier step */

typedef struct step {
    const char *op;
    int a, b;
    float number;
    const char *attribute[2]; /* a float each: its value, or ALPHA */
    float value[2];
} step;

#define ALPHA (-1234.0f) /* stands for the layer's own in the tables below */

static const step relu[] = {{"Relu", X, NONE}};
static const step relu6[] = {{"Max", X, NUMBER, 0}, {"Min", 0, NUMBER, 6}};
static const step sigmoid[] = {{"Sigmoid", X, NONE}};
static const step tangent[] = {{"Tanh", X, NONE}};
static const step leaky[] = {{"LeakyRelu", X, NONE, 0, {"alpha"}, {ALPHA}}};
static const step elu[] = {{"Elu", X, NONE, 0, {"alpha"}, {ALPHA}}};
static const step selu[] = {{"Selu", X, NONE}};
static const step hard_sigmoid[] = {{"HardSigmoid", X, NONE, 0, {"alpha", "beta"}, {1 / 6.0f, 0.5f}}};
static const step hard_tanh[] = {{"Max", X, NUMBER, -1}, {"Min", 0, NUMBER, 1}};
static const step exponential[] = {{"Exp", X, NONE}};
static const step silu[] = {{"Sigmoid", X, NONE}, {"Mul", X, 0}};
static const step hard_silu[] = {{"HardSwish", X, NONE}};
static const step gelu[] = {{"Mul", X, NUMBER, 0.70710678118654752f},
                            {"Erf", 0, NONE},
                            {"Add", 1, NUMBER, 1},
                            {"Mul", X, 2},
                            {"Mul", 3, NUMBER, 0.5f}};
static const step gelu_tanh[] = {{"Mul", X, X},
                                 {"Mul", 0, NUMBER, 0.044715f},
                                 {"Add", 1, NUMBER, 1},
                                 {"Mul", X, 2},
                                 {"Mul", 3, NUMBER, 0.79788456080286536f},
                                 {"Tanh", 4, NONE},
                                 {"Add", 5, NUMBER, 1},
                                 {"Mul", X, 6},
                                 {"Mul", 7, NUMBER, 0.5f}};
static const step softplus[] = {{"Softplus", X, NONE}};
static const step softsign[] = {{"Softsign", X, NONE}};
static const step mish[] = {{"Softplus", X, NONE}, {"Tanh", 0, NONE}, {"Mul", X, 1}};
static const step log_sigmoid[] = {{"Neg", X, NONE}, {"Softplus", 0, NONE}, {"Neg", 1, NONE}};
static const step tanh_shrink[] = {{"Tanh", X, NONE}, {"Sub", X, 0}};
static const step soft_shrink[] = {{"Shrink", X, NONE, 0, {"lambd", "bias"}, {ALPHA, ALPHA}}};
static const step hard_shrink[] = {{"Shrink", X, NONE, 0, {"lambd", "bias"}, {ALPHA, 0}}};
static const step threshold[] = {{"ThresholdedRelu", X, NONE, 0, {"alpha"}, {ALPHA}}};
static const step squareplus[] = {
    {"Mul", X, X}, {"Add", 0, NUMBER, ALPHA}, {"Sqrt", 1, NONE}, {"Add", X, 2}, {"Mul", 3, NUMBER, 0.5f}};
/* max(x - 1, 0) + min(max(x + 1, 0), 2)^2 / 4 */
static const step sparse_plus[] = {
    {"Add", X, NUMBER, 1},     {"Max", 0, NUMBER, 0}, {"Min", 1, NUMBER, 2}, {"Mul", 2, 2},
    {"Mul", 3, NUMBER, 0.25f}, {"Sub", X, NUMBER, 1}, {"Relu", 5, NONE},     {"Add", 4, 6}};
static const step sparse_sigmoid[] = {{"HardSigmoid", X, NONE, 0, {"alpha", "beta"}, {0.5f, 0.5f}}};
static const step celu[] = {{"Celu", X, NONE, 0, {"alpha"}, {ALPHA}}};
static const step linear[] = {{"Identity", X, NONE}};

#define STEPS(s)                \
    {                           \
        s, sizeof s / sizeof *s \
    }
static const struct {
    const step *step;
    size_t n;
} table[GF_ACTS] = {
    [GF_ACT_LINEAR] = STEPS(linear),
    [GF_ACT_RELU] = STEPS(relu),
    [GF_ACT_RELU6] = STEPS(relu6),
    [GF_ACT_SIGMOID] = STEPS(sigmoid),
    [GF_ACT_TANH] = STEPS(tangent),
    [GF_ACT_LEAKY_RELU] = STEPS(leaky),
    [GF_ACT_ELU] = STEPS(elu),
    [GF_ACT_SELU] = STEPS(selu),
    [GF_ACT_HARD_SIGMOID] = STEPS(hard_sigmoid),
    [GF_ACT_HARD_TANH] = STEPS(hard_tanh),
    [GF_ACT_EXPONENTIAL] = STEPS(exponential),
    [GF_ACT_SILU] = STEPS(silu),
    [GF_ACT_HARD_SILU] = STEPS(hard_silu),
    [GF_ACT_GELU] = STEPS(gelu),
    [GF_ACT_GELU_TANH] = STEPS(gelu_tanh),
    [GF_ACT_SOFTPLUS] = STEPS(softplus),
    [GF_ACT_SOFTSIGN] = STEPS(softsign),
    [GF_ACT_MISH] = STEPS(mish),
    [GF_ACT_LOG_SIGMOID] = STEPS(log_sigmoid),
    [GF_ACT_TANH_SHRINK] = STEPS(tanh_shrink),
    [GF_ACT_SOFT_SHRINK] = STEPS(soft_shrink),
    [GF_ACT_HARD_SHRINK] = STEPS(hard_shrink),
    [GF_ACT_THRESHOLD] = STEPS(threshold),
    [GF_ACT_SQUAREPLUS] = STEPS(squareplus),
    [GF_ACT_SPARSE_PLUS] = STEPS(sparse_plus),
    [GF_ACT_SPARSE_SIGMOID] = STEPS(sparse_sigmoid),
    [GF_ACT_CELU] = STEPS(celu),
};

static const char *operand(gf_oo *w, const char *layer, const char *in, int which, int own, float number)
{
    if (which == NONE) return NULL;
    if (which == X) return in;
    const char *name =
        gf_oo_name(w, "%s/%s%d", layer, which == NUMBER ? "number" : "step", which == NUMBER ? own : which);
    return which == NUMBER ? gf_oo_scalar(w, name, number) : name;
}

graft_status gf_oo_act(gf_oo *w, const char *layer, gf_act act, float alpha, const char *in, const char *out)
{
    if (act < 0 || act >= GF_ACTS || !table[act].n) {
        return gf_fail(w->err, GF_E_ONNX_EXPORT, NULL, "layer %s: its activation cannot be written", GF_ESC(layer));
    }
    for (size_t i = 0; i < table[act].n; i++) {
        const step *s = &table[act].step[i];
        float number = s->number == ALPHA ? alpha : s->number;
        const char *a = operand(w, layer, in, s->a, (int)i, number), *b = operand(w, layer, in, s->b, (int)i, number);
        bool last = i + 1 == table[act].n;
        gf_onnx_node *n = gf_oo_node(w, s->op, last ? out : gf_oo_name(w, "%s/step%zu", layer, i), a, b, NULL);
        for (int k = 0; k < 2 && s->attribute[k]; k++) {
            gf_oo_float(w, n, s->attribute[k], s->value[k] == ALPHA ? alpha : s->value[k]);
        }
    }
    return GRAFT_OK;
}
