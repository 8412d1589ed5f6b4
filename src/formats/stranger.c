#include "formats/stranger.h"

#include "base/alloc.h"
#include "base/io.h"
#include "formats/npz.h"
#include "formats/torch.h"
#include "formats/weight_format.h"
#include "formats/zip.h"
#include "json/json.h"

#include <string.h>

static const char to_onnx[] = "export the network to ONNX where it was made, and give that file";
static const char weights_alone[] = "weights say nothing of the layers: `graft train DATA --model NAME --weights FILE` "
                                    "takes those of an architecture that "
                                    "`graft models` lists; or export the whole network to ONNX";
static const char image[] = "a network or a file of weights is wanted here";

static graft_status refuse(const char *path, const char *what, const char *hint, graft_error *err)
{
    return gf_fail(err, GF_E_WEIGHTS_UNKNOWN_FORMAT, hint, "%s: %s", GF_ESC(path), what);
}

/* ---- by what a file begins with ---- */

typedef struct signature {
    size_t at;
    const char *bytes;
    size_t n;
    const char *what, *hint;
} signature;

#define BYTES(s) s, sizeof(s) - 1

static const signature known[] = {
    {0, BYTES("7z\xbc\xaf"), "a 7-zip archive", "unpack it first: 7z x FILE"},
    {0, BYTES("\x1f\x8b"), "a gzip file", "unpack it with gunzip first"},
    {0, BYTES("BZh"), "a bzip2 file", "unpack it with bunzip2 first"},
    {0,
     BYTES("\xfd"
           "7zXZ"),
     "an xz file", "unpack it with unxz first"},
    {0, BYTES("\x28\xb5\x2f\xfd"), "a zstd file", "unpack it with unzstd first"},
    {0, BYTES("Rar!"), "a RAR archive", "unpack it first"},
    {257, BYTES("ustar"), "a tar archive (as PyTorch wrote before version 0.2)",
     "unpack it first; if PyTorch wrote it as such (before version 0.2), load it there and torch.save its state dict "
     "again"},
    {0, BYTES("version https://git-lfs"), "a pointer of Git LFS, not the file itself", "fetch it with `git lfs pull`"},
    {4, BYTES("TFL3"), "a TensorFlow Lite model",
     "it was made to run, not to train; give the model that it was converted from, or convert it with "
     "`python -m tf2onnx.convert --tflite FILE --output model.onnx`"},
    {0, BYTES("GGUF"), "a GGUF file of llama.cpp", to_onnx},
    {0, BYTES("\x93NUMPY"), "one array of NumPy", "arrays by name are read from .npz: numpy.savez(FILE, **arrays)"},
    {0, BYTES("\xff\xd8\xff"), "a JPEG image", image},
    {0, BYTES("\x89PNG"), "a PNG image", image},
    {0, BYTES("%PDF"), "a PDF document", image},
    {0, BYTES("[net]"), "a Darknet configuration", to_onnx},
    {0, BYTES("\x80\x02"), "a Python pickle, but not of torch.save",
     "in PyTorch: torch.save(model.state_dict(), 'weights.pth')"},
    {0, BYTES("\x80\x03"), "a Python pickle, but not of torch.save",
     "in PyTorch: torch.save(model.state_dict(), 'weights.pth')"},
    {0, BYTES("\x80\x04"), "a Python pickle, but not of torch.save",
     "in PyTorch: torch.save(model.state_dict(), 'weights.pth')"},
    {0, BYTES("\x80\x05"), "a Python pickle, but not of torch.save",
     "in PyTorch: torch.save(model.state_dict(), 'weights.pth')"},
};

static const signature *find_signature(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const signature *s = &known[i];
        if (n >= s->at + s->n && !memcmp(bytes + s->at, s->bytes, s->n)) return s;
    }
    return NULL;
}

/* ---- by its name, where the bytes say nothing ---- */

static bool has_ending(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n > m && !strcmp(s + n - m, end);
}

static const char saved_model_hint[] = /* Keras 3 itself loads none */
    "with TensorFlow up to 2.15, or tf_keras: keras.models.load_model(FOLDER).save('model.h5'); what that cannot load: "
    "`python -m tf2onnx.convert --saved-model FOLDER --output model.onnx`";
static const char frozen_hint[] =
    "`python -m tf2onnx.convert --graphdef FILE --inputs NAME:0 --outputs NAME:0 --output model.onnx` makes ONNX of it";
static const char checkpoint_hint[] =
    "give the checkpoint by its .index file, or by the part of the names before it (model.ckpt)";

