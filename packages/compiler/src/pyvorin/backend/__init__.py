"""From typed IR to the bytes of an importable extension module: layouts, LLVM text, entries,
objects, linking.
"""
