"""Split arithmetic source text into (kind, text) pairs, and evaluate it by precedence."""

PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2}


def tokenize(source):
    tokens = []
    i = 0
    while i < len(source):
        c = source[i]
        if c.isspace():
            i += 1
        elif c.isdigit():
            start = i
            while i < len(source) and source[i].isdigit():
                i += 1
            tokens.append(("number", source[start:i]))
        elif c in "+-*/%()":
            tokens.append(("operator", c))
            i += 1
        else:
            raise SyntaxError(f"unexpected {c!r} at {i}")
    return tokens


def to_postfix(tokens):
    output = []
    stack = []
    for kind, text in tokens:
        if kind == "number":
            output.append((kind, text))
        elif text == "(":
            stack.append(text)
        elif text == ")":
            while stack[-1] != "(":
                output.append(("operator", stack.pop()))
            stack.pop()
        else:
            while stack and stack[-1] != "(" and PRECEDENCE[stack[-1]] >= PRECEDENCE[text]:
                output.append(("operator", stack.pop()))
            stack.append(text)
    while stack:
        output.append(("operator", stack.pop()))
    return output


def evaluate(source):
    stack = []
    for kind, text in to_postfix(tokenize(source)):
        if kind == "number":
            stack.append(int(text))
            continue
        right = stack.pop()
        left = stack.pop()
        if text == "+":
            stack.append(left + right)
        elif text == "-":
            stack.append(left - right)
        elif text == "*":
            stack.append(left * right)
        elif text == "/":
            stack.append(left // right if right else 0)
        else:
            stack.append(left % right if right else 0)
    return stack[0]


def total(lines):
    return sum(evaluate(line) for line in lines)
