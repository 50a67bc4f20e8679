"""A stand-in for the compiler in the service's tests: the worker protocol, with misbehaviour on
demand.
"""
