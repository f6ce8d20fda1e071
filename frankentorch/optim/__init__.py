"""Optimizers and learning rate schedules."""

from frankentorch.optim import lr_scheduler
from frankentorch.optim._adafactor import Adafactor
from frankentorch.optim._muon import Muon
from frankentorch.optim.adadelta import Adadelta
from frankentorch.optim.adagrad import Adagrad
from frankentorch.optim.adam import Adam
from frankentorch.optim.adamax import Adamax
from frankentorch.optim.adamw import AdamW
from frankentorch.optim.asgd import ASGD
from frankentorch.optim.lbfgs import LBFGS
from frankentorch.optim.nadam import NAdam
from frankentorch.optim.optimizer import Optimizer
from frankentorch.optim.radam import RAdam
from frankentorch.optim.rmsprop import RMSprop
from frankentorch.optim.rprop import Rprop
from frankentorch.optim.sgd import SGD

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "lr_scheduler",
]
