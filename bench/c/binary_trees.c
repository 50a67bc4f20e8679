/* Twin of bench/programs/binary_trees.py; writes (count, depth, total) for each line. */
#include <stdint.h>
#include <stdlib.h>

typedef struct Tree {
    struct Tree *left, *right;
} Tree;

static Tree *bottom_up(int64_t depth)
{
    Tree *tree = malloc(sizeof *tree);
    tree->left = depth ? bottom_up(depth - 1) : NULL;
    tree->right = depth ? bottom_up(depth - 1) : NULL;
    return tree;
}

static int64_t check(const Tree *tree)
{
    return tree->left ? 1 + check(tree->left) + check(tree->right) : 1;
}

static void drop(Tree *tree)
{
    if (tree->left) {
        drop(tree->left);
        drop(tree->right);
    }
    free(tree);
}

void trees(int64_t most, int64_t *results)
{
    Tree *kept = bottom_up(most);
    for (int64_t depth = 2; depth <= most; depth += 2) {
        int64_t count = (int64_t)1 << (most - depth + 2), total = 0;
        for (int64_t i = 0; i < count; i++) {
            Tree *tree = bottom_up(depth);
            total += check(tree);
            drop(tree);
        }
        *results++ = count;
        *results++ = depth;
        *results++ = total;
    }
    *results++ = 1;
    *results++ = most;
    *results++ = check(kept);
    drop(kept);
}
