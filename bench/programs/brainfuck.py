"""An interpreter of brainfuck programs."""


def matching_brackets(program):
    jumps = {}
    stack = []
    for i, command in enumerate(program):
        if command == "[":
            stack.append(i)
        elif command == "]":
            start = stack.pop()
            jumps[start] = i
            jumps[i] = start
    return jumps


def run(program, text):
    jumps = matching_brackets(program)
    tape = [0] * 300
    pointer = position = read = 0
    output = []
    while position < len(program):
        command = program[position]
        if command == ">":
            pointer += 1
        elif command == "<":
            pointer -= 1
        elif command == "+":
            tape[pointer] = (tape[pointer] + 1) % 256
        elif command == "-":
            tape[pointer] = (tape[pointer] - 1) % 256
        elif command == ".":
            output.append(chr(tape[pointer]))
        elif command == ",":
            tape[pointer] = ord(text[read]) if read < len(text) else 0
            read += 1
        elif command == "[" and tape[pointer] == 0:
            position = jumps[position]
        elif command == "]" and tape[pointer] != 0:
            position = jumps[position]
        position += 1
    return "".join(output)
