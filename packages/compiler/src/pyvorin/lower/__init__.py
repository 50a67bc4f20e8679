"""Lowering: from generic IR and predicted types to typed IR, where every reliance on a prediction
is a guard.
"""
