"""One PyTorch configuration: time of a training step of one network. Prints one line of JSON.

frozen:   only the head trains; the base runs without gradients, batch norm on its moving statistics.
finetune: of MobileNetV2, what Keras calls layers 100-153 train too (block_11_depthwise and on), batch norm still on moving statistics.
whole:    everything trains, batch norm still on moving statistics.
"""
import argparse
import contextlib
import json
import resource
import statistics
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--net", default="mobilenet_v2", help="one of torch_networks.py")
parser.add_argument("--task", choices=("frozen", "finetune", "whole"), required=True)
parser.add_argument("--precision", choices=("f32", "amp", "bf16", "bf16+f32", "bf16+dw32"), default="f32",
                    help="amp: bfloat16 autocast; bf16: the frozen part wholly bfloat16, the rest autocast; "
                         "bf16+f32: that, the rest float32; bf16+dw32: that, the rest autocast but its depthwise convolutions float32")
parser.add_argument("--layout", choices=("nchw", "nhwc"), default="nhwc")
parser.add_argument("--mode", choices=("eager", "compile", "freeze", "autotune"), default="eager",
                    help="freeze: torch.compile, the frozen part with inductor's freezing; autotune: that with max-autotune")
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--size", type=int, default=160)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--steps", type=int, default=40)
parser.add_argument("--warmup", type=int, default=10)
options = parser.parse_args()

if options.task == "finetune" and options.net != "mobilenet_v2":
    parser.error("--task finetune is of mobilenet_v2 alone")

import torch
import torch_networks

torch.set_num_threads(options.threads)
torch.manual_seed(1)
if options.mode in ("freeze", "autotune"):
    import torch._inductor.config as inductor
    inductor.freezing = True
    if options.mode == "autotune":
        inductor.max_autotune = True

features, channels = torch_networks.features(options.net)
layout = torch.channels_last if options.layout == "nhwc" else torch.contiguous_format


class Depthwise32(torch.nn.Conv2d):
    """A depthwise convolution kept out of autocast: its backward pass in bfloat16 is slow on many CPUs."""

    def forward(self, x):
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float())


class Head(torch.nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.dropout = torch.nn.Dropout(0.2)
        self.dense = torch.nn.Linear(channels, 1)

    def forward(self, x):
        return self.dense(self.dropout(x.float().mean((2, 3))))


class Below(torch.nn.Module):
    """Up to block_11_expand_relu: gives the block's input (for its shortcut) and the expanded activation."""

    def __init__(self, features):
        super().__init__()
        self.blocks, self.expand = features[:12], features[12].conv[0]

    def forward(self, x):
        x = self.blocks(x)
        return x, self.expand(x)


class Above(torch.nn.Module):
    def __init__(self, features, head):
        super().__init__()
        self.rest, self.blocks, self.head = features[12].conv[1:], features[13:], head

    def forward(self, x, expanded):
        return self.head(self.blocks(x + self.rest(expanded)))


head = Head(channels)
head.train()
if options.task == "frozen":
    below, above = features, head
elif options.task == "finetune":
    below, above = Below(features), Above(features, head)
else:
    below, above = torch.nn.Identity(), torch.nn.Sequential(features, head)
for p in below.parameters():
    p.requires_grad_(False)
below.to(memory_format=layout)
above.to(memory_format=layout)
half_below = options.precision.startswith("bf16") and options.task != "whole"
if options.precision == "bf16+dw32":
    for module in above.modules():
        if isinstance(module, torch.nn.Conv2d) and module.groups > 1:
            module.__class__ = Depthwise32
if half_below:
    below.to(torch.bfloat16)
trained = [p for p in above.parameters() if p.requires_grad]
optimizer = (torch.optim.Adam(trained, 1e-4, fused=True) if options.task == "frozen"
             else torch.optim.RMSprop(trained, 1e-5, alpha=0.9, eps=1e-7, foreach=True))
loss_of = torch.nn.BCEWithLogitsLoss()
x = (torch.rand(options.batch, 3, options.size, options.size) * 2 - 1).to(memory_format=layout)
if half_below:
    x = x.to(torch.bfloat16)
y = (torch.arange(options.batch) % 2).float()[:, None]

cast = (contextlib.nullcontext if options.precision in ("f32", "bf16+f32")
        else lambda: torch.autocast("cpu", dtype=torch.bfloat16))
no_grad = torch.inference_mode if options.mode == "eager" else torch.no_grad
run_below, run_above, run_optimizer = below, above, optimizer.step
if options.mode != "eager":
    if options.task != "whole":
        run_below = torch.compile(below)
    if options.task != "frozen":
        run_above = torch.compile(above)
        run_optimizer = torch.compile(optimizer.step)


def step():
    with no_grad(), cast() if options.precision == "amp" else contextlib.nullcontext():
        seen = run_below(x)
    if options.precision == "bf16+f32":
        seen = tuple(f.float() for f in seen) if isinstance(seen, tuple) else seen.float()
    elif options.mode == "eager":  # a tensor of inference mode cannot be saved for a backward pass
        seen = tuple(f.clone() for f in seen) if isinstance(seen, tuple) else seen.clone()
    with cast():
        logits = run_above(*seen) if isinstance(seen, tuple) else run_above(seen)
    loss = loss_of(logits.float(), y)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    run_optimizer()
    return loss.item()


for _ in range(options.warmup):
    step()
times = []
for _ in range(options.steps):
    start = time.perf_counter()
    loss = step()
    times.append((time.perf_counter() - start) * 1e3)
print(json.dumps({
    "peer": "torch", "version": torch.__version__, "net": options.net, "task": options.task, "precision": options.precision,
    "layout": options.layout, "mode": options.mode, "ms": round(statistics.median(times), 2), "min_ms": round(min(times), 2),
    "loss": round(loss, 4), "trained": sum(p.numel() for p in trained),
    "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)}))
