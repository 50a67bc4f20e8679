"""From LLVM text to an object file's bytes, by the LLVM library in llvmlite.

The processor is a named level, the same on every builder, so that the same input gives the same
bytes. From x86-64-v2 on (SSE4.1: since about 2009) rounding a float is one instruction; below, a
call of the C library.

LLVM's default pipeline spends most of its time on text that never profits: checks, calls of support
routines, ways out. So what is *hot* is named, and only that gets the loop passes:

    level   everything                                hot functions           code generation
    0       inline what asks for it                                           fast
    1       and remove what that left redundant                               less
    2       the same                                  LLVM's -O2, function    default
                                                      by function
    3       LLVM's default pipeline of that level, with vectorisation         aggressive

What is to be inlined says so (`alwaysinline`), except at level 3, where LLVM also guesses. What is
*cold* gets LLVM's quick instruction selection and little else at level 2 too (`optnone`).
"""

from __future__ import annotations

from collections.abc import Set

import llvmlite.binding as llvm

TRIPLE = "x86_64-unknown-linux-gnu"
WHOLE = 3  # from this level on, LLVM's own pipeline

llvm.initialize_native_target()
llvm.initialize_native_asmprinter()
llvm.initialize_native_asmparser()  # for inline assembly


def compile_text(
    text: str,
    level: int,
    cpu: str,
    hot: Set[str] = frozenset(),
    cold: Set[str] = frozenset(),
) -> bytes:
    """Parse, verify, optimise and emit; the object file. `hot` and `cold` are names of functions.

    Raises RuntimeError, which quotes LLVM, for text that is not valid.
    """
    machine = _machine(level, cpu)
    module = llvm.parse_assembly(f'target triple = "{TRIPLE}"\n{text}')
    module.data_layout = str(machine.target_data)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=level)
    options.loop_vectorization = options.slp_vectorization = level >= WHOLE
    builder = llvm.create_pass_builder(machine, options)
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()  # most routines are unused in most modules
    passes.add_always_inliner_pass()
    passes.add_global_dead_code_eliminate_pass()
    if 0 < level < WHOLE:
        passes.add_sroa_pass()
        passes.add_simplify_cfg_pass()
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
        passes.add_dead_arg_elimination_pass()
    passes.run(module, builder)
    if level >= WHOLE:
        builder.getModulePassManager().run(module, builder)
    elif level == WHOLE - 1:
        thorough = builder.getFunctionPassManager()
        for function in module.functions:
            if function.name in cold:
                function.add_function_attribute("noinline")
                function.add_function_attribute("optnone")
            elif function.name in hot:
                thorough.run(function, builder)
    return bytes(machine.emit_object(module))


def _machine(level: int, cpu: str) -> llvm.TargetMachine:
    return llvm.Target.from_triple(TRIPLE).create_target_machine(
        cpu=cpu, opt=level, reloc="pic", codemodel="small"
    )
