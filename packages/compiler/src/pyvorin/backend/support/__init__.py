"""Run-time support: what native code calls and what an artifact does when it is imported.

The modules here are never run by Python. They are written in a small typed subset of it, which
`backend.dialect` turns into LLVM text: every value is a 64-bit integer (an address, mostly) or a
double.

    i64[p], i32[p], u32[p], u16[p], u8[p], f64[p]    the memory at address p; assignable
    c.PyLong_FromLongLong(x), c.PyLong_Type           of the process: a function, an address
    data.pending                                      the address of a word of this artifact
    layout.float_value                                a number of the minor it is built for;
                                                      conditions on these are decided then
    call(f, x, y)                                     call the function at address f
"""
