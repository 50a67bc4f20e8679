"""All shortest paths of a weighted graph given as a matrix."""


def shortest_paths(graph):
    n = len(graph)
    distance = [row[:] for row in graph]
    for k in range(n):
        for i in range(n):
            for j in range(n):
                if distance[i][k] + distance[k][j] < distance[i][j]:
                    distance[i][j] = distance[i][k] + distance[k][j]
    return distance
