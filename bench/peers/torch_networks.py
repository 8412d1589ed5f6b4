"""The networks of torch_bench.py without their classifiers: torchvision's, and Xception and ResNet50V2, which torchvision lacks."""
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


class Preactivated(nn.Module):
    """A block of ResNet50V2 as Keras has it: what the stride is comes last in a stack, with a pooling of one pixel beside it."""

    def __init__(self, inputs, filters, stride, convolved):
        super().__init__()
        self.first = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU())
        self.rest = nn.Sequential(
            nn.Conv2d(inputs, filters, 1, bias=False), nn.BatchNorm2d(filters), nn.ReLU(),
            nn.Conv2d(filters, filters, 3, stride, 1, bias=False), nn.BatchNorm2d(filters), nn.ReLU(),
            nn.Conv2d(filters, 4 * filters, 1))
        self.shortcut = (nn.Conv2d(inputs, 4 * filters, 1) if convolved
                         else nn.MaxPool2d(1, stride) if stride > 1 else nn.Identity())
        self.convolved = convolved

    def forward(self, x):
        y = self.first(x)
        return self.shortcut(y if self.convolved else x) + self.rest(y)


def resnet50_v2():
    layers, inputs = [nn.Conv2d(3, 64, 7, 2, 3), nn.MaxPool2d(3, 2, 1)], 64
    for filters, blocks, stride in ((64, 3, 2), (128, 4, 2), (256, 6, 2), (512, 3, 1)):
        for i in range(blocks):
            layers.append(Preactivated(inputs, filters, stride if i == blocks - 1 else 1, i == 0))
            inputs = 4 * filters
    return nn.Sequential(*layers, nn.BatchNorm2d(inputs), nn.ReLU())


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
    "resnet50_v2": (2048, resnet50_v2),
}


def features(name):
    """(the network up to its last feature map, that map's channels), batch norm on its moving statistics."""
    channels, make = NETWORKS[name]
    return make().eval(), channels
