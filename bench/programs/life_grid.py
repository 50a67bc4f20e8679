"""Conway's game of life on a board whose edges meet."""


def count_neighbours(grid, row, column):
    height = len(grid)
    width = len(grid[0])
    count = 0
    for dr in (-1, 0, 1):
        for dc in (-1, 0, 1):
            if dr != 0 or dc != 0:
                count += grid[(row + dr) % height][(column + dc) % width]
    return count


def step(grid):
    result = []
    for row in range(len(grid)):
        line = []
        for column in range(len(grid[0])):
            n = count_neighbours(grid, row, column)
            line.append(1 if n == 3 or (n == 2 and grid[row][column]) else 0)
        result.append(line)
    return result


def life(grid, generations):
    for _ in range(generations):
        grid = step(grid)
    return grid
