#include "api/internal.h"

#include "base/io.h"
#include "data/labels.h"
#include "exchange/hf_folder.h"
#include "exchange/import.h"
#include "exchange/layer_words.h"
#include "exchange/load_weights.h"
#include "formats/stranger.h"
#include "graph/gray.h"
#include "tasks/detector.h"
#include "train/folder.h"
#include "zoo/zoo.h"

#include <stdio.h>
#include <string.h>

void graft_model_defaults(graft_model_options *o)
{
    if (!o) return;
    *o = (graft_model_options){.model = "mobilenet_v2",
                               .alpha = 1,
                               .dropout = 0.2,
                               .head = "linear",
                               .precision = "auto",
                               .fine_tune_at = -1,
                               .fine_tune_last = -1};
}

void graft_model_size(const graft_model *m, int *width, int *height)
{
    if (width) *width = m ? (int)m->config.width : 0;
    if (height) *height = m ? (int)m->config.height : 0;
}

/* ---- building: an architecture or a file's network, cut where it is asked for, with a head for `classes` */

gf_head_spec gf_api_head_of(const graft_model *m, int classes)
{
    const gf_task_class *task = gf_api_task_class(m);
    gf_head_spec head = m->head;
    if (task) head.outputs = (int)task->outputs(classes);
    const gf_detector_class *detector;
    if (task) head.add = task->add_head;
    if (task && task->keep) {
        const char *name = gf_settings_text(m->context->settings, GF_SET_MODEL_DETECTOR);
        head.add = gf_detector_parse(&detector, name, NULL) == GRAFT_OK ? detector->add_head : NULL;
    }
    return head;
}

static graft_status build_zoo(const graft_model *m, gf_model *model, int classes, graft_error *err)
{
    const gf_head_spec head = gf_api_head_of(m, classes);
    const gf_run_config *c = &m->config;
    gf_zoo_options o = {.width = (int)c->width,
                        .height = (int)c->height,
                        .alpha = c->alpha,
                        .classes = classes,
                        .dropout = (float)m->dropout,
                        .head = head,
                        .preprocess = c->preprocess};
    if (!c->cut) return gf_zoo_build(model, c->architecture, &o, err);
    gf_model whole;
    o.classes = 0;
    o.head = (gf_head_spec){0};
    GF_TRY(gf_zoo_build(&whole, c->architecture, &o, err));
    graft_status status = gf_head_on(model, &whole, c->cut, &head, classes, (float)m->dropout, err);
    gf_model_free(&whole);
    return status;
}

/* What predictions of a kept classifier are, where that is not what one would think. */
static void tell_end(const graft_model *m)
{
    static const char end[] = "probabilities";
    const char *file = m->config.architecture;
    size_t n = gf_count(&m->model.layer[m->model.output].shape);
    if (m->model.end == GF_END_SIGMOID) {
        gf_decide(&m->log, end, "each by itself",
                  "%s: ends in a sigmoid of each of its %zu outputs: they need not sum to 1", GF_ESC(file), n);
    } else if (m->model.end == GF_END_LINEAR) {
        gf_decide(&m->log, end, n == 1 ? "sigmoid" : "softmax", "%s: ends in plain numbers, which are taken for logits",
                  GF_ESC(file));
    } else if (m->model.end == GF_END_LOG_SOFTMAX) {
        gf_decide(&m->log, end, "exponentials", "%s: ends in logarithms of probabilities", GF_ESC(file));
    }
}

/* What a foreign file was taken for, and where what is new stands. */
static graft_status tell(const graft_model *m, graft_error *err)
{
    const gf_model *own = &m->source;
    const char *file = GF_ESC(m->config.architecture);
    int at, replaced;
    for (size_t i = 0; i < m->decisions.n; i++) {
        const gf_decision *d = &m->decisions.item[i];
        gf_log_say(&m->log, GF_NOTE, "%s: %s (%s)", d->what, d->value, d->why);
    }
    if (m->head.keep_last) tell_end(m);
    if (m->head.keep_last || m->head.none || m->config.cut) return GRAFT_OK;
    GF_TRY(gf_head_position(own, &at, &replaced, err));
    const gf_layer *old = &own->layer[replaced < 0 ? own->output : replaced];
    if (replaced < 0) {
        gf_decide(&m->log, "cut", "none", "%s: no classifier is known at its end, layer %s (%s)", file,
                  GF_ESC(old->name), gf_layer_class_name(old));
    } else {
        gf_decide(&m->log, "cut", GF_ESC(own->layer[at].name),
                  "%s: its own classifier, from layer %s (%s, %zu outputs) on, is left out", file, GF_ESC(old->name),
                  gf_layer_class_name(old), gf_layer_channels(old));
    }
    return GRAFT_OK;
}

