"""In how many ways, and with how few coins, an amount can be paid."""


def ways(coins, amount):
    table = [1] + [0] * amount
    for coin in coins:
        for value in range(coin, amount + 1):
            table[value] += table[value - coin]
    return table[amount]


def fewest(coins, amount):
    best = [0] + [amount + 1] * amount
    for value in range(1, amount + 1):
        for coin in coins:
            if coin <= value and best[value - coin] + 1 < best[value]:
                best[value] = best[value - coin] + 1
    return best[amount]


def pay(coins, amount):
    return ways(coins, amount), fewest(coins, amount)
