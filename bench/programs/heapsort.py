"""Heap sort in place, with a binary heap kept in the list itself."""


def sift_down(items, start, end):
    root = start
    while True:
        child = 2 * root + 1
        if child > end:
            break
        if child + 1 <= end and items[child] < items[child + 1]:
            child += 1
        if items[root] < items[child]:
            items[root], items[child] = items[child], items[root]
            root = child
        else:
            break


def heap_sort(items):
    for start in range((len(items) - 2) // 2, -1, -1):
        sift_down(items, start, len(items) - 1)
    for end in range(len(items) - 1, 0, -1):
        items[end], items[0] = items[0], items[end]
        sift_down(items, 0, end - 1)
    return items
