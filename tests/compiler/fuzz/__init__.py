"""Random programs of the compiled language, run under CPython and native, compared byte for byte.

    python -m tests.compiler.fuzz --count 1000 --seed 1            one line a hundred programs
    python -m tests.compiler.fuzz --count 1000 --shard 2/4 --resume runs.json

A program is its seed. One that differs is reduced and kept in `kept/`, where the ordinary tests run
it.
"""
