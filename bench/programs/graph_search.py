"""Breadth-first and depth-first search, and a topological order, on dicts of lists."""

from collections import deque


def breadth_first(graph, start):
    distance = {start: 0}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for neighbour in graph[node]:
            if neighbour not in distance:
                distance[neighbour] = distance[node] + 1
                queue.append(neighbour)
    return distance


def depth_first(graph, start):
    seen = set()
    order = []
    stack = [start]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            order.append(node)
            stack.extend(n for n in reversed(graph[node]) if n not in seen)
    return order


def topological(graph):
    indegree = {node: 0 for node in graph}
    for node in graph:
        for neighbour in graph[node]:
            if neighbour > node:
                indegree[neighbour] += 1
    ready = deque(node for node in graph if indegree[node] == 0)
    order = []
    while ready:
        node = ready.popleft()
        order.append(node)
        for neighbour in graph[node]:
            if neighbour > node:
                indegree[neighbour] -= 1
                if indegree[neighbour] == 0:
                    ready.append(neighbour)
    return order


def explore(graph, start):
    distance = breadth_first(graph, start)
    return max(distance.values()), depth_first(graph, start)[-5:], topological(graph)[-5:]
