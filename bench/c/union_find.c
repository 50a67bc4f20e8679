/* Twin of bench/programs/union_find.py; an edge is (weight, a, b). */
#include <stdint.h>
#include <stdlib.h>

typedef struct {
    int64_t weight, a, b;
} Edge;

static int compare(const void *left, const void *right)
{
    const Edge *p = left, *q = right;
    if (p->weight != q->weight)
        return p->weight < q->weight ? -1 : 1;
    if (p->a != q->a)
        return p->a < q->a ? -1 : 1;
    return (p->b > q->b) - (p->b < q->b);
}

static int64_t find(int64_t *parent, int64_t x)
{
    while (parent[x] != x)
        x = parent[x] = parent[parent[x]];
    return x;
}

void spanning_forest(int64_t nodes, Edge *edges, int64_t count, int64_t *answer)
{
    int64_t *parent = malloc(nodes * sizeof *parent), *size = malloc(nodes * sizeof *size);
    int64_t total = 0, used = 0;
    for (int64_t i = 0; i < nodes; i++) {
        parent[i] = i;
        size[i] = 1;
    }
    qsort(edges, count, sizeof *edges, compare);
    for (const Edge *edge = edges; edge < edges + count; edge++) {
        int64_t a = find(parent, edge->a), b = find(parent, edge->b);
        if (a == b)
            continue;
        if (size[a] < size[b]) {
            int64_t kept = a;
            a = b;
            b = kept;
        }
        parent[b] = a;
        size[a] += size[b];
        total += edge->weight;
        used++;
    }
    answer[0] = total;
    answer[1] = nodes - used;
    free(parent);
    free(size);
}