static const struct {
    const char *ending, *what, *hint;
} ending_row[] = {
    {"saved_model.pb", "the graph of a TensorFlow SavedModel", saved_model_hint},
    {".pb", "a frozen graph of TensorFlow", frozen_hint},
    {".pbtxt", "a graph of TensorFlow as text", frozen_hint},
    {".index", "the index of a TensorFlow checkpoint", checkpoint_hint},
    {".meta", "the graph of a TensorFlow checkpoint", checkpoint_hint},
    {".ckpt", "a checkpoint of a kind that is not known", checkpoint_hint},
    {".mlmodel", "a Core ML model", to_onnx},
    {".caffemodel", "a Caffe model", to_onnx},
    {".prototxt", "a Caffe network", to_onnx},
    {".params", "weights of MXNet", to_onnx},
    {".pdparams", "weights of PaddlePaddle", to_onnx},
    {".pdmodel", "a PaddlePaddle model", to_onnx},
    {".msgpack", "weights of Flax", "save them by name with numpy.savez or safetensors"},
    {".pte", "an ExecuTorch program", to_onnx},
    {".engine", "a TensorRT engine", to_onnx},
    {".mnn", "an MNN model", to_onnx},
};

static graft_status refuse_by_name(const char *path, const uint8_t *bytes, size_t n, graft_error *err)
{
    for (size_t i = 0; i < sizeof ending_row / sizeof *ending_row; i++) {
        if (has_ending(path, ending_row[i].ending)) return refuse(path, ending_row[i].what, ending_row[i].hint, err);
    }
    if (strstr(path, ".data-0000")) return refuse(path, "a part of a TensorFlow checkpoint", checkpoint_hint, err);
    char begin[17] = {0};
    memcpy(begin, bytes, n < 16 ? n : 16);
    gf_text hint = {0};
    gf_text_add(&hint, "networks: .keras, whole .h5, .onnx, .json of Keras; weights: ");
    for (size_t i = 0; gf_weight_format_at(i); i++) {
        gf_text_printf(&hint, "%s%s", i ? ", " : "", gf_weight_format_at(i)->files);
    }
    graft_status status = gf_fail(err, GF_E_WEIGHTS_UNKNOWN_FORMAT, hint.failed ? NULL : hint.s,
                                  "%s: begins with `%s`: of no format that is known", GF_ESC(path), GF_ESC(begin));
    gf_text_free(&hint);
    return status;
}

/* ---- texts ---- */

static bool begins_as(const char *text, size_t n, const char *word)
{
    size_t m = strlen(word);
    for (size_t i = 0; i < m; i++) {
        char c = i < n ? text[i] : 0;
        if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != word[i]) return false;
    }
    return true;
}

static bool has_word(const char *text, size_t n, const char *word)
{
    size_t m = strlen(word);
    for (size_t i = 0; i + m <= n; i++) {
        if (!memcmp(text + i, word, m)) return true;
    }
    return false;
}

/* Pages of a server instead of the file, OpenVINO's XML; OK: no such. */
static graft_status refuse_page(const char *path, const uint8_t *bytes, size_t n, graft_error *err)
{
    enum { HEAD = 2000 };
    const char *text = (const char *)bytes;
    size_t blank = 0;
    if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) blank = 3;
    while (blank < n && strchr(" \t\r\n", text[blank]) && text[blank]) blank++;
    text += blank;
    n -= blank;
    if (begins_as(text, n, "<?xml") && has_word(text, n < HEAD ? n : HEAD, "<net ")) {
        return refuse(path, "a network of OpenVINO", to_onnx, err);
    }
    if (!n || *text != '<') return GRAFT_OK;
    char begin[17] = {0};
    memcpy(begin, text, n < 16 ? n : 16);
    return gf_fail(err, GF_E_WEIGHTS_UNKNOWN_FORMAT, "the download failed: fetch the file itself",
                   "%s: begins with `%s`: a page of HTML or XML", GF_ESC(path), GF_ESC(begin));
}

static graft_status refuse_json(const char *path, const gf_json *j, graft_error *err)
{
    bool layers = !strcmp(gf_json_str(gf_json_get(j, "format"), ""), "layers-model") ||
                  gf_json_get(gf_json_get(j, "modelTopology"), "model_config");
    if (layers) {
        return refuse(path, "a model of TensorFlow.js, whose weights stand in other files",
                      "`tensorflowjs_converter --input_format=tfjs_layers_model --output_format=keras model.json "
                      "model.h5` makes a Keras model of it",
                      err);
    }
    if (gf_json_get(j, "modelTopology") || gf_json_get(j, "weightsManifest")) {
        return refuse(path, "a graph model of TensorFlow.js, whose weights stand in other files",
                      "`python -m tf2onnx.convert --tfjs model.json --output model.onnx` makes ONNX of it", err);
    }
    if (gf_json_get(j, "model_type") || gf_json_get(j, "architectures")) {
        return refuse(path, "a configuration of Hugging Face's",
                      "its weights are read where graft has the architecture: `graft train DATA --model NAME --weights "
                      "model.safetensors`",
                      err);
    }
    return GRAFT_OK;
}

