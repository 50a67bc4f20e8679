"""Text made piece by piece: a table of numbers with their squares and a running total."""


def table(rows):
    text = ""
    total = 0
    for i in range(rows):
        total += i * i
        line = str(i)
        line += " " * (8 - len(line)) + "|"
        line += str(i * i).rjust(12) + "|" + f"{total:>16,}"
        text += line + "\n"
    return text
