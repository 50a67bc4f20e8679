"""Planets under gravity: each body is a list of position, velocity and mass."""

from math import sqrt


def energy(bodies):
    total = 0.0
    for i, (x, y, z, vx, vy, vz, mass) in enumerate(bodies):
        total += 0.5 * mass * (vx * vx + vy * vy + vz * vz)
        for other in bodies[i + 1 :]:
            dx = x - other[0]
            dy = y - other[1]
            dz = z - other[2]
            total -= mass * other[6] / sqrt(dx * dx + dy * dy + dz * dz)
    return total


def advance(bodies, dt):
    count = len(bodies)
    for i in range(count):
        first = bodies[i]
        for j in range(i + 1, count):
            second = bodies[j]
            dx = first[0] - second[0]
            dy = first[1] - second[1]
            dz = first[2] - second[2]
            squared = dx * dx + dy * dy + dz * dz
            magnitude = dt / (squared * sqrt(squared))
            first[3] -= dx * second[6] * magnitude
            first[4] -= dy * second[6] * magnitude
            first[5] -= dz * second[6] * magnitude
            second[3] += dx * first[6] * magnitude
            second[4] += dy * first[6] * magnitude
            second[5] += dz * first[6] * magnitude
    for body in bodies:
        body[0] += dt * body[3]
        body[1] += dt * body[4]
        body[2] += dt * body[5]


def simulate(bodies, steps, dt):
    before = energy(bodies)
    for _ in range(steps):
        advance(bodies, dt)
    return before, energy(bodies)