graft_status gf_stranger_json(const char *path, const char *text, size_t n, graft_error *err)
{
    enum { LARGEST = 64 << 20 };
    gf_json *j = NULL;
    if (n > LARGEST || gf_json_parse(&j, text, n, path, NULL) != GRAFT_OK)
        return GRAFT_OK; /* its reader says what is wrong */
    graft_status status = refuse_json(path, j, err);
    gf_json_free(j);
    return status;
}

/* ---- archives ---- */

static bool holds(const gf_zip *zip, const char *ending, const char **name)
{
    for (size_t i = 0; i < zip->n; i++) {
        if (!has_ending(zip->entry[i].name, ending)) continue;
        *name = zip->entry[i].name;
        return true;
    }
    return false;
}

/* Endings of what could be given by itself; of other tools' only what says how to go on. */
static const char *const readable[] = {".keras", ".h5",  ".onnx", ".pth",  ".pt", ".safetensors",
                                       ".npz",   ".bin", ".ckpt", ".hdf5", ".pb", ".tflite"};
enum { READABLE = sizeof readable / sizeof *readable, OF_FOLDERS = 7 };

static graft_status refuse_packed(const char *path, const gf_zip *zip, graft_error *err)
{
    const char *name;
    for (size_t i = 0; i < READABLE; i++) {
        if (!holds(zip, readable[i], &name)) continue;
        return gf_fail(err, GF_E_WEIGHTS_UNKNOWN_FORMAT, "unpack it, and give the file in it",
                       "%s: a zip archive with `%s` in it", GF_ESC(path), GF_ESC(name));
    }
    return refuse(path, "a zip archive, but not of a kind that is known",
                  "a state dict of PyTorch (.pth), a model of Keras (.keras) or arrays (.npz) can be read", err);
}

static graft_status refuse_zip(const char *path, const gf_zip *zip, gf_stranger_place place, graft_error *err)
{
    const char *name;
    bool network = place == GF_STRANGER_NETWORK;
    if (holds(zip, "/archive_format", &name) || holds(zip, "/models/model.json", &name)) {
        return refuse(path, "a program of torch.export",
                      "in PyTorch: torch.save(torch.export.load(FILE).state_dict, 'weights.pth'), or torch.onnx.export",
                      err);
    }
    if (holds(zip, "/constants.pkl", &name) && holds(zip, "/data.pkl", &name)) {
        return refuse(path, "a TorchScript program, not a state dict",
                      "graft runs no code of a file. In PyTorch: torch.save(torch.jit.load(FILE).state_dict(), "
                      "'weights.pth'), or torch.onnx.export for the whole network",
                      err);
    }
    if (network && holds(zip, "/data.pkl", &name)) {
        return refuse(path, "weights or objects of PyTorch, not a network", weights_alone, err);
    }
    if (network && gf_npz_is(zip)) return refuse(path, "arrays of NumPy, not a network", weights_alone, err);
    if (holds(zip, "saved_model.pb", &name)) {
        return refuse(path, "a zip archive of a TensorFlow SavedModel", saved_model_hint, err);
    }
    return refuse_packed(path, zip, err);
}

/* ---- protocol buffers ---- */

/* Field 1 a small number, field 2 a message: ONNX has a text there, which does not begin with a field. */
static bool is_message_after_version(const uint8_t *b, size_t n, uint8_t *version)
{
    size_t at = 3;
    if (n < 8 || b[0] != 0x08 || b[1] > 100 || b[2] != 0x12) return false;
    while (at < n && at < 8 && b[at] & 0x80) at++;
    *version = b[1];
    return at + 1 < n && b[at + 1] == 0x0a;
}

/* A node, its name and its operation, as GraphDef begins. */
static bool is_graph_def(const uint8_t *b, size_t n)
{
    size_t at = 1;
    if (n < 16 || b[0] != 0x0a) return false;
    while (at < 8 && b[at] & 0x80) at++;
    at++;
    if (b[at] != 0x0a || b[at + 1] >= 128) return false;
    size_t op = at + 2 + b[at + 1];
    return op < n && b[op] == 0x12;
}

