"""What one organisation owns is never lent to another."""

from pyvorin_server.sandbox.shares import Shares


class FakeShare:
    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


def test_the_first_owner_gets_the_spare_one_and_keeps_it() -> None:
    shares = Shares(FakeShare)
    (spare,) = shares.all()
    with shares.lend("a") as first:
        assert first is spare
    with shares.lend("b") as other, shares.lend("a") as again:
        assert again is spare
        assert other is not spare


def test_the_one_unused_for_longest_is_closed() -> None:
    shares = Shares(FakeShare, most=2)
    made = {}
    for owner in ("a", "b", "a", "c"):
        with shares.lend(owner) as share:
            made[owner] = share
    assert [made[owner].closed for owner in "abc"] == [False, True, False]
    with shares.lend("b") as fresh:
        assert fresh is not made["b"]
        assert not fresh.closed


def test_one_in_use_is_never_closed() -> None:
    shares = Shares(FakeShare, most=1)
    with shares.lend("a") as used:
        with shares.lend("b") as other:
            assert not used.closed
            assert not other.closed
        assert len(shares.all()) == 2
    with shares.lend("c"):
        assert used.closed
        assert other.closed


def test_closing_closes_all() -> None:
    shares = Shares(FakeShare)
    with shares.lend("a"), shares.lend("b"):
        pass
    everything = shares.all()
    shares.close()
    assert all(share.closed for share in everything)
