"""A minimum spanning forest by Kruskal's method, with disjoint sets in two lists."""


def find(parent, x):
    while parent[x] != x:
        parent[x] = parent[parent[x]]
        x = parent[x]
    return x


def union(parent, size, a, b):
    a = find(parent, a)
    b = find(parent, b)
    if a == b:
        return False
    if size[a] < size[b]:
        a, b = b, a
    parent[b] = a
    size[a] += size[b]
    return True


def spanning_forest(nodes, edges):
    parent = list(range(nodes))
    size = [1] * nodes
    total = 0
    used = 0
    for weight, a, b in sorted(edges):
        if union(parent, size, a, b):
            total += weight
            used += 1
    return total, nodes - used
