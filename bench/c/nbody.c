/* Twin of bench/programs/nbody.py. */
#include <math.h>
#include <stdint.h>

typedef struct {
    double x, y, z, vx, vy, vz, mass;
} Body;

static double energy(const Body *bodies, int64_t count)
{
    double total = 0.0;
    for (int64_t i = 0; i < count; i++) {
        const Body *one = &bodies[i];
        total += 0.5 * one->mass * (one->vx * one->vx + one->vy * one->vy + one->vz * one->vz);
        for (int64_t j = i + 1; j < count; j++) {
            const Body *other = &bodies[j];
            double dx = one->x - other->x, dy = one->y - other->y, dz = one->z - other->z;
            total -= one->mass * other->mass / sqrt(dx * dx + dy * dy + dz * dz);
        }
    }
    return total;
}

static void advance(Body *bodies, int64_t count, double dt)
{
    for (int64_t i = 0; i < count; i++) {
        Body *first = &bodies[i];
        for (int64_t j = i + 1; j < count; j++) {
            Body *second = &bodies[j];
            double dx = first->x - second->x, dy = first->y - second->y, dz = first->z - second->z;
            double squared = dx * dx + dy * dy + dz * dz;
            double magnitude = dt / (squared * sqrt(squared));
            first->vx -= dx * second->mass * magnitude;
            first->vy -= dy * second->mass * magnitude;
            first->vz -= dz * second->mass * magnitude;
            second->vx += dx * first->mass * magnitude;
            second->vy += dy * first->mass * magnitude;
            second->vz += dz * first->mass * magnitude;
        }
    }
    for (Body *body = bodies; body < bodies + count; body++) {
        body->x += dt * body->vx;
        body->y += dt * body->vy;
        body->z += dt * body->vz;
    }
}

void simulate(Body *bodies, int64_t count, int64_t steps, double dt, double *energies)
{
    energies[0] = energy(bodies, count);
    for (int64_t i = 0; i < steps; i++)
        advance(bodies, count, dt);
    energies[1] = energy(bodies, count);
}
