"""How many points of a grid stay bounded under z*z + c."""


def escapes_after(cx, cy, limit):
    x = y = 0.0
    for i in range(limit):
        xx = x * x
        yy = y * y
        if xx + yy > 4.0:
            return i
        y = 2.0 * x * y + cy
        x = xx - yy + cx
    return limit


def total(width, height, limit):
    steps = 0
    for row in range(height):
        cy = 2.4 * row / height - 1.2
        for column in range(width):
            cx = 3.2 * column / width - 2.2
            steps += escapes_after(cx, cy, limit)
    return steps
