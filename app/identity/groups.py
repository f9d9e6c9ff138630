"""Disjoint groups of records that only ever unite."""

from collections.abc import Iterable


class Groups:
    """Union-find by size with path halving. At first every id is a group of its own."""

    def __init__(self, ids: Iterable[int]) -> None:
        self._parent = {id: id for id in ids}
        self._size = dict.fromkeys(self._parent, 1)

    def __contains__(self, id: int) -> bool:
        return id in self._parent

    def root(self, id: int) -> int:
        parent = self._parent
        while parent[id] != id:
            parent[id] = parent[parent[id]]
            id = parent[id]
        return id

    def size(self, root: int) -> int:
        return self._size[root]

    def unite(self, one: int, other: int) -> int:
        """Join the groups of two records and return the root of the joined group."""
        one, other = self.root(one), self.root(other)
        if one == other:
            return one
        if self._size[one] < self._size[other]:
            one, other = other, one
        self._parent[other] = one
        self._size[one] += self._size.pop(other)
        return one