graft_status gf_api_build_model(const graft_model *m, gf_model *model, int classes, graft_error *err)
{
    bool imported = m->source.n_layers > 0;
    if (!imported) GF_TRY(build_zoo(m, model, classes, err));
    if (imported) {
        const gf_head_spec head = gf_api_head_of(m, classes);
        GF_TRY(gf_head_on(model, &m->source, m->config.cut, &head, classes, (float)m->dropout, err));
    }
    int first = imported && m->has_values ? (int)gf_model_backbone_layers(model) : 0;
    if (!(m->head.keep_last && m->has_values)) gf_model_init(model, (uint64_t)m->config.model_seed, first);
    return GRAFT_OK;
}

graft_status gf_api_resolve_boundary(graft_model *m, const graft_model_options *o, graft_error *err)
{
    int layers = (int)gf_model_backbone_layers(&m->model);
    m->config.fine_tune_at = -1;
    if (o->fine_tune_at_name) {
        int at = gf_model_find(&m->model, o->fine_tune_at_name);
        if (at < 0 || m->model.layer[at].number >= layers) {
            return gf_fail(err, GF_E_LAYER_UNKNOWN, "graft summary lists the layers", "%s has no layer called %s",
                           m->config.architecture, GF_ESC(o->fine_tune_at_name));
        }
        m->config.fine_tune_at = m->model.layer[at].number;
    } else if (o->fine_tune_last >= 0) {
        if (o->fine_tune_last > layers) {
            return gf_fail(err, GF_E_OPTION_VALUE, NULL, "fine-tune-last %d: %s has %d layers", o->fine_tune_last,
                           m->config.architecture, layers);
        }
        m->config.fine_tune_at = layers - o->fine_tune_last;
    } else if (o->fine_tune_at >= 0) {
        if (o->fine_tune_at > layers) {
            return gf_fail(err, GF_E_OPTION_VALUE, "graft summary lists the layers",
                           "fine-tune-at %d: %s has layers 0 to %d", o->fine_tune_at, m->config.architecture,
                           layers - 1);
        }
        m->config.fine_tune_at = o->fine_tune_at;
    }
    m->model.boundary = m->config.fine_tune_at < 0 ? layers : (int)m->config.fine_tune_at;
    return GRAFT_OK;
}

static graft_status check_options(const graft_model_options *o, graft_error *err)
{
    if (!(o->dropout >= 0 && o->dropout < 1)) {
        return gf_fail(err, GF_E_OPTION_VALUE, NULL, "dropout %g: wanted is 0 up to, not including, 1", o->dropout);
    }
    if (o->channels != 0 && o->channels != 1 && o->channels != 3) {
        return gf_fail(err, GF_E_OPTION_VALUE, "3, or 1 for gray images", "%d channels", o->channels);
    }
    if (o->width < 0 || o->height < 0 || o->classes < 0) {
        return gf_fail(err, GF_E_OPTION_VALUE, NULL, "size %dx%d, %d classes: not negative, please", o->width,
                       o->height, o->classes);
    }
    const char *p = o->precision ? o->precision : "auto";
    if (strcmp(p, "auto") && strcmp(p, "f32") && strcmp(p, "bf16") && strcmp(p, "int8")) {
        return gf_fail(err, GF_E_OPTION_VALUE, "auto, f32, bf16 or int8", "precision %s is not known", GF_ESC(p));
    }
    return GRAFT_OK;
}

static void note_weights(const graft_model *m)
{
    const gf_names *left_out = &m->weights_notes.left_out;
    if (m->weights_notes.taken) {
        gf_decide(&m->log, "weights in the file", GF_ESC(m->weights_notes.taken), "%s", GF_ESC(m->weights_notes.why));
    }
    if (!left_out->n) return;
    gf_text list = {0};
    enum { SHOWN = 6 };
    size_t shown = 0;
    for (int counters = 0; counters < 2; counters++) { /* those that every batch norm of PyTorch's has come last */
        for (size_t i = 0; i < left_out->n && shown < SHOWN; i++) {
            if ((strstr(left_out->item[i], ".num_batches_tracked ") != NULL) != counters) continue;
            gf_text_printf(&list, "%s%s", shown++ ? ", " : "", GF_ESC(left_out->item[i]));
        }
    }
    if (left_out->n > SHOWN) gf_text_printf(&list, " and %zu more", left_out->n - SHOWN);
    gf_log_say(&m->context->log, GF_NOTE, "%s: %zu tensors are not part of the backbone and were left out: %s",
               GF_ESC(m->config.weights), left_out->n, list.s ? list.s : "");
    gf_text_free(&list);
}

