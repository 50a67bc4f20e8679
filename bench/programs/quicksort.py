"""Quicksort in place: Hoare's partition around the middle element."""


def partition(items, low, high):
    pivot = items[(low + high) // 2]
    i = low - 1
    j = high + 1
    while True:
        i += 1
        while items[i] < pivot:
            i += 1
        j -= 1
        while items[j] > pivot:
            j -= 1
        if i >= j:
            return j
        items[i], items[j] = items[j], items[i]


def quicksort(items, low, high):
    if low < high:
        split = partition(items, low, high)
        quicksort(items, low, split)
        quicksort(items, split + 1, high)


def sort(items):
    quicksort(items, 0, len(items) - 1)
    return items
