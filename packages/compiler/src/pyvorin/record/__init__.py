"""Run representative calls in the reference interpreter and write down what the values were."""

from pyvorin.record.classes import class_of
from pyvorin.record.profile import FunctionProfile, Loop, Profile
from pyvorin.record.recorder import Budget, record

__all__ = ["Budget", "FunctionProfile", "Loop", "Profile", "class_of", "record"]
