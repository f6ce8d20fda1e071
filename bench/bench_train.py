"""Whole training steps: MLP, LeNet, char-GPT, LSTM, ResNet-18."""
GROUPS_HERE = ("train",)


def test_speed(benchmark, library, maker):
    benchmark(maker(library))
