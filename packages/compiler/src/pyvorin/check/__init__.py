"""Does native code answer as CPython does, and is it faster? Measured on representative calls,
before anything ships.

    case        a call, as Python source
    inputs      where calls come from: doctests, examples, the main block, neighbours of those
    run         the same calls under CPython and native, compared outside both
    shrink      the smallest call that still differs
    gain        time of both, alternating

The processes that run user code (`child`) never judge: they report encoded outcomes, and `run`
compares them.
"""
