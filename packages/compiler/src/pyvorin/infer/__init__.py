"""Inference: predict the type of every value of a function from recorded runs and from how values
flow.
"""