static void fill_facts(graft_model *m)
{
    gf_model_facts *f = &m->facts;
    gf_api_geometry(f, m->context->settings);
    snprintf(f->architecture, sizeof f->architecture, "%s", m->config.architecture);
    f->alpha = m->config.alpha;
    f->dropout = m->config.dropout;
    f->width = (int)m->config.width;
    f->height = (int)m->config.height;
}

static graft_status fill_config(graft_model *m, const graft_model_options *o, graft_error *err)
{
    gf_run_config *c = &m->config;
    const char *head = o->head ? o->head : "linear";
    GF_TRY(gf_config_text(&c->architecture, o->model ? o->model : "mobilenet_v2", err));
    GF_TRY(gf_config_text(&c->weights, o->weights, err));
    GF_TRY(gf_config_text(&c->precision, o->precision ? o->precision : "auto", err));
    GF_TRY(gf_config_text(&c->head, head, err));
    GF_TRY(gf_config_text(&c->cut, o->cut, err));
    GF_TRY(gf_config_text(&c->preprocess, o->preprocess, err));
    m->dropout = o->dropout;
    GF_TRY(gf_head_parse(head, &m->head, &m->dropout, err));
    if (m->head.keep_last && o->cut) {
        return gf_fail(err, GF_E_OPTION_VALUE, NULL,
                       "a cut takes the last layers away, head keep keeps them: give one");
    }
    c->dropout = m->dropout;
    c->alpha = o->alpha;
    c->width = o->width;
    c->height = o->height;
    m->own_size = !o->width || !o->height;
    c->model_seed = (int64_t)o->seed;
    return GRAFT_OK;
}

/* What is decided on the way is kept, and told when it is sure that the model will do. */
static graft_status import_source(graft_model *m, const graft_model_options *o, graft_error *err)
{
    const gf_log silent = {.decisions = &m->decisions};
    const char *taken = NULL;
    const gf_import_options options = {.width = o->width,
                                       .height = o->height,
                                       .preprocess = o->preprocess,
                                       .allow_nonfinite = o->allow_nonfinite,
                                       .classes = &m->source_classes,
                                       .log = &silent,
                                       .preprocess_taken = &taken};
    GF_TRY(gf_import(&m->source, m->config.architecture, &options, &m->has_values, err));
    return gf_config_text(&m->config.preprocess, taken, err);
}

/* A run folder, or the model file of one: a safetensors file with graft's own facts in it. */
static bool is_run(const char *name)
{
    gf_safetensors st;
    if (gf_is_dir(name)) return true;
    const char *ending = strrchr(name, '.');
    if (!ending || strcmp(ending, ".safetensors") || gf_safetensors_open(&st, name, NULL, NULL) != GRAFT_OK)
        return false;
    bool own = gf_safetensors_meta(&st, "graft.model") != NULL;
    gf_safetensors_close(&st);
    return own;
}

/* The model of a run as what a new one begins with: its network under its architecture's name, its class names. */
static graft_status run_source(graft_model *m, graft_error *err)
{
    gf_model_facts f = {0};
    gf_run_config *c = &m->config;
    char *path = NULL;
    if (c->preprocess) {
        return gf_fail(err, GF_E_OPTION_VALUE, "leave it out", "preprocess %s: %s is a run, which has its own",
                       GF_ESC(c->preprocess), GF_ESC(c->architecture));
    }
    graft_status status = GRAFT_OK;
    GF_GOTO(gf_api_model_path(c->architecture, &path, err));
    GF_GOTO(gf_model_file_read(&m->source, &f, path, err));
    for (size_t i = 0; i < m->source.n_layers; i++) m->source.layer[i].backbone = true;
    m->source.classes = 0;
    m->source.features = m->source.output;
    m->source_classes = f.classes;
    m->facts.tokenizer = f.tokenizer;
    f.classes = (gf_names){0};
    f.tokenizer = (gf_files){0};
    m->has_values = m->from_run = true;
    m->was_antialias = f.antialias;
    m->was_ignore_exif = f.ignore_exif;
    c->alpha = f.alpha;
    GF_GOTO(gf_api_reads(m, path, err));
    if (!c->weights) GF_GOTO(gf_config_text(&c->weights, c->architecture, err)); /* where it comes from */
    GF_GOTO(gf_config_text(&c->architecture, f.architecture, err));
out:
    gf_free(path);
    gf_model_facts_free(&f);
    return status;
}