graft_status gf_stranger_protobuf(const char *path, const uint8_t *bytes, size_t n, graft_error *err)
{
    uint8_t version;
    if (n && *bytes == 0x08 && has_ending(path, ".mlmodel")) return refuse(path, "a Core ML model", to_onnx, err);
    if (is_message_after_version(bytes, n, &version)) {
        return version > 1 ? refuse(path, "a Core ML model", to_onnx, err)
                           : refuse(path, "the graph of a TensorFlow SavedModel", saved_model_hint, err);
    }
    return is_graph_def(bytes, n) ? refuse(path, "a frozen graph of TensorFlow", frozen_hint, err) : GRAFT_OK;
}

/* ---- all ---- */

static bool is_safetensors(const uint8_t *bytes, size_t n)
{
    uint64_t length = 0;
    if (n >= 10) memcpy(&length, bytes, sizeof length);
    return n >= 10 && bytes[8] == '{' && length >= 2 && length < 1ull << 40;
}

graft_status gf_stranger_refuse(const char *path, const uint8_t *bytes, size_t n, gf_stranger_place place,
                                graft_error *err)
{
    if (!n) return refuse(path, "the file is empty", NULL, err);
    if (gf_zip_looks(bytes, n)) {
        gf_zip zip;
        GF_TRY(gf_zip_open(&zip, bytes, n, path, NULL, err));
        graft_status status = refuse_zip(path, &zip, place, err);
        gf_zip_close(&zip);
        return status;
    }
    if (place == GF_STRANGER_NETWORK && gf_torch_looks(bytes, n)) {
        return refuse(path, "weights or objects of PyTorch, not a network", weights_alone, err);
    }
    if (place == GF_STRANGER_NETWORK && is_safetensors(bytes, n)) {
        return refuse(path, "weights (safetensors), not a network", weights_alone, err);
    }
    const signature *s = find_signature(bytes, n);
    if (s) return refuse(path, s->what, s->hint, err);
    GF_TRY(refuse_page(path, bytes, n, err));
    GF_TRY(gf_stranger_protobuf(path, bytes, n, err));
    if (*bytes == '{') GF_TRY(gf_stranger_json(path, (const char *)bytes, n, err));
    return refuse_by_name(path, bytes, n, err);
}

static bool has_file(const char *folder, const char *name)
{
    char *path = gf_path_join(folder, name);
    bool is = path && gf_is_file(path);
    gf_free(path);
    return is;
}

graft_status gf_stranger_folder(const char *path, graft_error *err)
{
    static const struct {
        const char *file, *what, *hint;
    } row[] = {
        {"saved_model.pb", "a SavedModel of TensorFlow", saved_model_hint},
        {"saved_model.pbtxt", "a SavedModel of TensorFlow", saved_model_hint},
        {"Manifest.json", "a Core ML package", to_onnx},
        {"weights.npz", "a folder with weights.npz in it", "give the file"},
        {"pytorch_model.bin", "a model of Hugging Face's",
         "its weights are read where graft has the architecture: `graft train DATA --model NAME --weights "
         "FOLDER/pytorch_model.bin`"},
        {"config.json", NULL, NULL},
        {"model.json", "a folder with model.json in it, as TensorFlow.js has it",
         "give the file model.json: it says what to do"},
        {"checkpoint", "a folder of TensorFlow checkpoints", checkpoint_hint},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        if (!has_file(path, row[i].file)) continue;
        if (row[i].what) return refuse(path, row[i].what, row[i].hint, err);
        bool weights = has_file(path, "model.safetensors"), graft = has_file(path, "history.csv");
        if (weights && !graft) {
            return refuse(path, "a model of Hugging Face's",
                          "its weights are read where graft has the architecture: `graft train DATA --model NAME "
                          "--weights FOLDER/model.safetensors`",
                          err);
        }
    }
    gf_names names = {0};
    if (gf_dir_list(path, &names, NULL) != GRAFT_OK) return GRAFT_OK; /* whoever opens it says why */
    graft_status status = GRAFT_OK;
    for (size_t e = 0; e < OF_FOLDERS && status == GRAFT_OK; e++) {
        for (size_t i = 0; i < names.n && status == GRAFT_OK; i++) {
            if (!has_ending(names.item[i], readable[e])) continue;
            status = gf_fail(err, GF_E_WEIGHTS_UNKNOWN_FORMAT, "give the file in it", "%s: a folder with `%s` in it",
                             GF_ESC(path), GF_ESC(names.item[i]));
        }
    }
    gf_names_free(&names);
    return status;
}
