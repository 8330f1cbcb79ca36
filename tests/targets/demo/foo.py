"""Boxes that overlap: self is a cell all through intersects, for the sake of its rare line 7."""
class Box:
    def __init__(self, left, right, parts=()):
        self.left, self.right, self.parts = left, right, parts
    def intersects(self, other):
        if other.parts:
            return any(self.intersects(part) for part in other.parts)
        return self.left < other.right and self.right > other.left


def count(boxes):
    """How many pairs of them overlap."""
    found = 0
    for one in boxes:
        for other in boxes:
            if one.intersects(other):
                found += 1
    return found


def main(seconds):
    import time

    boxes = [Box(left, left + 200) for left in range(100)]
    boxes[50] = Box(50, 250, boxes[50:52])
    begun, rounds, found = time.monotonic(), 0, 0
    while time.monotonic() - begun < seconds:
        rounds, found = rounds + 1, found + count(boxes)
    print("%d pairs overlap in each of %d rounds" % (found // rounds, rounds))


if __name__ == "__main__":
    import sys

    main(float(sys.argv[1]) if len(sys.argv) > 1 else 2.5)
