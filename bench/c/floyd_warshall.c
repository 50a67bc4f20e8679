/* Twin of bench/programs/floyd_warshall.py; the matrix is overwritten by the distances. */
#include <stdint.h>

void shortest_paths(int64_t *distance, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) {
                int64_t through = distance[i * n + k] + distance[k * n + j];
                if (through < distance[i * n + j])
                    distance[i * n + j] = through;
            }
}
