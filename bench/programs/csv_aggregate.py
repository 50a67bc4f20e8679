"""Sums and means by group of a table in comma-separated text."""


def parse(text):
    lines = text.strip().split("\n")
    names = lines[0].split(",")
    rows = []
    for line in lines[1:]:
        row = {}
        for name, field in zip(names, line.split(",")):
            row[name] = field.strip()
        rows.append(row)
    return rows


def aggregate(rows, key, value):
    totals = {}
    for row in rows:
        try:
            amount = float(row[value])
        except ValueError:
            continue
        count, total = totals.get(row[key], (0, 0.0))
        totals[row[key]] = (count + 1, total + amount)
    return totals


def report(text):
    totals = aggregate(parse(text), "city", "amount")
    lines = []
    for city in sorted(totals):
        count, total = totals[city]
        lines.append(f"{city:<12}{count:>6}{total:>14.2f}{total / count:>10.3f}")
    return "\n".join(lines)
