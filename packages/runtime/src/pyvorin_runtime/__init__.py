"""What runs beside native code in the user's process: merged code objects, attaching, resuming.

    bytecode     take code objects apart and put them together
    stackmap     what is on the value stack before each instruction
    merge        one code object: native attempt, resume, original bytecode
    codehash     the digest by which a function is recognised
    instrument   attach each function of a module right where it is made
    attach       put native code on a live function, and say what became of it
    embed        these modules as bytes, for an artifact that is importable alone

Standard library only, nothing of the other packages; importing it takes a few milliseconds, so it
does without dataclasses, typing, inspect and dis at run time.
"""