/* An architecture's name, a file, or a run. */
static graft_status open_source(graft_model *m, const graft_model_options *o, graft_error *err)
{
    gf_run_config *c = &m->config;
    const gf_architecture *a = gf_zoo_find(c->architecture);
    const int tutorial = 160; /* what MobileNetV2 is fine-tuned at in Keras's guide */
    const char *texts = gf_api_texts_of(o);
    if (texts) return gf_api_import_texts(m, texts, o->allow_nonfinite, err);
    bool run = !a && is_run(c->architecture);
    bool words = gf_layer_words_are(c->architecture);
    if (a || (!run && !words && !gf_is_file(c->architecture))) {
        int64_t size = !a ? 0 : a == gf_zoo_at(0) ? tutorial : a->size;
        if (!c->width) c->width = size;
        if (!c->height) c->height = size;
        return GRAFT_OK;
    }
    bool new_head = !m->head.keep_last && !m->head.none && !c->cut;
    if (words && new_head) GF_TRY(gf_config_text(&c->cut, "-1", err)); /* behind all of them */
    if (!run && !words) GF_TRY(gf_api_reads(m, c->architecture, err));
    GF_TRY(run ? run_source(m, err) : import_source(m, o, err));
    GF_TRY(gf_import_one_of_each(&m->source, c->architecture, m->config.cut != NULL, &m->log, err));
    const gf_shape *input = &m->source.layer[0].shape;
    if (gf_api_is_of_texts(&m->source)) {
        c->width = input->dim[0];
        c->height = 1;
        return GRAFT_OK;
    }
    if (input->rank != 3 || (input->dim[2] != 3 && input->dim[2] != 1)) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "%s: its input is %s, wanted is an image (h, w, 3) or (h, w, 1)",
                       GF_ESC(c->architecture), GF_SHAPE_TEXT(input));
    }
    bool other = (o->width && o->width != input->dim[1]) || (o->height && o->height != input->dim[0]);
    if (other) {
        return gf_fail(err, GF_E_OPTION_VALUE, "leave the size out", "%s takes images of %lldx%lld, not %dx%d",
                       GF_ESC(c->architecture), (long long)input->dim[1], (long long)input->dim[0], o->width,
                       o->height);
    }
    c->width = input->dim[1];
    c->height = input->dim[0];
    return GRAFT_OK;
}

/* How many classes the head has when it is built: those asked for, or the kept classifier's own. */
static int classes_of(const graft_model *m, const graft_model_options *o)
{
    bool own = m->head.keep_last && !m->source.n_layers && !o->classes;
    return own ? GF_IMAGENET_CLASSES : o->classes;
}

/* From a file of names, in m's classes. */
static graft_status read_labels(graft_model *m, const char *path, graft_error *err)
{
    enum { LARGEST = 1 << 24 };
    uint8_t *text = NULL;
    size_t n;
    gf_labels labels;
    GF_TRY(gf_file_read(path, LARGEST, &text, &n, err));
    graft_status status = gf_labels_parse(&labels, text, n, path, err);
    gf_free(text);
    if (status == GRAFT_OK && labels.numbered) {
        gf_decide(&m->log, "labels", labels.moved ? "in the order of their numbers" : "without their numbers",
                  "every line of %s begins with a number of its own", GF_ESC(path));
    }
    if (status == GRAFT_OK && labels.names.n != (size_t)m->model.classes) {
        status = gf_fail(err, GF_E_OPTION_VALUE, "one name per line", "%s: %zu names for %d classes", GF_ESC(path),
                         labels.names.n, m->model.classes);
    }
    if (status == GRAFT_OK) {
        m->facts.classes = labels.names;
        labels.names = (gf_names){0};
    }
    gf_labels_free(&labels);
    return status;
}

/* Names for the classes of a classifier that is kept: from a file of names, else the network's file, else numbers. */
static graft_status name_classes(graft_model *m, const char *path, graft_error *err)
{
    if (path) return read_labels(m, path, err);
    bool named = m->source_classes.n == (size_t)m->model.classes;
    for (int i = 0; i < m->model.classes; i++) {
        char number[32];
        snprintf(number, sizeof number, "class %d", i);
        GF_TRY(gf_names_add(&m->facts.classes, named ? m->source_classes.item[i] : number, err));
    }
    return GRAFT_OK;
}

