"""The networks of torch_bench.py without their classifiers: torchvision's, and Xception, which torchvision lacks."""
import torchvision
from torch import nn


def pieces(net, without):
    """The children of a network in their order, which is that of its forward pass, but for the last ones."""
    return nn.Sequential(*list(net.children())[:-without])


def unit(inputs, outputs, first_relu=True):
    """Xception's separable convolution: depthwise 3x3, pointwise, batch norm."""
    relu = [nn.ReLU()] if first_relu else []
    return relu + [nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
                   nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]


class Residual(nn.Module):
    def __init__(self, layers, shortcut):
        super().__init__()
        self.layers, self.shortcut = nn.Sequential(*layers), shortcut

    def forward(self, x):
        return self.layers(x) + self.shortcut(x)


def shrinking(inputs, middle, outputs, first_relu=True):
    shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, 2, bias=False), nn.BatchNorm2d(outputs))
    return Residual(unit(inputs, middle, first_relu) + unit(middle, outputs) + [nn.MaxPool2d(3, 2, 1)], shortcut)


def xception():
    def plain(inputs, outputs, stride):
        return [nn.Conv2d(inputs, outputs, 3, stride, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]

    entry = [shrinking(64, 128, 128, False), shrinking(128, 256, 256), shrinking(256, 728, 728)]
    middle = [Residual(unit(728, 728) + unit(728, 728) + unit(728, 728), nn.Identity()) for _ in range(8)]
    leave = unit(1024, 1536, False) + [nn.ReLU()] + unit(1536, 2048, False) + [nn.ReLU()]
    return nn.Sequential(*plain(3, 32, 2), *plain(32, 64, 1), *entry, *middle, shrinking(728, 728, 1024), *leave)


def vision(name, **options):
    return getattr(torchvision.models, name)(weights=None, **options)


NETWORKS = {  # name: (its channels, how to make it)
    "mobilenet_v2": (1280, lambda: vision("mobilenet_v2").features),
    "mobilenet_v3_small": (576, lambda: vision("mobilenet_v3_small").features),
    "efficientnet_b0": (1280, lambda: vision("efficientnet_b0").features),
    "densenet121": (1024, lambda: nn.Sequential(vision("densenet121").features, nn.ReLU())),
    "resnet50": (2048, lambda: pieces(vision("resnet50"), 2)),
    "vgg16": (512, lambda: vision("vgg16").features),
    "inception_v3": (2048, lambda: pieces(vision("inception_v3", aux_logits=False, init_weights=False), 3)),
    "xception": (2048, xception),
}


def features(name):
    """(the network up to its last feature map, that map's channels), batch norm on its moving statistics."""
    channels, make = NETWORKS[name]
    return make().eval(), channels
