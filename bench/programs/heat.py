"""Heat in a plate: Jacobi's relaxation of a grid with fixed edges."""


def relax(grid, rounds):
    height = len(grid)
    width = len(grid[0])
    change = 0.0
    for _ in range(rounds):
        new = [row[:] for row in grid]
        change = 0.0
        for y in range(1, height - 1):
            for x in range(1, width - 1):
                value = 0.25 * (grid[y - 1][x] + grid[y + 1][x] + grid[y][x - 1] + grid[y][x + 1])
                new[y][x] = value
                change = max(change, abs(value - grid[y][x]))
        grid = new
    return grid, change