/* `weights` is a file, or a name that is fetched. */
static graft_status load_weights(graft_model *m, const graft_model_options *o, gf_model *to, bool head,
                                 graft_error *err)
{
    char *path = NULL;
    if (!o->weights || o->weights == gf_api_texts_of(o)) return GRAFT_OK;
    gf_weights_use use = {.architecture = m->config.architecture,
                          .alpha = m->config.alpha,
                          .width = (int)m->config.width,
                          .height = (int)m->config.height,
                          .top = m->head.keep_last || m->head.replace_last};
    if (gf_is_dir(o->weights)) {
        GF_TRY(gf_api_model_path(o->weights, &path, err));
    } else {
        GF_TRY(gf_api_weights_path(m->context, o->weights, &use, &path, err));
    }
    m->has_values = true;
    gf_weights_notes_free(&m->weights_notes);
    graft_status status = gf_api_reads(m, path, err);
    if (status == GRAFT_OK) status = gf_model_load_weights(to, path, head, o->allow_nonfinite, &m->weights_notes, err);
    gf_free(path);
    if (status == GRAFT_OK) note_weights(m);
    return status;
}

/* The network turned into one for gray images, with its weights; `model` is then cut from that. */
static graft_status make_gray(graft_model *m, const graft_model_options *o, graft_error *err)
{
    gf_model rgb = {0}, gray;
    bool imported = m->source.n_layers > 0, own = m->head.keep_last || m->head.replace_last;
    gf_run_config *c = &m->config;
    graft_status status = GRAFT_OK;
    c->channels = 1;
    if (imported) {
        rgb = m->source;
        m->source = (gf_model){0};
    } else {
        gf_zoo_options zoo = {.width = (int)c->width, .height = (int)c->height, .alpha = c->alpha};
        zoo.preprocess = c->preprocess;
        zoo.head.keep_last = own;
        zoo.classes = own ? (m->head.keep_last ? classes_of(m, o) : GF_IMAGENET_CLASSES) : 0;
        zoo.head.outputs = gf_api_head_of(m, zoo.classes).outputs;
        GF_TRY(gf_zoo_build(&rgb, c->architecture, &zoo, err));
    }
    if (!m->has_values) gf_model_init(&rgb, (uint64_t)c->model_seed, 0);
    GF_GOTO(load_weights(m, o, &rgb, own, err));
    if (rgb.layer[0].shape.dim[2] == 1) {
        m->source = rgb; /* it is one already */
        return GRAFT_OK;
    }
    gf_gray_kernels kernels = (gf_gray_kernels)gf_settings_choice(m->context->settings, GF_SET_MODEL_GRAY_KERNELS);
    GF_GOTO(gf_model_to_gray(&gray, &rgb, kernels, err));
    m->source = gray;
    m->has_values = true;
out:
    gf_model_free(&rgb);
    return status;
}

/* With `or_none` a network without a classifier that could be kept is taken as it is. */
static graft_status build(graft_model *m, const graft_model_options *o, bool or_none, graft_error *err)
{
    graft_error why = {0};
    graft_status status = gf_api_build_model(m, &m->model, classes_of(m, o), &why);
    if (status != GRAFT_OK && or_none && m->head.keep_last && why.number == GF_E_MODEL_SHAPE) {
        GF_TRY(gf_config_text(&m->config.head, "none", err));
        GF_TRY(gf_head_parse("none", &m->head, &m->dropout, err));
        return gf_api_build_model(m, &m->model, classes_of(m, o), err);
    }
    if (status != GRAFT_OK && err) *err = why;
    return status;
}

static graft_status open_model(graft_context *context, const graft_model_options *options, bool or_none,
                               graft_model **out, graft_error *err)
{
    const graft_model_options with = gf_api_model_options(context, options), *o = &with;
    graft_model *m = gf_new(graft_model);
    if (!m) return gf_fail_memory(err, sizeof *m, "a model");
    m->context = context;
    m->log = (gf_log){context->log.say, context->log.ctx, &m->decisions};
    graft_status status = GRAFT_OK;
    GF_GOTO(check_options(o, err));
    GF_GOTO(fill_config(m, o, err));
    GF_GOTO(open_source(m, o, err));
    const bool imported = m->source.n_layers > 0;
    m->random = !m->has_values && !o->weights;
    if (o->channels == 1) GF_GOTO(make_gray(m, o, err));
    GF_GOTO(build(m, o, or_none, err));
    if (imported) GF_GOTO(tell(m, err));
    m->has_head = m->model.classes > 0;
    m->config.classes = m->model.classes;
    GF_GOTO(gf_api_resolve_boundary(m, o, err));
    fill_facts(m);
    if (o->channels != 1) GF_GOTO(load_weights(m, o, &m->model, m->head.keep_last, err));
    if (m->head.keep_last) GF_GOTO(name_classes(m, o->labels, err));
out:
    if (status != GRAFT_OK) {
        graft_model_free(m);
    } else {
        *out = m;
    }
    return status;
}

