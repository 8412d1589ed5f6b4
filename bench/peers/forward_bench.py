"""One configuration of an inference runtime: time of the forward pass of one network without its classifier, under global average
pooling: what a step of training has to compute of its frozen part. Prints one line of JSON.

The network is torch_networks.py's, exported to ONNX once and kept in --models. int8: ONNX Runtime's static quantization (QDQ, signed
weights per channel) or NNCF's post-training quantization for OpenVINO, calibrated on random images: its time is looked at, not its
accuracy. --hint is OpenVINO's: latency answers one request after the other, throughput several at a time, of which a batch's
images are shared out.
"""
import argparse
import json
import os
import resource
import statistics
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--peer", choices=("onnxruntime", "openvino"), required=True)
parser.add_argument("--net", default="mobilenet_v2", help="one of torch_networks.py")
parser.add_argument("--task", choices=("frozen",), default="frozen")
parser.add_argument("--precision", choices=("f32", "bf16", "int8"), default="f32")
parser.add_argument("--hint", choices=("latency", "throughput"), default="latency")
parser.add_argument("--models", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "models"))
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--size", type=int, default=160)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--steps", type=int, default=40)
parser.add_argument("--warmup", type=int, default=10)
parser.add_argument("--make", action="store_true", help="make the model's file and end: what is measured then has no exporter in its memory")
options = parser.parse_args()
CALIBRATION = 16
if options.peer == "onnxruntime" and (options.hint != "latency" or options.precision == "bf16"):
    parser.error("onnxruntime has no hints, and no bf16 on CPUs")

import numpy

streams = options.threads if options.hint == "throughput" else 1
rows = options.batch // streams  # of one request
stem = f"{options.models}/{options.net}-{options.size}-{rows}"


def images(n):
    return numpy.random.default_rng(1).uniform(-1, 1, (n, 3, options.size, options.size)).astype(numpy.float32)


def write(path, make):
    """`make` writes a file of that name; one that was begun and not ended never has it."""
    if not os.path.exists(path):
        os.makedirs(options.models, exist_ok=True)
        make(path + ".tmp.onnx")
        os.replace(path + ".tmp.onnx", path)
    return path


def export(path):
    import torch
    import torch_networks
    torch.manual_seed(1)
    features, _ = torch_networks.features(options.net)
    network = torch.nn.Sequential(features, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()).eval()
    torch.onnx.export(network, (torch.zeros(rows, 3, options.size, options.size),), path, dynamo=False, input_names=["x"])


def quantize(path):
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        left = iter([images(rows)])

        def get_next(self):
            x = next(self.left, None)
            return None if x is None else {"x": x}

    ready = path + ".ready"
    quant_pre_process(write(stem + ".onnx", export), ready)
    quantize_static(ready, path, Reader(), quant_format=QuantFormat.QDQ, per_channel=True)
    os.remove(ready)


def onnxruntime_session():
    import onnxruntime
    path = write(stem + "-int8.onnx", quantize) if options.precision == "int8" else write(stem + ".onnx", export)
    if options.make:
        return None, onnxruntime.__version__
    chosen = onnxruntime.SessionOptions()
    chosen.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(path, chosen, providers=["CPUExecutionProvider"])
    x = images(rows)
    return lambda: session.run(None, {"x": x}), onnxruntime.__version__


def openvino_session():
    import openvino
    core = openvino.Core()
    path = write(stem + ".onnx", export)
    if options.precision == "int8" and not os.path.exists(stem + "-int8.xml"):
        import nncf
        data = nncf.Dataset([images(rows) for _ in range(max(1, CALIBRATION // rows))])
        openvino.save_model(nncf.quantize(core.read_model(path), data), stem + "-int8.xml", compress_to_fp16=False)
    if options.make:
        return None, openvino.__version__
    model = core.read_model(stem + "-int8.xml" if options.precision == "int8" else path)
    compiled = core.compile_model(model, "CPU", {
        "INFERENCE_NUM_THREADS": options.threads, "NUM_STREAMS": streams, "PERFORMANCE_HINT": options.hint.upper(),
        "INFERENCE_PRECISION_HINT": "bf16" if options.precision == "bf16" else "f32"})
    requests = [compiled.create_infer_request() for _ in range(streams)]
    x = images(rows)

    def run():
        for request in requests:
            request.start_async({0: x}, share_inputs=True)
        for request in requests:
            request.wait()
    return run, openvino.__version__


run, version = onnxruntime_session() if options.peer == "onnxruntime" else openvino_session()
if options.make:
    print(json.dumps({"peer": options.peer, "made": stem}))
    raise SystemExit
for _ in range(options.warmup):
    run()
times = []
for _ in range(options.steps):
    start = time.perf_counter()
    run()
    times.append((time.perf_counter() - start) * 1e3)
print(json.dumps({
    "peer": options.peer, "version": version, "net": options.net, "task": options.task, "precision": options.precision,
    "hint": options.hint, "ms": round(statistics.median(times), 2), "min_ms": round(min(times), 2),
    "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)}))
