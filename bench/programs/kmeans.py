"""Lloyd's k-means on points in the plane; points and centres are tuples."""


def squared_distance(p, q):
    return (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2


def nearest(point, centres):
    best = 0
    best_distance = squared_distance(point, centres[0])
    for i in range(1, len(centres)):
        d = squared_distance(point, centres[i])
        if d < best_distance:
            best, best_distance = i, d
    return best


def mean(points):
    xs, ys = 0.0, 0.0
    for x, y in points:
        xs += x
        ys += y
    return (xs / len(points), ys / len(points))


def kmeans(points, k, rounds):
    centres = points[:k]
    for _ in range(rounds):
        clusters = [[] for _ in range(k)]
        for point in points:
            clusters[nearest(point, centres)].append(point)
        centres = [
            mean(cluster) if cluster else centre for cluster, centre in zip(clusters, centres)
        ]
    return centres
