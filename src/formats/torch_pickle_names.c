#include "formats/torch_pickle_names.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    gf_pickle_global what;
} known_row[] = {
    {"collections.OrderedDict", GF_PICKLE_ORDERED_DICT},
    {"builtins.dict", GF_PICKLE_ORDERED_DICT},
    {"__builtin__.dict", GF_PICKLE_ORDERED_DICT},
    {"collections.defaultdict", GF_PICKLE_DEFAULT_DICT},
    {"torch._utils._rebuild_tensor_v2", GF_PICKLE_REBUILD_TENSOR},
    {"torch._utils._rebuild_tensor", GF_PICKLE_REBUILD_TENSOR}, /* before 0.4: the same first four arguments */
    {"torch._utils._rebuild_parameter", GF_PICKLE_REBUILD_PARAMETER},
    {"torch._utils._rebuild_parameter_with_state", GF_PICKLE_REBUILD_PARAMETER},
    {"torch._tensor._rebuild_from_type_v2", GF_PICKLE_REBUILD_FROM_TYPE},
    {"torch.Size", GF_PICKLE_SIZE},
    {"torch.device", GF_PICKLE_DEVICE},
    {"torch.FloatStorage", GF_PICKLE_STORAGE_TYPE},
    {"torch.HalfStorage", GF_PICKLE_STORAGE_TYPE},
    {"torch.BFloat16Storage", GF_PICKLE_STORAGE_TYPE},
    {"torch.DoubleStorage", GF_PICKLE_STORAGE_TYPE},
    {"torch.LongStorage", GF_PICKLE_STORAGE_TYPE},
    {"torch.IntStorage", GF_PICKLE_STORAGE_TYPE},
    {"torch.ShortStorage", GF_PICKLE_STORAGE_TYPE},
    {"torch.CharStorage", GF_PICKLE_STORAGE_TYPE},
    {"torch.ByteStorage", GF_PICKLE_STORAGE_TYPE},
    {"torch.BoolStorage", GF_PICKLE_STORAGE_TYPE},
    {"torch.ComplexFloatStorage", GF_PICKLE_STORAGE_TYPE},
    {"torch.ComplexDoubleStorage", GF_PICKLE_STORAGE_TYPE},
    {"torch.QInt8Storage", GF_PICKLE_STORAGE_TYPE},
    {"torch.QUInt8Storage", GF_PICKLE_STORAGE_TYPE},
    {"torch.QInt32Storage", GF_PICKLE_STORAGE_TYPE},
    {"torch.float32", GF_PICKLE_DTYPE},
    {"torch.float16", GF_PICKLE_DTYPE},
    {"torch.bfloat16", GF_PICKLE_DTYPE},
    {"torch.float64", GF_PICKLE_DTYPE},
    {"torch.int64", GF_PICKLE_DTYPE},
};

gf_pickle_global gf_pickle_name(const char *name, const char **known)
{
    for (size_t i = 0; i < sizeof known_row / sizeof *known_row; i++) {
        if (strcmp(known_row[i].name, name)) continue;
        *known = known_row[i].name;
        return known_row[i].what;
    }
    *known = NULL;
    return GF_PICKLE_UNKNOWN;
}

/* Whole modules, with all below them; words between blanks. */
static const char dangerous_modules[] =
    " os posix nt posixpath ntpath subprocess sys shutil socket socketserver ssl asyncio multiprocessing "
    "ctypes _ctypes cffi mmap fcntl pty popen2 platform importlib _frozen_importlib "
    "_frozen_importlib_external imp pkgutil zipimport runpy codeop compileall py_compile marshal pickle "
    "_pickle cPickle dill cloudpickle shelve bdb pdb cProfile timeit doctest pydoc idlelib lib2to3 pip "
    "setuptools distutils venv ensurepip webbrowser antigravity urllib urllib2 httplib http requests aiohttp "
    "httpx ftplib smtplib telnetlib xmlrpc tempfile fileinput linecache inspect atexit numpy.testing "
    "numpy.f2py numpy.distutils torch.hub torch.jit torch.package torch.utils.cpp_extension "
    "torch.utils.model_zoo torch.utils.collect_env torch.utils.bottleneck ";

/* Single names of modules that have harmless ones, too. */
static const char dangerous_names[] =
    " builtins.eval builtins.exec builtins.compile builtins.open builtins.input "
    "builtins.setattr builtins.delattr builtins.__import__ builtins.globals builtins.locals builtins.vars "
    "builtins.breakpoint builtins.help builtins.apply builtins.execfile builtins.file builtins.raw_input "
    "builtins.reload builtins.map builtins.filter builtins.exit builtins.quit operator.attrgetter "
    "operator.methodcaller functools.reduce types.FunctionType types.LambdaType types.CodeType "
    "types.MethodType types.ModuleType io.open io.open_code io.FileIO _io.open _io.open_code _io.FileIO "
    "code.interact code.InteractiveInterpreter code.InteractiveConsole code.compile_command "
    "commands.getoutput commands.getstatusoutput commands.getstatus trace.Trace profile.run profile.runctx "
    "profile.Profile joblib.load codecs.open logging.config site.main torch.load torch.save torch.compile "
    "torch.serialization.load numpy.load numpy.fromfile numpy.memmap numpy.save numpy.loadtxt "
    "numpy.genfromtxt ";

static bool is_word(const char *list, const char *word, size_t n)
{
    for (const char *at = list + 1; *at; at = strchr(at, ' ') + 1) {
        if (!strncmp(at, word, n) && at[n] == ' ') return true;
    }
    return false;
}

/* Is some beginning of the name, up to a dot, in the list? The whole of it counts where `whole` says so. */
static bool begins_with(const char *list, const char *name, bool whole)
{
    for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.')) {
        if (is_word(list, name, (size_t)(dot - name))) return true;
    }
    return whole && is_word(list, name, strlen(name));
}

/* A module reached through another one, as protocol 4 can: "torch.serialization.os.system". */
static bool leads_elsewhere(const char *name)
{
    static const char *const inner[] = {
        ".os.",        ".sys.",         ".subprocess.",     ".builtins.",   ".__builtins__.",
        ".importlib.", ".__globals__.", ".__subclasses__.", ".__import__.",
    };
    char text[4 * 256 + 2];
    if (snprintf(text, sizeof text, "%s.", name) >= (int)sizeof text) return true;
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) {
        if (strstr(text, inner[i])) return true;
    }
    return false;
}

bool gf_pickle_is_getattr(const char *name)
{
    return !strcmp(name, "builtins.getattr") || !strcmp(name, "__builtin__.getattr");
}

bool gf_pickle_is_dangerous(const char *name)
{
    static const char old[] = "__builtin__.";
    char modern[4 * 256 + 2];
    bool of_python2 = !strncmp(name, old, sizeof old - 1);
    int n = snprintf(modern, sizeof modern, "%s%s", of_python2 ? "builtins." : "",
                     name + (of_python2 ? sizeof old - 1 : 0));
    if (n >= (int)sizeof modern) return true;
    return begins_with(dangerous_modules, modern, false) || begins_with(dangerous_names, modern, true) ||
           leads_elsewhere(modern);
}