graft_status graft_model_open(graft_context *context, const graft_model_options *options, graft_model **out,
                              graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(context, "context");
    GF_NEEDS(options, "options");
    return open_model(context, options, false, out, err);
}

/* The configuration of a run of graft's: other tools have a config.json, too. */
static bool is_begun(const char *run)
{
    gf_run_config c = {0};
    char *path = gf_path_join(run, GF_FOLDER_CONFIG);
    bool begun = path && gf_is_file(path) && gf_config_read(&c, path, NULL) == GRAFT_OK;
    gf_config_free(&c);
    gf_free(path);
    return begun;
}

graft_status gf_api_model_path(const char *run, char **path, graft_error *err)
{
    *path = gf_is_dir(run) ? gf_path_join(run, GF_FOLDER_MODEL) : gf_strdup(run);
    if (!*path) return gf_fail_memory(err, strlen(run), "a file name");
    if (gf_is_file(*path)) return GRAFT_OK;
    bool begun = is_begun(run);
    gf_free(*path);
    *path = NULL;
    if (!begun && gf_is_dir(run)) GF_TRY(gf_stranger_folder(run, err));
    return gf_fail(
        err, GF_E_NOT_A_RUN, begun ? "graft resume goes on with it" : "give the folder that graft train wrote",
        begun ? "%s: this run has not ended yet" : "%s: not a run folder: no model.safetensors in it", GF_ESC(run));
}

/* A classifier of texts as transformers or sentence-transformers has it is as finished as a run; an encoder without
 * one has features to give. */
static graft_status open_text_folder(graft_context *context, const char *folder, graft_model **out, graft_error *err)
{
    graft_model_options o;
    graft_model_defaults(&o);
    o.model = folder;
    o.head = "keep";
    return open_model(context, &o, true, out, err);
}

graft_status graft_run_open(graft_context *context, const char *run, graft_model **out, graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(context, "context");
    GF_NEEDS(run, "run");
    if (gf_hf_is_folder(run)) return open_text_folder(context, run, out, err);
    char *path;
    GF_TRY(gf_api_model_path(run, &path, err));
    graft_status status = GRAFT_OK;
    graft_model *m = gf_new(graft_model);
    if (!m) {
        status = gf_fail_memory(err, sizeof *m, "a model");
        goto out;
    }
    m->context = context;
    m->log = (gf_log){context->log.say, context->log.ctx, &m->decisions};
    GF_GOTO(gf_api_reads(m, path, err));
    GF_GOTO(gf_model_file_read(&m->model, &m->facts, path, err));
    m->trained = m->has_head = true;
    if (gf_is_dir(run)) m->run = gf_strdup(run); /* only to find its data again */
    GF_GOTO(gf_config_text(&m->config.architecture, m->facts.architecture, err));
    m->config.alpha = m->facts.alpha;
    m->config.dropout = m->facts.dropout;
    m->config.width = m->facts.width;
    m->config.height = m->facts.height;
    m->config.classes = (int64_t)m->facts.classes.n;
    m->config.fine_tune_at = -1;
    if (m->facts.dtype == GF_BF16 && !gf_ops_has_bf16(context->ops)) m->facts.dtype = GF_F32;
    GF_GOTO(gf_config_text(&m->config.precision, gf_dtype_name(m->facts.dtype), err));
out:
    gf_free(path);
    if (status != GRAFT_OK) {
        graft_model_free(m);
    } else {
        *out = m;
    }
    return status;
}

void graft_model_free(graft_model *m)
{
    if (!m) return;
    gf_api_drop_session(m);
    gf_model_free(&m->model);
    gf_model_free(&m->source);
    gf_model_facts_free(&m->facts);
    gf_weights_notes_free(&m->weights_notes);
    gf_names_free(&m->reads);
    gf_names_free(&m->source_classes);
    gf_config_free(&m->config);
    gf_decisions_free(&m->decisions);
    gf_free(m->run);
    gf_free(m);
}
