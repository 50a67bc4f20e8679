"""Several threads in the same functions at once; a thread that changes a global while others loop."""

import threading

GATE = 1


def work(n):
    total = 0
    for i in range(n):
        total += i % 7 * GATE
    return total


def scenario():  # pyvorin: skip
    results = [0] * 8

    def run(number):
        results[number] = sum(work(20_000) for _ in range(5))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(results)
