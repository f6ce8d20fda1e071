"""Whole training steps: the same program text on either library, given as `torch`.

Each maker builds model, optimizer and one batch from fixed seeds and returns a step: forward, loss,
backward, update. The step returns the loss; the comparison prints the first of both sides beside the times.
"""
from bench.cases import group, mlp
from conformance.models import character_transformer, next_symbol_loss


def stepper(torch, model, optimizer, loss_of):
    def step():
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        optimizer.step()
        return loss
    return step


def classify(torch, model, x, classes, optimizer="SGD", **options):
    target = torch.randint(0, classes, (x.shape[0],))
    updater = getattr(torch.optim, optimizer)(model.parameters(), **options)
    return stepper(torch, model, updater, lambda: torch.nn.functional.cross_entropy(model(x), target))


def train_mlp(torch):
    """784-256-128-10, batch 64, Adam."""
    torch.manual_seed(0)
    model = mlp(torch, (784, 256, 128, 10))
    return classify(torch, model, torch.randn(64, 784), 10, "Adam", lr=1e-3)


def train_tiny_mlp(torch):
    """16-32-32-4, batch 8, SGD: nearly all call cost."""
    torch.manual_seed(0)
    return classify(torch, mlp(torch, (16, 32, 32, 4)), torch.randn(8, 16), 4, "SGD", lr=0.1, momentum=0.9)


def train_lenet(torch):
    """LeCun et al. 1998, with ReLU and max pooling; batch 64 of 28x28."""
    torch.manual_seed(0)
    nn = torch.nn
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))
    return classify(torch, model, torch.randn(64, 1, 28, 28), 10, "SGD", lr=0.01, momentum=0.9)


def train_gpt(torch):
    """Character transformer: 4 blocks, width 128, 4 heads, context 64, batch 16, AdamW."""
    torch.manual_seed(0)
    context, symbols = 64, 65
    model = character_transformer(torch, symbols=symbols, width=128, heads=4, context=context, blocks=4)
    text = torch.randint(0, symbols, (16, context + 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    return stepper(torch, model, optimizer, lambda: next_symbol_loss(torch, model, text))


def train_lstm(torch):
    """Two layers of width 128 over 32 steps, batch 32, gradient clipping, Adam."""
    torch.manual_seed(0)
    nn = torch.nn
    recurrent, head = nn.LSTM(64, 128, num_layers=2, batch_first=True), nn.Linear(128, 10)
    x, target = torch.randn(32, 32, 64), torch.randint(0, 10, (32,))
    parameters = [*recurrent.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-3)

    def step():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(head(recurrent(x)[0][:, -1]), target)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        return loss
    return step


def resnet18(torch, classes):
    """He et al. 2015, 18 layers, with the small stem used for 32x32 images."""
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self, inner, outer, stride):
            super().__init__()
            self.first = nn.Sequential(nn.Conv2d(inner, outer, 3, stride, 1, bias=False), nn.BatchNorm2d(outer), nn.ReLU())
            self.second = nn.Sequential(nn.Conv2d(outer, outer, 3, 1, 1, bias=False), nn.BatchNorm2d(outer))
            self.around = nn.Identity() if stride == 1 and inner == outer else nn.Sequential(
                nn.Conv2d(inner, outer, 1, stride, bias=False), nn.BatchNorm2d(outer))

        def forward(self, x):
            return torch.relu(self.second(self.first(x)) + self.around(x))

    layers, inner = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()], 64
    for outer, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [Block(inner, outer, stride), Block(outer, outer, 1)]
        inner = outer
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes))


def train_resnet18(torch):
    """ResNet-18 on 32x32 images, batch 8, SGD with momentum and weight decay."""
    torch.manual_seed(0)
    return classify(torch, resnet18(torch, 10), torch.randn(8, 3, 32, 32), 10, "SGD", lr=0.01, momentum=0.9,
                    weight_decay=5e-4)


group("train").update({
    "tiny MLP": train_tiny_mlp, "MLP": train_mlp, "LeNet": train_lenet, "char-GPT": train_gpt, "LSTM": train_lstm,
    "ResNet-18": train_resnet18,
})
