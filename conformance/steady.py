"""Trainings and layers whose bits must not move: the text of any PyTorch program, given either library as `torch`."""
import hashlib

from conformance.compare import raw_values
from conformance.large import integers, tensor
from conformance.models import character_transformer, next_symbol_loss


def fill(torch, model):
    """Parameters from a linear congruential generator, small and centred."""
    with torch.no_grad():
        for seed, parameter in enumerate(model.parameters()):
            scale = 1.0 / max(1, parameter.shape[-1]) ** 0.5
            parameter.copy_(tensor(torch, tuple(parameter.shape), seed + 1, low=-scale, high=scale, grad=False))
    return model


def train(torch, model, optimizer, loss_of, steps):
    """Digest of all losses and of the parameters at the end."""
    hasher = hashlib.sha256()
    for step in range(steps):
        optimizer.zero_grad()
        loss = loss_of(step)
        loss.backward()
        optimizer.step()
        hasher.update(raw_values(loss))
    for parameter in model.parameters():
        hasher.update(raw_values(parameter))
    return hasher.hexdigest()[:32]


def perceptron(torch):
    nn = torch.nn
    return fill(torch, nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48), nn.Tanh(), nn.Linear(48, 10)))


def train_perceptron(torch, optimizer, steps=200, **options):
    model = perceptron(torch)
    x, target = tensor(torch, (256, 64), 77, grad=False), integers(torch, (256,), 10)
    return train(torch, model, getattr(torch.optim, optimizer)(model.parameters(), **options),
                 lambda step: torch.nn.functional.cross_entropy(model(x[step % 4::4]), target[step % 4::4]), steps)


def train_images(torch, steps=30):
    nn = torch.nn
    model = fill(torch, nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.GELU(), nn.AdaptiveAvgPool2d(3),
        nn.Flatten(), nn.Dropout(0.2), nn.Linear(144, 10)))
    x, target = tensor(torch, (16, 3, 17, 19), 5, grad=False), integers(torch, (16,), 10)
    torch.manual_seed(3)
    return train(torch, model, torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3),
                 lambda step: nn.functional.cross_entropy(model(x), target), steps)


def train_text(torch, steps=50):
    """Two blocks of width 32, four heads, context 24."""
    context, symbols = 24, 29
    model = fill(torch, character_transformer(torch, symbols=symbols, width=32, heads=4, context=context, blocks=2))
    text = integers(torch, (4, context + 1), symbols)
    return train(torch, model, torch.optim.AdamW(model.parameters(), lr=1e-3), lambda step: next_symbol_loss(torch, model, text), steps)


TRAININGS = {
    "MLP, Adam, 200 steps": lambda torch: train_perceptron(torch, "Adam", lr=1e-2),
    "MLP, SGD, 200 steps": lambda torch: train_perceptron(torch, "SGD", lr=0.1, momentum=0.9),
    "CNN, 30 steps": train_images,
    "char-GPT, 50 steps": train_text,
}


def digest(lib, name):
    return TRAININGS[name](lib)


# ---- rows of a batch ----------------------------------------------------------------------------

# layer maker and the shape of one row; none of these mixes rows
LAYERS = {
    "linear": (lambda nn: nn.Linear(37, 19), (37,)), "linear wide": (lambda nn: nn.Linear(300, 130), (300,)),
    "linear sequence": (lambda nn: nn.Linear(16, 24), (5, 16)), "bilinear-like": (lambda nn: nn.Linear(64, 64, bias=False), (64,)),
    "conv1d": (lambda nn: nn.Conv1d(5, 7, 3), (5, 23)), "conv2d": (lambda nn: nn.Conv2d(3, 8, 3, padding=1), (3, 13, 11)),
    "conv2d strided": (lambda nn: nn.Conv2d(8, 16, 3, stride=2, groups=2), (8, 14, 15)), "conv3d": (lambda nn: nn.Conv3d(2, 3, 2), (2, 5, 6, 7)),
    "conv_transpose2d": (lambda nn: nn.ConvTranspose2d(4, 6, 3, stride=2), (4, 7, 6)), "layer_norm": (lambda nn: nn.LayerNorm(67), (67,)),
    "group_norm": (lambda nn: nn.GroupNorm(2, 8), (8, 5, 7)), "instance_norm": (lambda nn: nn.InstanceNorm2d(6), (6, 9, 5)),
    "batch_norm inference": (lambda nn: nn.BatchNorm2d(6).eval(), (6, 9, 5)), "softmax": (lambda nn: nn.Softmax(-1), (65,)),
    "log_softmax": (lambda nn: nn.LogSoftmax(-1), (1001,)), "gelu": (lambda nn: nn.GELU(), (129,)), "silu": (lambda nn: nn.SiLU(), (33,)),
    "tanh": (lambda nn: nn.Tanh(), (77,)), "sigmoid": (lambda nn: nn.Sigmoid(), (77,)), "prelu": (lambda nn: nn.PReLU(), (5, 7)),
    "max_pool2d": (lambda nn: nn.MaxPool2d(3, 2), (4, 13, 12)), "avg_pool2d": (lambda nn: nn.AvgPool2d(2), (4, 13, 12)),
    "adaptive_avg_pool2d": (lambda nn: nn.AdaptiveAvgPool2d(3), (4, 13, 12)),
    "attention": (lambda nn: nn.MultiheadAttention(24, 4, batch_first=True), (7, 24)),
    "transformer": (lambda nn: nn.TransformerEncoderLayer(24, 4, 48, dropout=0.0, batch_first=True), (6, 24)),
    "lstm": (lambda nn: nn.LSTM(9, 17, batch_first=True), (6, 9)), "gru": (lambda nn: nn.GRU(9, 17, batch_first=True), (6, 9)),
    "rnn": (lambda nn: nn.RNN(9, 17, batch_first=True), (6, 9)), "upsample": (lambda nn: nn.Upsample(scale_factor=2, mode="bilinear"), (3, 6, 5)),
}


def rows_agree(torch, name):
    """For each row of a batch of 32: are output and input gradient those of the row alone?"""
    make, shape = LAYERS[name]
    layer = fill(torch, make(torch.nn))

    def run(x):
        x = x.detach().clone().requires_grad_()
        out = layer(x, x, x)[0] if "attention" == name else layer(x)
        out = out[0] if isinstance(out, tuple) else out
        (gradient,) = torch.autograd.grad(out, x, tensor_like(torch, out))
        return out, gradient

    batch = tensor(torch, (32, *shape), 11, grad=False)
    out, gradient = run(batch)
    for row in range(32):
        alone, its_gradient = run(batch[row:row + 1])
        yield (raw_values(alone) == raw_values(out[row:row + 1]) and raw_values(its_gradient) == raw_values(gradient[row:row + 1]))


def tensor_like(torch, out):
    """One incoming gradient for every row, so that a row alone meets the same."""
    row = tensor(torch, tuple(out.shape[1:]), 13, grad=False)
    return row.expand(out.shape).contiguous()
