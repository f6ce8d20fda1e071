"""Learning rate schedules."""

from frankentorch.optim._lr_base import EPOCH_DEPRECATION_WARNING, LRScheduler, _LRScheduler
from frankentorch.optim._lr_combined import ChainedScheduler, SequentialLR
from frankentorch.optim._lr_cyclic import CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR
from frankentorch.optim._lr_formula import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from frankentorch.optim._lr_reactive import ReduceLROnPlateau

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
